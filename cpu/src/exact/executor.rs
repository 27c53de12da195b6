//! Nonces in, logits out.

use super::activations::Activations;
use super::forward::{Model, Observer};
use super::kernels::{Kernels, Present};
use super::run::Run;
use super::weights::Weights;
use crate::threads::{self, Threads, ThreadsError};
use core::num::NonZeroUsize;
use core::ops::{ControlFlow, Range};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use sphere_pow_core::exact::plan::Plan;
use sphere_pow_core::exact::{Inputs, Params, Puzzle};
use sphere_pow_core::identity::{Nonce, PublicKey};

/// Rows of a batch that fill the kernels, where weights are kept.
const PACKED_ROWS: usize = 256;
/// Rows of a batch that are worth making all weights for.
const ON_THE_FLY_ROWS: usize = 1024;
/// Models up to this width have matrices so small that threads share out nonces, not panels.
const SMALL_WIDTH: usize = 256;
/// Bytes of what belongs to a thread, beside its panels: its stack as far as used, and rows of attention.
const THREAD_BYTES: usize = 1 << 20;

/// How to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuOptions {
    /// Threads, by default one a core.
    pub threads: Option<NonZeroUsize>,
    /// Kernels, by default the fastest there are.
    pub kernels: Option<Kernels>,
    /// Bytes that the executor may take. Weights are kept where they fit beside the rest, and else made anew
    /// for every batch. By default there is no limit.
    pub memory_limit_bytes: Option<usize>,
}

/// How far something has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// int8 operations done, or bytes of weights made.
    pub done: u64,
    /// All of them.
    pub total: u64,
}

impl Progress {
    /// The share done, 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share to show")]
    pub fn fraction(self) -> f64 {
        if self.total == 0 { 1.0 } else { self.done as f64 / self.total as f64 }
    }
}

/// Why there are no logits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CpuError {
    /// This machine lacks the instructions asked for.
    #[error("this machine has no {kernels}, expected one of its own: {available}")]
    NoKernels {
        /// What was asked for.
        kernels: Kernels,
        /// What there is.
        available: String,
    },
    /// No threads.
    #[error(transparent)]
    Threads(#[from] ThreadsError),
    /// Not even one nonce fits, with its weights made as they are used.
    #[error("the memory limit is {got} bytes, expected {expected} or more")]
    MemoryLimit {
        /// Bytes for one nonce.
        expected: usize,
        /// The limit.
        got: usize,
    },
    /// The progress callback said stop.
    #[error("interrupted")]
    Interrupted,
}

/// Called at the start, every 50 ms or so, and at the end, always on the caller's thread.
pub(super) type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// Gets a nonce's place among those given, the number of one of its states (0 to layers), and the state: `[tokens, dim]`
/// values, after the last layer `[dim]`. Called once for each, from any thread, in any order.
pub type OnState<'a> = Observer<'a>;

/// A model of one block, ready to run one batch of nonces after the other.
#[derive(Debug)]
pub struct CpuExecutor {
    puzzle: Puzzle,
    plan: Plan,
    weights: Weights,
    threads: Threads,
    kernels: Present,
    layout: Layout,
    /// As many as there are lots in a batch.
    slots: Vec<Activations>,
}

/// An executor's parts, borrowed.
pub(super) struct Parts<'a> {
    pub(super) weights: &'a Weights,
    pub(super) threads: &'a Threads,
    pub(super) kernels: Present,
    /// Most nonces at a time.
    pub(super) nonces: usize,
    pub(super) slots: &'a mut Activations,
}

/// How a batch is shared out, and what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    /// Whether weights are kept.
    is_packed: bool,
    /// Nonces that run as one: their rows lie in one matrix.
    nonces_per_lot: NonZeroUsize,
    /// Lots that run at a time, each on one thread; a single lot runs on all.
    lots: usize,
}

/// What an executor takes, known before there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes, weights included where they are kept.
    pub memory_bytes: usize,
    /// Whether all weights lie in memory.
    pub is_packed: bool,
    /// Nonces of a full batch.
    pub batch: NonZeroUsize,
}

impl Footprint {
    /// Of an executor with so many threads and this limit.
    ///
    /// # Errors
    /// [`CpuError::MemoryLimit`].
    pub fn new(params: &Params, threads: NonZeroUsize, limit_bytes: Option<usize>) -> Result<Self, CpuError> {
        let threads = threads.get();
        let Layout { is_packed, nonces_per_lot, lots } = Layout::new(params, threads, limit_bytes)?;
        let weights = if is_packed { Weights::packed_bytes(params) } else { 0 };
        let batch = nonces_per_lot.saturating_mul(NonZeroUsize::new(lots).unwrap_or(NonZeroUsize::MIN));
        let activations = Activations::bytes(params, 1).saturating_mul(batch.get());
        let memory_bytes = fixed_bytes(params, threads).saturating_add(weights).saturating_add(activations);
        Ok(Self { memory_bytes, is_packed, batch })
    }

