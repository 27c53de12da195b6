//! How far segments of float lanes lie from those of burn-flex when burn-wgpu repeats them, without fusion and autotune.
//!
//! `cargo run --release -- TEXT PRESET RUNS ROUNDS LANES EVERY SEGMENTS` in this folder; `CUBECL_WGPU_DEFAULT_DEVICE=Cpu` for software
//! drivers. Trains RUNS times over ROUNDS rounds of LANES lanes on the CPU, and repeats the first SEGMENTS segments of each lane of each EVERY-th round
//! on the device, from the lane's state before them: the method of `prover/float/examples/repeats.rs`. Before that the gradient of
//! the first step is compared tensor by tensor.

use burn_backend::Backend;
use burn_wgpu::Wgpu;
use sphere_pow_core::train::commit::{delta, read_delta};
use sphere_pow_core::train::float::{Distance, FloatState};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::{Lane, Preset, Run, Text};
use sphere_pow_float::{Arithmetic, Steps};
use std::time::Instant;

/// Of what a step from nothing leaves in the first moments, an eighth of the gradient: how far the device's lies from the CPU's.
fn compare_gradients(run: &Run, lane: &Lane, start: &FloatState, flex: &Steps<'_>, wgpu: &Steps<'_, Wgpu>) {
    let [mut own, mut other] = [start.clone(), start.clone()];
    flex.step(lane, 0, &mut own);
    wgpu.step(lane, 0, &mut other);
    let (mut own, mut other) = (&own.first[..], &other.first[..]);
    for (ix, (rows, columns)) in run.params().shapes().into_iter().enumerate() {
        let (of_own, of_other);
        (of_own, own) = own.split_at(rows * columns);
        (of_other, other) = other.split_at(rows * columns);
        let norm = |of: &mut dyn Iterator<Item = f64>| of.map(|x| x * x).sum::<f64>().sqrt();
        let apart = norm(&mut of_own.iter().zip(of_other).map(|(a, b)| f64::from(a - b)));
        let length = norm(&mut of_own.iter().map(|x| f64::from(*x)));
        println!("gradient of tensor {ix} [{rows}, {columns}]: {:.1e} of its length apart", apart / length);
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, name, numbers @ ..] = &args[..] else {
        panic!("expected TEXT PRESET RUNS ROUNDS LANES EVERY SEGMENTS")
    };
    let numbers: Vec<u32> = numbers.iter().map(|n| n.parse().expect("a number")).collect();
    let [runs, rounds, lanes, every, segments] = numbers[..] else {
        panic!("expected RUNS ROUNDS LANES EVERY SEGMENTS")
    };
    let params = Preset::from_name(name).expect("a preset").params();
    let text = Text::new(&params, &std::fs::read(path).expect("a text")).expect("a text");
    let run = Run::new(&params, text);
    let flex = Steps::new(&run, Arithmetic::F32);
    let wgpu = Steps::<Wgpu>::on(&run, Arithmetic::F32);
    println!("{}, {name}", Wgpu::name(&Default::default()));
    let (mut found, mut seconds) = (Vec::new(), [0.0; 2]);
    for beacon in 0..runs {
        let mut agreed = Agreed::fresh(&params, run.id());
        for round in 0..rounds {
            let seed = run.id().seed(round, &agreed.root(run.id()), &beacon.to_le_bytes());
            let mut deltas = Vec::new();
            for lane in (0..lanes).map(|lane| Lane { round, lane, seed }) {
                let mut state = FloatState::start(&agreed.theta);
                if (beacon, round, lane.lane) == (0, 0, 0) {
                    compare_gradients(&run, &lane, &state, &flex, &wgpu);
                }
                for segment in 0..params.raw().segments {
                    let before = state.clone();
                    let since = Instant::now();
                    for step in run.segment(segment) {
                        flex.step(&lane, step, &mut state);
                    }
                    seconds[0] += since.elapsed().as_secs_f64();
                    if round % every != 0 || segment >= segments {
                        continue;
                    }
                    let (since, mut repeated) = (Instant::now(), before.clone());
                    for step in run.segment(segment) {
                        wgpu.step(&lane, step, &mut repeated);
                    }
                    seconds[1] += since.elapsed().as_secs_f64();
                    let apart = Distance::of(&before, &state, &repeated);
                    eprintln!(
                        "run {beacon}, round {round}, lane {}, segment {segment}: {apart:?}",
                        lane.lane
                    );
                    found.push(apart.largest());
                }
                let delta = delta(&agreed.theta, &state.units());
                deltas.push(read_delta(&params, &delta).expect("made by the same rules"));
            }
            agreed = agreed.merged(&deltas);
        }
    }
    found.sort_by(f64::total_cmp);
    let [smallest, median, largest] = [0, found.len() / 2, found.len() - 1].map(|ix| found[ix]);
    println!("{} segments: {smallest:.1e}, median {median:.1e}, largest {largest:.1e}", found.len());
    println!("{:.1} s on the CPU, {:.1} s on the device", seconds[0], seconds[1]);
}
