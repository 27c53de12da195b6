//! The shortcut harness: what each way to do less work costs, foretells and gains, for both profiles.
//!
//! A cheater scores nonces by the cheap result and does the full work on the promising ones only;
//! `sphere_pow_core::soundness` says what that gains. Nothing here mines.

use crate::error::ProverError;
use serde::Serialize;
use sphere_pow_core::exact;
use sphere_pow_core::exact::forward::ReferenceExecutor as ExactModel;
use sphere_pow_core::exact::shortcut::{self as exact_shortcut, CutExecutor, Scores};
use sphere_pow_core::gonka::{self, shortcut as gonka_shortcut};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::soundness::{Samples, Worth};
use sphere_pow_cpu::exact::{CpuExecutor, CpuOptions};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Shortcuts cheaper than this get [`CHEAP_FACTOR`] times the nonces: the smaller the price, the smaller a
/// correlation pays.
const CHEAP_PRICE: f64 = 0.06;
const CHEAP_FACTOR: usize = 32;
/// Nonces run at once.
const BATCH: usize = 64;

/// What was found of one shortcut.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its name.
    pub shortcut: String,
    /// Cost as a share of the honest work.
    pub cost: f64,
    /// The share of the honest work that the cheap score's work saves.
    pub reused: f64,
    /// Nonces measured.
    pub nonces: usize,
    /// Correlation of the cheap with the honest score.
    pub correlation: f64,
    /// Its 95 % interval.
    pub correlation_interval: [f64; 2],
    /// Gain of screening by it; 1 is honest mining.
    pub gain: f64,
    /// Its 95 % interval.
    pub gain_interval: [f64; 2],
    /// Whether the interval stays at or below 1.05.
    pub is_sound: bool,
    /// Exact profile: nonces whose digest came out right, so that the claim would verify.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub true_digests: Option<usize>,
    /// Exact profile: the correlation that the network alone leaves, were the target known beforehand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_correlation: Option<f64>,
}

impl Row {
    fn new(shortcut: &str, worth: &Worth, nonces: usize) -> Self {
        let c = worth.correlation;
        Self {
            shortcut: shortcut.to_owned(),
            cost: worth.price.cheap,
            reused: worth.price.reused,
            nonces,
            correlation: c.estimate,
            correlation_interval: [c.low, c.high],
            gain: worth.gain,
            gain_interval: [worth.gain_low, worth.gain_high],
            is_sound: worth.is_sound(),
            true_digests: None,
            network_correlation: None,
        }
    }
}

/// Told the share done, 0 to 1; may stop the harness.
pub type OnShare<'a> = &'a (dyn Fn(f32) -> ControlFlow<()> + Sync);

fn nonces(first: usize, n: usize) -> Vec<Nonce> {
    (first..first + n).map(|n| Nonce::new(n as u64).expect("below 2^63")).collect()
}