    /// The limit at which full batches still fit when weights are made as they are used.
    #[must_use]
    pub fn lean_limit_bytes(params: &Params, threads: NonZeroUsize) -> usize {
        let nonces = ON_THE_FLY_ROWS.div_ceil(params.tokens()) * lots(params, threads.get());
        let activations = Activations::bytes(params, 1).saturating_mul(nonces);
        fixed_bytes(params, threads.get()).saturating_add(activations)
    }
}

/// Lots of a batch.
fn lots(params: &Params, threads: usize) -> usize {
    if params.dim().max(params.hidden()) <= SMALL_WIDTH { threads } else { 1 }
}

/// Bytes whatever the batch.
fn fixed_bytes(params: &Params, threads: usize) -> usize {
    threads * (THREAD_BYTES + 2 * Weights::panel_bytes(params))
}

impl Layout {
    /// The best within `limit` bytes.
    fn new(params: &Params, threads: usize, limit: Option<usize>) -> Result<Self, CpuError> {
        let limit = limit.unwrap_or(usize::MAX);
        let lots = lots(params, threads);
        let fixed = fixed_bytes(params, threads);
        let packed = fixed.saturating_add(Weights::packed_bytes(params));
        let per_nonce = lots * Activations::bytes(params, 1);
        let is_packed = packed.saturating_add(per_nonce) <= limit;
        let left = limit.saturating_sub(if is_packed { packed } else { fixed });
        let rows = if is_packed { PACKED_ROWS } else { ON_THE_FLY_ROWS };
        let nonces = rows.div_ceil(params.tokens()).min(left / per_nonce);
        let nonces_per_lot = NonZeroUsize::new(nonces)
            .ok_or(CpuError::MemoryLimit { expected: fixed + per_nonce, got: limit })?;
        Ok(Self { is_packed, nonces_per_lot, lots })
    }
}

impl CpuExecutor {
    /// Gets ready for a block, which makes its weights where the options let them be kept.
    ///
    /// # Errors
    /// [`CpuError::NoKernels`], [`CpuError::Threads`] or [`CpuError::MemoryLimit`].
    pub fn new(puzzle: &Puzzle, options: CpuOptions) -> Result<Self, CpuError> {
        Self::with_progress(puzzle, options, &mut |_| ControlFlow::Continue(()))
    }

    /// As [`Self::new`], telling how many bytes of weights are made.
    ///
    /// # Errors
    /// As [`Self::new`], and [`CpuError::Interrupted`] when `progress` breaks.
    pub fn with_progress(
        puzzle: &Puzzle,
        options: CpuOptions,
        progress: OnProgress<'_>,
    ) -> Result<Self, CpuError> {
        let kernels = options.kernels.unwrap_or_else(Kernels::best);
        let kernels = Present::new(kernels).ok_or_else(|| {
            let names: Vec<&str> = Kernels::available().map(Kernels::name).collect();
            CpuError::NoKernels { kernels, available: names.join(", ") }
        })?;
        let threads = Threads::new(options.threads)?;
        let layout = Layout::new(puzzle.params(), threads.count(), options.memory_limit_bytes)?;
        let mut weights = Weights::on_the_fly(puzzle);
        if layout.is_packed {
            let total = Weights::packed_bytes(puzzle.params()) as u64;
            watch(&threads, total, progress, |stop, done, poll| {
                weights.pack(kernels, stop, done, poll);
            })?;
        }
        let plan = Plan::new(puzzle.params());
        let mut slots = Vec::new();
        slots.resize_with(layout.lots, Activations::default);
        Ok(Self { puzzle: puzzle.clone(), plan, weights, threads, kernels, layout, slots })
    }

    /// Runs another plan from now on, such as one of [`Plan::of_layers`].
    pub fn set_plan(&mut self, plan: Plan) {
        self.plan = plan;
    }

    /// What runs here, for people: instructions, threads, and where weights are.
    #[must_use]
    pub fn description(&self) -> String {
        let n = self.threads.count();
        let weights = if self.is_packed() { "weights in memory" } else { "weights on the fly" };
        format!("CPU, {} with {n} thread{}, {weights}", self.kernels.kernels(), if n == 1 { "" } else { "s" })
    }

