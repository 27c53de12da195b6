//! Keys and keystreams (SPEC §II.3): the only file that knows domains and their encoding.

use super::params::{Params, VERSION};
use crate::identity::{BlockHash, Nonce, PublicKey};
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
}

fn hasher(domain: Domain) -> Sha256 {
    let mut sha = Sha256::new();
    sha.update(TAG);
    sha.update(VERSION.to_le_bytes());
    sha.update((domain as u32).to_le_bytes());
    sha
}

/// 32 bytes that key a set of ChaCha20 streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamKey([u8; 32]);

impl StreamKey {
    fn derive(domain: Domain, params: &Params, fields: &[&[u8]]) -> Self {
        let mut sha = hasher(domain);
        for word in params.words() {
            sha.update(word.to_le_bytes());
        }
        for field in fields {
            let len = u32::try_from(field.len()).expect("hashes, keys, nonces and digests are short");
            sha.update(len.to_le_bytes());
            sha.update(field);
        }
        Self(sha.finalize().into())
    }

    /// The key of a block's weights: stream `n` holds the tensor with that number (SPEC §II.5).
    #[must_use]
    pub fn weights(params: &Params, block: &BlockHash) -> Self {
        Self::derive(Domain::Weights, params, &[block.as_str().as_bytes()])
    }

    /// The key of one miner's inputs on a block: stream `n` holds the input of nonce `n` (SPEC §II.5).
    #[must_use]
    pub fn inputs(params: &Params, block: &BlockHash, key: &PublicKey) -> Self {
        Self::derive(Domain::Input, params, &[block.as_str().as_bytes(), key.as_str().as_bytes()])
    }

    /// The key of a nonce's target, known only once its logits are: stream 0 holds the target (SPEC §II.8).
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
        Self::derive(Domain::Target, params, &fields)
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
    let mut sha = hasher(Domain::Digest);
    for chunk in logits.chunks(16) {
        let mut bytes = [0; 64];
        for (slot, logit) in bytes.chunks_exact_mut(4).zip(chunk) {
            slot.copy_from_slice(&logit.to_le_bytes());
        }
        sha.update(&bytes[..4 * chunk.len()]);
    }
    sha.finalize().into()
}
