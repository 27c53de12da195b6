//! Runs core's plan: inputs of nonces in, logits out.

use super::ops::{self, Run, Weight};
use super::{Activation, Pool};
use crate::simd::{Simd, SimdLevel};
use crate::threads::{Threads, ThreadsError};
use core::num::NonZeroUsize;
use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use half::f16;
use sphere_pow_core::gonka::Params;
use sphere_pow_core::gonka::ops::{AttentionShape, RopeTable};
use sphere_pow_core::gonka::plan::{Op, Plan, Rows, Slot};
use sphere_pow_core::gonka::weights::{LayerTensor, Tensor, TensorView};
use sphere_pow_core::identity::BlockHash;

/// Rows below which a batch does not fill the kernels.
const FULL_ROWS: usize = 128;

/// How to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuOptions {
    /// Threads, by default one a core.
    pub threads: Option<NonZeroUsize>,
    /// Instructions, by default the fastest there are.
    pub simd: Option<SimdLevel>,
}

/// How far a batch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Floating-point operations done.
    pub done_flops: u64,
    /// Floating-point operations of the whole batch.
    pub total_flops: u64,
}

impl Progress {
    /// The share done, 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share to show")]
    pub fn fraction(self) -> f64 {
        if self.total_flops == 0 { 1.0 } else { self.done_flops as f64 / self.total_flops as f64 }
    }
}

/// Why there are no logits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CpuError {
    /// The pool is not the one of these parameters.
    #[error("the weight pool has {got} values, expected {expected}")]
    PoolLen {
        /// Values the parameters ask for.
        expected: usize,
        /// Values there are.
        got: usize,
    },
    /// This machine lacks the instructions asked for.
    #[error("this machine has no {level}, expected one of its own: {available}")]
    NoSimd {
        /// What was asked for.
        level: SimdLevel,
        /// What there is.
        available: String,
    },
    /// No threads.
    #[error(transparent)]
    Threads(#[from] ThreadsError),
    /// Inputs are no whole number of nonces.
    #[error("{got} input values, expected a positive multiple of {per_nonce}")]
    InputLen {
        /// `seq_len * dim`.
        per_nonce: usize,
        /// Values given.
        got: usize,
    },
    /// The progress callback said stop.
    #[error("interrupted")]
    Interrupted,
}

/// A model of one block, ready to run one batch of nonces after the other.
#[derive(Debug)]
pub struct CpuExecutor {
    params: Params,
    block: BlockHash,
    plan: Plan,
    rope: RopeTable,
    pool: Pool,
    threads: Threads,
    simd: Simd,
    slots: [Activation; Slot::ALL.len()],
}

impl CpuExecutor {
    /// Takes the pool of `block`, as [`super::weight_pool`] makes it.
    ///
    /// # Errors
    /// [`CpuError::PoolLen`] where it is in this memory, [`CpuError::NoSimd`] or [`CpuError::Threads`].
    pub fn new(
        params: &Params,
        block: &BlockHash,
        pool: impl Into<Pool>,
        options: CpuOptions,
    ) -> Result<Self, CpuError> {
        let pool = pool.into();
        if let Pool::Kept(pool) = &pool
            && pool.len() != params.pool_len()
        {
            return Err(CpuError::PoolLen { expected: params.pool_len(), got: pool.len() });
        }
        let simd = match options.simd {
            None => Simd::best(),
            Some(level) => Simd::new(level).ok_or_else(|| {
                let names: Vec<&str> = Simd::available().map(|simd| simd.level().name()).collect();
                CpuError::NoSimd { level, available: names.join(", ") }
            })?,
        };
        Ok(Self {
            params: params.clone(),
            block: block.clone(),
            plan: Plan::new(params),
            rope: RopeTable::new(params),
            pool,
            threads: Threads::new(options.threads)?,
            simd,
            slots: Default::default(),
        })
    }

    /// The weight pool.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Runs another plan from now on, such as one of fewer layers.
    pub fn set_plan(&mut self, plan: Plan) {
        self.plan = plan;
    }

