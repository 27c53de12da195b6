use super::{Cut, PoolMaker};
use crate::simd::Simd;
use core::ops::ControlFlow;
use half::f16;
use sphere_pow_core::gonka::rng::{NumpyRng, weight_from_normal};
use sphere_pow_core::gonka::seed::Seed;

fn serial(seed: &Seed, n: usize) -> Vec<f16> {
    NumpyRng::new(seed).standard_normals(n).into_iter().map(weight_from_normal).collect()
}

#[test]
fn any_cut_gives_the_serial_stream() {
    let seed = Seed::from_text("cuts", 4);
    let want = serial(&seed, 60_000);
    for simd in Simd::available() {
        // Segments shorter than one normal may reach, odd ones, and one that holds everything.
        for (segment, at_once) in
            [(1, 1), (1, 7), (2, 5), (3, 64), (7, 3), (8, 8), (17, 31), (511, 4), (1024, 5), (70_000, 1)]
        {
            for len in [1, 999, want.len()] {
                let mut pool = vec![f16::ONE; len];
                let cut = Cut { segment, at_once };
                let end =
                    PoolMaker::cut(&seed, len, simd, cut).fill(&mut pool, &|_| ControlFlow::Continue(()));
                assert!(end.is_continue());
                assert!(pool == want[..len], "{} {cut:?} {len}", simd.level());
                let mut parts = Vec::new();
                let mut maker = PoolMaker::cut(&seed, len, simd, cut);
                while maker.next(|at, weights| {
                    assert_eq!(at, parts.len());
                    parts.extend_from_slice(weights);
                }) {}
                assert!(parts == want[..len], "{} {cut:?} {len}", simd.level());
            }
        }
    }
}

#[test]
fn a_break_stops_the_pool() {
    let mut pool = vec![f16::ONE; 1000];
    let cut = Cut { segment: 10, at_once: 2 };
    let stop = |share: f32| if share > 0.3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let seed = Seed::from_text("stop", 1);
    assert!(PoolMaker::cut(&seed, 1000, Simd::best(), cut).fill(&mut pool, &stop).is_break());
    assert_eq!(pool[999], f16::ONE);
}
