//! The CPU executor of the `exact` profile against the oracle's vectors and core's twins: every set of kernels
//! of this machine, weights in memory and on the fly, any batch and any number of threads.

use proptest::prelude::*;
use serde_json::Value;
use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::ops;
use sphere_pow_core::exact::params::RawParams;
use sphere_pow_core::exact::plan::Plan;
use sphere_pow_core::exact::{Digest, Inputs, Params, Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_cpu::exact::{CpuError, CpuExecutor, CpuOptions, Gemm, Kernels, Progress};
use sphere_pow_soundness::Shortcut;
use sphere_pow_soundness::exact::{CutExecutor, Edit};
use sphere_pow_tests::{sha256_hex, vectors};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Instant;

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Ways to run: each set of kernels, one thread and several, weights kept and not.
fn ways(params: &Params) -> Vec<CpuOptions> {
    let mut ways = Vec::new();
    for kernels in Kernels::available() {
        for (threads, is_packed) in [(1, true), (2, false), (3, true)] {
            let (threads, kernels) = (NonZeroUsize::new(threads), Some(kernels));
            let n_weights = usize::try_from(params.n_weights()).expect("small");
            // Less than the weights, yet enough for the rest.
            let limit = (n_weights - 1).max(24 << 20);
            let memory_limit_bytes = if is_packed { None } else { Some(limit) };
            ways.push(CpuOptions { threads, kernels, memory_limit_bytes });
        }
    }
    ways
}

/// Every way with the kernels that this machine runs, one with each other set: batches of a smaller case run all ways.
fn ways_of_the_best(params: &Params) -> Vec<CpuOptions> {
    let is_best = |options: &CpuOptions| options.kernels == Some(Kernels::best());
    let (best, others): (Vec<_>, Vec<_>) = ways(params).into_iter().partition(is_best);
    let once = others.into_iter().filter(|options| options.threads == NonZeroUsize::new(2));
    best.into_iter().chain(once).collect()
}

fn case_named(name: &str) -> (Value, Puzzle, PublicKey, Vec<Nonce>) {
    let all = vectors("exact_forward.json");
    let cases = all["cases"].as_array().expect("cases");
    let case = cases.iter().find(|case| case["name"] == name).expect("a case of that name").clone();
    let raw: RawParams = serde_json::from_value(case["params"].clone()).expect("parameters");
    let text = |field: &str| case[field].as_str().expect("text").to_owned();
    let block = BlockHash::new(&text("block_hash")).expect("a hash");
    let key = PublicKey::new(&text("public_key")).expect("a key");
    let first: u64 = text("first_nonce").parse().expect("a nonce");
    let count = case["count"].as_u64().expect("a count");
    let nonces = (first..first + count).map(|n| Nonce::new(n).expect("below 2^63")).collect();
    (case, Puzzle::new(&Params::new(&raw).expect("valid"), &block), key, nonces)
}

/// SHA-256 of all digests, equal to the oracle's. Portable code takes its time: where it is not the best there is, it
/// computes `few` nonces and is compared with what the others gave, who come before it.
fn check(name: &str, few: usize, ways: impl Fn(&Params) -> Vec<CpuOptions>) {
    let (case, puzzle, key, nonces) = case_named(name);
    let vocab = puzzle.params().vocab();
    let mut ways = ways(puzzle.params());
    ways.sort_by_key(|options| options.kernels == Some(Kernels::Portable));
    let mut whole = Vec::new();
    for options in ways {
        let mut executor = CpuExecutor::new(&puzzle, options).expect("an executor");
        let start = Instant::now();
        let is_slow = options.kernels == Some(Kernels::Portable) && !whole.is_empty();
        let nonces = if is_slow { &nonces[..few.min(nonces.len())] } else { &nonces[..] };
        let logits = executor.logits(&key, nonces, &mut go_on).expect("logits");
        if is_slow {
            assert!(logits == whole[..nonces.len() * vocab], "{name} {options:?}");
        } else {
            let digests = logits.chunks_exact(vocab).flat_map(|logits| *Digest::of_logits(logits).as_bytes());
            assert_eq!(sha256_hex(digests), case["sha256_of_digests"], "{name} {options:?}");
            whole = logits;
        }
        let (n, seconds) = (nonces.len(), start.elapsed().as_secs_f64());
        println!("{name} {}: {n} nonces in {seconds:.2} s", executor.description());
    }
}

#[test]
fn nano_digests_are_the_oracles_for_thousands_of_nonces() {
    check("nano", 256, ways_of_the_best);
}

#[test]
fn nano_digests_of_the_highest_nonces_are_the_oracles() {
    check("nano_high_nonces", 4, ways);
}

#[test]
fn odd_shapes_digests_are_the_oracles() {
    for name in
        ["one_layer_one_token", "wide_hidden", "narrow_hidden", "many_tokens", "no_shortage_of_layers"]
    {
        check(name, 3, ways);
    }
}

#[test]
fn the_widest_models_digests_are_the_oracles() {
    check("widest", 1, ways_of_the_best);
}

#[test]
fn standard_digests_are_the_oracles() {
    let both = |kernels| {
        let threads = NonZeroUsize::new(2);
        let options = CpuOptions { threads, kernels: Some(kernels), memory_limit_bytes: None };
        [options, CpuOptions { memory_limit_bytes: Some(48 << 20), ..options }]
    };
    check("standard", 1, |_| {
        Kernels::available()
            .flat_map(|kernels| both(kernels).into_iter().skip((kernels == Kernels::Portable).into()))
            .collect()
    });
}

#[test]
fn a_plan_of_some_layers_is_the_harness_with_the_others_skipped() {
    let (_, puzzle, key, nonces) = case_named("nano");
    let (nonces, layers) = (&nonces[..3], puzzle.params().layers());
    let model = ReferenceExecutor::new(&puzzle);
    let inputs = puzzle.inputs(&key, nonces);
    for kept in [vec![], vec![0], vec![layers - 1], vec![1, 7, 20], (0..layers).collect()] {
        let skipped = (0..layers).filter(|layer| !kept.contains(layer));
        let edits = skipped.map(|layer| Edit::SkipLayers(layer..layer + 1)).collect();
        let shortcut = Shortcut::new("some layers", edits);
        let want = CutExecutor::new(&model, &shortcut, &Inputs::default()).logits_of_inputs(&inputs);
        for options in ways(puzzle.params()) {
            let mut executor = CpuExecutor::new(&puzzle, options).expect("an executor");
            executor.set_plan(Plan::of_layers(&kept));
            let got = executor.logits(&key, nonces, &mut go_on).expect("logits");
            assert_eq!(got, want, "{kept:?} {options:?}");
        }
    }
}

/// What an emulated processor has is known; were it not detected, slower kernels would give the same bits.
#[test]
fn the_kernels_of_a_known_processor_are_found() {
    if let Ok(expected) = std::env::var("SPHERE_POW_EXPECTED_KERNELS") {
        assert_eq!(Kernels::best().to_string(), expected);
    }
    assert!(Kernels::best().is_available());
}

#[test]
fn a_memory_limit_decides_where_weights_are_and_never_the_bits() {
    let (_, puzzle, key, nonces) = case_named("nano");
    let nonces = &nonces[..37];
    let want = ReferenceExecutor::new(&puzzle).logits(&key, nonces);
    let mut seen = Vec::new();
    for megabytes in [None, Some(3), Some(4), Some(5), Some(6), Some(64)] {
        let memory_limit_bytes = megabytes.map(|n| n << 20);
        let options =
            CpuOptions { threads: NonZeroUsize::new(2), memory_limit_bytes, ..CpuOptions::default() };
        let mut executor = CpuExecutor::new(&puzzle, options).expect("an executor");
        seen.push((executor.is_packed(), executor.preferred_batch().get()));
        assert_eq!(executor.logits(&key, nonces, &mut go_on).expect("logits"), want, "{megabytes:?}");
    }
    assert!(seen.contains(&seen[0]) && seen[0].0 && !seen[1].0, "{seen:?}");
    let limit = CpuOptions { memory_limit_bytes: Some(1000), ..CpuOptions::default() };
    let error = CpuExecutor::new(&puzzle, limit).expect_err("too little");
    assert!(matches!(error, CpuError::MemoryLimit { got: 1000, expected } if expected > 1000), "{error}");
}

#[test]
fn no_nonces_give_no_logits_and_absent_kernels_an_error() {
    let (_, puzzle, key, _) = case_named("nano");
    let mut executor = CpuExecutor::new(&puzzle, CpuOptions::default()).expect("an executor");
    assert_eq!(executor.logits(&key, &[], &mut go_on), Ok(Vec::new()));
    let kernels =
        Kernels::ALL.into_iter().find(|kernels| !kernels.is_available()).expect("another machine's");
    let options = CpuOptions { kernels: Some(kernels), ..CpuOptions::default() };
    assert!(matches!(CpuExecutor::new(&puzzle, options), Err(CpuError::NoKernels { .. })));
}

/// Breaks from the first call after some work on: no more than a part may then be done.
fn stop_under_way(run: impl FnOnce(&mut dyn FnMut(Progress) -> ControlFlow<()>) -> CpuError) {
    let mut is_asked = false;
    let error = run(&mut |progress| {
        assert!(progress.done < progress.total, "{progress:?}");
        is_asked |= progress.done > 0;
        if is_asked { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(error, CpuError::Interrupted);
    assert!(is_asked, "it was stopped before it did anything");
}

#[test]
fn large_stops_under_way() {
    let puzzle = Puzzle::new(&Preset::Large.params(), &BlockHash::new("stop").expect("a hash"));
    let key = PublicKey::new("key").expect("a key");
    let options = CpuOptions { memory_limit_bytes: Some(256 << 20), ..CpuOptions::default() };
    let mut executor = CpuExecutor::new(&puzzle, options).expect("an executor");
    assert!(!executor.is_packed());
    let nonces: Vec<Nonce> = (0..64).map(|n| Nonce::new(n).expect("small")).collect();
    stop_under_way(|progress| executor.logits(&key, &nonces, progress).expect_err("stopped"));
    stop_under_way(|progress| {
        CpuExecutor::with_progress(&puzzle, CpuOptions::default(), progress).expect_err("stopped")
    });
}

fn rows_of(n: usize, seed: u32, bound: i32) -> Vec<i8> {
    let mut x = seed;
    (0..n)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i8::try_from(((x >> 8) % (2 * bound.unsigned_abs() + 1)).cast_signed() - bound).expect("int8")
        })
        .collect()
}

fn check_gemm(x: &[i8], weights: &[i8], inputs: usize) {
    let mut want = vec![0; x.len() / inputs * (weights.len() / inputs)];
    ops::linear(x, weights, inputs, &mut want);
    for kernels in Kernels::available() {
        let mut gemm = Gemm::new(kernels, weights, inputs).expect("available");
        for is_parallel in [false, true] {
            gemm.multiply(x, is_parallel);
            assert_eq!(gemm.result(), want, "{kernels}");
        }
        // One weight off by one must show, in its output and nowhere else.
        let (mut faulty, at) = (weights.to_vec(), weights.len() * 2 / 3);
        faulty[at] += if faulty[at] > 0 { -1 } else { 1 };
        let mut gemm = Gemm::new(kernels, &faulty, inputs).expect("available");
        gemm.multiply(x, false);
        let outputs = weights.len() / inputs;
        for (i, (got, want)) in gemm.result().iter().zip(&want).enumerate() {
            let is_seen = i % outputs == at / inputs && x[i / outputs * inputs + at % inputs] != 0;
            assert_eq!(got != want, is_seen, "{kernels}: entry {i} with weight {at} changed");
        }
    }
}

#[test]
fn gemm_is_cores_at_awkward_sizes() {
    for (rows, outputs, inputs) in
        [(1, 1, 16), (7, 33, 48), (8, 31, 64), (9, 65, 80), (13, 1, 1024), (1, 64, 4096), (37, 100, 208)]
    {
        check_gemm(&rows_of(rows * inputs, 1, 127), &rows_of(outputs * inputs, 2, 46), inputs);
    }
}

#[test]
fn gemm_is_cores_where_every_accumulator_is_at_its_bound() {
    for (x, w) in [(127, 46), (-127, 46), (127, -46), (-127, -46)] {
        for inputs in [64, 1024, 16_384] {
            check_gemm(&vec![x; 11 * inputs], &vec![w; 35 * inputs], inputs);
        }
    }
}

fn any_params() -> impl Strategy<Value = RawParams> {
    let width = prop_oneof![Just(64_u32), Just(256)];
    let hidden = prop_oneof![Just(64_u32), Just(256), Just(1024)];
    (width, hidden, any::<bool>(), 1..4_u32, 1..1000_u32, 16..300_u32).prop_map(
        |(dim, hidden, is_narrow, layers, tokens, vocab)| RawParams {
            dim,
            heads: if is_narrow { dim / 16 } else { dim / 64 },
            hidden,
            layers,
            tokens: tokens % (dim / 4) + 1,
            vocab,
            threshold: 1 << 24,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.min(24), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_shape_and_batch_gives_cores_logits(raw in any_params(), first in 0..1_000_000_u64, count in 1..6_usize) {
        let params = Params::new(&raw).expect("valid");
        let puzzle = Puzzle::new(&params, &BlockHash::new("shapes").expect("a hash"));
        let key = PublicKey::new("key").expect("a key");
        let nonces: Vec<Nonce> = (first..).take(count).map(|n| Nonce::new(n).expect("small")).collect();
        let want = ReferenceExecutor::streaming(&puzzle).logits(&key, &nonces);
        for options in ways(&params) {
            let mut executor = CpuExecutor::new(&puzzle, options).expect("an executor");
            prop_assert_eq!(&executor.logits(&key, &nonces, &mut go_on).expect("logits"), &want);
        }
    }
}
