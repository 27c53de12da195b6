//! The `exact` profile in this wasm: its models, and digests with verdicts as JSON.

use crate::error::Failure;
use crate::models::{Computed, Cost, check_memory, engine_info, reserve};
use crate::progress::tell;
use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use js_sys::Function;
use serde::Serialize;
use sphere_pow_core::exact::{Digest, Exact, Params, Puzzle, Verdict};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::json::{self, Fields};
use sphere_pow_core::profile::{Engine, EngineInfo, Model as _, OnProgress};
use sphere_pow_cpu::exact::{CpuExecutor, CpuOptions, Footprint, Progress};

/// Work between two calls of the progress function: about a millisecond of it.
pub(crate) const QUIET: u64 = 30_000_000;

/// Threads of an instance.
pub(crate) const ONE: NonZeroUsize = NonZeroUsize::MIN;

/// Bytes of weights that are kept in any case.
const FEW_WEIGHTS: u64 = 1 << 24;

/// What the executor may take: all it likes where weights are to be kept, and else what full batches need.
pub(crate) fn limit_bytes(params: &Params, keep_weights: bool) -> Option<usize> {
    let is_kept = keep_weights || params.n_weights() <= FEW_WEIGHTS;
    (!is_kept).then(|| Footprint::lean_limit_bytes(params, ONE))
}

/// A model of one block.
#[derive(Debug)]
pub struct Model {
    pub(crate) executor: CpuExecutor,
    info: EngineInfo,
}

/// Tells `function` the share done, but not more often than is of use.
fn told(function: &mut dyn FnMut(f64) -> ControlFlow<()>) -> impl FnMut(Progress) -> ControlFlow<()> {
    let mut last = None;
    move |progress| {
        let is_early = last.is_some_and(|last| progress.done < last + QUIET);
        if is_early && progress.done < progress.total {
            return ControlFlow::Continue(());
        }
        last = Some(progress.done);
        function(progress.fraction())
    }
}

impl Engine<Exact> for Model {
    type Error = Failure;

    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn batch(&self) -> usize {
        self.executor.preferred_batch().get()
    }

    #[expect(clippy::cast_possible_truncation, reason = "a share to show")]
    async fn outcomes(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<(Digest, Verdict)>, Failure> {
        let share = &mut |share| progress(share as f32);
        let logits = self.executor.logits(key, nonces, &mut told(share))?;
        let puzzle = self.executor.puzzle();
        let each = nonces.iter().zip(logits.chunks_exact(puzzle.params().vocab()));
        Ok(each.map(|(nonce, logits)| puzzle.judge(key, *nonce, logits)).collect())
    }
}

/// An outcome in the words of a report's results.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Words {
    digest: String,
    won: bool,
    dot: String,
    logits_squared: String,
    target_squared: String,
    distance: f64,
}

/// Reads an outcome from these words; whether the nonce wins follows from them.
fn outcome(threshold: u32, raw: &str) -> Result<(Digest, Verdict), Failure> {
    let names = ["digest", "dot", "logitsSquared", "targetSquared"];
    let fields = Fields::read(raw, &names).map_err(Failure::format)?;
    let [digest, dot, logits, target] = names.map(|name| {
        let text = fields.get(name).and_then(json::text);
        text.ok_or_else(|| Failure::format(format!("a known result has no text {name}")))
    });
    let (digest, dot, logits, target) = (digest?, dot?, logits?, target?);
    let read = || {
        let verdict = Verdict {
            dot: dot.parse().ok().filter(|dot: &i64| dot.unsigned_abs() < 1 << 57)?,
            logits_squared: logits.parse().ok().filter(|sum: &u128| *sum < 1 << 66)?,
            target_squared: target.parse().ok().filter(|sum: &u32| *sum < 1 << 28)?,
            won: false,
        };
        let (left, right) = verdict.sides(threshold);
        Some((Digest::from_hex(&digest)?, Verdict { won: verdict.dot > 0 && left >= right, ..verdict }))
    };
    read().ok_or_else(|| Failure::range("a known result has numbers or a digest that cannot be"))
}

impl Computed for Exact {
    type Model = Model;

    fn sizes(text: &str) -> Result<Params, Failure> {
        Ok(Params::from_json(text)?)
    }

    fn cost(params: &Params, keep_weights: bool) -> Result<Cost, Failure> {
        let footprint = Footprint::new(params, ONE, limit_bytes(params, keep_weights))?;
        // Of which the weights are the most: counted wide, because usize ends at 4 GiB.
        let memory_bytes = if footprint.is_packed { params.n_weights() } else { 0 };
        let memory_bytes = memory_bytes.max(footprint.memory_bytes as u64) + (1 << 22);
        check_memory(memory_bytes)?;
        Ok(Cost {
            memory_bytes,
            weight_bytes: params.n_weights(),
            pool_bytes: 0,
            keeps_weights: footprint.is_packed,
            work_per_nonce: params.work_per_nonce(),
            batch: footprint.batch.get(),
        })
    }

    fn open(
        params: &Params,
        block: &BlockHash,
        keep_weights: bool,
        progress: &Function,
    ) -> Result<Model, Failure> {
        let limit = limit_bytes(params, keep_weights);
        reserve(Footprint::new(params, ONE, limit)?.memory_bytes as u64)?;
        let options = CpuOptions { threads: Some(ONE), kernels: None, memory_limit_bytes: limit };
        let puzzle = Puzzle::new(params, block);
        let share = &mut |share| tell(progress, share);
        let executor = CpuExecutor::with_progress(&puzzle, options, &mut told(share))?;
        Ok(Model { executor, info: engine_info() })
    }

    fn outcome_words((digest, verdict): &Self::Outcome) -> impl Serialize + use<> {
        Words {
            digest: digest.to_hex(),
            won: verdict.won,
            dot: verdict.dot.to_string(),
            logits_squared: verdict.logits_squared.to_string(),
            target_squared: verdict.target_squared.to_string(),
            distance: verdict.distance(),
        }
    }

    fn outcome_from_json(params: &Params, raw: &str) -> Result<Self::Outcome, Failure> {
        outcome(params.threshold(), raw)
    }

    fn price_from_radius(_: f64) -> Option<()> {
        None
    }

    fn radius_of_price((): &()) -> Option<f64> {
        None
    }

    #[cfg(feature = "verifier")]
    fn claims_to_js(claims: &[Digest]) -> wasm_bindgen::JsValue {
        let bytes: Vec<u8> = claims.iter().flat_map(|claim| *claim.as_bytes()).collect();
        js_sys::Uint8Array::from(bytes.as_slice()).into()
    }
}
