//! Files in pieces, each verified by the whole's BLAKE3 hash before it is kept (bao-tree).
//!
//! An **outboard** beside a file holds the inner nodes of the file's BLAKE3 tree, one pair for each 16 kB of it and each node
//! above. Whoever knows the root can verify any piece with it, and nothing of who serves them has to be believed: an outboard
//! that is false fails with the first piece, as a length that is.

pub mod fetch;

use bao_tree::blake3::Hash;
use bao_tree::io::outboard::PreOrderMemOutboard;
use bao_tree::io::sync::{ReadAt, encode_ranges_validated, keyed_encode_ranges_validated};
use bao_tree::{BaoTree, BlockSize, ByteRanges, io};
use std::io::{Error, Result};

/// Bytes below one pair of hashes: 2^4 chunks of 1 kB.
const BLOCK: BlockSize = BlockSize::from_chunk_log(4);
/// Bytes of a piece.
pub const PIECE: u64 = 1 << 20;

/// What a blob is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Root {
    /// BLAKE3 of its bytes.
    pub hash: [u8; 32],
    /// The key that it was hashed with, as leaves of training are; none for the plain hash.
    pub key: Option<[u8; 32]>,
}

/// A length or an outboard that no blob has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboardError {
    /// Not even a length.
    #[error("the outboard has {got} bytes, expected 8 or more")]
    Short {
        /// Bytes it has.
        got: usize,
    },
    /// A blob past what is wanted.
    #[error("the blob has {got} bytes by its outboard, expected {most} at most")]
    Large {
        /// What it says.
        got: u64,
        /// What is wanted.
        most: u64,
    },
    /// Another number of nodes than a blob of its length has.
    #[error("the outboard has {got} bytes, expected {expected} for a blob of {blob}")]
    Length {
        /// Bytes it has.
        got: usize,
        /// Bytes it needs.
        expected: u64,
        /// Bytes of the blob, as it says.
        blob: u64,
    },
}

/// Bytes of the outboard of a blob, its length in front.
#[must_use]
pub fn outboard_bytes(blob: u64) -> u64 {
    8 + BaoTree::new(blob, BLOCK).outboard_size()
}

/// Root and outboard of a file's bytes: its length as LE64, then pairs of hashes from the root down, left before right.
#[must_use]
pub fn outboard(bytes: &[u8], key: Option<[u8; 32]>) -> (Root, Vec<u8>) {
    let made = match &key {
        None => PreOrderMemOutboard::create(bytes, BLOCK),
        Some(key) => PreOrderMemOutboard::create_keyed(bytes, BLOCK, key),
    };
    (Root { hash: *made.root.as_bytes(), key }, made.into_inner_with_prefix())
}

/// A blob's tree, as somebody says it is; what is verified by it is verified by the root.
#[derive(Clone, Debug)]
pub struct Verifier {
    root: Root,
    outboard: PreOrderMemOutboard,
}

/// A piece where it lies in the blob.
struct At<'a> {
    start: u64,
    bytes: &'a [u8],
}