    /// What runs here, for people: instructions and threads.
    #[must_use]
    pub fn description(&self) -> String {
        let n = self.threads.count();
        format!("CPU, {} with {n} thread{}", self.simd.level(), if n == 1 { "" } else { "s" })
    }

    /// Nonces in a batch that fills the kernels without wasting memory; larger batches gain nothing.
    #[must_use]
    pub fn preferred_batch(&self) -> NonZeroUsize {
        NonZeroUsize::new(FULL_ROWS.div_ceil(self.params.seq_len())).unwrap_or(NonZeroUsize::MIN)
    }

    /// Logits of each input, SPEC §I.4.
    ///
    /// `progress` is called at the start, at least every 100 ms or so, and at the end, always on this thread.
    ///
    /// # Shapes
    /// - `inputs`: `[nonces * seq_len, dim]`.
    /// - returns `[nonces, vocab]`, f32 values that are f16.
    ///
    /// # Errors
    /// [`CpuError::InputLen`], or [`CpuError::Interrupted`] when `progress` breaks.
    pub fn logits(
        &mut self,
        inputs: &[f16],
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Vec<f32>, CpuError> {
        let per_nonce = self.params.seq_len() * self.params.dim();
        if inputs.is_empty() || !inputs.len().is_multiple_of(per_nonce) {
            return Err(CpuError::InputLen { per_nonce, got: inputs.len() });
        }
        let nonces = inputs.len() / per_nonce;
        let total_flops = nonces as u64 * self.flops_per_nonce();
        let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
        let mut report = |done_flops: u64| {
            let done_flops = done_flops.min(total_flops);
            if progress(Progress { done_flops, total_flops }).is_break() {
                stop.store(true, Ordering::Relaxed);
            }
        };
        report(0);
        let batch = self.preferred_batch().get();
        let mut logits = Vec::with_capacity(nonces * self.params.vocab());
        for inputs in inputs.chunks(batch * per_nonce) {
            let (model, slots) = (
                Model {
                    params: &self.params,
                    block: &self.block,
                    plan: &self.plan,
                    rope: &self.rope,
                    pool: &self.pool,
                },
                &mut self.slots,
            );
            let simd = self.simd;
            let (stop, done) = (&stop, &done);
            self.threads.drive(
                |poll| model.forward(slots, inputs, &mut Run { simd, stop, done, poll, scratch: Vec::new() }),
                &mut || {
                    report(done.load(Ordering::Relaxed));
                },
            );
            if stop.load(Ordering::Relaxed) {
                return Err(CpuError::Interrupted);
            }
            logits.extend(self.slots[Slot::Logits as usize].to_rows());
        }
        report(total_flops);
        if stop.load(Ordering::Relaxed) { Err(CpuError::Interrupted) } else { Ok(logits) }
    }

    /// The widest product of the model alone, `[rows, dim]` by `w1`ᵀ of layer 0, for benchmarks.
    ///
    /// # Shapes
    /// - `normed`: `[rows, dim]`.
    /// - returns `[rows, hidden]`, f32 values that are f16.
    ///
    /// # Errors
    /// [`CpuError::InputLen`].
    pub fn gate_product(&mut self, normed: &[f16]) -> Result<Vec<f32>, CpuError> {
        let dim = self.params.dim();
        if normed.is_empty() || !normed.len().is_multiple_of(dim) {
            return Err(CpuError::InputLen { per_nonce: dim, got: normed.len() });
        }
        let rows = normed.len() / dim;
        let input = Activation::from_f16(normed, rows, dim);
        let mut output = Activation::new(rows, self.params.hidden());
        let view = TensorView::new(&self.params, &self.block, Tensor::Layer(0, LayerTensor::W1));
        let weight = self.pool.weight(view);
        let (simd, stop, done) = (self.simd, AtomicBool::new(false), AtomicU64::new(0));
        self.threads.install(|| {
            let mut run = Run { simd, stop: &stop, done: &done, poll: &mut || {}, scratch: Vec::new() };
            ops::linear(&mut run, &input, weight, &mut output);
        });
        Ok(output.to_rows())
    }

    fn flops_per_nonce(&self) -> u64 {
        let cost = |op: &Op| match *op {
            Op::Linear { weight, rows, .. } => {
                let (outputs, inputs) = weight.shape(&self.params);
                2 * (rows.count(1, &self.params) * outputs * inputs) as u64
            }
            Op::Attention { rows } => ops::attention_flops(attention_shape(&self.params, rows), 1),
            _ => 0,
        };
        self.plan.ops().iter().map(cost).sum()
    }
}

fn attention_shape(params: &Params, rows: Rows) -> AttentionShape {
    AttentionShape {
        seq_len: params.seq_len(),
        queries: rows.count(1, params),
        heads: params.n_heads(),
        kv_heads: params.n_kv_heads(),
        head_dim: params.head_dim(),
    }
}

impl Pool {
    fn weight(&self, view: TensorView) -> Weight<'_> {
        match self {
            Self::Kept(pool) => Weight::view(pool, view),
            Self::Lent(lender) => Weight::lent(&**lender, view),
        }
    }
}

