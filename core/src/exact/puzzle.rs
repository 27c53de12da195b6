//! What a block asks of its miners, and what each nonce brings to it: weights, inputs, targets.

use super::params::Params;
use super::stream::StreamKey;
use super::verdict::{Digest, Verdict};
use super::weights::{WeightStream, through_normal};
use crate::identity::{BlockHash, Nonce, PublicKey};
use alloc::{vec, vec::Vec};

/// Model sizes and a block hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Puzzle {
    params: Params,
    block: BlockHash,
}

impl Puzzle {
    /// The puzzle of `block` at the sizes of `params`.
    #[must_use]
    pub fn new(params: &Params, block: &BlockHash) -> Self {
        Self { params: *params, block: block.clone() }
    }

    /// Model sizes.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The block.
    #[must_use]
    pub fn block(&self) -> &BlockHash {
        &self.block
    }

    /// The key of the weights, all that an executor needs to make them.
    #[must_use]
    pub fn weights_key(&self) -> StreamKey {
        StreamKey::weights(&self.params, &self.block)
    }

    /// The weights, made wherever they are read.
    #[must_use]
    pub fn weights(&self) -> WeightStream {
        WeightStream::new(&self.params, self.weights_key())
    }

    /// The key of a miner's inputs; a nonce is a stream of it.
    #[must_use]
    pub fn inputs_key(&self, key: &PublicKey) -> StreamKey {
        StreamKey::inputs(&self.params, &self.block, key)
    }

    /// The input of a nonce (SPEC §II.5): `[tokens, dim]` entries of the normal table.
    #[must_use]
    pub fn input(&self, key: &PublicKey, nonce: Nonce) -> Vec<i8> {
        self.inputs(key, &[nonce])
    }

    /// The inputs of several nonces, `[nonces, tokens, dim]`.
    #[must_use]
    pub fn inputs(&self, key: &PublicKey, nonces: &[Nonce]) -> Vec<i8> {
        let inputs_key = self.inputs_key(key);
        let len = self.params.tokens() * self.params.dim();
        let mut bytes = vec![0; len];
        let mut out = vec![0; nonces.len() * len];
        for (nonce, out) in nonces.iter().zip(out.chunks_exact_mut(len)) {
            inputs_key.read(nonce.get(), 0, &mut bytes);
            through_normal(&bytes, out);
        }
        out
    }

    /// The target of a nonce, `[vocab]` entries of the normal table; it needs the digest of the nonce's logits
    /// (SPEC §II.8), so that nothing about a win is known before the work is done.
    #[must_use]
    pub fn target(&self, key: &PublicKey, nonce: Nonce, digest: &Digest) -> Vec<i8> {
        let target_key = StreamKey::target(&self.params, &self.block, key, nonce, digest.as_bytes());
        let mut bytes = vec![0; self.params.vocab()];
        target_key.read(0, 0, &mut bytes);
        let mut out = vec![0; bytes.len()];
        through_normal(&bytes, &mut out);
        out
    }

    /// Digest and verdict of a nonce's logits (SPEC §II.8).
    ///
    /// # Shapes
    /// - `logits`: `[vocab]`.
    ///
    /// # Panics
    /// When `logits` has another length, or a logit beyond what the forward pass can give.
    #[must_use]
    pub fn judge(&self, key: &PublicKey, nonce: Nonce, logits: &[i32]) -> (Digest, Verdict) {
        let digest = Digest::of_logits(logits);
        let target = self.target(key, nonce, &digest);
        (digest, Verdict::new(logits, &target, self.params.threshold()))
    }
}
