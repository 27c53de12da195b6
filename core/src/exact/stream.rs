//! Keys and keystreams (SPEC §II.3): the only file that knows domains and their encoding.

use super::params::{Params, VERSION};
use crate::identity::{BlockHash, Nonce, PublicKey};
use alloc::vec::Vec;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest as _, Sha256};

/// First bytes of everything this profile hashes.
pub const TAG: &[u8; 16] = b"sphere-pow exact";

/// What a hash is for (SPEC §II.3): no two uses share a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Domain {
    Weights = 1,
    Input = 2,
    Target = 3,
    Digest = 4,
    Leaf = 5,
    Transcript = 6,
    Node = 7,
    Chain = 8,
    Sample = 9,
}

/// First bytes of every hash: tag, version, domain.
fn head(domain: Domain) -> [u8; 24] {
    let mut head = [0; 24];
    head[..16].copy_from_slice(TAG);
    head[16..20].copy_from_slice(&VERSION.to_le_bytes());
    head[20..].copy_from_slice(&(domain as u32).to_le_bytes());
    head
}

/// The bytes that a key is the hash of (SPEC §II.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEncoding(Vec<u8>);

impl KeyEncoding {
    fn new(domain: Domain, params: &Params, fields: &[&[u8]]) -> Self {
        let mut bytes = head(domain).to_vec();
        bytes.extend(params.words().iter().flat_map(|word| word.to_le_bytes()));
        for field in fields {
            let len = u32::try_from(field.len()).expect("hashes, keys, nonces and digests are short");
            bytes.extend(len.to_le_bytes());
            bytes.extend(*field);
        }
        Self(bytes)
    }

    /// That of a block's weights: stream `n` of the key holds the tensor with that number (SPEC §II.5).
    #[must_use]
    pub fn weights(params: &Params, block: &BlockHash) -> Self {
        Self::new(Domain::Weights, params, &[block.as_str().as_bytes()])
    }

    /// That of one miner's inputs on a block: stream `n` of the key holds the input of nonce `n` (SPEC §II.5).
    #[must_use]
    pub fn inputs(params: &Params, block: &BlockHash, key: &PublicKey) -> Self {
        Self::new(Domain::Input, params, &[block.as_str().as_bytes(), key.as_str().as_bytes()])
    }

    /// That of a nonce's target, known only once its logits are: stream 0 of the key holds the target (SPEC §II.8).
    #[must_use]
    pub fn target(
        params: &Params,
        block: &BlockHash,
        key: &PublicKey,
        nonce: Nonce,
        digest: &[u8; 32],
    ) -> Self {
        let nonce = nonce.get().to_le_bytes();
        let fields: [&[u8]; 4] = [block.as_str().as_bytes(), key.as_str().as_bytes(), &nonce, digest];
        Self::new(Domain::Target, params, &fields)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The key: their SHA-256.
    #[must_use]
    pub fn key(&self) -> StreamKey {
        StreamKey(Sha256::digest(&self.0).into())
    }
}

/// 32 bytes that key a set of ChaCha20 streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamKey([u8; 32]);

impl StreamKey {
    /// A key that other rules make.
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key of [`KeyEncoding::weights`].
    #[must_use]
    pub fn weights(params: &Params, block: &BlockHash) -> Self {
        KeyEncoding::weights(params, block).key()
    }

    /// The key of [`KeyEncoding::inputs`].
    #[must_use]
    pub fn inputs(params: &Params, block: &BlockHash, key: &PublicKey) -> Self {
        KeyEncoding::inputs(params, block, key).key()
    }

    /// The key of [`KeyEncoding::target`].
    #[must_use]
    pub fn target(
        params: &Params,
        block: &BlockHash,
        key: &PublicKey,
        nonce: Nonce,
        digest: &[u8; 32],
    ) -> Self {
        KeyEncoding::target(params, block, key, nonce, digest).key()
    }

    /// The key under which states before layer `layer` are hashed (SPEC §II.12.2).
    #[must_use]
    pub fn leaf(params: &Params, layer: usize) -> Self {
        let layer = u32::try_from(layer).expect("at most 256 layers").to_le_bytes();
        KeyEncoding::new(Domain::Leaf, params, &[&layer]).key()
    }

    /// The key under which one miner's transcripts on a block are hashed (SPEC §II.12.2).
    #[must_use]
    pub fn transcript(params: &Params, block: &BlockHash, key: &PublicKey) -> Self {
        let fields = [block.as_str().as_bytes(), key.as_str().as_bytes()];
        KeyEncoding::new(Domain::Transcript, params, &fields).key()
    }

    /// The key under which two nodes of a tree are hashed to one (SPEC §II.12.3).
    #[must_use]
    pub fn node(params: &Params) -> Self {
        KeyEncoding::new(Domain::Node, params, &[]).key()
    }

    /// The key under which one miner's intervals on a block are chained (SPEC §II.12.4).
    #[must_use]
    pub fn chain(params: &Params, block: &BlockHash, key: &PublicKey) -> Self {
        let fields = [block.as_str().as_bytes(), key.as_str().as_bytes()];
        KeyEncoding::new(Domain::Chain, params, &fields).key()
    }

    /// The key of the sample that a beacon draws from a commitment: stream 0 of the key (SPEC §II.12.5).
    #[must_use]
    pub fn sample(
        params: &Params,
        block: &BlockHash,
        key: &PublicKey,
        commitment: &[u8; 32],
        beacon: &str,
    ) -> Self {
        let fields: [&[u8]; 4] =
            [block.as_str().as_bytes(), key.as_str().as_bytes(), commitment, beacon.as_bytes()];
        KeyEncoding::new(Domain::Sample, params, &fields).key()
    }

    /// The key as bytes: eight little-endian words of ChaCha20's state.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads keystream bytes `offset..offset + out.len()` of a stream, SPEC §II.3.
    ///
    /// # Panics
    /// When the range passes 2^64 blocks, which no tensor does.
    pub fn read(&self, stream: u64, offset: u64, out: &mut [u8]) {
        let mut rng = ChaCha20Rng::from_seed(self.0);
        rng.set_stream(stream);
        rng.set_word_pos(u128::from(offset / 4));
        let lead = usize::try_from(offset % 4).expect("below 4");
        let (head, body) = out.split_at_mut(if lead == 0 { 0 } else { (4 - lead).min(out.len()) });
        if !head.is_empty() {
            let word = rng.next_u32().to_le_bytes();
            head.copy_from_slice(&word[lead..lead + head.len()]);
        }
        rng.fill_bytes(body);
    }
}

/// SHA-256 over the tag, the version, the digest's domain and the logits as little-endian i32 (SPEC §II.8).
pub(super) fn digest_of(logits: &[i32]) -> [u8; 32] {
    let mut sha = Sha256::new_with_prefix(head(Domain::Digest));
    for chunk in logits.chunks(16) {
        let mut bytes = [0; 64];
        for (slot, logit) in bytes.chunks_exact_mut(4).zip(chunk) {
            slot.copy_from_slice(&logit.to_le_bytes());
        }
        sha.update(&bytes[..4 * chunk.len()]);
    }
    sha.finalize().into()
}
