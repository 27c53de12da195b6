//! The GPU executor against the known distances of the network, and what it does when things go wrong.

#[path = "gpu_gonka/growing_pool.rs"]
mod growing_pool;
#[path = "gpu_gonka/tiles.rs"]
mod tiles;

use pollster::block_on;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::params::RawParams;
use sphere_pow_core::gonka::weights::weight_pool;
use sphere_pow_core::gonka::{Params, Preset, known_answer};
use sphere_pow_core::identity::BlockHash;
use sphere_pow_cpu::gonka::{CpuExecutor, CpuOptions};
use sphere_pow_gpu::gonka::self_test;
use sphere_pow_gpu::probe::probe;
use sphere_pow_gpu::{GpuError, GpuExecutor, GpuOptions, devices};
use sphere_pow_tests::GonkaCase;
use sphere_pow_tests::gpu::{Bench, Bound, adapter, awkward, go_on, hold};
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::Instant;

fn check(name: &str, options: GpuOptions) {
    let case = GonkaCase::load(name);
    let params = case.puzzle.params();
    let pool = weight_pool(params, case.puzzle.block());
    let mut gpu =
        block_on(GpuExecutor::new(&adapter(), params, case.puzzle.block(), &pool, options, &mut go_on))
            .expect("a usable device");
    println!("{name}: batches of {}, {} bytes", gpu.batch(), gpu.memory_bytes());
    case.check(gpu.batch(), |inputs| block_on(gpu.logits(inputs, &mut go_on)).expect("logits"));
    println!("{:?} {:?}", gpu.tile(), gpu.pace());
}

#[test]
fn distances_of_tiny_are_the_networks() {
    check("tiny", GpuOptions::default());
}

#[test]
fn distances_of_small_are_the_networks() {
    check("small", GpuOptions::default());
}

#[test]
fn distances_of_devtest_are_the_networks() {
    check("devtest", GpuOptions::default());
}

#[test]
fn distances_by_matrix_units_are_the_networks() {
    let options = GpuOptions { matrix_units: Some(true), ..GpuOptions::default() };
    if adapter().matrix_units.is_some() {
        return ["tiny", "small"].into_iter().for_each(|name| check(name, options));
    }
    let error = Small::new().open(options).expect_err("there are none");
    assert!(matches!(error, GpuError::NoKernel { .. }), "{error}");
}

