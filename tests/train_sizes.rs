//! Training's ops and products on the CPU against core's, by whole steps of runs of many sizes.

use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::params::RawParams;
use sphere_pow_core::train::{Lane, Params, Plain, Preset, Run, State, Text};
use sphere_pow_cpu::exact::Kernels;
use sphere_pow_cpu::train::TrainExecutor;

/// A run of sizes that a number draws.
fn drawn(seed: u64, bytes: &[u8]) -> Run {
    let mut x = seed;
    let mut below = |n: u32| {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((x >> 33) % u64::from(n)).expect("below a u32")
    };
    let (dim, context) = (16 << (below(8) / 3), 2 << below(4));
    let raw = RawParams {
        layers: 1 + below(2),
        dim,
        heads: 1 << below((dim / 8).ilog2() + 1),
        hidden: 16 * (1 + below(5)),
        context,
        vocab: 16 * (2 + below(5)),
        batch: context * (1 + below(32 / context)),
        ..Preset::Tiny.params().raw().clone()
    };
    let params = Params::new(&raw).expect("sizes of a run");
    Run::new(&params, Text::new(&params, bytes).expect("a text"))
}

/// Every op and product of two steps, as the executor has them, of a thousand sizes.
#[test]
fn steps_of_a_thousand_sizes_are_cores() {
    let bytes: Vec<u8> = (0_u32..1500).map(|ix| b'0' + (ix * ix * 7 % 31) as u8).collect();
    let executors: Vec<_> =
        Kernels::available().map(|kernels| TrainExecutor::new(Some(kernels)).expect("available")).collect();
    let lane = Lane { round: 0, lane: 1, seed: [9; 32] };
    for seed in 0..1000 {
        let run = drawn(seed, &bytes);
        let start = State::start(run.params(), &Agreed::fresh(run.params(), run.id()).theta);
        let mut want = start.clone();
        let losses = [0, 1].map(|step| run.step(&Plain, &lane, step, &mut want));
        for executor in &executors {
            let mut got = start.clone();
            let found = [0, 1].map(|step| run.step(executor, &lane, step, &mut got));
            assert_eq!((found, &got), (losses, &want), "{}: {:?}", executor.kernels(), run.params());
        }
    }
}
