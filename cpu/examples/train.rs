//! Steps of train-nano a second: `cargo run --release -p sphere-pow-cpu --example train -- TEXT [STEPS [KERNELS]]`.

use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::{Lane, Preset, Run, State, Text, nats};
use sphere_pow_cpu::exact::Kernels;
use sphere_pow_cpu::train::TrainExecutor;
use std::time::Instant;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("a text");
    let steps: u32 = arguments.next().map_or(64, |text| text.parse().expect("a number of steps"));
    let kernels = arguments.next().map(|name| Kernels::from_name(&name).expect("a set of instructions"));
    let params = Preset::Nano.params();
    let text = Text::new(&params, &std::fs::read(path).expect("the text")).expect("a text of train-nano");
    let run = Run::new(&params, text);
    let executor = TrainExecutor::new(kernels).expect("a set that is here");
    let mut agreed = Agreed::fresh(&params, run.id());
    let start = Instant::now();
    for round in 0..steps.div_ceil(64) {
        let lane = Lane { round, lane: 0, seed: [0; 32] };
        let mut state = State::start(&params, &agreed.theta);
        for step in 0..(steps - 64 * round).min(64) {
            let loss = run.step(&executor, &lane, step, &mut state);
            if step % 16 == 15 {
                let nats = nats(loss, 1024);
                let per_step = start.elapsed().as_secs_f64() / f64::from(64 * round + step + 1);
                println!(
                    "{} loss {nats:.4}, {:.1} ms a step ({})",
                    64 * round + step + 1,
                    1e3 * per_step,
                    executor.kernels()
                );
            }
        }
        agreed.theta = state.theta();
    }
    let (loss, tokens) = run.validate(&executor, &agreed.theta, 256);
    println!("held out: {:.4}", nats(loss, tokens));
}
