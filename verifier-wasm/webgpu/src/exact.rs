//! Digests and verdicts of the `exact` profile.

use super::{Engine, failure, telling};
use js_sys::Function;
use sphere_pow_core::exact::params::RawParams;
use sphere_pow_core::exact::{Params, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_gpu::exact::CachePlace;
use sphere_pow_gpu::{DeviceInfo, ExactGpuExecutor, ExactGpuOptions};
use sphere_pow_verifier_wasm::error::Failure;
use sphere_pow_verifier_wasm::exact::report;

pub(super) struct Model {
    executor: ExactGpuExecutor,
}

impl Model {
    /// `params` is a JSON object of the seven sizes.
    pub(super) async fn new(
        info: &DeviceInfo,
        params: &str,
        block: &BlockHash,
        progress: &Function,
    ) -> Result<Self, Failure> {
        let raw: RawParams = serde_json::from_str(params).map_err(Failure::format)?;
        let puzzle = Puzzle::new(&Params::new(&raw)?, block);
        let options = ExactGpuOptions { cache: CachePlace::Off, ..ExactGpuOptions::default() };
        let opened = ExactGpuExecutor::new(info, &puzzle, options, &mut telling(progress, 0.0)).await;
        Ok(Self { executor: opened.map_err(failure)? })
    }

    pub(super) fn engine(&self) -> Engine {
        let executor = &self.executor;
        let kernel = executor.linears().wide.variant.to_string();
        Engine { kernel, batch: executor.batch(), memory_bytes: executor.memory_bytes() }
    }

    pub(super) async fn judge(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: &Function,
    ) -> Result<String, Failure> {
        let judged = self.executor.judge(key, nonces, &mut telling(progress, 0.0)).await.map_err(failure)?;
        report(nonces, judged)
    }
}
