//! How far segments of float lanes lie apart when other machines repeat them, and when they were not computed as the run
//! says: what a tolerance is calibrated by.
//!
//! ```sh
//! cargo run --release -p sphere-pow-float --example repeats -- TEXT PRESET RUNS ROUNDS LANES EVERY
//! ```
//!
//! Trains RUNS times over (each with seeds of its own) ROUNDS rounds of LANES lanes, and repeats the segments of each
//! EVERY-th round from the lane's state before them: on four machines, each two of which are a pair, and of each fourth
//! segment also in ways that are no honest ones.

use sphere_pow_core::train::commit::{delta, read_delta};
use sphere_pow_core::train::float::{Distance, FloatState, calibrate};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::{Lane, Preset, Run, Text};
use sphere_pow_float::{Arithmetic, Steps};
use std::num::NonZeroUsize;

struct Kind<'a> {
    name: &'static str,
    steps: Steps<'a>,
    found: Vec<Distance>,
}

impl<'a> Kind<'a> {
    fn new(run: &'a Run, name: &'static str, arithmetic: Arithmetic, parts: usize) -> Self {
        let parts = NonZeroUsize::new(parts).expect("parts");
        Self { name, steps: Steps::new(run, arithmetic).in_parts(parts), found: Vec::new() }
    }
}

fn row(name: &str, found: &[Distance]) {
    let mut all: Vec<f64> = found.iter().map(Distance::largest).collect();
    all.sort_by(f64::total_cmp);
    let top = |of: fn(&Distance) -> f64| found.iter().map(of).fold(0.0, f64::max);
    let [smallest, median, largest] = [0, all.len() / 2, all.len() - 1].map(|ix| all[ix]);
    let [movement, first, root] = [top(|d| d.movement), top(|d| d.first), top(|d| d.root)];
    println!(
        "| {name} | {} | {smallest:.1e} | {median:.1e} | {largest:.1e} | {movement:.1e} | {first:.1e} | {root:.1e} |",
        all.len()
    );
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, name, numbers @ ..] = &args[..] else {
        panic!("expected TEXT PRESET RUNS ROUNDS LANES EVERY")
    };
    let numbers: Vec<u32> = numbers.iter().map(|n| n.parse().expect("a number")).collect();
    let [runs, rounds, lanes, every] = numbers[..] else { panic!("expected RUNS ROUNDS LANES EVERY") };
    let params = Preset::from_name(name).expect("a preset").params();
    let text = Text::new(&params, &std::fs::read(path).expect("a text")).expect("a text");
    let run = Run::new(&params, text);
    let own = Steps::new(&run, Arithmetic::F32);
    let mut honest = [
        Kind::new(&run, "batches in two parts", Arithmetic::F32, 2),
        Kind::new(&run, "sequences one by one", Arithmetic::F32, 1 << 20),
        Kind::new(&run, "products and gradients in f64", Arithmetic::F64, 1),
    ];
    let mut pairs = Vec::new();
    let mut low = [
        Kind::new(&run, "operands in bf16", Arithmetic::Bf16, 1),
        Kind::new(&run, "operands in int8", Arithmetic::Int8, 1),
    ];
    let mut others = ["one step left out", "other data", "rates 1 % higher", "parameters only, moments kept"]
        .map(|name| (name, Vec::new()));
    let mut count = 0;
    for beacon in 0..runs {
        let mut agreed = Agreed::fresh(&params, run.id());
        for round in 0..rounds {
            let seed = run.id().seed(round, &agreed.root(run.id()), &beacon.to_le_bytes());
            let mut deltas = Vec::new();
            for lane in (0..lanes).map(|lane| Lane { round, lane, seed }) {
                let mut state = FloatState::start(&agreed.theta);
                for segment in 0..params.raw().segments {
                    let before = state.clone();
                    let repeat = |steps: &Steps<'_>, lane: &Lane, left_out: usize| {
                        let mut state = before.clone();
                        for step in run.segment(segment).skip(left_out) {
                            steps.step(lane, step, &mut state);
                        }
                        state
                    };
                    state = repeat(&own, &lane, 0);
                    if round % every != 0 {
                        continue;
                    }
                    let apart = |claimed: &FloatState| Distance::of(&before, claimed, &state);
                    let mut machines = Vec::new();
                    for kind in &mut honest {
                        let state = repeat(&kind.steps, &lane, 0);
                        kind.found.push(apart(&state));
                        pairs.push(apart(&state));
                        pairs.extend(machines.iter().map(|other| Distance::of(&before, other, &state)));
                        machines.push(state);
                    }
                    count += 1;
                    if count % 4 != 1 {
                        continue;
                    }
                    for kind in &mut low {
                        kind.found.push(apart(&repeat(&kind.steps, &lane, 0)));
                    }
                    let mut faster = state.clone();
                    faster
                        .theta
                        .iter_mut()
                        .zip(&before.theta)
                        .for_each(|(x, start)| *x += 0.01 * (*x - start));
                    let kept = FloatState { theta: state.theta.clone(), ..before.clone() };
                    let other = Lane { seed: [255; 32], ..lane };
                    let claimed = [repeat(&own, &lane, 1), repeat(&own, &other, 0), faster, kept];
                    for (claimed, (_, found)) in claimed.iter().zip(&mut others) {
                        found.push(apart(claimed));
                    }
                }
                let delta = delta(&agreed.theta, &state.units());
                deltas.push(read_delta(&params, &delta).expect("made by the same rules"));
            }
            agreed = agreed.merged(&deltas);
            let (loss, tokens) = own.validate(&FloatState::start(&agreed.theta).theta, 64);
            eprintln!("run {beacon}, round {round}: held out {:.4}", loss / tokens as f64);
        }
    }
    println!("{name}, {} steps a segment; distances, and the largest of each part", params.segment());
    println!("| repeated with | segments | smallest | median | largest | movement | first | root |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for kind in honest.iter().chain(&low) {
        row(kind.name, &kind.found);
    }
    for (name, found) in &others {
        row(name, found);
    }
    match calibrate(&pairs) {
        Ok(distance) => {
            println!("of {} honest pairs one in 1000 at most lies beyond {distance:.2e}", pairs.len());
        }
        Err(error) => println!("{error}"),
    }
}
