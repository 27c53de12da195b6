//! `train-nano` in ways that are compared by their loss on what is held out:
//! `cargo run --release -p sphere-pow-cpu --example ways -- TEXT [ROUNDS [SEED [WAY...]]]`.
//!
//! - `all`: DiLoCo, all lanes of each round merged.
//! - `lost`: a quarter of the lanes lost, other ones each round.
//! - `owed`: the same, and what a round lost is leased again in the next (SPEC §IV.9.1).
//! - `synchronous`: no lanes; each step by the gradients of as many batches as there are lanes, moments never set back.
//!
//! Threads: `SPHERE_POW_THREADS`, by default all; instructions: `SPHERE_POW_KERNELS`, by default the best. Ends with the root of each way of
//! lanes: that of `sphere-pow train` for `all`, on every machine.

use sphere_pow_core::network::lanes;
use sphere_pow_core::train::commit::{delta, read_delta};
use sphere_pow_core::train::lane::optimise;
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::model::Gradient;
use sphere_pow_core::train::ops::optimise::corrections;
use sphere_pow_core::train::values::rs;
use sphere_pow_core::train::{Executor, Lane, Params, Preset, Run, State, Text, nats};
use sphere_pow_cpu::exact::Kernels;
use sphere_pow_cpu::threads::Threads;
use sphere_pow_cpu::train::TrainExecutor;

/// Rounds of one way, one after the other; gives what is agreed after each.
type Way<'a> = Box<dyn FnMut(u32) -> Agreed + Send + 'a>;

/// Results of tasks side by side, in their order.
fn each<T: Send>(executor: &TrainExecutor, lanes: &[u32], work: impl Fn(u32) -> T + Sync + Send) -> Vec<T> {
    let mut results: Vec<Option<T>> = lanes.iter().map(|_| None).collect();
    executor.for_each(lanes.iter().zip(&mut results).collect(), |(lane, result)| *result = Some(work(*lane)));
    results.into_iter().map(|result| result.expect("each was run")).collect()
}

fn trained(run: &Run, executor: &TrainExecutor, agreed: &Agreed, lane: u32) -> Vec<i64> {
    let seed = run.id().seed(agreed.round, &agreed.root(run.id()), b"");
    let lane = Lane { round: agreed.round, lane, seed };
    let mut state = State::start(run.params(), &agreed.theta);
    for step in 0..run.params().raw().inner {
        run.step(executor, &lane, step, &mut state);
    }
    read_delta(run.params(), &delta(&agreed.theta, &state.theta())).expect("made by the same rules")
}

/// Lanes in rounds, of which `loses` says how many are lost, by how many were leased up to this round and in it.
fn diloco<'a>(
    run: &'a Run,
    executor: &'a TrainExecutor,
    is_owed: bool,
    loses: impl Fn(u32, u32) -> u32 + Send + 'a,
) -> Way<'a> {
    let (mut agreed, own) = (Agreed::fresh(run.params(), run.id()), run.params().raw().lanes);
    let (mut owed, mut before) = (0, 0);
    Box::new(move |round| {
        let leased = lanes::leased(own, owed);
        let lost = loses(before, leased);
        before += leased;
        let left: Vec<u32> =
            (0..leased).filter(|lane| (lane + leased - round % leased) % leased >= lost).collect();
        if is_owed {
            owed = lanes::owed(own, leased, left.len() as u32);
        }
        agreed = agreed.merged(&each(executor, &left, |lane| trained(run, executor, &agreed, lane)));
        agreed.clone()
    })
}

/// The sum of gradients on a grid that it fits: what Adam makes of it is what it makes of the mean.
fn sum(gradients: &[Vec<Gradient>], tensor: usize) -> Gradient {
    let parts: Vec<&Gradient> = gradients.iter().map(|of| &of[tensor]).collect();
    let room = gradients.len().next_power_of_two().ilog2().cast_signed();
    let exponent = parts.iter().map(|part| part.exponent).max().expect("a batch") + room;
    let value = |ix: usize| -> i64 {
        parts.iter().map(|part| rs(part.values[ix].into(), exponent - part.exponent)).sum()
    };
    let values = (0..parts[0].values.len()).map(|ix| i32::try_from(value(ix)).expect("as many bits more"));
    Gradient { values: values.collect(), exponent }
}

fn synchronous<'a>(run: &'a Run, executor: &'a TrainExecutor, rounds: u32) -> Way<'a> {
    let (params, raw) = (run.params(), run.params().raw());
    let mut state = State::start(params, &Agreed::fresh(params, run.id()).theta);
    let (corrections, batches) = (corrections(rounds * raw.inner), (0..raw.lanes).collect::<Vec<_>>());
    Box::new(move |round| {
        for step in 0..raw.inner {
            let gradients = each(executor, &batches, |lane| {
                run.gradients(executor, &Lane { round, lane, seed: [0; 32] }, step, &state).0
            });
            let all: Vec<Gradient> = (0..gradients[0].len()).map(|ix| sum(&gradients, ix)).collect();
            let at = round * raw.inner + step;
            optimise(executor, &mut state, &all, params.rate(at.into()), corrections[at as usize]);
        }
        Agreed { round: round + 1, momentum: vec![0; params.size()], theta: state.theta() }
    })
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("a text");
    let mut number = |default: u32| arguments.next().map_or(default, |text| text.parse().expect("a number"));
    let (rounds, seed) = (number(6), number(0));
    let params: Params = Preset::Nano.params().with_run_seed(seed);
    let text = Text::new(&params, &std::fs::read(path).expect("the text")).expect("a text of train-nano");
    let kernels = std::env::var("SPHERE_POW_KERNELS").ok();
    let kernels = kernels.map(|name| Kernels::from_name(&name).expect("a set of instructions"));
    let (run, executor) = (Run::new(&params, text), TrainExecutor::new(kernels).expect("a set that is here"));
    let threads = std::env::var("SPHERE_POW_THREADS").ok().map(|n| n.parse().expect("threads, one or more"));
    let threads = Threads::new(threads).expect("threads");
    let quarter = |before: u32, leased: u32| (before + leased) / 4 - before / 4;
    let all: [(&str, Way<'_>); 4] = [
        ("all", diloco(&run, &executor, false, |_, _| 0)),
        ("lost", diloco(&run, &executor, false, quarter)),
        ("owed", diloco(&run, &executor, true, quarter)),
        ("synchronous", synchronous(&run, &executor, rounds)),
    ];
    let wanted: Vec<String> = arguments.collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|other| other == name);
    let mut ways: Vec<_> = all.into_iter().filter(|(name, _)| is_wanted(name)).collect();
    assert!(!ways.is_empty(), "ways are all, lost, owed and synchronous");
    println!("seed {seed}, {}; after round, nats a symbol held out, by way", executor.kernels());
    for round in 0..rounds {
        let mut line = format!("{:>2}", round + 1);
        for (name, way) in &mut ways {
            let agreed = threads.install(|| way(round));
            let (loss, tokens) = threads.install(|| run.validate(&executor, &agreed.theta, 256));
            line += &format!("  {name} {:.4}", nats(loss, tokens));
            if round + 1 == rounds && *name != "synchronous" {
                line += &format!(" root {}", agreed.root(run.id()).to_hex());
            }
        }
        println!("{line}");
    }
}
