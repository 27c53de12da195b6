//! The `gonka` profile: a model of one block, its distances, and the network's verdict on them.

use crate::error::Failure;
use crate::model::{Model, batch_len, memory_bytes, params_of};
use crate::progress::tell;
use core::cell::RefCell;
use js_sys::Function;
use serde::Serialize;
use sphere_pow_core::gonka::params::RawParams;
use sphere_pow_core::gonka::proof::{Distance, TargetRadius};
use sphere_pow_core::gonka::verify::{Advisory, Rule, Verdict};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use wasm_bindgen::prelude::wasm_bindgen;

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

/// What a model costs, as JSON: `{params, hidden, poolLen, memoryBytes, flopsPerNonce, batch}`.
///
/// # Errors
/// `E_FORMAT`, `E_RANGE` or `E_PROFILE_UNKNOWN`; `E_MEMORY` when it cannot fit a wasm memory.
pub fn describe(params: &str) -> Result<String, Failure> {
    let params = params_of(params)?;
    let memory_bytes = memory_bytes(&params)?;
    Ok(serde_json::to_string(&Description {
        params: params.raw(),
        hidden: params.hidden(),
        pool_len: params.pool_len(),
        memory_bytes,
        flops_per_nonce: params.flops_per_nonce(),
        batch: batch_len(&params),
    })?)
}

thread_local! {
    /// The models of this instance by number; JavaScript holds the numbers.
    static MODELS: RefCell<Vec<Option<Model>>> = const { RefCell::new(Vec::new()) };
}

/// Makes a model and its weight pool, and gives its number; `progress` is told the share of the pool done.
///
/// # Errors
/// As [`describe`]; `E_BLOCK_HASH`; `E_MEMORY` when the memory cannot grow; `E_ABORTED`.
#[wasm_bindgen]
pub fn open_gonka(params: &str, block_hash: &str, progress: &Function) -> Result<u32, Failure> {
    let block = BlockHash::from_network(block_hash).map_err(Failure::block_hash)?;
    let model = Model::open(&params_of(params)?, &block, &|fraction| tell(progress, fraction))?;
    MODELS.with_borrow_mut(|models| {
        let free = models.iter().position(Option::is_none).unwrap_or_else(|| {
            models.push(None);
            models.len() - 1
        });
        models[free] = Some(model);
        u32::try_from(free).map_err(Failure::internal)
    })
}

/// Frees a model.
#[wasm_bindgen]
pub fn close_gonka(model: u32) {
    MODELS.with_borrow_mut(|models| {
        if let Some(slot) = models.get_mut(model as usize) {
            *slot = None;
        }
    });
}

/// Distances of `nonces`; NaN where a nonce's logits are all zero or not finite.
///
/// # Errors
/// `E_RANGE` for a key or nonce that cannot be; `E_ABORTED`; `E_INTERNAL` for a number without a model.
#[wasm_bindgen]
pub fn distances_gonka(
    model: u32,
    public_key: &str,
    nonces: &[u64],
    progress: &Function,
) -> Result<Vec<f64>, Failure> {
    let key = PublicKey::from_network(public_key)?;
    let nonces = nonces.iter().map(|nonce| Nonce::new(*nonce)).collect::<Result<Vec<_>, _>>()?;
    MODELS.with_borrow_mut(|models| match models.get_mut(model as usize) {
        Some(Some(model)) => model.distances(&key, &nonces, &mut |fraction| tell(progress, fraction)),
        _ => Err(Failure::internal("there is no such model")),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Judgement {
    verdict: VerdictOut,
    advisory: Option<AdvisoryOut>,
    r_target: TargetRadius,
    fraud_threshold: f64,
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

/// The network's verdict on recomputed distances, and beside it what we make of them, as JSON.
///
/// # Errors
/// `E_RANGE` for a claim, radius or threshold that cannot be; `E_FORMAT` when the lengths differ.
#[wasm_bindgen]
pub fn judge_gonka(
    claimed: &[f64],
    recomputed: &[f64],
    r_target: f64,
    fraud_threshold: f64,
) -> Result<String, Failure> {
    if claimed.len() != recomputed.len() {
        let (a, b) = (claimed.len(), recomputed.len());
        return Err(Failure::format(format!("{a} claimed and {b} recomputed distances, expected as many")));
    }
    let claimed = claimed.iter().map(|d| Distance::new(*d)).collect::<Result<Vec<_>, _>>()?;
    let rule = Rule::new(TargetRadius::new(r_target)?, fraud_threshold)?;
    let all_bad = vec![f64::NAN; claimed.len()];
    Ok(serde_json::to_string(&Judgement {
        verdict: rule.judge(&claimed, recomputed).into(),
        advisory: Advisory::new(&claimed, recomputed, rule.r_target()).map(Into::into),
        r_target: rule.r_target(),
        fraud_threshold,
        can_detect_fraud: rule.judge(&claimed, &all_bad).fraud_detected,
    })?)
}

/// Checks a radius and a threshold.
///
/// # Errors
/// `E_RANGE`.
#[wasm_bindgen]
pub fn check_rule(r_target: f64, fraud_threshold: f64) -> Result<(), Failure> {
    Rule::new(TargetRadius::new(r_target)?, fraud_threshold)?;
    Ok(())
}
