//! The `exact` profile on the CPU: int8 GEMM against `rten-gemm`, weights from ChaCha20, whole nonces.
//!
//! Every figure that is compared with another is measured in turns with it, since other work may share the
//! machine: the ratios printed first are medians over pairs of neighbouring runs. Criterion's own figures
//! follow. `cargo bench -p sphere-pow-bench --bench exact -- [filter]`; `RATIOS=0` leaves the ratios out.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmUninitOptions, PackedBMatrix};
use rten_tensor::NdTensorView;
use sphere_pow_bench::{median, seconds};
use sphere_pow_core::exact::params::RawParams;
use sphere_pow_core::exact::plan::Plan;
use sphere_pow_core::exact::{Params, Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_cpu::exact::{CpuExecutor, CpuOptions, Gemm, Kernels};
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Duration;

const ROWS: usize = 128;
const INPUTS: usize = 1024;
const OUTPUTS: usize = 4096;
const GEMM_OPS: f64 = 2.0 * (ROWS * INPUTS * OUTPUTS) as f64;

fn noise(n: usize, bound: u32) -> Vec<i8> {
    let mut x = 1_u32;
    let mut next = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((x >> 8) % (2 * bound + 1)) as i32 - bound as i32
    };
    (0..n).map(|_| next() as i8).collect()
}

/// `rten-gemm`, u8 x i8 with prepacked weights; the biased x makes its sums differ from ours by a constant.
struct Rten {
    gemm: GemmExecutor<u8, i8, i32>,
    x: Vec<u8>,
    weights: PackedBMatrix<i8>,
    out: Vec<MaybeUninit<i32>>,
}

impl Rten {
    fn new(x: &[i8], weights: &[i8]) -> Self {
        let gemm = GemmExecutor::<u8, i8, i32>::new();
        // [inputs, outputs], row-major.
        let transposed: Vec<i8> =
            (0..INPUTS).flat_map(|k| (0..OUTPUTS).map(move |n| weights[n * INPUTS + k])).collect();
        let weights = gemm.prepack_b(NdTensorView::from_data([INPUTS, OUTPUTS], &transposed[..]));
        // Within 0..=127, where no kernel of theirs saturates.
        let x = x.iter().map(|x| ((i32::from(*x) + 128) / 2) as u8).collect();
        Self { gemm, x, weights, out: vec![MaybeUninit::uninit(); ROWS * OUTPUTS] }
    }

    fn multiply(&mut self) {
        let x = GemmInputA::Unpacked(NdTensorView::from_data([ROWS, INPUTS], &self.x[..]));
        let weights = GemmInputB::Packed(&self.weights);
        self.gemm
            .gemm_uninit(&mut self.out, x, weights, GemmUninitOptions::default())
            .expect("matching shapes");
    }
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads")
}

/// Best seconds of each, and the median of first over second, taken in turns.
fn in_turns(rounds: usize, mut first: impl FnMut(), mut second: impl FnMut()) -> (f64, f64, f64) {
    first();
    second();
    let (mut best, mut ratios) = ((f64::MAX, f64::MAX), Vec::new());
    for _ in 0..rounds {
        let (a, b) = (seconds(&mut first), seconds(&mut second));
        best = (best.0.min(a), best.1.min(b));
        ratios.push(a / b);
    }
    (best.0, best.1, median(ratios))
}

fn puzzle(params: &Params) -> Puzzle {
    Puzzle::new(params, &BlockHash::new("bench").expect("a hash"))
}

fn options(threads: usize, kernels: Kernels, memory_limit_bytes: Option<usize>) -> CpuOptions {
    CpuOptions { threads: NonZeroUsize::new(threads), kernels: Some(kernels), memory_limit_bytes }
}

fn batch(executor: &mut CpuExecutor, nonces: &[Nonce]) {
    let key = PublicKey::new("key").expect("a key");
    executor.logits(&key, nonces, &mut |_| ControlFlow::Continue(())).expect("logits");
}

fn nonces(count: usize) -> Vec<Nonce> {
    (0..count as u64).map(|n| Nonce::new(n).expect("small")).collect()
}

