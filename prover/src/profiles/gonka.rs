//! The `gonka` profile on this machine's devices.

use super::{Demo, Listing, Machine, Part, Setup, Shortcuts};
use crate::console::{advance, bar};
use crate::device::{Device, Measured, Product, Rig};
use crate::error::ProverError;
use crate::memory;
use crate::signals::Stop;
use pollster::block_on;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sphere_pow_core::f16;
use sphere_pow_core::gonka::known_answer::{self, WrongAnswer};
use sphere_pow_core::gonka::{Gonka, Params, Puzzle};
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_core::profile::OnProgress;
use sphere_pow_core::text::hex;
use sphere_pow_core::verify::{AnyReport, SampleSize, SubmissionReport};
use sphere_pow_cpu::gonka::{CpuEngine, CpuExecutor, CpuOptions, GrowingPool, weight_pool};
use sphere_pow_cpu::simd::SimdLevel;
use sphere_pow_gpu::gonka::PoolSource;
use sphere_pow_gpu::{DeviceInfo, GpuEngine, GpuExecutor, GpuOptions};
use sphere_pow_soundness::gonka::{GonkaAttacker, testnet_depth};
use sphere_pow_soundness::harness::OnShare;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The weight pool of a block, which a thread of its own makes while devices are opened.
pub struct Pool {
    values: Arc<GrowingPool>,
    unwanted: Arc<Stop>,
}

impl Pool {
    /// Begins to make it.
    fn begin(puzzle: &Puzzle) -> Result<Self, ProverError> {
        let params = puzzle.params();
        memory::check("the weight pool", 2 * params.pool_len() as u64)?;
        let values = Arc::new(GrowingPool::new(params, puzzle.block()));
        let this = Self { values, unwanted: Arc::default() };
        let (values, unwanted) = (Arc::clone(&this.values), Arc::clone(&this.unwanted));
        let make = move || {
            let bar = bar("making the weight pool");
            // Whoever waits for it learns how it ended.
            let _ = values.make(&advance(&bar, &unwanted));
            bar.finish_and_clear();
        };
        std::thread::Builder::new().spawn(make).map_err(ProverError::Thread)?;
        Ok(this)
    }

    /// All of it, once it is made; `progress` is asked meanwhile whether to go on.
    fn whole(&self, progress: OnProgress<'_>) -> Result<Arc<Vec<f16>>, ProverError> {
        self.values.whole(&mut || progress(0.0)).ok_or(ProverError::Interrupted)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.unwanted.halt();
    }
}

impl PoolSource for Pool {
    fn values(&self) -> usize {
        self.values.values()
    }

    fn read(
        &self,
        range: Range<usize>,
        goes_on: &mut dyn FnMut() -> ControlFlow<()>,
        take: &mut dyn FnMut(&[f16]),
    ) -> ControlFlow<()> {
        self.values.read(range, goes_on, take)
    }
}

impl Machine for Gonka {
    const BENCH_PRESET: &'static str = "dev-test";
    const DEMO: Demo = Demo {
        preset: "dev-test",
        nonces: 200,
        sample: SampleSize::Count(12),
        nonce: "Each nonce seeds an input; the model's output, permuted and normalised, is a point on the sphere. \
                It wins when that point is close enough to the block's target.",
    };
    type Shared = Pool;

    fn share(puzzle: &Puzzle, _: &Stop) -> Result<Pool, ProverError> {
        Pool::begin(puzzle)
    }

    fn bench_shared(puzzle: &Puzzle, stop: &Stop) -> Result<(Pool, Option<Part>), ProverError> {
        let started = Instant::now();
        let pool = Self::share(puzzle, stop)?;
        let goes_on = |_| if stop.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let values = pool.whole(&mut { goes_on })?;
        let seconds = started.elapsed().as_secs_f64();
        let mut hasher = Sha256::new();
        for part in values.chunks(1 << 16) {
            let bytes: Vec<u8> = part.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
            hasher.update(&bytes);
        }
        // Of the f16 values, little-endian: the same on every machine.
        let sha256 = hex(&hasher.finalize());
        let values = values.len();
        #[expect(clippy::cast_precision_loss, reason = "for display")]
        let nanoseconds = seconds * 1e9 / values as f64;
        let text = format!("{values} values in {seconds:.3} s, {nanoseconds:.2} ns each, SHA-256 {sha256}");
        let numbers = json!({
            "values": values, "seconds": seconds, "nanosecondsPerValue": nanoseconds, "sha256": sha256,
        });
        Ok((pool, Some(("pool", numbers, text))))
    }

    fn open_gpu(
        info: &DeviceInfo,
        puzzle: &Puzzle,
        shared: &Pool,
        setup: &Setup,
        progress: OnProgress<'_>,
    ) -> Result<Box<dyn Device<Self>>, ProverError> {
        let options = GpuOptions { batch: setup.batch, remember: true, ..GpuOptions::default() };
        let opened = GpuExecutor::new(info, puzzle.params(), puzzle.block(), shared, options, progress);
        Ok(Box::new(GpuEngine::new(block_on(opened)?, puzzle)))
    }

    fn open_cpu(
        puzzle: &Puzzle,
        shared: &Pool,
        setup: &Setup,
        progress: OnProgress<'_>,
    ) -> Result<Box<dyn Device<Self>>, ProverError> {
        let simd = setup.is_portable.then_some(SimdLevel::Portable);
        let options = CpuOptions { threads: setup.threads, simd };
        known_answers(options)?;
        let params = puzzle.params();
        let activations = Self::cpu_bytes(params) - 2 * params.pool_len() as u64;
        memory::check("a nonce's activations", activations)?;
        let executor = CpuExecutor::new(params, puzzle.block(), shared.whole(progress)?, options)?;
        Ok(Box::new(CpuEngine::new(executor, puzzle, setup.batch)))
    }

