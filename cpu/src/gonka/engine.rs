//! The CPU as core's [`Engine`] of the `gonka` profile: keys and nonces in, distances out.

use super::executor::{CpuError, CpuExecutor, Progress};
use core::num::NonZeroUsize;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::{Gonka, Puzzle};
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, EngineInfo, OnProgress};

/// An executor with the puzzle that its model is of.
#[derive(Debug)]
pub struct CpuEngine {
    info: EngineInfo,
    puzzle: Puzzle,
    executor: CpuExecutor,
    batch: usize,
}

impl CpuEngine {
    /// Joins an executor and the puzzle whose pool it holds. Without `batch` the executor's own is taken.
    #[must_use]
    pub fn new(executor: CpuExecutor, puzzle: &Puzzle, batch: Option<NonZeroUsize>) -> Self {
        let batch = batch.unwrap_or(executor.preferred_batch()).get();
        let engine = if cfg!(target_family = "wasm") { "wasm" } else { "cpu" };
        let info = EngineInfo { engine, device: executor.description() };
        Self { info, puzzle: puzzle.clone(), executor, batch }
    }

    /// The puzzle.
    #[must_use]
    pub fn puzzle(&self) -> &Puzzle {
        &self.puzzle
    }

    /// The executor.
    pub fn executor(&mut self) -> &mut CpuExecutor {
        &mut self.executor
    }
}

impl Engine<Gonka> for CpuEngine {
    type Error = CpuError;

    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn batch(&self) -> usize {
        self.batch
    }

    async fn outcomes(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<f64>, CpuError> {
        let vocab = self.puzzle.params().vocab();
        let mut out = Vec::with_capacity(nonces.len());
        // Larger parts would gain nothing, and their inputs take memory.
        for part in nonces.chunks(self.executor.preferred_batch().get()) {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "a share for display"
            )]
            let mut on_progress = {
                let (done, share) = (out.len() as f32, part.len() as f32);
                let total = nonces.len() as f32;
                let progress = &mut *progress;
                move |p: Progress| progress((done + share * p.fraction() as f32) / total)
            };
            let inputs: Vec<f16> = part.iter().flat_map(|nonce| self.puzzle.input(key, *nonce)).collect();
            let logits = self.executor.logits(&inputs, &mut on_progress)?;
            let rows = part.iter().zip(logits.chunks_exact(vocab));
            out.extend(rows.map(|(nonce, logits)| self.puzzle.distance(key, *nonce, logits)));
        }
        Ok(out)
    }
}