/// Runs `work` on every item on all cores; `None` when stopped.
fn on_all_cores<T: Sync, R: Send>(
    items: &[T],
    progress: OnShare<'_>,
    work: impl Fn(&T) -> R + Sync,
) -> Option<Vec<R>> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let ix = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(ix) else { return };
                    #[expect(clippy::cast_precision_loss, reason = "a share for display")]
                    if progress(ix as f32 / items.len() as f32).is_break() {
                        return;
                    }
                    let result = work(item);
                    done.lock().expect("workers do not panic").push((ix, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("workers do not panic");
    done.sort_by_key(|(ix, _)| *ix);
    (done.len() == items.len()).then(|| done.into_iter().map(|(_, result)| result).collect())
}

/// Measures every shortcut of the `exact` profile, cheapest first, over `n` nonces each.
///
/// # Errors
/// [`ProverError::ExactCpu`], [`ProverError::Interrupted`].
pub fn exact(params: &exact::Params, n: usize, progress: OnShare<'_>) -> Result<Vec<Row>, ProverError> {
    let (block, key) = (BlockHash::new("soundness")?, PublicKey::new("cheater")?);
    let puzzle = exact::Puzzle::new(params, &block);
    let model = ExactModel::new(&puzzle);
    let other = puzzle.input(&key, Nonce::MAX);
    let score = |nonces: &[Nonce], logits: &[i32]| -> Vec<Scores> {
        let rows = nonces.iter().zip(logits.chunks_exact(params.vocab()));
        rows.map(|(nonce, logits)| Scores::new(&puzzle, &key, *nonce, logits)).collect()
    };
    let list = exact_shortcut::all(params);
    let price = |s: &exact_shortcut::Shortcut| CutExecutor::new(&model, s, &other).price().cheap;
    let count = |price: f64| if price < CHEAP_PRICE { CHEAP_FACTOR * n } else { n };
    let most = list.iter().map(|s| count(price(s))).max().unwrap_or(0);
    // The honest scores come from the fast executor, whose bits are the same.
    let mut executor = CpuExecutor::new(&puzzle, CpuOptions::default())?;
    let mut honest: Vec<Scores> = Vec::with_capacity(most);
    #[expect(clippy::cast_precision_loss, reason = "a share for display")]
    while honest.len() < most {
        let batch = nonces(honest.len(), (16 * BATCH).min(most - honest.len()));
        let share = 0.1 * honest.len() as f32 / most as f32;
        let logits = executor.logits(&key, &batch, &mut |_| progress(share))?;
        honest.extend(score(&batch, &logits));
    }
    let measure = |shortcut: &exact_shortcut::Shortcut| {
        let cut = CutExecutor::new(&model, shortcut, &other);
        let (mut bound, mut fixed) = (Samples::default(), Samples::default());
        let mut true_digests = 0;
        let honest = &honest[..count(cut.price().cheap)];
        for (ix, honest) in honest.chunks(BATCH).enumerate() {
            let nonces = nonces(ix * BATCH, honest.len());
            let logits = cut.logits_of_inputs(&puzzle.inputs(&key, &nonces));
            for (cheap, honest) in score(&nonces, &logits).iter().zip(honest) {
                bound.push(cheap.bound, honest.bound);
                fixed.push(cheap.fixed, honest.fixed);
                true_digests += usize::from(cheap.digest == honest.digest);
            }
        }
        let worth = Worth::new(cut.price(), bound.correlation(), params.win_rate());
        let mut row = Row::new(&shortcut.name, &worth, honest.len());
        row.true_digests = Some(true_digests);
        row.network_correlation = Some(fixed.correlation().estimate);
        row
    };
    let rows = on_all_cores(&list, &|share| progress(0.1 + 0.9 * share), measure);
    rows.map(sorted).ok_or(ProverError::Interrupted)
}

/// Measures every shortcut of the `gonka` profile, cheapest first, over `n` nonces each, where honest nonces win with
/// probability `win_rate`.
///
/// # Errors
/// [`ProverError::Interrupted`].
pub fn gonka(
    params: &gonka::Params,
    win_rate: f64,
    n: usize,
    progress: OnShare<'_>,
) -> Result<Vec<Row>, ProverError> {
    let (block, key) = (BlockHash::new("soundness")?, PublicKey::new("cheater")?);
    let puzzle = gonka::Puzzle::new(params, &block);
    let model = gonka::forward::ReferenceExecutor::new(params, &block);
    // Near sqrt 2 a distance falls as the cosine rises; the scale does not matter to a correlation.
    let scores = |model: &gonka::forward::ReferenceExecutor| -> Vec<f64> {
        let mut out = Vec::with_capacity(n);
        for batch in nonces(0, n).chunks(BATCH) {
            let inputs: Vec<_> = batch.iter().flat_map(|nonce| puzzle.input(&key, *nonce)).collect();
            let logits = model.logits(&inputs);
            let rows = batch.iter().zip(logits.chunks_exact(params.vocab()));
            out.extend(rows.map(|(nonce, logits)| -puzzle.distance(&key, *nonce, logits)));
        }
        out
    };
    let honest = scores(&model);
    let measure = |shortcut: &gonka_shortcut::Shortcut| {
        let cheap = scores(&model.clone().with_plan(shortcut.plan(params)));
        let mut samples = Samples::default();
        cheap.iter().zip(&honest).for_each(|(cheap, honest)| samples.push(*cheap, *honest));
        Row::new(&shortcut.name, &Worth::new(shortcut.price(params), samples.correlation(), win_rate), n)
    };
    let rows = on_all_cores(&gonka_shortcut::all(params), progress, measure);
    rows.map(sorted).ok_or(ProverError::Interrupted)
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    rows
}
