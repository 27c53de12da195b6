//! The `gonka` profile in this wasm: its models, and distances as JSON.

use crate::error::Failure;
use crate::models::{Computed, Cost, check_memory, engine_info, reserve};
use crate::progress::tell;
use core::ops::ControlFlow;
use half::f16;
use js_sys::Function;
use serde::Serialize;
use sphere_pow_core::gonka::plan::Slot;
use sphere_pow_core::gonka::{Gonka, Params, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::json::{self, Fields};
use sphere_pow_core::profile::{Engine, EngineInfo, Model as _, OnProgress};
use sphere_pow_cpu::gonka::{CpuExecutor, CpuOptions, Pool, weight_pool_with};
use std::sync::Arc;

/// Nonces of one forward pass: as many as fill the CPU kernels.
fn batch_len(params: &Params) -> usize {
    128_usize.div_ceil(params.seq_len())
}

/// Bytes of the pool and of the activations of one batch, generously.
pub(crate) fn memory_bytes(params: &Params) -> u64 {
    let batch = batch_len(params);
    let activations: u64 = Slot::ALL
        .iter()
        .map(|slot| (slot.max_rows(params).count(batch, params) + 32) as u64 * slot.width(params) as u64 * 4)
        .sum();
    params.pool_len() as u64 * 2 + activations + (1 << 24)
}

/// A model of one block, its weight pool made.
#[derive(Debug)]
pub struct Model {
    pub(crate) puzzle: Puzzle,
    pub(crate) executor: CpuExecutor,
    info: EngineInfo,
}

impl Model {
    fn new(params: &Params, block: &BlockHash, pool: impl Into<Pool>) -> Result<Self, Failure> {
        let executor = CpuExecutor::new(params, block, pool, CpuOptions::default())?;
        Ok(Self { puzzle: Puzzle::new(params, block), executor, info: engine_info() })
    }

    /// A model that reads a pool of JavaScript's, which is made first if it is not.
    #[cfg(feature = "verifier")]
    pub(crate) fn lent(
        params: &Params,
        block: &BlockHash,
        pool: crate::pool::WeightPool,
        progress: &Function,
    ) -> Result<Self, Failure> {
        pool.make(params, block, progress)?;
        Self::new(params, block, Pool::Lent(Arc::new(crate::pool::Lent(pool))))
    }

    /// Distances of `nonces`, telling `told` the share done.
    pub(crate) fn distances(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        told: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Vec<f64>, Failure> {
        let (batch, vocab) = (batch_len(self.puzzle.params()), self.puzzle.params().vocab());
        let mut out = Vec::with_capacity(nonces.len());
        for part in nonces.chunks(batch) {
            let inputs: Vec<f16> = part.iter().flat_map(|nonce| self.puzzle.input(key, *nonce)).collect();
            #[expect(clippy::cast_precision_loss, reason = "a share to show")]
            let share = |within: f64| (out.len() as f64 + within * part.len() as f64) / nonces.len() as f64;
            let logits = self.executor.logits(&inputs, &mut |done| told(share(done.fraction())))?;
            let rows = logits.chunks_exact(vocab).zip(part);
            out.extend(rows.map(|(logits, nonce)| self.puzzle.distance(key, *nonce, logits)));
        }
        Ok(out)
    }
}

impl Engine<Gonka> for Model {
    type Error = Failure;

    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn batch(&self) -> usize {
        batch_len(self.puzzle.params())
    }

    #[expect(clippy::cast_possible_truncation, reason = "a share to show")]
    async fn outcomes(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<f64>, Failure> {
        self.distances(key, nonces, &mut |share| progress(share as f32))
    }
}

/// An outcome in the words of a report's results; null when it is not a number.
#[derive(Serialize)]
struct Words {
    distance: f64,
}

impl Computed for Gonka {
    type Model = Model;

    fn sizes(text: &str) -> Result<Params, Failure> {
        Ok(Params::from_json(text)?)
    }

    fn cost(params: &Params, _: bool) -> Result<Cost, Failure> {
        let memory_bytes = memory_bytes(params);
        check_memory(memory_bytes)?;
        Ok(Cost {
            memory_bytes,
            weight_bytes: params.pool_len() as u64 * 2,
            pool_bytes: params.pool_len() as u64 * 2,
            keeps_weights: true,
            work_per_nonce: params.work_per_nonce(),
            batch: batch_len(params),
        })
    }

    fn open(params: &Params, block: &BlockHash, _: bool, progress: &Function) -> Result<Model, Failure> {
        reserve(params.pool_len() as u64 * 2)?;
        let pool = weight_pool_with(params, block, &|fraction| tell(progress, f64::from(fraction)));
        Model::new(params, block, Arc::new(pool.ok_or_else(Failure::aborted)?))
    }

    fn outcome_words(outcome: &f64) -> impl Serialize + use<> {
        Words { distance: *outcome }
    }

    fn outcome_from_json(_: &Params, raw: &str) -> Result<f64, Failure> {
        let fields = Fields::read(raw, &["distance", "recomputed"]).map_err(Failure::format)?;
        match fields.strict("distance").or_else(|| fields.strict("recomputed")) {
            Some("null") => Ok(f64::NAN),
            other => other.and_then(json::number).ok_or_else(|| {
                Failure::format("a known result has no number recomputed, expected one or null")
            }),
        }
    }

    fn price_from_radius(radius: f64) -> Option<f64> {
        Some(radius)
    }

    fn radius_of_price(price: &f64) -> Option<f64> {
        Some(*price)
    }

    #[cfg(feature = "verifier")]
    fn claims_to_js(claims: &[Self::Claim]) -> wasm_bindgen::JsValue {
        let distances: Vec<f64> = claims.iter().map(|claim| claim.get()).collect();
        js_sys::Float64Array::from(distances.as_slice()).into()
    }
}