impl ReadAt for At<'_> {
    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<usize> {
        let at = at.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let rest = at.and_then(|at| self.bytes.get(at..)).unwrap_or_default();
        let length = rest.len().min(out.len());
        out[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

impl Verifier {
    /// One by an outboard, of a blob of `most` bytes at most.
    ///
    /// # Errors
    /// [`OutboardError`] for one that no such blob has.
    pub fn new(root: Root, outboard: &[u8], most: u64) -> std::result::Result<Self, OutboardError> {
        let got = outboard.len();
        let (length, pairs) = outboard.split_first_chunk::<8>().ok_or(OutboardError::Short { got })?;
        let blob = u64::from_le_bytes(*length);
        if blob > most {
            return Err(OutboardError::Large { got: blob, most });
        }
        let expected = outboard_bytes(blob);
        if got as u64 != expected {
            return Err(OutboardError::Length { got, expected, blob });
        }
        let (tree, hash) = (BaoTree::new(blob, BLOCK), Hash::from_bytes(root.hash));
        Ok(Self { root, outboard: PreOrderMemOutboard { root: hash, tree, data: pairs.to_vec() } })
    }

    /// Bytes of the blob, as the outboard says: true once its last piece is verified.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.outboard.tree.size()
    }

    /// Whether `bytes` are the blob's from `start` on, a multiple of [`PIECE`]: a whole piece or the last one.
    ///
    /// # Errors
    /// What differs, by its place.
    pub fn verify(&self, start: u64, bytes: &[u8]) -> Result<()> {
        let end = (start + PIECE).min(self.size());
        if !start.is_multiple_of(PIECE) || start + bytes.len() as u64 != end {
            let text = format!("a piece of {} bytes at {start}, expected up to {end}", bytes.len());
            return Err(Error::new(std::io::ErrorKind::InvalidInput, text));
        }
        // Of a blob without bytes, the one chunk there is.
        let ranges = io::round_up_to_chunks(&ByteRanges::from(start..end.max(start + 1)));
        let (piece, sink) = (At { start, bytes }, std::io::sink());
        let checked = match &self.root.key {
            None => encode_ranges_validated(piece, &self.outboard, &ranges, sink),
            Some(key) => keyed_encode_ranges_validated(piece, &self.outboard, &ranges, sink, key),
        };
        checked.map_err(Error::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [usize; 9] = [0, 1, 1024, 16_384, 16_385, 1 << 20, (1 << 20) + 1, 3 << 20, 2_500_000];

    fn bytes(length: usize) -> Vec<u8> {
        (0..length).map(|ix| (ix * 7 % 251) as u8 ^ (ix >> 12) as u8).collect()
    }

    fn pieces(bytes: &[u8]) -> Vec<(u64, &[u8])> {
        let all: Vec<_> =
            bytes.chunks(PIECE as usize).enumerate().map(|(ix, piece)| (ix as u64 * PIECE, piece)).collect();
        if all.is_empty() { vec![(0, &[][..])] } else { all }
    }

    #[test]
    fn pieces_are_verified_by_the_plain_hash_or_a_keyed_one() {
        for key in [None, Some([7; 32])] {
            for length in SIZES {
                let bytes = bytes(length);
                let (root, outboard) = outboard(&bytes, key);
                let want = match &key {
                    None => bao_tree::blake3::hash(&bytes),
                    Some(key) => bao_tree::blake3::keyed_hash(key, &bytes),
                };
                assert_eq!(root.hash, *want.as_bytes());
                assert_eq!(outboard.len() as u64, outboard_bytes(length as u64));
                let verifier = Verifier::new(root, &outboard, length as u64).expect("an outboard");
                for (start, piece) in pieces(&bytes) {
                    verifier.verify(start, piece).expect("the blob's");
                }
            }
        }
    }

    #[test]
    fn nothing_that_was_changed_is_verified() {
        let good = bytes(2_500_000);
        let (root, outboard) = outboard(&good, None);
        let verifier = Verifier::new(root, &outboard, u64::MAX).expect("an outboard");
        for (start, piece) in pieces(&good) {
            for at in [0, piece.len() / 2, piece.len() - 1] {
                let mut piece = piece.to_vec();
                piece[at] ^= 1;
                assert!(verifier.verify(start, &piece).is_err(), "{start} + {at}");
            }
            assert!(verifier.verify(start, &piece[1..]).is_err());
            assert!(verifier.verify(start + 1024, piece).is_err());
        }
        // Another place, another key, a flipped node.
        assert!(verifier.verify(PIECE, &good[..PIECE as usize]).is_err());
        let keyed = Root { key: Some([0; 32]), ..root };
        let verifier = Verifier::new(keyed, &outboard, u64::MAX).expect("an outboard");
        assert!(verifier.verify(0, &good[..PIECE as usize]).is_err());
        let mut changed = outboard.clone();
        changed[9] ^= 1;
        let verifier = Verifier::new(root, &changed, u64::MAX).expect("of that length");
        assert!(verifier.verify(0, &good[..PIECE as usize]).is_err());
    }

    #[test]
    fn a_false_length_fails_with_the_last_piece_at_the_latest() {
        let good = bytes(2_500_000);
        let (root, outboard) = outboard(&good, None);
        for blob in [2_499_999_u64, 2_500_001, 2_490_368, 1_500_000] {
            let mut said = outboard.clone();
            said[..8].copy_from_slice(&blob.to_le_bytes());
            said.resize(outboard_bytes(blob) as usize, 0);
            let verifier = Verifier::new(root, &said, u64::MAX).expect("of that length");
            let mut longer = good.clone();
            longer.resize(blob as usize, 0);
            let mut all = pieces(&longer).into_iter().map(|(start, piece)| verifier.verify(start, piece));
            assert!(all.next_back().expect("pieces").is_err(), "{blob}");
        }
    }

    #[test]
    fn what_is_no_outboard_is_refused_by_name() {
        let (root, outboard) = outboard(&bytes(100_000), None);
        let refused = |bytes: &[u8], most| Verifier::new(root, bytes, most).expect_err("none").to_string();
        assert_eq!(refused(&[1; 7], 9), "the outboard has 7 bytes, expected 8 or more");
        assert_eq!(
            refused(&outboard, 99_999),
            "the blob has 100000 bytes by its outboard, expected 99999 at most"
        );
        assert!(refused(&outboard[..outboard.len() - 1], 100_000).contains("for a blob of 100000"));
        let endless = [&u64::MAX.to_le_bytes()[..], &outboard[8..]].concat();
        assert!(refused(&endless, 1 << 40).contains("18446744073709551615 bytes"));
    }
}
