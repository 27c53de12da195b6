//! What is hashed under which key (SPEC §II.12.2): the only file that knows BLAKE3.
//!
//! Everything is BLAKE3's keyed hash under a key of SPEC §II.3, so that no two uses, models or hosts share a hash, and a
//! state begins a chunk.

use crate::exact::params::Params;
use crate::exact::stream::StreamKey;
use crate::exact::{Digest, Puzzle};
use crate::identity::{Nonce, PublicKey};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Values that are turned to bytes at a time: 16 chunks of BLAKE3, which its SIMD takes side by side.
const PIECE: usize = 8192;

/// 32 bytes of BLAKE3.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// As received.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash of 64 lower-case hex digits; `None` for any other text.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        Digest::from_hex(text).map(|digest| Self(*digest.as_bytes()))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 lower-case hex digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        alloc::format!("{self}")
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Digest::from_bytes(self.0), f)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Every key that one miner's transcripts on one block are hashed under.
#[derive(Clone, Debug)]
pub struct Keys {
    leaves: Vec<[u8; 32]>,
    transcript: [u8; 32],
    node: [u8; 32],
    chain: [u8; 32],
}

impl Keys {
    /// Those of a miner on a block.
    #[must_use]
    pub fn new(puzzle: &Puzzle, key: &PublicKey) -> Self {
        let (params, block) = (puzzle.params(), puzzle.block());
        Self {
            leaves: leaf_keys(params),
            transcript: *StreamKey::transcript(params, block, key).as_bytes(),
            node: *StreamKey::node(params).as_bytes(),
            chain: *StreamKey::chain(params, block, key).as_bytes(),
        }
    }

    /// The leaf of the state before layer `layer`; `layer` = layers is the state after the last.
    ///
    /// # Shapes
    /// - `state`: `[tokens, dim]`, or `[dim]` after the last layer.
    ///
    /// # Panics
    /// When there is no such layer.
    #[must_use]
    pub fn leaf(&self, layer: usize, state: &[i16]) -> Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.leaves[layer]);
        let mut bytes = [0; 2 * PIECE];
        for piece in state.chunks(PIECE) {
            let (bytes, _) = bytes[..2 * piece.len()].as_chunks_mut::<2>();
            for (bytes, value) in bytes.iter_mut().zip(piece) {
                *bytes = value.to_le_bytes();
            }
            hasher.update(bytes.as_flattened());
        }
        Hash(*hasher.finalize().as_bytes())
    }

    /// The root of a nonce's transcript: over its number, all its leaves and its digest.
    ///
    /// # Shapes
    /// - `leaves`: `[layers + 1]`.
    #[must_use]
    pub fn transcript(&self, nonce: Nonce, leaves: &[Hash], digest: &Digest) -> Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.transcript);
        hasher.update(&nonce.get().to_le_bytes());
        for leaf in leaves {
            hasher.update(&leaf.0);
        }
        hasher.update(digest.as_bytes());
        Hash(*hasher.finalize().as_bytes())
    }

    /// The roots of the transcripts of several nonces.
    ///
    /// # Shapes
    /// - `leaves`: `[nonces, layers + 1]`.
    /// - `digests`: of each nonce.
    #[must_use]
    pub fn transcripts<'a>(
        &self,
        nonces: &[Nonce],
        leaves: &[Hash],
        digests: impl IntoIterator<Item = &'a Digest>,
    ) -> Vec<Hash> {
        let each = nonces.iter().zip(leaves.chunks_exact(self.leaves.len())).zip(digests);
        each.map(|((nonce, leaves), digest)| self.transcript(*nonce, leaves, digest)).collect()
    }

    /// The node above two nodes of a tree.
    #[must_use]
    pub fn node(&self, left: &Hash, right: &Hash) -> Hash {
        let mut both = [0; 64];
        both[..32].copy_from_slice(&left.0);
        both[32..].copy_from_slice(&right.0);
        Hash(*blake3::keyed_hash(&self.node, &both).as_bytes())
    }

    /// A link of the chain of intervals.
    #[must_use]
    pub fn link(&self, message: &[u8]) -> Hash {
        Hash(*blake3::keyed_hash(&self.chain, message).as_bytes())
    }
}

/// The keys of leaves: of a model alone.
fn leaf_keys(params: &Params) -> Vec<[u8; 32]> {
    (0..=params.layers()).map(|layer| *StreamKey::leaf(params, layer).as_bytes()).collect()
}
