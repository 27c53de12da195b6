//! Repeating a segment takes no more memory than its sizes say, which is what the package reserves before it begins.

use peak_alloc::PeakAlloc;
use sphere_pow_core::train::commit::tree;
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::params::RawParams;
use sphere_pow_core::train::{Known, Lane, Opening, Params, Preset, Run, State, Text, Verdict};
use sphere_pow_cpu::threads::Threads;
use sphere_pow_cpu::train::TrainExecutor;
use std::convert::Infallible;
use std::num::NonZeroUsize;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn sizes(change: impl Fn(&mut RawParams)) -> Params {
    let mut raw =
        RawParams { inner: 1, segments: 1, lanes: 1, rounds: 1, ..Preset::Nano.params().raw().clone() };
    change(&mut raw);
    Params::new(&raw).expect("valid sizes")
}

#[test]
fn checks_stay_within_what_their_sizes_say() {
    let pool = Threads::new(NonZeroUsize::new(1)).expect("a thread");
    let executor = TrainExecutor::new(None).expect("there is a best set");
    let bytes: Vec<u8> = (0_u32..30_000).map(|ix| b'0' + (ix * ix * 7 % 31) as u8).collect();
    for params in [
        sizes(|_| ()),
        // Most of it attention's shares; most of it states.
        sizes(|raw| (raw.layers, raw.heads, raw.context, raw.batch) = (2, 16, 1024, 1024)),
        sizes(|raw| (raw.layers, raw.dim, raw.hidden, raw.vocab, raw.batch) = (12, 256, 1024, 1024, 64)),
        sizes(|raw| (raw.layers, raw.dim, raw.heads, raw.hidden, raw.context) = (1, 16, 2, 1024, 2)),
    ] {
        let run = Run::new(&params, Text::new(&params, &bytes).expect("a text"));
        let agreed = Agreed::fresh(&params, run.id());
        let lane = Lane { round: 0, lane: 0, seed: [3; 32] };
        let mut state = State::start(&params, &agreed.theta);
        let before = state.to_bytes();
        pool.install(|| run.step(&executor, &lane, 0, &mut state));
        let leaves = vec![run.id().leaf(0, 0, 0, &before), run.id().leaf(0, 0, 1, &state.to_bytes())];
        let tree = tree(run.id(), leaves.clone());
        let (path, next_path) = (tree.path(0), tree.path(1));
        let opening =
            Opening { lane, segment: 0, root: tree.root(), next: leaves[1], path, next_path, state: before };
        let opening = opening.to_bytes(&run);
        drop((state, agreed));
        // Of the opening itself there is one already.
        let base = MEMORY.current_usage() - opening.len();
        MEMORY.reset_peak_usage();
        let verdict = pool.install(|| {
            let read = Opening::from_bytes(&run, &opening).expect("an opening");
            read.check(&run, &executor, &Known::default(), || Ok::<(), Infallible>(()))
        });
        assert_eq!(verdict, Ok(Verdict::Unconfirmed));
        let (peak, bound) = ((MEMORY.peak_usage() - base) as u64, params.check_bytes());
        assert!(peak <= bound && peak * 4 > bound, "{peak} bytes, {bound} at most: {:?}", params.words());
    }
}
