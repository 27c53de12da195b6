//! The CPU executor and pool against the network's vectors and core's twins, at every SIMD level of this
//! machine.

use proptest::prelude::*;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::Params;
use sphere_pow_core::gonka::forward::ReferenceExecutor;
use sphere_pow_core::gonka::ops::{self as twins, AttentionShape, RopeTable};
use sphere_pow_core::gonka::params::{Preset, RawParams};
use sphere_pow_core::gonka::plan::Plan;
use sphere_pow_core::gonka::rng::NumpyRng;
use sphere_pow_core::gonka::seed::Seed;
use sphere_pow_core::identity::{BlockHash, Nonce};
use sphere_pow_cpu::gonka::LANES;
use sphere_pow_cpu::gonka::ops::{self, Run, Weight};
use sphere_pow_cpu::gonka::{Activation, CpuError, CpuExecutor, CpuOptions, weight_pool};
use sphere_pow_cpu::simd::{Simd, SimdLevel};
use sphere_pow_soundness::Shortcut;
use sphere_pow_soundness::gonka::Edit;
use sphere_pow_tests::GonkaCase;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

fn executor(case: &GonkaCase, simd: Simd, threads: usize) -> CpuExecutor {
    let pool = weight_pool(case.puzzle.params(), case.puzzle.block());
    executor_with(case, &Arc::new(pool), simd, threads)
}

fn executor_with(case: &GonkaCase, pool: &Arc<Vec<f16>>, simd: Simd, threads: usize) -> CpuExecutor {
    let (params, block) = (case.puzzle.params(), case.puzzle.block());
    let options = CpuOptions { threads: NonZeroUsize::new(threads), simd: Some(simd.level()) };
    CpuExecutor::new(params, block, Arc::clone(pool), options).expect("an executor")
}

fn logits(executor: &mut CpuExecutor, inputs: &[f16]) -> Vec<f32> {
    executor.logits(inputs, &mut |_| ControlFlow::Continue(())).expect("logits")
}

/// One thread and several, batches of one and of many.
const WAYS: [(usize, usize); 3] = [(1, 1), (2, 3), (3, 64)];

/// Every level in each of these ways, threads and batch.
fn check(name: &str, ways: &[(usize, usize)]) {
    let case = GonkaCase::load(name);
    let pool = Arc::new(weight_pool(case.puzzle.params(), case.puzzle.block()));
    for simd in Simd::available() {
        for &(threads, batch) in ways {
            println!("{name} {} threads {threads} batch {batch}", simd.level());
            let mut executor = executor_with(&case, &pool, simd, threads);
            case.check(batch, |inputs| logits(&mut executor, inputs));
        }
    }
}

#[test]
fn tiny_distances_are_the_networks() {
    check("tiny", &WAYS);
}

#[test]
fn small_distances_are_the_networks() {
    check("small", &WAYS);
}

#[test]
fn devtest_distances_are_the_networks() {
    // The small models run all ways.
    check("devtest", &WAYS[2..]);
}

#[test]
fn a_plan_of_some_layers_is_the_attackers_and_runs_as_on_the_reference() {
    let case = GonkaCase::load("tiny");
    let (params, block) = (case.puzzle.params(), case.puzzle.block());
    let inputs: Vec<f16> =
        (0..5).flat_map(|n| case.puzzle.input(&case.key, Nonce::new(n).expect("small"))).collect();
    for kept in [vec![], vec![0], vec![1], vec![0, 1]] {
        let plan = Plan::of_layers(&kept);
        let shortcut = Shortcut::new("some layers", vec![Edit::KeepLayers(kept)]);
        assert_eq!(plan, shortcut.plan(params));
        let want = ReferenceExecutor::new(params, block).with_plan(plan.clone()).logits(&inputs);
        for simd in Simd::available() {
            let mut executor = executor(&case, simd, 2);
            executor.set_plan(plan.clone());
            for (got, want) in logits(&mut executor, &inputs).iter().zip(&want) {
                assert!((got - want).abs() <= 2e-3 * want.abs().max(0.02), "{got} is not {want}");
            }
        }
    }
}

#[test]
fn testnet_distances_are_the_networks() {
    let case = GonkaCase::load("testnet");
    let mut executor = executor(&case, Simd::best(), 2);
    case.check(4, |inputs| logits(&mut executor, inputs));
}

fn params(change: impl FnOnce(&mut RawParams)) -> Params {
    let mut raw = Preset::DevTest.params().raw().clone();
    (raw.dim, raw.n_layers, raw.vocab_size, raw.multiple_of) = (64, 2, 500, 32);
    (raw.n_heads, raw.n_kv_heads) = (4, 4);
    change(&mut raw);
    Params::new(&raw).expect("valid parameters")
}

