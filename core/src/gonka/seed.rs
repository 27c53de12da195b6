//! Seed strings and their extended entropy (SPEC §I.1, §I.2): the only place that knows label strings.

use crate::identity::{BlockHash, Nonce, PublicKey};
use alloc::{format, string::String, vec::Vec};
use sha2::{Digest, Sha256};

/// A seed string together with the number of hashes it is extended to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    text: String,
    n_hashes: u32,
}

impl Seed {
    /// Any text, for vectors and experiments.
    #[must_use]
    pub fn from_text(text: &str, n_hashes: u32) -> Self {
        Self { text: text.into(), n_hashes }
    }

    /// The weight pool of a block: `{block_hash}`, 4 hashes.
    #[must_use]
    pub fn weights(block: &BlockHash) -> Self {
        Self { text: block.as_str().into(), n_hashes: 4 }
    }

    /// The input of a nonce: `{block_hash}_{public_key}_nonce{nonce}`, 4 hashes.
    ///
    /// No underscore before the number here, one in [`Self::permutation`]: the network's own labels.
    #[must_use]
    pub fn input(block: &BlockHash, key: &PublicKey, nonce: Nonce) -> Self {
        Self { text: format!("{block}_{key}_nonce{nonce}"), n_hashes: 4 }
    }

    /// The output permutation of a nonce: `{block_hash}_{public_key}_nonce_{nonce}_permutations`, 1 hash.
    #[must_use]
    pub fn permutation(block: &BlockHash, key: &PublicKey, nonce: Nonce) -> Self {
        Self { text: format!("{block}_{key}_nonce_{nonce}_permutations"), n_hashes: 1 }
    }

    /// The target of a block: `{block_hash}_target`, 1 hash.
    #[must_use]
    pub fn target(block: &BlockHash) -> Self {
        Self { text: format!("{block}_target"), n_hashes: 1 }
    }

    /// The seed string itself.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Each text `{seed}_{i}` that is hashed, with its SHA-256.
    #[must_use]
    pub fn hashes(&self) -> Vec<(String, [u8; 32])> {
        let hash = |i| {
            let text = format!("{}_{i}", self.text);
            let digest = Sha256::digest(text.as_bytes()).into();
            (text, digest)
        };
        (0..self.n_hashes).map(hash).collect()
    }

    /// The hashes read as little-endian u32 and concatenated: `8 n_hashes` words.
    #[must_use]
    pub fn entropy(&self) -> Vec<u32> {
        let words = |(_, digest): &(String, [u8; 32])| {
            digest.as_chunks::<4>().0.iter().map(|w| u32::from_le_bytes(*w)).collect::<Vec<_>>()
        };
        self.hashes().iter().flat_map(words).collect()
    }
}

/// Where a parameter starts in the pool, before the modulus: the first 8 hex digits of
/// SHA-256(`{block_hash}_{name}`) as u32 (SPEC §I.3).
#[must_use]
pub fn parameter_offset(block: &BlockHash, name: &str) -> u32 {
    let digest = Sha256::digest(format!("{block}_{name}").as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}