#[test]
fn the_probe_of_matrix_units_runs_all_kernels_for_them() {
    let info = adapter();
    match (info.matrix_units, block_on(probe(&info))) {
        (Some(told), Ok(found)) => {
            println!("{told:?} told, {found:?} found");
            assert_eq!(found.block, told.block);
            assert!((1..=told.subgroup_threads).contains(&found.subgroup_threads), "{found:?}");
        }
        (None, Err(error)) => assert!(matches!(error, GpuError::NoKernel { .. }), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[test]
#[ignore = "slow: three minutes and more on a software driver"]
fn distance_of_testnet_is_the_networks() {
    let mut case = GonkaCase::load("testnet");
    case.nonces.truncate(1);
    case.distances.truncate(1);
    let params = case.puzzle.params();
    let pool = sphere_pow_cpu::gonka::weight_pool(params, case.puzzle.block());
    // What a card of 1 GB has.
    let options = GpuOptions { memory_limit_bytes: Some(1_000_000_000), ..GpuOptions::default() };
    let mut gpu =
        block_on(GpuExecutor::new(&adapter(), params, case.puzzle.block(), &pool, options, &mut go_on))
            .expect("a usable device");
    println!("batches of {}, {} bytes, {:?}", gpu.batch(), gpu.memory_bytes(), gpu.tile());
    let start = Instant::now();
    case.check(1, |inputs| block_on(gpu.logits(inputs, &mut go_on)).expect("logits"));
    println!("{:?}, {:?}", start.elapsed(), gpu.pace());
}

#[test]
fn a_product_as_wide_as_mainnets_is_the_cpus() {
    // w1 takes 176 MB: more than a binding holds on most adapters, so it is made in chunks of its rows, and it goes
    // round the pool of this shallow model several times.
    let raw = RawParams { n_layers: 2, seq_len: 8, ..Preset::Mainnet.params().raw().clone() };
    let params = Params::new(&raw).expect("valid");
    let block = BlockHash::new("wide").expect("a hash");
    let pool = Arc::new(sphere_pow_cpu::gonka::weight_pool(&params, &block));
    let rows = 16;
    let normed = awkward("normed", rows, params.dim(), 0.02);
    let mut cpu = CpuExecutor::new(&params, &block, Arc::clone(&pool), CpuOptions::default()).expect("a CPU");
    let options = GpuOptions { batch: NonZeroUsize::new(2), ..GpuOptions::default() };
    let mut gpu =
        block_on(GpuExecutor::new(&adapter(), &params, &block, pool.as_slice(), options, &mut go_on))
            .expect("a device");
    let [got, want] =
        [block_on(gpu.gate_product(&normed)).expect("GPU"), cpu.gate_product(&normed).expect("CPU")]
            .map(|values| values.into_iter().map(f16::from_f32).collect::<Vec<_>>());
    hold("w1 of mainnet", &got, &want, params.hidden(), Bound::Units { units: 1, noise: 1e-5 });
}

/// A model small enough to try things with.
struct Small {
    case: GonkaCase,
    pool: Vec<f16>,
}

impl Small {
    fn new() -> Self {
        let case = GonkaCase::load("tiny");
        let pool = weight_pool(case.puzzle.params(), case.puzzle.block());
        Self { case, pool }
    }

    fn open(&self, options: GpuOptions) -> Result<GpuExecutor, GpuError> {
        let puzzle = &self.case.puzzle;
        block_on(GpuExecutor::new(
            &adapter(),
            puzzle.params(),
            puzzle.block(),
            &self.pool,
            options,
            &mut go_on,
        ))
    }

    fn inputs(&self, nonces: usize) -> Vec<f16> {
        let nonces = self.case.nonces[..nonces].iter();
        nonces.flat_map(|nonce| self.case.puzzle.input(&self.case.key, *nonce)).collect()
    }
}

#[test]
fn distances_hold_with_bounds_checks_and_under_the_tightest_limits() {
    // One tile of `small`'s widest weight, and a pool in several pieces.
    let max_binding_bytes = Some(128 * 1536 * 2);
    let batch = NonZeroUsize::new(3);
    check("small", GpuOptions { checked: true, max_binding_bytes, batch, ..GpuOptions::default() });
}

#[test]
fn a_lost_device_is_an_error_and_a_rebuilt_one_computes_rightly() {
    let small = Small::new();
    let mut gpu =
        small.open(GpuOptions { batch: NonZeroUsize::new(4), ..GpuOptions::default() }).expect("open");
    let inputs = small.inputs(4);
    let before = block_on(gpu.logits(&inputs, &mut go_on)).expect("logits");
    gpu.destroy_device();
    for _ in 0..2 {
        let error = block_on(gpu.logits(&inputs, &mut go_on));
        assert!(matches!(error, Err(GpuError::DeviceLost { .. })), "{error:?}");
    }
    block_on(gpu.rebuild(&small.pool, &mut go_on)).expect("rebuilt");
    assert_eq!(gpu.batch(), 4);
    assert_eq!(block_on(gpu.logits(&inputs, &mut go_on)).expect("logits"), before);
    small.case.check(4, |inputs| block_on(gpu.logits(inputs, &mut go_on)).expect("logits"));
}

#[test]
fn a_device_lost_in_the_middle_of_a_batch_is_an_error() {
    let small = Small::new();
    let mut gpu = small.open(GpuOptions::default()).expect("open");
    let inputs = small.inputs(gpu.batch());
    let kill = gpu.destroyer();
    let mut calls = 0;
    let error = block_on(gpu.logits(&inputs, &mut |_| {
        calls += 1;
        if calls == 1 {
            kill();
        }
        ControlFlow::Continue(())
    }));
    assert!(calls >= 1, "the progress was told");
    assert!(matches!(error, Err(GpuError::DeviceLost { .. })), "{error:?}");
}

#[test]
fn an_interrupted_batch_leaves_the_executor_usable() {
    let small = Small::new();
    let mut gpu = small.open(GpuOptions::default()).expect("open");
    let inputs = small.inputs(2);
    let before = block_on(gpu.logits(&inputs, &mut go_on)).expect("logits");
    assert_eq!(block_on(gpu.logits(&inputs, &mut |_| ControlFlow::Break(()))), Err(GpuError::Interrupted));
    assert_eq!(block_on(gpu.logits(&inputs, &mut go_on)).expect("logits"), before);
    let puzzle = &small.case.puzzle;
    let opened = block_on(GpuExecutor::new(
        &adapter(),
        puzzle.params(),
        puzzle.block(),
        &small.pool,
        GpuOptions::default(),
        &mut |_| ControlFlow::Break(()),
    ));
    assert_eq!(opened.err(), Some(GpuError::Interrupted));
}

#[test]
fn progress_grows_from_zero_to_one() {
    let small = Small::new();
    let mut gpu = small.open(GpuOptions::default()).expect("open");
    let mut told = Vec::new();
    block_on(gpu.logits(&small.inputs(gpu.batch()), &mut |share| {
        told.push(share);
        ControlFlow::Continue(())
    }))
    .expect("logits");
    assert!(told.is_sorted() && told.iter().all(|share| (0.0..=1.0).contains(share)), "{told:?}");
    assert_eq!(told.last(), Some(&1.0));
}

#[test]
fn batches_of_one_and_of_many_give_the_same_logits() {
    let small = Small::new();
    let mut gpu =
        small.open(GpuOptions { batch: NonZeroUsize::new(33), ..GpuOptions::default() }).expect("open");
    let together = block_on(gpu.logits(&small.inputs(33), &mut go_on)).expect("logits");
    let per_nonce = small.case.puzzle.params().seq_len() * small.case.puzzle.params().dim();
    let alone = small
        .inputs(33)
        .chunks(per_nonce)
        .flat_map(|input| block_on(gpu.logits(input, &mut go_on)).expect("logits"))
        .collect::<Vec<_>>();
    assert_eq!(together, alone);
}

#[test]
fn batches_in_flight_come_home_in_order_and_with_their_own_logits() {
    let small = Small::new();
    let mut gpu =
        small.open(GpuOptions { batch: NonZeroUsize::new(3), ..GpuOptions::default() }).expect("open");
    let (nonces, vocab) = (11, small.case.puzzle.params().vocab());
    let inputs = small.inputs(nonces);
    let per_nonce = inputs.len() / nonces;
    let (mut together, mut asked, mut came) = (Vec::new(), Vec::new(), Vec::new());
    let mut give = |batch: Range<usize>| {
        asked.push(batch.clone());
        inputs[batch.start * per_nonce..batch.end * per_nonce].to_vec()
    };
    let mut each = |batch: Range<usize>, logits: &[f32]| {
        assert_eq!(logits.len(), batch.len() * vocab);
        came.push(batch);
        together.extend_from_slice(logits);
    };
    block_on(gpu.for_each_batch(nonces, &mut give, &mut each, &mut go_on)).expect("logits");
    assert_eq!(asked, [0..3, 3..6, 6..9, 9..11]);
    assert_eq!(came, asked);
    let alone = inputs
        .chunks(per_nonce)
        .flat_map(|input| block_on(gpu.logits(input, &mut go_on)).expect("logits"))
        .collect::<Vec<_>>();
    assert_eq!(together, alone);
    // Stopped with results under way, the next call begins anew.
    let mut calls = 0;
    let stopped = block_on(gpu.for_each_batch(
        nonces,
        &mut |batch| inputs[..batch.len() * per_nonce].to_vec(),
        &mut |_, _| (),
        &mut |_| {
            calls += 1;
            if calls > 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    ));
    assert_eq!(stopped, Err(GpuError::Interrupted));
    assert_eq!(block_on(gpu.logits(&inputs[..per_nonce], &mut go_on)).expect("logits"), alone[..vocab]);
}

#[test]
fn bad_sizes_are_typed_errors() {
    let small = Small::new();
    let mut gpu =
        small.open(GpuOptions { batch: NonZeroUsize::new(2), ..GpuOptions::default() }).expect("open");
    for inputs in [small.inputs(3), Vec::new(), small.inputs(1)[1..].to_vec()] {
        let error = block_on(gpu.logits(&inputs, &mut go_on));
        assert!(matches!(error, Err(GpuError::Inputs { batch: 2, per_nonce: 512, .. })), "{error:?}");
    }
    let limit = |memory_limit_bytes, max_binding_bytes| {
        let options = GpuOptions { memory_limit_bytes, max_binding_bytes, ..GpuOptions::default() };
        small.open(options).expect_err("too small").to_string()
    };
    println!("{}", limit(Some(1 << 20), None));
    assert!(limit(Some(1 << 20), None).starts_with("memory in bytes is "));
    assert!(limit(None, Some(4096)).starts_with("one tile of a weight in bytes is "));
    let puzzle = &small.case.puzzle;
    let options = GpuOptions::default();
    let opened = block_on(GpuExecutor::new(
        &adapter(),
        puzzle.params(),
        puzzle.block(),
        &[] as &[f16],
        options,
        &mut go_on,
    ));
    assert_eq!(opened.err(), Some(GpuError::Pool { got: 0, expected: small.pool.len() }));
}

#[test]
fn memory_in_use_is_what_was_said_and_within_the_limit() {
    let small = Small::new();
    let limit = 9_500_000;
    let options = GpuOptions { memory_limit_bytes: Some(limit), ..GpuOptions::default() };
    let gpu = small.open(options).expect("open");
    assert!(gpu.memory_bytes() <= limit, "{}", gpu.memory_bytes());
    let needed = GpuExecutor::memory_needed(small.case.puzzle.params(), gpu.batch()).expect("fits");
    assert_eq!(gpu.memory_bytes(), needed);
    let most = GpuExecutor::max_batch(gpu.info(), small.case.puzzle.params(), limit).expect("fits");
    assert!(most >= gpu.batch());
}

#[test]
fn a_device_that_computes_wrongly_is_refused() {
    let Bench { gpu, kernels } = Bench::shared(true, true);
    let [first, second, ..] = known_answer::DISTANCES;
    assert_eq!(block_on(self_test::known_answers(gpu, kernels, &[first, second])), Ok(()));
    for wrong in [second + 3e-5, second - 3e-5] {
        let error =
            block_on(self_test::known_answers(gpu, kernels, &[first, wrong])).expect_err("a wrong answer");
        assert!(matches!(error, GpuError::SelfTest { .. }), "{error}");
        assert!(error.to_string().contains("the distance of nonce 1 is 1.4731"), "{error}");
    }
}

#[test]
fn all_adapters_are_listed_with_what_they_can_do() {
    let all = block_on(devices());
    assert!(!all.is_empty(), "no adapter");
    for (index, info) in all.iter().enumerate() {
        println!("{info:?}");
        assert_eq!(info.index, index);
        assert!(!info.name.is_empty() && info.limits.binding_bytes <= info.limits.buffer_bytes);
    }
}

#[test]
fn a_device_kept_for_the_next_block_computes_what_a_fresh_one_does() {
    // A pool in several pieces; without matrix units a software driver has one tile, so that bits can be compared.
    let options = GpuOptions {
        batch: NonZeroUsize::new(3),
        max_binding_bytes: Some(1 << 16),
        matrix_units: Some(false),
        ..GpuOptions::default()
    };
    let (small, block) = (Small::new(), BlockHash::new("the-next").expect("a hash"));
    let pool = weight_pool(small.case.puzzle.params(), &block);
    let inputs = small.inputs(3);
    let mut kept = small.open(options).expect("open");
    let first = block_on(kept.logits(&inputs, &mut go_on)).expect("logits");
    let stopped = block_on(kept.set_block(&block, &pool, &mut |_| ControlFlow::Break(())));
    assert_eq!(stopped, Err(GpuError::Interrupted));
    let half = block_on(kept.logits(&inputs, &mut go_on));
    assert!(matches!(half, Err(GpuError::NotLoaded { .. })), "{half:?}");
    block_on(kept.set_block(&block, &pool, &mut go_on)).expect("loaded");
    let params = small.case.puzzle.params();
    let mut fresh =
        block_on(GpuExecutor::new(&adapter(), params, &block, &pool, options, &mut go_on)).expect("open");
    let second = block_on(kept.logits(&inputs, &mut go_on)).expect("logits");
    assert_eq!(second, block_on(fresh.logits(&inputs, &mut go_on)).expect("logits"));
    assert_ne!(second, first);
    let short = block_on(kept.set_block(&block, &pool[1..], &mut go_on));
    assert!(matches!(short, Err(GpuError::Pool { .. })), "{short:?}");
    block_on(kept.set_block(small.case.puzzle.block(), &small.pool, &mut go_on)).expect("loaded");
    assert_eq!(block_on(kept.logits(&inputs, &mut go_on)).expect("logits"), first);
    kept.destroy_device();
    let lost = block_on(kept.set_block(&block, &pool, &mut go_on));
    assert!(matches!(lost, Err(GpuError::DeviceLost { .. })), "{lost:?}");
}