    fn cpu_bytes(params: &Params) -> u64 {
        // The pool in f16 and the widest activations in f32: gate and up.
        2 * params.pool_len() as u64 + 8 * (params.seq_len() * params.hidden()) as u64
    }

    fn gpu_fit(info: &DeviceInfo, params: &Params) -> (u64, Option<String>) {
        let needed = GpuExecutor::memory_needed(params, 1).unwrap_or(0);
        let memory = GpuExecutor::default_memory_bytes(info);
        let unfit = match GpuExecutor::max_batch(info, params, memory) {
            Err(limit) => Some(limit.to_string()),
            Ok(0) => {
                Some(format!("needs {} of {} MB usable", needed.div_ceil(1_000_000), memory / 1_000_000))
            }
            Ok(_) => None,
        };
        (needed, unfit)
    }

    fn listing(outcomes: &[f64]) -> Listing {
        let mut listing = Listing::default();
        listing.columns.insert("dist".into(), json!(outcomes));
        listing.lines = outcomes.iter().map(|distance| format!("{distance:.16}")).collect();
        listing
    }

    fn checksum(outcomes: &[f64]) -> Value {
        json!(outcomes.iter().sum::<f64>())
    }

    #[expect(clippy::cast_precision_loss, reason = "for display")]
    fn model_words(params: &Params) -> String {
        format!(
            "fixes a random Llama of {:.1} million weights, every one a view into one pool, and a target point on \
             the sphere in {} dimensions",
            params.n_parameters() as f64 / 1e6,
            params.vocab()
        )
    }

    fn shortcuts(
        params: Option<Params>,
        nonces: usize,
        progress: OnShare<'_>,
    ) -> Result<Shortcuts, ProverError> {
        let params = params.unwrap_or_else(testnet_depth);
        Shortcuts::measured(&GonkaAttacker::new(&params), json!(params), nonces, progress)
    }

    fn any_report(report: SubmissionReport<Self>) -> AnyReport {
        AnyReport::from(report)
    }
}

/// Runs the CPU on the known answers.
fn known_answers(options: CpuOptions) -> Result<(), ProverError> {
    let known = known_answer::puzzle();
    let pool = Arc::new(weight_pool(known.params(), known.block()));
    let mut tested = CpuExecutor::new(known.params(), known.block(), pool, options)?;
    let answers = known_answer::DISTANCES;
    let logits = tested.logits(&known_answer::inputs(answers.len()), &mut |_| ControlFlow::Continue(()))?;
    known_answer::check(&logits, &answers).map_err(|WrongAnswer { nonce, got, expected }| {
        ProverError::WrongAnswer {
            device: tested.description(),
            nonce,
            got: got.to_string(),
            expected: expected.to_string(),
        }
    })
}

impl Rig<Gonka> for CpuEngine {
    fn product(&mut self) -> Result<Option<Product>, ProverError> {
        let puzzle = self.puzzle().clone();
        let batch = self.executor().preferred_batch().get();
        let product = time_product(&puzzle, batch, |input| Ok(self.executor().gate_product(input)?));
        product.map(Some)
    }
}

impl Rig<Gonka> for GpuEngine {
    fn set_block(
        &mut self,
        puzzle: &Puzzle,
        shared: &Arc<Pool>,
        progress: OnProgress<'_>,
    ) -> Result<(), ProverError> {
        Ok(block_on(GpuEngine::set_block(self, puzzle.block(), &**shared, progress))?)
    }

    fn rebuild(&mut self, progress: OnProgress<'_>) -> Result<(), ProverError> {
        // The pool is made again rather than kept: on mainnet it would hold 1.8 GB of the host for a rare event.
        let pool = Pool::begin(self.puzzle())?;
        Ok(block_on(self.executor().rebuild(&pool, progress))?)
    }

    fn product(&mut self) -> Result<Option<Product>, ProverError> {
        let puzzle = self.puzzle().clone();
        let batch = self.executor().batch();
        let product =
            time_product(&puzzle, batch, |input| Ok(block_on(self.executor().gate_product(input))?));
        product.map(Some)
    }

    fn measure(&mut self) -> Result<Measured, ProverError> {
        let products = block_on(self.executor().product_times())?;
        let ops = block_on(self.executor().op_times())?.unwrap_or_default();
        Ok(Measured::new("TFLOP/s", products, ops))
    }
}

/// Times `[rows, dim]` by `w1`ᵀ of layer 0 at the rows of a full batch, for half a second and at least three times;
/// keeps the best.
fn time_product(
    puzzle: &Puzzle,
    batch: usize,
    mut product: impl FnMut(&[f16]) -> Result<Vec<f32>, ProverError>,
) -> Result<Product, ProverError> {
    let params = puzzle.params();
    let key = PublicKey::new("bench").expect("visible ASCII");
    let nonces = (0..batch as u64).map(|n| Nonce::new(n).expect("small"));
    let input: Vec<f16> = nonces.flat_map(|nonce| puzzle.input(&key, nonce)).collect();
    let (started, mut seconds, mut output) = (Instant::now(), f64::INFINITY, Vec::new());
    let mut runs = 0;
    while runs < 3 || started.elapsed() < Duration::from_millis(500) {
        let start = Instant::now();
        output = product(&input)?;
        seconds = seconds.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    let checksum = output.iter().map(|x| f64::from(*x)).sum();
    let rows = batch * params.seq_len();
    Ok(Product { rows, columns: params.hidden(), k: params.dim(), seconds, checksum })
}