    /// Whether all weights lie in memory; else every batch makes them anew.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        self.layout.is_packed
    }

    /// The puzzle.
    #[must_use]
    pub fn puzzle(&self) -> &Puzzle {
        &self.puzzle
    }

    /// Nonces in a batch that fills the kernels and keeps to the memory limit; larger batches gain nothing.
    #[must_use]
    pub fn preferred_batch(&self) -> NonZeroUsize {
        self.layout
            .nonces_per_lot
            .saturating_mul(NonZeroUsize::new(self.layout.lots).unwrap_or(NonZeroUsize::MIN))
    }

    /// Logits of each nonce, SPEC §II.7: `[nonces, vocab]`.
    ///
    /// # Errors
    /// [`CpuError::Interrupted`] when `progress` breaks.
    pub fn logits(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<i32>, CpuError> {
        self.observed(key, nonces, None, progress)
    }

    /// As [`Self::logits`], with somebody who looks at every state on the way: see [`OnState`].
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn observed(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        observer: Option<OnState<'_>>,
        progress: OnProgress<'_>,
    ) -> Result<Vec<i32>, CpuError> {
        let puzzle = self.puzzle.clone();
        self.run(nonces.len(), &|some| puzzle.inputs(key, &nonces[some]), observer, progress)
    }

    /// What a pass of its own over a single lot takes.
    pub(super) fn parts(&mut self) -> Parts<'_> {
        Parts {
            weights: &self.weights,
            threads: &self.threads,
            kernels: self.kernels,
            nonces: self.layout.nonces_per_lot.get(),
            slots: &mut self.slots[0],
        }
    }

    fn run(
        &mut self,
        nonces: usize,
        inputs: &(dyn Fn(Range<usize>) -> Inputs + Sync),
        observer: Option<OnState<'_>>,
        progress: OnProgress<'_>,
    ) -> Result<Vec<i32>, CpuError> {
        let (params, vocab) = (*self.puzzle.params(), self.puzzle.params().vocab());
        let (ops, weights) = (self.plan.ops(), &self.weights);
        // Lots count their nonces from 0.
        let pass = |slots: &mut Activations, some: Range<usize>, run: &mut Run<'_>, logits: &mut [i32]| {
            let first = some.start;
            let shifted = observer.map(|observer| {
                move |nonce: usize, state: usize, values: &[i16]| observer(first + nonce, state, values)
            });
            let observer = shifted.as_ref().map(|observer| observer as Observer<'_>);
            Model { params: &params, ops, weights, observer }.run(slots, inputs(some), run, logits);
        };
        let (kernels, lots) = (self.kernels, self.layout.lots);
        let mut logits = vec![0; nonces * vocab];
        let batch = self.preferred_batch().get();
        watch(&self.threads, nonces as u64 * self.plan.cost(&params), progress, |stop, done, poll| {
            for (batch_ix, logits) in logits.chunks_mut(batch * vocab).enumerate() {
                let per_lot = (logits.len() / vocab).div_ceil(lots);
                let mut tasks = Vec::new();
                for (lot, logits) in logits.chunks_mut(per_lot * vocab).enumerate() {
                    let first = batch_ix * batch + lot * per_lot;
                    tasks.push((first..first + logits.len() / vocab, logits));
                }
                if lots == 1 {
                    let (some, logits) = tasks.pop().expect("a single lot");
                    let slots = &mut self.slots[0];
                    let mut run = Run { kernels, stop, done, poll: &mut *poll, is_serial: false };
                    pass(slots, some, &mut run, logits);
                } else {
                    let tasks = tasks.into_iter().zip(&mut self.slots).collect();
                    threads::for_each(
                        tasks,
                        poll,
                        |((some, logits), slots): ((Range<usize>, &mut [i32]), _)| {
                            let mut run = Run { kernels, stop, done, poll: &mut || (), is_serial: true };
                            pass(slots, some, &mut run, logits);
                        },
                    );
                }
            }
        })?;
        Ok(logits)
    }
}

/// Runs `work` on `threads` with a sign to stop, a count of what is done and a poll, and `progress` beside it.
pub(super) fn watch(
    threads: &Threads,
    total: u64,
    progress: OnProgress<'_>,
    work: impl FnOnce(&AtomicBool, &AtomicU64, &mut dyn FnMut()) + Send,
) -> Result<(), CpuError> {
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut report = |done: u64| {
        if progress(Progress { done: done.min(total), total }).is_break() {
            stop.store(true, Ordering::Relaxed);
        }
    };
    report(0);
    if !stop.load(Ordering::Relaxed) {
        threads.drive(|poll| work(&stop, &done, poll), &mut || report(done.load(Ordering::Relaxed)));
    }
    if !stop.load(Ordering::Relaxed) {
        report(total);
    }
    if stop.load(Ordering::Relaxed) { Err(CpuError::Interrupted) } else { Ok(()) }
}
