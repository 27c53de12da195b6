//! A GPU as core's [`Engine`] of the `gonka` profile: keys and nonces in, distances out.

use super::executor::GpuExecutor;
use super::pool::PoolSource;
use crate::error::GpuError;
use crate::side_by_side::side_by_side;
use sphere_pow_core::gonka::{Gonka, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, EngineInfo, OnProgress};
use std::ops::Range;

/// Batches asked for at once: the device works on one while the host makes the next's inputs, on all cores, and judges the
/// one before.
const BATCHES: usize = 2;

/// An executor with the puzzle that its model is of.
#[derive(Debug)]
pub struct GpuEngine {
    info: EngineInfo,
    puzzle: Puzzle,
    executor: GpuExecutor,
}

impl GpuEngine {
    /// Joins an executor and the puzzle whose pool it holds.
    #[must_use]
    pub fn new(executor: GpuExecutor, puzzle: &Puzzle) -> Self {
        let device = executor.info();
        let engine = if cfg!(target_family = "wasm") { "webgpu" } else { "gpu" };
        let info = EngineInfo { engine, device: format!("{}, {}", device.name, device.backend) };
        Self { info, puzzle: puzzle.clone(), executor }
    }

    /// The puzzle.
    #[must_use]
    pub fn puzzle(&self) -> &Puzzle {
        &self.puzzle
    }

    /// Takes another block, of a model of the same sizes.
    ///
    /// # Errors
    /// As [`GpuExecutor::set_block`], which see for what is left then.
    pub async fn set_block(
        &mut self,
        block: &BlockHash,
        pool: &(impl PoolSource + ?Sized),
        progress: OnProgress<'_>,
    ) -> Result<(), GpuError> {
        self.puzzle = Puzzle::new(self.puzzle.params(), block);
        self.executor.set_block(block, pool, progress).await
    }

    /// The executor.
    pub fn executor(&mut self) -> &mut GpuExecutor {
        &mut self.executor
    }
}

impl Engine<Gonka> for GpuEngine {
    type Error = GpuError;

    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn batch(&self) -> usize {
        BATCHES * self.executor.batch()
    }

    async fn outcomes(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<f64>, GpuError> {
        let Self { puzzle, executor, .. } = self;
        let vocab = puzzle.params().vocab();
        let mut out = Vec::with_capacity(nonces.len());
        let mut inputs =
            |batch: Range<usize>| side_by_side(&nonces[batch], |nonce| puzzle.input(key, *nonce)).concat();
        let mut each = |batch: Range<usize>, logits: &[f32]| {
            let rows: Vec<_> = nonces[batch].iter().zip(logits.chunks_exact(vocab)).collect();
            out.extend(side_by_side(&rows, |(nonce, logits)| puzzle.distance(key, **nonce, logits)));
        };
        executor.for_each_batch(nonces.len(), &mut inputs, &mut each, progress).await?;
        Ok(out)
    }
}
