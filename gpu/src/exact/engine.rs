//! A GPU as core's [`Engine`] of the `exact` profile: keys and nonces in, digests and verdicts out.

use super::executor::ExactGpuExecutor;
use crate::error::GpuError;
use sphere_pow_core::exact::{Digest, Exact, Verdict};
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, EngineInfo, OnProgress};

/// Batches at a call, so that the host judges one while the device works on the next.
const BATCHES: usize = 4;

/// An executor that says which device it is.
#[derive(Debug)]
pub struct ExactGpuEngine {
    info: EngineInfo,
    executor: ExactGpuExecutor,
}

impl ExactGpuEngine {
    /// Takes an executor.
    #[must_use]
    pub fn new(executor: ExactGpuExecutor) -> Self {
        let engine = if cfg!(target_family = "wasm") { "webgpu" } else { "gpu" };
        Self { info: EngineInfo { engine, device: executor.description() }, executor }
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
        self.executor.judge(key, nonces, progress).await
    }
}
