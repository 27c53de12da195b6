//! Distances of the `gonka` profile.

use super::{Engine, failure, telling};
use js_sys::Function;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::{Params, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_cpu::gonka::weight_pool_with;
use sphere_pow_gpu::{DeviceInfo, GpuExecutor, GpuOptions};
use sphere_pow_verifier_wasm::error::Failure;
use sphere_pow_verifier_wasm::progress::tell;

/// Share of the loading that making the pool is counted as; the rest is its way to the device.
const POOL_SHARE: f64 = 0.9;

pub(super) struct Model {
    puzzle: Puzzle,
    executor: GpuExecutor,
}

impl Model {
    /// `params` is a JSON object with the network's field names.
    pub(super) async fn new(
        info: &DeviceInfo,
        params: &str,
        block: &BlockHash,
        progress: &Function,
    ) -> Result<Self, Failure> {
        let params = Params::from_json(params)?;
        // What will not do is known before the pool is made, which takes minutes at the network's sizes.
        GpuExecutor::test(info, &params).await.map_err(failure)?;
        let made = |share| tell(progress, POOL_SHARE * f64::from(share));
        let pool = weight_pool_with(&params, block, &made).ok_or_else(Failure::aborted)?;
        let mut loaded = telling(progress, POOL_SHARE);
        let options = GpuOptions::default();
        let opened = GpuExecutor::new(info, &params, block, &pool, options, &mut loaded).await;
        Ok(Self { puzzle: Puzzle::new(&params, block), executor: opened.map_err(failure)? })
    }

    pub(super) fn engine(&self) -> Engine {
        let executor = &self.executor;
        let kernel = format!("{:?}", executor.tile()).to_lowercase();
        Engine { kernel, batch: executor.batch(), memory_bytes: executor.memory_bytes() }
    }

    pub(super) async fn distances(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: &Function,
    ) -> Result<String, Failure> {
        let (batch, vocab) = (self.executor.batch(), self.puzzle.params().vocab());
        let mut out: Vec<f64> = Vec::with_capacity(nonces.len());
        for part in nonces.chunks(batch) {
            let inputs: Vec<f16> = part.iter().flat_map(|nonce| self.puzzle.input(key, *nonce)).collect();
            let (done, all) = (out.len() as f64, nonces.len() as f64);
            let mut told = |share| tell(progress, (done + part.len() as f64 * f64::from(share)) / all);
            let logits = self.executor.logits(&inputs, &mut told).await.map_err(failure)?;
            let rows = logits.chunks_exact(vocab).zip(part);
            out.extend(rows.map(|(logits, nonce)| self.puzzle.distance(key, *nonce, logits)));
        }
        Ok(serde_json::to_string(&out)?)
    }
}
