//! The CPU's executor of training gives core's bits, on every set of instructions and number of threads.

use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::params::RawParams;
use sphere_pow_core::train::{Executor, Lane, Params, Plain, Preset, Run, State, Text};
use sphere_pow_cpu::exact::Kernels;
use sphere_pow_cpu::threads::Threads;
use sphere_pow_cpu::train::TrainExecutor;
use sphere_pow_tests::train_rounds::LongRun;
use std::num::NonZeroUsize;

fn values(seed: u64, n: usize, limit: i64) -> Vec<i16> {
    let mut x = seed;
    let next = |_| {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i16::try_from((x >> 33).cast_signed() % (2 * limit + 1) - limit).expect("within the limit")
    };
    (0..n).map(next).collect()
}

#[test]
fn products_are_cores_on_every_set_of_instructions() {
    let sizes =
        [(1, 1, 1), (5, 3, 2), (6, 16, 16), (7, 17, 33), (49, 80, 128), (97, 31, 1024), (130, 48, 512)];
    for kernels in Kernels::available() {
        let fast = TrainExecutor::new(Some(kernels)).expect("available");
        assert_eq!(fast.kernels(), kernels);
        for (rows, columns, depth) in sizes {
            for (wide, narrow) in [(16_383, 127), (127, 16_383)] {
                let (a, b) = (values(1, rows * depth, wide), values(2, depth * columns, narrow));
                let (mut got, mut want) = (vec![7; rows * columns], vec![0; rows * columns]);
                let what = format!("{kernels} {rows} {columns} {depth}");
                fast.product(&a, &b, depth, &mut got);
                Plain.product(&a, &b, depth, &mut want);
                assert_eq!(got, want, "{what}: product");
                fast.through(&a, &b, columns, &mut got);
                Plain.through(&a, &b, columns, &mut want);
                assert_eq!(got, want, "{what}: through");
                fast.gradient(&a, &b, depth, &mut got);
                Plain.gradient(&a, &b, depth, &mut want);
                assert_eq!(got, want, "{what}: gradient");
            }
        }
        // The largest sums that there are.
        let (a, b) = (vec![-16_383; 2048], vec![127; 1024]);
        let mut got = [0; 2];
        fast.product(&a, &b, 1024, &mut got);
        assert_eq!(got, [-2_130_576_384; 2]);
    }
}

/// Sizes that fill no block, panel or task of the executor.
fn odd() -> Params {
    let raw = RawParams {
        dim: 64,
        heads: 4,
        hidden: 80,
        context: 16,
        vocab: 48,
        batch: 80,
        ..Preset::Tiny.params().raw().clone()
    };
    Params::new(&raw).expect("valid sizes")
}

/// 24 rounds of a small model: the roots of a second implementation on every set of instructions.
#[test]
fn roots_of_24_rounds_are_the_vectors_on_every_set_of_instructions() {
    let long = LongRun::read();
    for kernels in Kernels::available() {
        let executor = TrainExecutor::new(Some(kernels)).expect("available");
        long.hold(&kernels.to_string(), |run, lane, steps, state| {
            for step in steps {
                run.step(&executor, lane, step, state);
            }
        });
    }
}

#[test]
fn states_are_cores_on_every_set_of_instructions() {
    let bytes: Vec<u8> = (0_u32..1500).map(|ix| b'0' + (ix * ix * 7 % 31) as u8).collect();
    for params in [Preset::Tiny.params(), odd()] {
        let run = Run::new(&params, Text::new(&params, &bytes).expect("a text"));
        let agreed = Agreed::fresh(&params, run.id());
        let lane = Lane { round: 1, lane: 1, seed: [5; 32] };
        let mut want = State::start(&params, &agreed.theta);
        let losses: Vec<i64> = (0..3).map(|step| run.step(&Plain, &lane, step, &mut want)).collect();
        assert_ne!(want.theta(), agreed.theta);
        let held_out = run.validate(&Plain, &want.theta(), 9);
        for (kernels, threads) in Kernels::available().flat_map(|kernels| [(kernels, 1), (kernels, 3)]) {
            let executor = TrainExecutor::new(Some(kernels)).expect("available");
            let pool = Threads::new(NonZeroUsize::new(threads)).expect("threads");
            pool.install(|| {
                let mut state = State::start(&params, &agreed.theta);
                for (step, loss) in (0..).zip(&losses) {
                    assert_eq!(run.step(&executor, &lane, step, &mut state), *loss, "{kernels}, step {step}");
                }
                assert_eq!(state, want, "{kernels}, {threads} threads");
                assert_eq!(run.validate(&executor, &state.theta(), 9), held_out);
            });
        }
    }
}
