//! A GPU as core's [`Engine`] of the `gonka` profile: keys and nonces in, distances out.

use super::executor::GpuExecutor;
use crate::error::GpuError;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::{Gonka, Puzzle};
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, EngineInfo, OnProgress};

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
        self.executor.batch()
    }

    async fn outcomes(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<f64>, GpuError> {
        let vocab = self.puzzle.params().vocab();
        let mut out = Vec::with_capacity(nonces.len());
        for part in nonces.chunks(self.executor.batch()) {
            #[expect(clippy::cast_precision_loss, reason = "a share for display")]
            let mut on_progress = {
                let (done, share) = (out.len() as f32, part.len() as f32);
                let total = nonces.len() as f32;
                let progress = &mut *progress;
                move |p: f32| progress((done + share * p) / total)
            };
            let inputs: Vec<f16> = part.iter().flat_map(|nonce| self.puzzle.input(key, *nonce)).collect();
            let logits = self.executor.logits(&inputs, &mut on_progress).await?;
            let rows = part.iter().zip(logits.chunks_exact(vocab));
            out.extend(rows.map(|(nonce, logits)| self.puzzle.distance(key, *nonce, logits)));
        }
        Ok(out)
    }
}
