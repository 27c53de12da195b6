//! What losing lanes costs: `train-nano` with all lanes of each round merged, beside the same with one of the four lost, another
//! one each round: `cargo run --release -p sphere-pow-cpu --example quarter -- TEXT [ROUNDS]`.

use sphere_pow_core::train::commit::{delta, read_delta};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::{Lane, Preset, Run, State, Text, nats};
use sphere_pow_cpu::threads::Threads;
use sphere_pow_cpu::train::TrainExecutor;

/// Nats a symbol on what is held out.
fn held_out(run: &Run, executor: &TrainExecutor, agreed: &Agreed) -> f64 {
    let (loss, tokens) = run.validate(executor, &agreed.theta, 256);
    nats(loss, tokens)
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

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("a text");
    let rounds: u32 = arguments.next().map_or(6, |text| text.parse().expect("a number of rounds"));
    let params = Preset::Nano.params();
    let text = Text::new(&params, &std::fs::read(path).expect("the text")).expect("a text of train-nano");
    let run = Run::new(&params, text);
    let executor = TrainExecutor::new(None).expect("this machine's own");
    let threads = Threads::new(None).expect("threads");
    let fresh = || Agreed::fresh(&params, run.id());
    let lanes = params.raw().lanes;
    let (mut all, mut three) = (fresh(), fresh());
    println!("round  all lanes  one of {lanes} lost  difference (nats a symbol, held out)");
    for round in 0..rounds {
        threads.install(|| {
            let of = |agreed: &Agreed, lost: Option<u32>| {
                let left = (0..lanes).filter(|lane| Some(*lane) != lost);
                let deltas: Vec<_> = left.map(|lane| trained(&run, &executor, agreed, lane)).collect();
                agreed.merged(&deltas)
            };
            all = of(&all, None);
            three = of(&three, Some(round % lanes));
            let [a, b] = [&all, &three].map(|agreed| held_out(&run, &executor, agreed));
            println!("{:>5} {a:>10.4} {b:>15.4} {:>+11.4}", round + 1, b - a);
        });
    }
}
