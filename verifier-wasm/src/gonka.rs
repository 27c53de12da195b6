//! The `gonka` profile: a model of one block, its distances, and the network's verdict on them.

use crate::error::Failure;
use crate::models::{check_memory, reserve};
use crate::progress::tell;
use core::ops::ControlFlow;
use half::f16;
use js_sys::Function;
use serde::Serialize;
use sphere_pow_core::gonka::params::RawParams;
use sphere_pow_core::gonka::plan::Slot;
use sphere_pow_core::gonka::proof::{Distance, TargetRadius};
use sphere_pow_core::gonka::verify::{Advisory, Rule, Verdict};
use sphere_pow_core::gonka::{Params, Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_cpu::gonka::{CpuExecutor, CpuOptions, weight_pool_with};
use std::sync::Arc;

/// A preset's name, or a JSON object with the network's field names.
pub(crate) fn params_of(text: &str) -> Result<Params, Failure> {
    if text.trim_start().starts_with('{') {
        return Ok(Params::from_json(text)?);
    }
    let name = if text == "devtest" { "dev-test" } else { text };
    Preset::from_name(name)
        .map(Preset::params)
        .ok_or_else(|| Failure::preset(text, "mainnet, testnet, default or devtest"))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    params: &'a RawParams,
    hidden: usize,
    pool_len: usize,
    memory_bytes: u64,
    flops_per_nonce: u64,
    batch: usize,
}

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

/// What a model costs, as JSON: `{params, hidden, poolLen, memoryBytes, flopsPerNonce, batch}`.
///
/// # Errors
/// `E_FORMAT`, `E_RANGE` or `E_PROFILE_UNKNOWN`; `E_MEMORY` when it cannot fit a wasm memory.
pub fn describe(params: &str) -> Result<String, Failure> {
    let params = params_of(params)?;
    let memory_bytes = memory_bytes(&params);
    check_memory(memory_bytes)?;
    Ok(serde_json::to_string(&Description {
        params: params.raw(),
        hidden: params.hidden(),
        pool_len: params.pool_len(),
        memory_bytes,
        flops_per_nonce: params.flops_per_nonce(),
        batch: batch_len(&params),
    })?)
}

/// A model of one block, its weight pool made.
pub(crate) struct Model {
    pub(crate) puzzle: Puzzle,
    pub(crate) executor: CpuExecutor,
}

impl Model {
    /// Makes the weight pool, telling `progress` the share done.
    pub(crate) fn new(params: &str, block: &BlockHash, progress: &Function) -> Result<Self, Failure> {
        let params = params_of(params)?;
        reserve(params.pool_len() as u64 * 2)?;
        let pool = weight_pool_with(&params, block, &|fraction| tell(progress, f64::from(fraction)));
        let pool = Arc::new(pool.ok_or_else(Failure::aborted)?);
        let executor = CpuExecutor::new(&params, block, pool, CpuOptions::default())?;
        Ok(Self { puzzle: Puzzle::new(&params, block), executor })
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Judgement {
    verdict: VerdictOut,
    advisory: Option<AdvisoryOut>,
    can_detect_fraud: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerdictOut {
    n_checked: usize,
    n_invalid: usize,
    probability_honest: f64,
    fraud_detected: bool,
}

impl From<Verdict> for VerdictOut {
    fn from(verdict: Verdict) -> Self {
        let Verdict { n_checked, n_invalid, probability_honest, fraud_detected } = verdict;
        Self { n_checked, n_invalid, probability_honest, fraud_detected }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdvisoryOut {
    rms_error: Option<f64>,
    max_error: Option<f64>,
    mean_recomputed: Option<f64>,
    is_within_hardware_noise: bool,
    looks_like_wrong_context: bool,
}

impl From<Advisory> for AdvisoryOut {
    fn from(advisory: Advisory) -> Self {
        let finite = |value: f64| value.is_finite().then_some(value);
        Self {
            rms_error: finite(advisory.rms_error),
            max_error: finite(advisory.max_error),
            mean_recomputed: finite(advisory.mean_recomputed),
            is_within_hardware_noise: advisory.is_within_hardware_noise,
            looks_like_wrong_context: advisory.looks_like_wrong_context,
        }
    }
}

/// A radius and a threshold that can be.
///
/// # Errors
/// `E_RANGE`.
pub fn rule(r_target: f64, fraud_threshold: f64) -> Result<Rule, Failure> {
    Ok(Rule::new(TargetRadius::new(r_target)?, fraud_threshold)?)
}

/// The network's verdict on recomputed distances, and beside it what we make of them, as JSON.
///
/// # Errors
/// `E_RANGE` for a claim that cannot be; `E_FORMAT` when the lengths differ.
pub fn judge(rule: Rule, claimed: &[f64], recomputed: &[Option<f64>]) -> Result<String, Failure> {
    if claimed.len() != recomputed.len() {
        let (a, b) = (claimed.len(), recomputed.len());
        return Err(Failure::format(format!("{a} claimed and {b} recomputed distances, expected as many")));
    }
    let claimed = claimed.iter().map(|d| Distance::new(*d)).collect::<Result<Vec<_>, _>>()?;
    let recomputed: Vec<f64> = recomputed.iter().map(|d| d.unwrap_or(f64::NAN)).collect();
    let all_bad = vec![f64::NAN; claimed.len()];
    Ok(serde_json::to_string(&Judgement {
        verdict: rule.judge(&claimed, &recomputed).into(),
        advisory: Advisory::new(&claimed, &recomputed, rule.r_target()).map(Into::into),
        can_detect_fraud: rule.judge(&claimed, &all_bad).fraud_detected,
    })?)
}
