//! What a block asks of its miners, and what each nonce brings to it: weights, inputs, targets.

use super::params::Params;
use super::stream::StreamKey;
use super::verdict::{Digest, Verdict};
use super::weights::{WeightStream, through_normal};
use crate::identity::{BlockHash, Nonce, PublicKey};
use alloc::{vec, vec::Vec};
use core::ops::Range;

/// What a batch of nonces draws (SPEC §II.5): entries of the normal table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// What is embedded, `[nonces, tokens, dim]`.
    pub tokens: Vec<i8>,
    /// What is added before the matrices of each half layer, `[nonces, 2 layers, dim]`.
    pub round_keys: Vec<i8>,
}

/// `n` values of the normal table from a nonce's stream, from byte `offset` on.
fn drawn(inputs_key: &StreamKey, nonce: Nonce, offset: u64, n: usize) -> Vec<i8> {
    let (mut bytes, mut out) = (vec![0; n], vec![0; n]);
    inputs_key.read(nonce.get(), offset, &mut bytes);
    through_normal(&bytes, &mut out);
    out
}

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
        drawn(&self.inputs_key(key), nonce, 0, self.params.tokens() * self.params.dim())
    }

    /// The round keys of a nonce from `rounds.start` to before `rounds.end` (SPEC §II.5): `[rounds, dim]` entries of
    /// the normal table. Layer l takes rounds 2l and 2l + 1.
    #[must_use]
    pub fn round_keys(&self, key: &PublicKey, nonce: Nonce, rounds: Range<usize>) -> Vec<i8> {
        let (tokens, dim) = (self.params.tokens(), self.params.dim());
        drawn(&self.inputs_key(key), nonce, ((tokens + rounds.start) * dim) as u64, rounds.len() * dim)
    }

    /// Inputs and round keys of several nonces.
    #[must_use]
    pub fn inputs(&self, key: &PublicKey, nonces: &[Nonce]) -> Inputs {
        let inputs_key = self.inputs_key(key);
        let input_len = self.params.tokens() * self.params.dim();
        let keys_len = 2 * self.params.layers() * self.params.dim();
        let mut bytes = vec![0; input_len + keys_len];
        let mut out = Inputs {
            tokens: vec![0; nonces.len() * input_len],
            round_keys: vec![0; nonces.len() * keys_len],
        };
        let tokens = out.tokens.chunks_exact_mut(input_len);
        for ((nonce, tokens), keys) in
            nonces.iter().zip(tokens).zip(out.round_keys.chunks_exact_mut(keys_len))
        {
            inputs_key.read(nonce.get(), 0, &mut bytes);
            through_normal(&bytes[..input_len], tokens);
            through_normal(&bytes[input_len..], keys);
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