fn values(name: &str, n: usize, scale: f32) -> Vec<f16> {
    let normals = NumpyRng::new(&Seed::from_text(name, 1)).standard_normals(n);
    normals.into_iter().map(|z| f16::from_f32(z as f32 * scale)).collect()
}

/// How two roundings of nearly the same f32 may differ: `ulps` units of f16, where a unit is never below that
/// of `scale`, the size of the terms summed.
fn agree(got: &[f32], want: &[f16], ulps: f32, scale: f32) -> Result<(), String> {
    assert_eq!(got.len(), want.len(), "results of one shape");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        let want = want.to_f32();
        let unit = want.abs().max(scale).max(6.2e-5) * f32::from(f16::EPSILON);
        let is_f16 = f16::from_f32(*got).to_f32().to_bits() == got.to_bits();
        if !is_f16 || (got - want).abs() > ulps * unit {
            return Err(format!("value {i} is {got:e}, the twin's {want:e}"));
        }
    }
    Ok(())
}

/// Holds `got` against the twin's result, and sees to it that the same comparison catches a planted fault.
fn check_agrees(got: &[f32], want: &[f16], ulps: f32, scale: f32, what: &str) {
    agree(got, want, ulps, scale).unwrap_or_else(|e| panic!("{what}: {e}"));
    let mut faulty = got.to_vec();
    let last = faulty.len() - 1;
    let fault = (8.0 + ulps) * faulty[last].abs().max(scale).max(6.2e-5) * f32::from(f16::EPSILON);
    faulty[last] = f16::from_f32(faulty[last] + fault).to_f32();
    agree(&faulty, want, ulps, scale).expect_err("a planted fault of a few units is caught");
    let mut unrounded = got.to_vec();
    unrounded[last] = f32::from_bits(unrounded[last].to_bits() ^ 1);
    agree(&unrounded, want, ulps, scale).expect_err("a result not rounded to f16 is caught");
}