fn ratios(_: &mut Criterion) {
    if std::env::var("RATIOS").is_ok_and(|value| value == "0") {
        return;
    }
    let (x, weights) = (noise(ROWS * INPUTS, 127), noise(OUTPUTS * INPUTS, 46));
    let theirs = GemmExecutor::<u8, i8, i32>::new();
    println!("\nint8 GEMM {ROWS} x {INPUTS} x {OUTPUTS} against {}, in turns:", theirs.kernel_name());
    for threads in [1, 2] {
        for kernels in Kernels::available().filter(|kernels| *kernels != Kernels::Portable) {
            let mut ours = Gemm::new(kernels, &weights, INPUTS).expect("available");
            let (theirs, ours, ratio) = pool(threads).install(|| {
                let mut rten = Rten::new(&x, &weights);
                in_turns(100, || rten.multiply(), || ours.multiply(&x, threads > 1))
            });
            let rate = |seconds| GEMM_OPS / seconds / 1e9;
            println!(
                "  {threads} threads, {kernels}: best {:.0} GOP/s, theirs {:.0}; median ratio {ratio:.2}",
                rate(ours),
                rate(theirs)
            );
        }
    }
    let params = Preset::Standard.params();
    let puzzle = puzzle(&params);
    let cost = Plan::new(&params).cost(&params) as f64;
    println!("whole nonces of standard against bare GEMM of the same kernels, in turns:");
    for threads in [1, 2] {
        for kernels in Kernels::available().filter(|kernels| *kernels != Kernels::Portable) {
            for memory in [None, Some(48 << 20)] {
                let mut executor =
                    CpuExecutor::new(&puzzle, options(threads, kernels, memory)).expect("an executor");
                let mut gemm = Gemm::new(kernels, &weights, INPUTS).expect("available");
                let nonces = nonces(executor.preferred_batch().get());
                // As much bare GEMM as is in the batch, up to a second or so.
                let ops = nonces.len() as f64 * cost;
                let repeats = (ops / GEMM_OPS).ceil().min(200.0);
                let bare = || (0..repeats as usize).for_each(|_| gemm.multiply(&x, threads > 1));
                let (whole, bare, ratio) =
                    pool(threads).install(|| in_turns(5, || batch(&mut executor, &nonces), bare));
                println!(
                    "  {threads} threads, {}: best {:.2} nonces/s, {:.0} GOP/s; bare {:.0}; median share {:.0} %",
                    executor.description(),
                    nonces.len() as f64 / whole,
                    ops / whole / 1e9,
                    GEMM_OPS * repeats / bare / 1e9,
                    100.0 * ops / (GEMM_OPS * repeats) / ratio
                );
            }
        }
    }
}

fn gemm(c: &mut Criterion) {
    let (x, weights) = (noise(ROWS * INPUTS, 127), noise(OUTPUTS * INPUTS, 46));
    for threads in [1, 2] {
        let mut group = c.benchmark_group(format!("gemm {ROWS}x{INPUTS}x{OUTPUTS}, {threads} threads"));
        group.throughput(Throughput::Elements(GEMM_OPS as u64));
        let pool = pool(threads);
        group.bench_function("rten-gemm", |b| {
            pool.install(|| {
                let mut rten = Rten::new(&x, &weights);
                b.iter(|| rten.multiply());
            });
        });
        for kernels in Kernels::available().filter(|kernels| *kernels != Kernels::Portable) {
            let mut ours = Gemm::new(kernels, &weights, INPUTS).expect("available");
            group.bench_function(kernels.name(), |b| {
                pool.install(|| b.iter(|| ours.multiply(&x, threads > 1)));
            });
        }
    }
}

/// Packing all weights of a model of 20 of standard's layers: pages, keystream, table and all.
fn weights(c: &mut Criterion) {
    let params = Params::new(&RawParams { layers: 20, ..Preset::Standard.params().raw() }).expect("valid");
    let puzzle = puzzle(&params);
    for threads in [1, 2] {
        let mut group = c.benchmark_group(format!("weights, {threads} threads"));
        group.throughput(Throughput::Bytes(params.n_weights())).sample_size(10);
        for kernels in Kernels::available() {
            group.bench_function(kernels.name(), |b| {
                b.iter(|| CpuExecutor::new(&puzzle, options(threads, kernels, None)).expect("an executor"));
            });
        }
    }
}

fn whole_nonces(c: &mut Criterion) {
    let params = Preset::Standard.params();
    let puzzle = puzzle(&params);
    let cost = Plan::new(&params).cost(&params);
    for (name, memory) in [("in memory", None), ("on the fly", Some(48 << 20))] {
        let mut group = c.benchmark_group(format!("standard, 2 threads, weights {name}"));
        group.sample_size(10).measurement_time(Duration::from_secs(10));
        for kernels in Kernels::available().filter(|kernels| *kernels != Kernels::Portable) {
            let mut executor = CpuExecutor::new(&puzzle, options(2, kernels, memory)).expect("an executor");
            let nonces = nonces(executor.preferred_batch().get());
            group.throughput(Throughput::Elements(cost * nonces.len() as u64));
            group.bench_function(kernels.name(), |b| b.iter(|| batch(&mut executor, &nonces)));
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    targets = ratios, gemm, weights, whole_nonces
}

criterion_main!(benches);
