//! Digests and verdicts of the `exact` profile.

use super::{Loaded, failure, telling};
use js_sys::Function;
use sphere_pow_core::exact::{Digest, Exact, Params, Puzzle, Verdict};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, EngineInfo, OnProgress};
use sphere_pow_gpu::exact::CachePlace;
use sphere_pow_gpu::{DeviceInfo, ExactGpuExecutor, ExactGpuOptions};
use sphere_pow_verifier_wasm::error::Failure;

pub(super) struct Model {
    executor: ExactGpuExecutor,
    info: EngineInfo,
}

impl Model {
    pub(super) async fn new(
        info: &DeviceInfo,
        params: &Params,
        block: &BlockHash,
        progress: &Function,
    ) -> Result<Self, Failure> {
        let puzzle = Puzzle::new(params, block);
        let options = ExactGpuOptions { cache: CachePlace::Off, ..ExactGpuOptions::default() };
        let opened = ExactGpuExecutor::new(info, &puzzle, options, &mut telling(progress, 0.0)).await;
        let executor = opened.map_err(failure)?;
        let device = executor.linears().wide.variant.to_string();
        Ok(Self { executor, info: EngineInfo { engine: "webgpu", device } })
    }
}

impl Model {
    pub(super) async fn set_block(&mut self, block: &BlockHash, progress: &Function) -> Result<(), Failure> {
        self.executor.set_block(block, &mut telling(progress, 0.0)).await.map_err(failure)
    }
}

impl Engine<Exact> for Model {
    type Error = Failure;

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
    ) -> Result<Vec<(Digest, Verdict)>, Failure> {
        self.executor.judge(key, nonces, &mut |share| progress(share)).await.map_err(failure)
    }
}

impl Loaded<Exact> for Model {
    fn memory_bytes(&self) -> u64 {
        self.executor.memory_bytes()
    }
}
