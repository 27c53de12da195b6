//! The GPU executor of the `exact` profile against the oracle's digests, and what it does when things go wrong.

use pollster::block_on;
use serde_json::Value;
use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::params::RawParams;
use sphere_pow_core::exact::transcript::{Hash, Run};
use sphere_pow_core::exact::{Digest, Params, Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_gpu::exact::self_test;
use sphere_pow_gpu::exact::{CachePlace, ExactGpuExecutor, ExactGpuOptions, Method, WeightPlace};
use sphere_pow_gpu::{DeviceInfo, GpuError};
use sphere_pow_tests::gpu::{adapter, go_on};
use sphere_pow_tests::transcript::{Host, Machine};
use sphere_pow_tests::{sha256_hex, vectors};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::time::Instant;

/// Options that remember the choice of kernels from test to test.
fn options() -> ExactGpuOptions {
    let cache = CachePlace::In(env!("CARGO_TARGET_TMPDIR").into());
    ExactGpuOptions { cache, ..ExactGpuOptions::default() }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {value}"))
}

fn cases() -> Vec<Value> {
    vectors("exact_forward.json")["cases"].as_array().expect("cases").clone()
}

fn case(name: &str) -> Value {
    cases().into_iter().find(|case| text(case, "name") == name).unwrap_or_else(|| panic!("no case {name}"))
}

fn puzzle_and_key(case: &Value) -> (Puzzle, PublicKey) {
    let raw: RawParams = serde_json::from_value(case["params"].clone()).expect("parameters");
    let block = BlockHash::new(text(case, "block_hash")).expect("a hash");
    let key = PublicKey::new(text(case, "public_key")).expect("a key");
    (Puzzle::new(&Params::new(&raw).expect("valid parameters"), &block), key)
}

fn nonces_of(case: &Value) -> Vec<Nonce> {
    let first: u64 = text(case, "first_nonce").parse().expect("a number");
    let count = usize::try_from(case["count"].as_u64().expect("a count")).expect("small");
    (first..).take(count).map(|n| Nonce::new(n).expect("below 2^63")).collect()
}

fn open(info: &DeviceInfo, puzzle: &Puzzle, options: ExactGpuOptions) -> ExactGpuExecutor {
    block_on(ExactGpuExecutor::new(info, puzzle, options, &mut go_on))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// Runs the first `limit` nonces of a case of `exact_forward.json` and holds digests and verdicts to the oracle's:
/// those listed one by one, and all at once where the limit leaves all.
fn check(case: &Value, info: &DeviceInfo, limit: usize, options: ExactGpuOptions) {
    let (puzzle, key) = puzzle_and_key(case);
    let (name, all) = (text(case, "name"), nonces_of(case));
    let nonces = &all[..limit.min(all.len())];
    let opening = Instant::now();
    let mut gpu = open(info, &puzzle, options);
    let opened = opening.elapsed();
    let running = Instant::now();
    let judged = block_on(gpu.judge(&key, nonces, &mut go_on)).expect("verdicts");
    let (ran, per_nonce) = (running.elapsed(), running.elapsed() / u32::try_from(nonces.len()).expect("few"));
    println!(
        "{name}: {}; open {opened:.2?}, {} nonces {ran:.2?}, {per_nonce:.2?} each",
        gpu.description(),
        nonces.len()
    );
    for (want, (nonce, (digest, verdict))) in
        case["nonces"].as_array().into_iter().flatten().zip(nonces.iter().zip(&judged))
    {
        assert_eq!(nonce.to_string(), text(want, "nonce"));
        assert_eq!(digest.to_hex(), text(want, "digest"), "{name}, nonce {nonce}");
        assert_eq!(verdict.dot.to_string(), text(want, "dot"));
    }
    if nonces.len() == all.len() {
        let digests: Vec<u8> = judged.iter().flat_map(|(digest, _)| *digest.as_bytes()).collect();
        assert_eq!(sha256_hex(digests), text(case, "sha256_of_digests"), "{name}");
        let won = judged.iter().filter(|(_, verdict)| verdict.won).count();
        assert_eq!(Some(won as u64), case["won"].as_u64(), "{name}");
    } else {
        let vocab = puzzle.params().vocab();
        let twin = ReferenceExecutor::streaming(&puzzle);
        for (nonces, judged) in nonces.chunks(64).zip(judged.chunks(64)) {
            let want = twin.logits(&key, nonces);
            for (want, (digest, _)) in want.chunks_exact(vocab).zip(judged) {
                assert_eq!(Digest::of_logits(want), *digest, "{name}");
            }
        }
    }
}

/// SwiftShader multiplies five times slower than llvmpipe: it gets fewer nonces, so that a check stays a check.
fn is_slow(info: &DeviceInfo) -> bool {
    info.name.contains("SwiftShader")
}

#[test]
fn digests_of_4096_nano_nonces_are_the_oracles() {
    let info = adapter();
    check(&case("nano"), &info, if is_slow(&info) { 256 } else { usize::MAX }, options());
}

#[test]
fn digests_of_standard_are_the_oracles() {
    let info = adapter();
    check(&case("standard"), &info, if is_slow(&info) { 1 } else { usize::MAX }, options());
}

#[test]
fn digests_of_odd_shapes_are_the_oracles() {
    let info = adapter();
    let mut shapes: Vec<Value> =
        cases().into_iter().filter(|case| !["nano", "standard"].contains(&text(case, "name"))).collect();
    if is_slow(&info) {
        // Every other of those drawn by chance; the widest's three tokens are as much work as ten of the others.
        shapes.retain(|case| text(case, "name") != "widest");
        let mut drawn = 0;
        shapes.retain(|case| !text(case, "name").starts_with("random_") || (drawn += 1, drawn % 2).1 == 0);
    }
    assert!(shapes.len() >= 18);
    for (ix, case) in shapes.iter().enumerate() {
        // Batches that are full, ragged and single; weights in both places; bounds checks on every other time.
        let weights = Some([WeightPlace::Resident, WeightPlace::Streamed][ix % 2]);
        let (batch, checked) = (NonZeroUsize::new(1 + ix % 3), ix % 2 == 1);
        check(case, &info, usize::MAX, ExactGpuOptions { batch, weights, checked, ..options() });
    }
}

/// A model small enough for every option, with its reference digests.
fn small() -> (Puzzle, PublicKey, Vec<Nonce>, Vec<Digest>) {
    let raw = RawParams { hidden: 256, layers: 3, tokens: 7, vocab: 131, ..Preset::Nano.params().raw() };
    let block = BlockHash::new("gpu_exact").expect("a hash");
    let puzzle = Puzzle::new(&Params::new(&raw).expect("valid"), &block);
    let key = PublicKey::new("gpu_exact-key").expect("a key");
    let nonces: Vec<Nonce> = [0, 1, 2, 3, 5, 8, (1 << 32) - 1, 1 << 32, (1 << 62) + 7]
        .map(|n| Nonce::new(n).expect("below 2^63"))
        .to_vec();
    let logits = ReferenceExecutor::new(&puzzle).logits(&key, &nonces);
    let digests = logits.chunks_exact(puzzle.params().vocab()).map(Digest::of_logits).collect();
    (puzzle, key, nonces, digests)
}

fn digests(gpu: &mut ExactGpuExecutor, key: &PublicKey, nonces: &[Nonce]) -> Vec<Digest> {
    let judged = block_on(gpu.judge(key, nonces, &mut go_on)).unwrap_or_else(|error| panic!("{error}"));
    judged.into_iter().map(|(digest, _)| digest).collect()
}

#[test]
fn every_batch_kernel_and_place_gives_the_same_digests() {
    let (info, (puzzle, key, nonces, want)) = (adapter(), small());
    let units = info.matrix_units.map(|units| if units.block == 8 { Method::Coop8 } else { Method::Coop16 });
    for kernel in [Method::Dp4a, Method::F32].into_iter().chain(units) {
        for weights in [WeightPlace::Resident, WeightPlace::Streamed] {
            for batch in [1, 2, 4, 9, 64] {
                let batch = NonZeroUsize::new(batch);
                let options =
                    ExactGpuOptions { batch, kernel: Some(kernel), weights: Some(weights), ..options() };
                let mut gpu = open(&info, &puzzle, options);
                assert_eq!(gpu.linears().wide.variant.method, kernel);
                assert_eq!(digests(&mut gpu, &key, &nonces), want, "{kernel:?} {weights:?} {batch:?}");
                // A second call on the same executor, fewer nonces, and none.
                assert_eq!(digests(&mut gpu, &key, &nonces[3..5]), want[3..5]);
                assert_eq!(block_on(gpu.logits(&key, &[], &mut go_on)), Ok(vec![]));
            }
        }
    }
}

#[test]
fn small_bindings_cut_tensors_and_change_nothing() {
    let (info, (puzzle, key, nonces, want)) = (adapter(), small());
    let mut buffers = Vec::new();
    for weights in [WeightPlace::Resident, WeightPlace::Streamed] {
        // 64 rows of w2's 256 inputs are 16 KiB: the least there can be for activations of 128 rows, 32 KiB.
        let options = ExactGpuOptions {
            batch: NonZeroUsize::new(3),
            weights: Some(weights),
            max_binding_bytes: Some(128 << 10),
            ..options()
        };
        let mut gpu = open(&info, &puzzle, options);
        buffers.push(gpu.memory_bytes());
        assert_eq!(digests(&mut gpu, &key, &nonces), want, "{weights:?}");
    }
    assert!(buffers[1] < buffers[0], "{buffers:?}");
    let raw = RawParams { dim: 256, heads: 4, hidden: 1024, layers: 1, tokens: 2, ..puzzle.params().raw() };
    let puzzle = Puzzle::new(&Params::new(&raw).expect("valid"), puzzle.block());
    let want: Vec<Digest> = ReferenceExecutor::new(&puzzle)
        .logits(&key, &nonces)
        .chunks_exact(puzzle.params().vocab())
        .map(Digest::of_logits)
        .collect();
    for weights in [WeightPlace::Resident, WeightPlace::Streamed] {
        // w1 and w3 are 256 KiB: cut into pieces of 512 rows.
        let options = ExactGpuOptions {
            batch: NonZeroUsize::new(3),
            weights: Some(weights),
            max_binding_bytes: Some(129 << 10),
            ..options()
        };
        assert_eq!(digests(&mut open(&info, &puzzle, options), &key, &nonces), want, "{weights:?}");
    }
}

#[test]
fn too_little_memory_is_an_error_with_numbers() {
    let info = adapter();
    let puzzle = Puzzle::new(&Preset::Standard.params(), &BlockHash::new("memory").expect("a hash"));
    let refused = |options| match block_on(ExactGpuExecutor::new(&info, &puzzle, options, &mut go_on)) {
        Err(GpuError::Limit { needed, limit, .. }) => (needed, limit),
        other => panic!("{other:?}"),
    };
    let (needed, limit) = refused(ExactGpuOptions { memory_limit_bytes: Some(1 << 20), ..options() });
    assert!(needed > limit && limit == 1 << 20);
    let resident = Some(WeightPlace::Resident);
    let limit = Some(100 << 20);
    let (needed, _) = refused(ExactGpuOptions { memory_limit_bytes: limit, weights: resident, ..options() });
    assert!(needed > 290_000_000);
    let (needed, limit) = refused(ExactGpuOptions {
        max_binding_bytes: Some(1 << 15),
        batch: NonZeroUsize::new(1),
        ..options()
    });
    assert_eq!((needed, limit), (1 << 16, 1 << 15));
}

#[test]
fn an_interrupt_stops_and_the_executor_goes_on_after_it() {
    let (info, (puzzle, key, nonces, want)) = (adapter(), small());
    let never = &mut |_| ControlFlow::Break(());
    let opened = block_on(ExactGpuExecutor::new(&info, &puzzle, options(), never));
    assert_eq!(opened.err(), Some(GpuError::Interrupted));
    let mut gpu = open(&info, &puzzle, ExactGpuOptions { batch: NonZeroUsize::new(2), ..options() });
    for calls in 0..4 {
        let mut left = calls;
        let mut last = 0.0;
        let mut progress = |share: f32| {
            assert!((last..=1.0).contains(&share), "{share} after {last}");
            last = share;
            left -= 1;
            if left < 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        assert_eq!(block_on(gpu.logits(&key, &nonces, &mut progress)).err(), Some(GpuError::Interrupted));
        assert_eq!(digests(&mut gpu, &key, &nonces), want);
    }
}

#[test]
fn a_lost_device_is_an_error_until_it_is_rebuilt() {
    let (info, (puzzle, key, nonces, want)) = (adapter(), small());
    let mut gpu = open(&info, &puzzle, ExactGpuOptions { batch: NonZeroUsize::new(2), ..options() });
    assert_eq!(digests(&mut gpu, &key, &nonces), want);
    gpu.destroy_device();
    for _ in 0..2 {
        let lost = block_on(gpu.judge(&key, &nonces, &mut go_on));
        assert!(matches!(lost, Err(GpuError::DeviceLost { .. })), "{lost:?}");
    }
    block_on(gpu.rebuild(&mut go_on)).expect("the adapter is still there");
    assert_eq!(gpu.batch(), 2);
    assert_eq!(digests(&mut gpu, &key, &nonces), want);
}

#[test]
fn a_device_kept_for_the_next_block_computes_what_a_fresh_one_does() {
    let (info, (puzzle, key, nonces, want)) = (adapter(), small());
    let next = Puzzle::new(puzzle.params(), &BlockHash::new("the-next").expect("a hash"));
    let logits = ReferenceExecutor::new(&next).logits(&key, &nonces);
    let want_next: Vec<Digest> =
        logits.chunks_exact(puzzle.params().vocab()).map(Digest::of_logits).collect();
    for weights in [WeightPlace::Resident, WeightPlace::Streamed] {
        let options = ExactGpuOptions { weights: Some(weights), ..options() };
        let mut gpu = open(&info, &puzzle, options);
        block_on(gpu.keep_leaves()).expect("kernels that hash");
        assert_eq!(digests(&mut gpu, &key, &nonces), want);
        // What is made as it is used is not loaded, and there is nothing to stop.
        if weights == WeightPlace::Resident {
            let stopped = block_on(gpu.set_block(next.block(), &mut |_| ControlFlow::Break(())));
            assert_eq!(stopped, Err(GpuError::Interrupted));
            let half = block_on(gpu.judge(&key, &nonces, &mut go_on));
            assert!(matches!(half, Err(GpuError::NotLoaded { .. })), "{half:?}");
        }
        block_on(gpu.set_block(next.block(), &mut go_on)).expect("weights");
        let (judged, leaves) = block_on(gpu.judge_with_leaves(&key, &nonces, &mut go_on)).expect("verdicts");
        assert_eq!(judged.iter().map(|(digest, _)| *digest).collect::<Vec<_>>(), want_next, "{weights:?}");
        assert_eq!(leaves.len(), nonces.len() * (puzzle.params().layers() + 1), "still kept");
        block_on(gpu.set_block(puzzle.block(), &mut go_on)).expect("weights");
        assert_eq!(digests(&mut gpu, &key, &nonces), want);
        gpu.destroy_device();
        let lost = block_on(gpu.set_block(next.block(), &mut go_on));
        assert!(matches!(lost, Err(GpuError::DeviceLost { .. })), "{lost:?}");
        // Made anew, it is for the block that it has.
        block_on(gpu.rebuild(&mut go_on)).expect("the adapter is still there");
        assert_eq!(digests(&mut gpu, &key, &nonces), want);
    }
}

#[test]
fn transcripts_are_the_twins_in_every_batch_and_after_a_loss() {
    let info = adapter();
    for params in [small().0.params().raw(), self_test::odd_params().raw()] {
        let block = BlockHash::new("leaves").expect("a hash");
        let puzzle = Puzzle::new(&Params::new(&params).expect("valid"), &block);
        let key = PublicKey::new("leaves-key").expect("a key");
        let run = Run { first: Nonce::new(5).expect("small"), step: 3, count: 5 };
        let mut twin = Machine::Twin(ReferenceExecutor::new(&puzzle));
        let host = Host::new(&mut twin, &puzzle, &key, &[vec![run]]);
        let nonces: Vec<Nonce> = host.records.keys().copied().collect();
        let want: Vec<Hash> = host.records.values().flat_map(|(_, leaves, _)| leaves.clone()).collect();
        let digests: Vec<Digest> = host.records.values().map(|(_, _, digest)| *digest).collect();
        // Batches of two and one; weights in both places.
        let weights = Some(if params.layers == 2 { WeightPlace::Streamed } else { WeightPlace::Resident });
        let batch = NonZeroUsize::new(2);
        let mut gpu = open(&info, &puzzle, ExactGpuOptions { batch, weights, ..options() });
        assert_eq!(block_on(gpu.judge_with_leaves(&key, &nonces, &mut go_on)).expect("verdicts").1, []);
        block_on(gpu.keep_leaves()).expect("kernels that hash");
        for is_lost in [false, true] {
            if is_lost {
                gpu.destroy_device();
                block_on(gpu.rebuild(&mut go_on)).expect("the adapter is still there");
            }
            let (judged, leaves) =
                block_on(gpu.judge_with_leaves(&key, &nonces, &mut go_on)).expect("verdicts");
            assert_eq!(judged.iter().map(|(digest, _)| *digest).collect::<Vec<_>>(), digests);
            assert!(leaves == want, "{params:?}, lost: {is_lost}");
        }
        let layers = puzzle.params().layers();
        let wanted = vec![(1..layers).collect(); nonces.len()];
        let remade = block_on(gpu.remake(&key, &nonces, &wanted, &mut go_on)).expect("nonces");
        assert!(remade == host.remade(&nonces), "{params:?}");
        for layer in 0..layers {
            let states = |state: usize| -> Vec<i16> {
                host.records.values().flat_map(|(states, _, _)| states[state].clone()).collect()
            };
            let before = states(layer);
            let mut quiet = go_on;
            let repeated = gpu.repeat(&key, &nonces, layer, &before, &mut quiet);
            let (next, logits) = block_on(repeated).expect("a layer");
            assert!(next == states(layer + 1), "layer {layer} of {params:?}");
            let digests_of_layer: Vec<Digest> =
                logits.chunks_exact(puzzle.params().vocab()).map(Digest::of_logits).collect();
            assert_eq!(digests_of_layer, if layer + 1 == layers { digests.clone() } else { Vec::new() });
        }
    }
}

#[test]
fn a_kernel_the_adapter_lacks_is_an_error() {
    let (info, (puzzle, ..)) = (adapter(), small());
    let without = DeviceInfo { matrix_units: None, ..info };
    let options = ExactGpuOptions { kernel: Some(Method::Coop16), ..options() };
    let error = block_on(ExactGpuExecutor::new(&without, &puzzle, options, &mut go_on)).err();
    assert!(matches!(error, Some(GpuError::NoKernel { .. })), "{error:?}");
}