/// What a forward pass reads.
struct Model<'a> {
    params: &'a Params,
    block: &'a BlockHash,
    plan: &'a Plan,
    rope: &'a RopeTable,
    pool: &'a Pool,
}

impl Model<'_> {
    /// Runs the plan over `slots`, until done or stopped.
    fn forward(&self, slots: &mut [Activation], inputs: &[f16], run: &mut Run<'_>) {
        let nonces = inputs.len() / (self.params.seq_len() * self.params.dim());
        let rows = Rows::All.count(nonces, self.params);
        let stream = &mut slots[Slot::Stream as usize];
        stream.reshape(rows, self.params.dim());
        stream.fill_from_f16(inputs);
        for op in self.plan.ops() {
            (run.poll)();
            if run.stop.load(Ordering::Relaxed) {
                return;
            }
            self.step(slots, nonces, op, run);
        }
    }

    fn weight(&self, tensor: Tensor) -> Weight<'_> {
        self.pool.weight(TensorView::new(self.params, self.block, tensor))
    }

    fn step(&self, slots: &mut [Activation], nonces: usize, op: &Op, run: &mut Run<'_>) {
        let (params, last) = (self.params, self.params.seq_len() - 1);
        let written = match *op {
            Op::RmsNorm { output, .. } | Op::Linear { output, .. } | Op::TakeLast { output, .. } => output,
            Op::Rope { slot, .. } | Op::AddBranch { slot, .. } => slot,
            Op::Attention { .. } => Slot::Attended,
            Op::SwiGlu { .. } => Slot::Gate,
        };
        // Taken out while it is written: no op reads the slot it writes through `slots`.
        let mut out = core::mem::take(&mut slots[written as usize]);
        let get = |slot: Slot| &slots[slot as usize];
        let shaped = |out: &mut Activation, rows: Rows| {
            out.reshape(rows.count(nonces, params), written.width(params));
        };
        match *op {
            Op::RmsNorm { input, weight, rows, .. } => {
                shaped(&mut out, rows);
                ops::rms_norm(run, get(input), self.weight(weight), params.norm_eps(), &mut out);
            }
            Op::Linear { input, weight, rows, .. } => {
                shaped(&mut out, rows);
                ops::linear(run, get(input), self.weight(weight), &mut out);
            }
            Op::Rope { rows, .. } => ops::rope(run, &mut out, self.rope, |row| match rows {
                Rows::All => row % params.seq_len(),
                Rows::Last => last,
            }),
            Op::Attention { rows } => {
                shaped(&mut out, rows);
                let (query, key, value) = (get(Slot::Query), get(Slot::Key), get(Slot::Value));
                ops::attention(run, query, key, value, attention_shape(params, rows), &mut out);
            }
            Op::SwiGlu { .. } => ops::swiglu(run, &mut out, get(Slot::Up)),
            Op::AddBranch { .. } => ops::add(run, &mut out, get(Slot::Branch)),
            Op::TakeLast { input, .. } => {
                shaped(&mut out, Rows::Last);
                let input = get(input);
                for nonce in 0..nonces {
                    for feature in 0..input.width() {
                        out.set(nonce, feature, input.at(nonce * params.seq_len() + last, feature));
                    }
                }
            }
        }
        slots[written as usize] = out;
    }
}
