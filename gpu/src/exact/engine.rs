//! A GPU as core's [`Engine`] of the `exact` profile: keys and nonces in, digests and verdicts out.

use super::executor::ExactGpuExecutor;
use crate::error::GpuError;
use sphere_pow_core::exact::transcript::{Hash, Keys};
use sphere_pow_core::exact::{Digest, Exact, Verdict};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, EngineInfo, OnProgress};

/// Batches at a call, so that the host judges one while the device works on the next.
const BATCHES: usize = 4;

/// An executor that says which device it is.
#[derive(Debug)]
pub struct ExactGpuEngine {
    info: EngineInfo,
    executor: ExactGpuExecutor,
    /// Of the last call, once they are kept.
    roots: Option<Vec<Hash>>,
}

impl ExactGpuEngine {
    /// Takes an executor.
    #[must_use]
    pub fn new(executor: ExactGpuExecutor) -> Self {
        let engine = if cfg!(target_family = "wasm") { "webgpu" } else { "gpu" };
        Self { info: EngineInfo { engine, device: executor.description() }, executor, roots: None }
    }

    /// From here on every nonce's transcript is kept for [`Self::take_roots`].
    ///
    /// # Errors
    /// As [`ExactGpuExecutor::keep_leaves`]; nonces are then computed without.
    pub async fn keep_roots(&mut self) -> Result<(), GpuError> {
        self.executor.keep_leaves().await?;
        self.roots.get_or_insert_default();
        Ok(())
    }

    /// The roots of the nonces of the last call, in their order; none without [`Self::keep_roots`].
    pub fn take_roots(&mut self) -> Vec<Hash> {
        self.roots.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Takes another block, of a model of the same sizes; whether transcripts are kept stays as it was.
    ///
    /// # Errors
    /// As [`ExactGpuExecutor::set_block`], which see for what is left then.
    pub async fn set_block(&mut self, block: &BlockHash, progress: OnProgress<'_>) -> Result<(), GpuError> {
        self.executor.set_block(block, progress).await
    }

    /// The executor.
    pub fn executor(&mut self) -> &mut ExactGpuExecutor {
        &mut self.executor
    }
}

impl Engine<Exact> for ExactGpuEngine {
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
    ) -> Result<Vec<(Digest, Verdict)>, GpuError> {
        let (out, leaves) = self.executor.judge_with_leaves(key, nonces, progress).await?;
        if let Some(roots) = &mut self.roots {
            let keys = Keys::new(self.executor.puzzle(), key);
            *roots = keys.transcripts(nonces, &leaves, out.iter().map(|(digest, _)| digest));
        }
        Ok(out)
    }
}
