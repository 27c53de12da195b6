//! Distances of the `gonka` profile.

use super::{Loaded, failure, telling};
use js_sys::Function;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::{Gonka, Params, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, EngineInfo, OnProgress};
use sphere_pow_cpu::gonka::weight_pool_with;
use sphere_pow_gpu::gonka::Prepared;
use sphere_pow_gpu::{DeviceInfo, GpuExecutor, GpuOptions};
use sphere_pow_verifier_wasm::error::Failure;
use sphere_pow_verifier_wasm::progress::tell;

/// Share of the loading that making the pool is counted as; the rest is its way to the device.
const POOL_SHARE: f64 = 0.9;

pub(super) struct Model {
    puzzle: Puzzle,
    executor: GpuExecutor,
    info: EngineInfo,
}

impl Model {
    pub(super) async fn new(
        info: &DeviceInfo,
        params: &Params,
        block: &BlockHash,
        progress: &Function,
    ) -> Result<Self, Failure> {
        // What will not do is known before the pool is made, which takes minutes at the network's sizes.
        let prepared = Prepared::new(info, params, GpuOptions::default()).await.map_err(failure)?;
        let pool = pool_of(params, block, progress)?;
        let mut loaded = telling(progress, POOL_SHARE);
        let executor = prepared.load(block, &pool, &mut loaded).await.map_err(failure)?;
        let device = format!("{:?}", executor.tile()).to_lowercase();
        let info = EngineInfo { engine: "webgpu", device };
        Ok(Self { puzzle: Puzzle::new(params, block), executor, info })
    }

    pub(super) async fn set_block(&mut self, block: &BlockHash, progress: &Function) -> Result<(), Failure> {
        let puzzle = Puzzle::new(self.puzzle.params(), block);
        let pool = pool_of(puzzle.params(), block, progress)?;
        self.puzzle = puzzle;
        self.executor.set_block(block, &pool, &mut telling(progress, POOL_SHARE)).await.map_err(failure)
    }
}

fn pool_of(params: &Params, block: &BlockHash, progress: &Function) -> Result<Vec<f16>, Failure> {
    let made = |share| tell(progress, POOL_SHARE * f64::from(share));
    weight_pool_with(params, block, &made).ok_or_else(Failure::aborted)
}

impl Engine<Gonka> for Model {
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
    ) -> Result<Vec<f64>, Failure> {
        let (batch, vocab) = (self.executor.batch(), self.puzzle.params().vocab());
        let mut out: Vec<f64> = Vec::with_capacity(nonces.len());
        for part in nonces.chunks(batch) {
            let inputs: Vec<f16> = part.iter().flat_map(|nonce| self.puzzle.input(key, *nonce)).collect();
            let (done, all) = (out.len() as f32, nonces.len() as f32);
            let mut told = |share: f32| progress((done + part.len() as f32 * share) / all);
            let logits = self.executor.logits(&inputs, &mut told).await.map_err(failure)?;
            let rows = logits.chunks_exact(vocab).zip(part);
            out.extend(rows.map(|(logits, nonce)| self.puzzle.distance(key, *nonce, logits)));
        }
        Ok(out)
    }
}

impl Loaded<Gonka> for Model {
    fn memory_bytes(&self) -> u64 {
        self.executor.memory_bytes()
    }
}
