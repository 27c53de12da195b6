//! What a block asks of its hosts, and what each nonce brings to it: inputs, permutations, distances.

use super::geometry::Target;
use super::params::Params;
use super::rng::{NumpyRng, Ziggurat, f16_through_f32};
use super::seed::Seed;
use crate::identity::{BlockHash, Nonce, PublicKey};
use alloc::vec::Vec;
use half::f16;

/// Model sizes, a block hash, and the target that the block hash fixes.
#[derive(Clone, Debug, PartialEq)]
pub struct Puzzle {
    params: Params,
    block: BlockHash,
    target: Target,
}

impl Puzzle {
    /// The puzzle of `block` at the sizes of `params`.
    #[must_use]
    pub fn new(params: &Params, block: &BlockHash) -> Self {
        let target = Target::new(block, params.vocab());
        Self { params: params.clone(), block: block.clone(), target }
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

    /// The target.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The input of a nonce (SPEC §I.2): `[seq_len, dim]` standard normals as f16.
    #[must_use]
    pub fn input(&self, key: &PublicKey, nonce: Nonce) -> Vec<f16> {
        let mut rng = NumpyRng::new(&Seed::input(&self.block, key, nonce));
        let ziggurat = Ziggurat::new();
        let n = self.params.seq_len() * self.params.dim();
        (0..n).map(|_| f16_through_f32(ziggurat.draw(|| rng.next_u64()))).collect()
    }

    /// The output permutation of a nonce (SPEC §I.2).
    #[must_use]
    pub fn permutation(&self, key: &PublicKey, nonce: Nonce) -> Vec<u32> {
        NumpyRng::new(&Seed::permutation(&self.block, key, nonce)).permutation(self.params.vocab_u32())
    }

    /// The distance of a nonce's logits to the target (SPEC §I.5).
    ///
    /// # Shapes
    /// - `logits`: `[vocab]`.
    #[must_use]
    pub fn distance(&self, key: &PublicKey, nonce: Nonce, logits: &[f32]) -> f64 {
        self.target.distance(logits, &self.permutation(key, nonce))
    }
}