fn with_run(simd: Simd, work: impl FnOnce(&mut Run<'_>)) {
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    work(&mut Run { simd, stop: &stop, done: &done, poll: &mut || (), scratch: Vec::new() });
}

/// Row counts around whole panels, and what the small-row kernel treats apart.
const ROWS: [usize; 13] =
    [1, 2, 3, 4, 5, 7, 13, LANES - 1, LANES, LANES + 1, 2 * LANES - 1, 2 * LANES, 2 * LANES + 23];

#[test]
fn linear_agrees_with_its_twin() {
    for simd in Simd::available() {
        for rows in ROWS {
            for (width, cols) in
                [(1, 1), (3, 7), (5, 16), (11, 17), (12, 512), (13, 513), (29, 1031), (101, 64)]
            {
                let (x, weight) = (values("x", rows * cols, 1.0), values("w", width * cols, 0.02));
                let mut want = vec![f16::ZERO; rows * width];
                twins::linear(&x, &weight, cols, &mut want);
                let x = Activation::from_f16(&x, rows, cols);
                let mut out = Activation::new(rows, width);
                with_run(simd, |run| ops::linear(run, &x, Weight::matrix(&weight, cols), &mut out));
                let what = format!("{} [{rows}, {cols}] to {width}", simd.level());
                check_agrees(&out.to_rows(), &want, 1.0, 0.005 * (cols as f32).sqrt(), &what);
            }
        }
    }
}

#[test]
fn linear_counts_its_own_operations_however_the_last_part_falls() {
    let (rows, cols) = (64, 256);
    let x = Activation::from_f16(&values("x", rows * cols, 1.0), rows, cols);
    for width in [96, 97, 1000, 2500] {
        let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
        let mut run =
            Run { simd: Simd::best(), stop: &stop, done: &done, poll: &mut || {}, scratch: Vec::new() };
        let weight = values("w", width * cols, 0.02);
        ops::linear(&mut run, &x, Weight::matrix(&weight, cols), &mut Activation::new(rows, width));
        let (got, want) = (done.into_inner(), 2 * (rows * cols * width) as u64);
        // Divided among the parts, of which there are fewer than outputs.
        assert!(got <= want && want - got < width as u64, "{got} of {want} for {width} outputs");
    }
}

#[test]
fn portable_linear_is_its_twin_bit_for_bit_in_panels() {
    let portable = Simd::new(SimdLevel::Portable).expect("always there");
    let (rows, width, cols) = (LANES + 25, 37, 1531);
    let (x, weight) = (values("x", rows * cols, 1.0), values("w", width * cols, 0.02));
    let mut want = vec![f16::ZERO; rows * width];
    twins::linear(&x, &weight, cols, &mut want);
    let mut out = Activation::new(rows, width);
    let x = Activation::from_f16(&x, rows, cols);
    with_run(portable, |run| ops::linear(run, &x, Weight::matrix(&weight, cols), &mut out));
    assert!(out.to_rows().iter().zip(&want).all(|(got, want)| got.to_bits() == want.to_f32().to_bits()));
}

#[test]
fn rms_norm_agrees_with_its_twin() {
    for simd in Simd::available() {
        for rows in ROWS {
            for dim in [1, 2, 31, 64, 97] {
                let (x, weight) = (values("x", rows * dim, 2.0), values("w", dim, 0.02));
                let mut want = vec![f16::ZERO; rows * dim];
                twins::rms_norm(&x, &weight, 1e-5, &mut want);
                let mut out = Activation::new(rows, dim);
                let x = Activation::from_f16(&x, rows, dim);
                with_run(simd, |run| ops::rms_norm(run, &x, Weight::matrix(&weight, dim), 1e-5, &mut out));
                check_agrees(&out.to_rows(), &want, 2.0, 0.0, &format!("{} [{rows}, {dim}]", simd.level()));
            }
        }
    }
}

#[test]
fn rope_agrees_with_its_twin() {
    for (heads, seq_len) in [(4, 5), (32, 33), (2, 7), (1, 31)] {
        let params = params(|raw| {
            (raw.n_heads, raw.n_kv_heads, raw.seq_len) = (heads, heads, seq_len);
        });
        let (table, seq_len, dim) = (RopeTable::new(&params), params.seq_len(), params.dim());
        for simd in Simd::available() {
            for nonces in [1, 2, 3] {
                let rows = nonces * seq_len;
                let mut want = values("x", rows * dim, 1.0);
                let mut x = Activation::from_f16(&want, rows, dim);
                twins::rope(&mut want, dim, &table, |row| row % seq_len);
                with_run(simd, |run| ops::rope(run, &mut x, &table, |row| row % seq_len));
                check_agrees(&x.to_rows(), &want, 1.0, 0.0, &format!("{} {heads} heads", simd.level()));
            }
        }
    }
}

#[test]
fn elementwise_ops_agree_with_their_twins() {
    for simd in Simd::available() {
        for (rows, width) in [(1, 1), (5, 7), (LANES, 3), (LANES + 9, 1021), (3, 40_000)] {
            let (a, b) = (values("a", rows * width, 4.0), values("b", rows * width, 1.0));
            let what = format!("{} [{rows}, {width}]", simd.level());
            let (mut want, mut got) = (a.clone(), Activation::from_f16(&a, rows, width));
            let other = Activation::from_f16(&b, rows, width);
            twins::add(&mut want, &b);
            with_run(simd, |run| ops::add(run, &mut got, &other));
            check_agrees(&got.to_rows(), &want, 0.0, 0.0, &what);

            let (mut want, mut got) = (a.clone(), Activation::from_f16(&a, rows, width));
            twins::swiglu(&mut want, &b);
            with_run(simd, |run| ops::swiglu(run, &mut got, &other));
            check_agrees(&got.to_rows(), &want, 2.0, 0.0, &what);
        }
    }
}

#[test]
fn attention_agrees_with_its_twin() {
    let shapes = [
        (1, 1, 1, 1, 2),
        (4, 4, 4, 4, 8),
        (5, 1, 4, 2, 6),
        (31, 31, 6, 2, 4),
        (33, 33, 4, 1, 32),
        (64, 64, 2, 2, 28),
        (37, 1, 3, 3, 14),
        (300, 300, 2, 1, 2),
        (700, 30, 1, 1, 600),
    ];
    for simd in Simd::available() {
        for (seq_len, queries, heads, kv_heads, head_dim) in shapes {
            for nonces in [1, 2, 3, 19] {
                if nonces * seq_len > 1000 {
                    continue;
                }
                let shape = AttentionShape { seq_len, queries, heads, kv_heads, head_dim };
                let (rows, q_width, kv_width) = (nonces * queries, heads * head_dim, kv_heads * head_dim);
                let keys = nonces * seq_len;
                let q = values("q", rows * q_width, 1.5);
                let (k, v) = (values("k", keys * kv_width, 1.5), values("v", keys * kv_width, 1.0));
                let mut want = vec![f16::ZERO; rows * q_width];
                twins::attention(&q, &k, &v, shape, &mut want);
                let q = Activation::from_f16(&q, rows, q_width);
                let k = Activation::from_f16(&k, keys, kv_width);
                let v = Activation::from_f16(&v, keys, kv_width);
                let mut out = Activation::new(rows, q_width);
                with_run(simd, |run| ops::attention(run, &q, &k, &v, shape, &mut out));
                check_agrees(
                    &out.to_rows(),
                    &want,
                    2.0,
                    2.0,
                    &format!("{} {shape:?} x {nonces}", simd.level()),
                );
            }
        }
    }
}

#[test]
fn whole_models_of_odd_sizes_agree_with_the_reference() {
    use sphere_pow_core::gonka::forward::ReferenceExecutor;
    let odd = |change: fn(&mut RawParams)| params(change);
    let models = [
        odd(|_| ()),
        odd(|raw| (raw.n_heads, raw.n_kv_heads, raw.seq_len) = (8, 2, 33)),
        odd(|raw| (raw.n_layers, raw.seq_len, raw.vocab_size) = (1, 31, 37)),
        odd(|raw| (raw.dim, raw.n_heads, raw.n_kv_heads, raw.seq_len) = (66, 3, 1, 1)),
    ];
    let block = BlockHash::new("odd").expect("a hash");
    for params in models {
        let model = ReferenceExecutor::new(&params, &block);
        for simd in Simd::available() {
            let options = CpuOptions { threads: NonZeroUsize::new(2), simd: Some(simd.level()) };
            let pool = Arc::new(model.pool().to_vec());
            let mut executor = CpuExecutor::new(&params, &block, pool, options).expect("an executor");
            // Batches of changing size on one executor; the last is more than it takes at once.
            for nonces in [2, 1, 3, 130] {
                let inputs = values("inputs", nonces * params.seq_len() * params.dim(), 1.0);
                let (got, want) = (logits(&mut executor, &inputs), model.logits(&inputs));
                let size = want.iter().fold(0.0_f32, |m, x| m.max(x.abs()));
                for (got, want) in got.iter().zip(&want) {
                    assert!((got - want).abs() <= 0.01 * size, "{got} {want}");
                }
            }
        }
    }
}

#[test]
fn progress_is_told_and_a_break_interrupts() {
    let case = GonkaCase::load("devtest");
    let mut executor = executor(&case, Simd::best(), 2);
    let inputs = case.puzzle.input(&case.key, case.nonces[0]).repeat(64);
    let mut seen = Vec::new();
    executor
        .logits(&inputs, &mut |progress| {
            seen.push(progress.fraction());
            ControlFlow::Continue(())
        })
        .expect("logits");
    assert!(seen.is_sorted() && seen.first() == Some(&0.0) && seen.last() == Some(&1.0), "{seen:?}");
    let broken = executor.logits(&inputs, &mut |_| ControlFlow::Break(()));
    assert_eq!(broken, Err(CpuError::Interrupted));
    // The executor is whole afterwards.
    case.check(4, |inputs| logits(&mut executor, inputs));
}

#[test]
fn wrong_lengths_and_absent_instructions_are_refused() {
    let (params, block) = (params(|_| ()), BlockHash::new("refused").expect("a hash"));
    let new = |pool: Vec<f16>, simd| {
        CpuExecutor::new(&params, &block, Arc::new(pool), CpuOptions { threads: None, simd })
    };
    let error = new(vec![f16::ZERO; 3], None).expect_err("too short");
    assert_eq!(error, CpuError::PoolLen { expected: 50_000, got: 3 });
    let pool = weight_pool(&params, &block);
    let absent =
        SimdLevel::ALL.into_iter().find(|level| Simd::new(*level).is_none()).expect("no machine has all");
    assert!(matches!(new(pool.clone(), Some(absent)), Err(CpuError::NoSimd { .. })));
    let mut executor = new(pool, None).expect("an executor");
    for n in [0, 1, 4 * 64 + 1] {
        let error = executor.logits(&vec![f16::ZERO; n], &mut |_| ControlFlow::Continue(()));
        assert_eq!(error, Err(CpuError::InputLen { per_nonce: 4 * 64, got: n }));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn linear_agrees_at_any_size(rows in 1_usize..70, width in 1_usize..60, cols in 1_usize..700) {
        let (x, weight) = (values("x", rows * cols, 1.0), values("w", width * cols, 0.02));
        let mut want = vec![f16::ZERO; rows * width];
        twins::linear(&x, &weight, cols, &mut want);
        let x = Activation::from_f16(&x, rows, cols);
        for simd in Simd::available() {
            let mut out = Activation::new(rows, width);
            with_run(simd, |run| ops::linear(run, &x, Weight::matrix(&weight, cols), &mut out));
            let result = agree(&out.to_rows(), &want, 1.0, 0.005 * (cols as f32).sqrt());
            prop_assert!(result.is_ok(), "{result:?}");
        }
    }
}
