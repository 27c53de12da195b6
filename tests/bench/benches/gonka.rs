//! Criterion benches of the `gonka` profile: matrix products, pool generation, a dev-test nonce.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sphere_pow_core::f16;
use sphere_pow_core::gonka::{Params, Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_cpu::gonka::ops::{Run, Weight, linear};
use sphere_pow_cpu::gonka::{Activation, CpuExecutor, CpuOptions, weight_pool};
use sphere_pow_cpu::simd::Simd;
use sphere_pow_cpu::threads::Threads;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

fn block() -> BlockHash {
    BlockHash::new("bench").expect("a hash")
}

/// Throughput in "elements" is floating-point operations: 1 Gelem/s is 1 GFLOP/s.
fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("linear");
    group.sample_size(10);
    for (rows, cols, width) in [(128, 1024, 4096), (128, 1024, 28672), (128, 28672, 1024), (1, 1024, 4096)] {
        let x = Activation::from_f16(&vec![f16::ONE; rows * cols], rows, cols);
        let weight = vec![f16::EPSILON; cols * width];
        let mut out = Activation::new(rows, width);
        group.throughput(Throughput::Elements(2 * (rows * cols * width) as u64));
        for simd in Simd::available().filter(|simd| *simd != Simd::available().next().expect("portable")) {
            for threads in [1, 2] {
                let pool = Threads::new(NonZeroUsize::new(threads)).expect("threads");
                let name = format!("{rows}x{cols}x{width}");
                let id = BenchmarkId::new(name, format!("{} {threads}", simd.level()));
                group.bench_function(id, |b| {
                    pool.install(|| {
                        let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
                        let poll = &mut || ();
                        let mut run = Run { simd, stop: &stop, done: &done, poll, scratch: Vec::new() };
                        b.iter(|| linear(&mut run, &x, Weight::matrix(&weight, cols), &mut out));
                    });
                });
            }
        }
    }
    group.finish();
}

/// Throughput in elements is weights.
fn pool(c: &mut Criterion) {
    let params = Preset::DevTest.params();
    let mut group = c.benchmark_group("pool");
    group.sample_size(10);
    group.throughput(Throughput::Elements(params.pool_len() as u64));
    for threads in [1, 2] {
        let pool = Threads::new(NonZeroUsize::new(threads)).expect("threads");
        let id = BenchmarkId::from_parameter(format!("{threads} threads"));
        group.bench_function(id, |b| b.iter(|| pool.install(|| black_box(weight_pool(&params, &block())))));
    }
    group.finish();
}

/// Throughput in elements is nonces.
fn nonces(c: &mut Criterion) {
    let params: Params = Preset::DevTest.params();
    let pool = Arc::new(weight_pool(&params, &block()));
    let (puzzle, key) = (Puzzle::new(&params, &block()), PublicKey::new("key").expect("a key"));
    let mut group = c.benchmark_group("dev-test nonces");
    group.sample_size(10);
    let mut executor = CpuExecutor::new(&params, &block(), pool, CpuOptions::default()).expect("an executor");
    for batch in [1, executor.preferred_batch().get()] {
        let nonce = Nonce::new(0).expect("a nonce");
        let inputs = puzzle.input(&key, nonce).repeat(batch);
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(BenchmarkId::from_parameter(batch), |b| {
            b.iter(|| executor.logits(&inputs, &mut |_| ControlFlow::Continue(())).expect("logits"));
        });
    }
    group.finish();
}

criterion_group!(benches, products, pool, nonces);
criterion_main!(benches);
