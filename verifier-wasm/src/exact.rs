//! The `exact` profile: a model of one block, and what its nonces come to.

use crate::error::Failure;
use crate::models::{check_memory, reserve};
use crate::progress::tell;
use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use js_sys::Function;
use serde::Serialize;
use sphere_pow_core::exact::params::{RawParams, VERSION};
use sphere_pow_core::exact::plan::Plan;
use sphere_pow_core::exact::{Digest, Params, Preset, Puzzle, Verdict};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_cpu::exact::{CpuExecutor, CpuOptions, Footprint, Progress};

/// Work between two calls of the progress function: about a millisecond of it.
const QUIET: u64 = 30_000_000;

/// A preset's name, or a JSON object of the seven sizes.
pub(crate) fn params_of(text: &str) -> Result<Params, Failure> {
    if text.trim_start().starts_with('{') {
        let raw: RawParams = serde_json::from_str(text)
            .map_err(|error| Failure::format(format!("no sizes of an exact model: {error}")))?;
        return Ok(Params::new(&raw)?);
    }
    Preset::from_name(text)
        .map(Preset::params)
        .ok_or_else(|| Failure::preset(text, "nano, standard or large"))
}

/// Threads of an instance.
const ONE: NonZeroUsize = NonZeroUsize::MIN;

/// Bytes of weights that are kept in any case.
const FEW_WEIGHTS: u64 = 1 << 24;

/// What the executor may take: all it likes where weights are to be kept, and else what full batches need.
fn limit_bytes(params: &Params, keep_weights: bool) -> Option<usize> {
    let is_kept = keep_weights || params.n_weights() <= FEW_WEIGHTS;
    (!is_kept).then(|| Footprint::lean_limit_bytes(params, ONE))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    params: RawParams,
    preset: Option<&'static str>,
    version: u32,
    win_rate: f64,
    weight_bytes: u64,
    keeps_weights: bool,
    memory_bytes: u64,
    ops_per_nonce: u64,
    batch: usize,
}

/// What a model costs, as JSON: `{params, preset, version, winRate, weightBytes, keepsWeights, memoryBytes,
/// opsPerNonce, batch}`.
///
/// # Errors
/// `E_FORMAT`, `E_RANGE` or `E_PROFILE_UNKNOWN`; `E_MEMORY` when it cannot fit a wasm memory.
pub fn describe(params: &str, keep_weights: bool) -> Result<String, Failure> {
    let params = params_of(params)?;
    let footprint = Footprint::new(&params, ONE, limit_bytes(&params, keep_weights))?;
    // Of which the weights are the most: counted wide, because usize ends at 4 GiB.
    let memory_bytes = if footprint.is_packed { params.n_weights() } else { 0 };
    let memory_bytes = memory_bytes.max(footprint.memory_bytes as u64) + (1 << 22);
    check_memory(memory_bytes)?;
    Ok(serde_json::to_string(&Description {
        params: params.raw(),
        preset: params.preset().map(Preset::name),
        version: VERSION,
        win_rate: params.win_rate(),
        weight_bytes: params.n_weights(),
        keeps_weights: footprint.is_packed,
        memory_bytes,
        ops_per_nonce: Plan::new(&params).cost(&params),
        batch: footprint.batch.get(),
    })?)
}

/// A model of one block.
pub(crate) struct Model {
    pub(crate) executor: CpuExecutor,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Judged {
    nonce: String,
    digest: String,
    won: bool,
    dot: String,
    logits_squared: String,
    target_squared: String,
    distance: f64,
}

impl Judged {
    fn new(nonce: Nonce, (digest, verdict): (Digest, Verdict)) -> Self {
        Self {
            nonce: nonce.to_string(),
            digest: digest.to_hex(),
            won: verdict.won,
            dot: verdict.dot.to_string(),
            logits_squared: verdict.logits_squared.to_string(),
            target_squared: verdict.target_squared.to_string(),
            distance: verdict.distance(),
        }
    }
}

/// What nonces came to, as JSON: a list of `{nonce, digest, won, dot, logitsSquared, targetSquared, distance}`.
///
/// # Errors
/// None that these values have.
pub fn report(
    nonces: &[Nonce],
    judged: impl IntoIterator<Item = (Digest, Verdict)>,
) -> Result<String, Failure> {
    let judged = nonces.iter().zip(judged).map(|(nonce, judged)| Judged::new(*nonce, judged));
    Ok(serde_json::to_string(&judged.collect::<Vec<_>>())?)
}

/// Tells `function` the share done, but not more often than is of use.
fn told(function: &Function) -> impl FnMut(Progress) -> ControlFlow<()> {
    let mut last = None;
    move |progress| {
        let is_early = last.is_some_and(|last| progress.done < last + QUIET);
        if is_early && progress.done < progress.total {
            return ControlFlow::Continue(());
        }
        last = Some(progress.done);
        tell(function, progress.fraction())
    }
}

impl Model {
    /// Makes the weights where they are kept, telling `progress` the share done.
    pub(crate) fn new(
        params: &str,
        block: &BlockHash,
        keep_weights: bool,
        progress: &Function,
    ) -> Result<Self, Failure> {
        let params = params_of(params)?;
        let limit = limit_bytes(&params, keep_weights);
        reserve(Footprint::new(&params, ONE, limit)?.memory_bytes as u64)?;
        let options = CpuOptions { threads: Some(ONE), kernels: None, memory_limit_bytes: limit };
        let puzzle = Puzzle::new(&params, block);
        let executor = CpuExecutor::with_progress(&puzzle, options, &mut told(progress))?;
        Ok(Self { executor })
    }

    /// Digests and verdicts of `nonces` as JSON: a list of `{nonce, digest, won, dot, logitsSquared, targetSquared,
    /// distance}`.
    pub(crate) fn judge(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: &Function,
    ) -> Result<String, Failure> {
        let logits = self.executor.logits(key, nonces, &mut told(progress))?;
        let puzzle = self.executor.puzzle();
        let each = nonces.iter().zip(logits.chunks_exact(puzzle.params().vocab()));
        report(nonces, each.map(|(nonce, logits)| puzzle.judge(key, *nonce, logits)))
    }
}
