//! Whole segments and rounds of training on a device: core's states and roots, to the bit.

use pollster::block_on;
use serde_json::Value;
use sphere_pow_core::train::commit::{delta, read_delta, tree};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::params::RawParams;
use sphere_pow_core::train::{Lane, Params, Plain, Preset, Run, State, Text};
use sphere_pow_gpu::GpuError;
use sphere_pow_gpu::train::self_test::{difference, odd_params, run_of};
use sphere_pow_gpu::train::{GpuTrainer, GpuTrainerOptions, Method};
use sphere_pow_tests::gpu::adapter;
use sphere_pow_tests::train_rounds::LongRun;
use std::ops::ControlFlow;

fn trainer(params: &Params, method: Option<Method>, checked: bool) -> GpuTrainer {
    let options = GpuTrainerOptions { method, checked };
    block_on(GpuTrainer::new(&adapter(), params, options)).expect("a device that trains")
}

fn steps(
    trainer: &mut GpuTrainer,
    run: &Run,
    lane: &Lane,
    steps: std::ops::Range<u32>,
    state: &mut State,
) -> i64 {
    block_on(trainer.steps(run, lane, steps, state, &mut |_| ControlFlow::Continue(()))).expect("steps")
}

/// Two rounds of two lanes of train-tiny against the vectors: every loss, leaf, root and delta.
#[test]
fn a_whole_run_is_the_vectors() {
    let path = format!("{}/vectors/train_round.json", env!("CARGO_MANIFEST_DIR"));
    let want: Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("the vectors")).expect("JSON");
    let params = Preset::Tiny.params();
    let text = Text::new(&params, want["text"].as_str().expect("a text").as_bytes()).expect("a text");
    let run = Run::new(&params, text);
    let mut trainer = trainer(&params, None, false);
    println!("{}", trainer.description());
    let mut agreed = Agreed::fresh(&params, run.id());
    let beacon = want["beacon"].as_str().expect("a beacon").as_bytes();
    for (round, want) in (0..).zip(want["rounds"].as_array().expect("rounds")) {
        let seed = run.id().seed(round, &agreed.root(run.id()), beacon);
        let mut deltas = Vec::new();
        for (lane, want) in (0..).zip(want["lanes"].as_array().expect("lanes")) {
            let at = Lane { round, lane, seed };
            let mut state = State::start(&params, &agreed.theta);
            let mut leaves = vec![run.id().leaf(round, lane, 0, &state.to_bytes())];
            let mut loss = 0;
            for segment in 0..params.raw().segments {
                loss += steps(&mut trainer, &run, &at, run.segment(segment), &mut state);
                leaves.push(run.id().leaf(round, lane, segment + 1, &state.to_bytes()));
            }
            let losses = want["steps"].as_array().expect("steps").iter();
            let losses = losses.map(|step| step["loss"].as_i64().expect("a loss"));
            assert_eq!(loss, losses.sum::<i64>(), "round {round} lane {lane}");
            let hexes: Vec<String> = leaves.iter().map(|leaf| leaf.to_hex()).collect();
            assert_eq!(
                serde_json::to_value(&hexes).expect("texts"),
                want["leaves"],
                "round {round} lane {lane}"
            );
            assert_eq!(Some(tree(run.id(), leaves).root().to_hex().as_str()), want["root"].as_str());
            deltas.push(read_delta(&params, &delta(&agreed.theta, &state.theta())).expect("a delta"));
        }
        agreed = agreed.merged(&deltas);
    }
    assert_eq!(Some(agreed.root(run.id()).to_hex().as_str()), want["root"].as_str());
}

/// 24 rounds of a small model: the roots of a second implementation.
#[test]
fn roots_of_24_rounds_are_the_vectors() {
    let long = LongRun::read();
    let mut trainer = trainer(long.run.params(), None, false);
    long.hold(&trainer.description(), |run, lane, all, state| {
        steps(&mut trainer, run, lane, all, state);
    });
}

/// Sizes at both ends of their ranges, and between.
fn sizes() -> Vec<Params> {
    let tiny = Preset::Tiny.params().raw().clone();
    let of = |raw: RawParams| Params::new(&raw).expect("valid sizes");
    vec![
        odd_params(),
        // Two positions: rows of scores are padded; fewer tokens than a word of k.
        of(RawParams { context: 2, batch: 2, layers: 1, ..tiny.clone() }),
        of(RawParams { context: 4, batch: 12, heads: 1, hidden: 16, vocab: 16 * 3, ..tiny.clone() }),
        // The widest rows, and heads of 8 columns.
        of(RawParams {
            dim: 256,
            heads: 32,
            hidden: 1024,
            context: 64,
            batch: 64,
            vocab: 1024,
            layers: 1,
            ..tiny.clone()
        }),
        // The longest sequence.
        of(RawParams { context: 1024, batch: 1024, layers: 1, ..tiny }),
    ]
}

#[test]
fn states_are_cores_at_every_size_by_every_method() {
    for (ix, params) in sizes().into_iter().enumerate() {
        let run = run_of(&params);
        let agreed = Agreed::fresh(&params, run.id());
        let lane = Lane { round: 1, lane: 1, seed: [5; 32] };
        let mut want = State::start(&params, &agreed.theta);
        let loss: i64 = (0..2).map(|step| run.step(&Plain, &lane, step, &mut want)).sum();
        assert_ne!(want.theta(), agreed.theta);
        let mut trainer = trainer(&params, Some(Method::ALL[ix % 2]), ix % 2 == 0);
        let mut state = State::start(&params, &agreed.theta);
        let got = steps(&mut trainer, &run, &lane, 0..2, &mut state);
        assert_eq!(difference(&state, &want), None, "{:?}", params.raw());
        assert_eq!(got, loss, "{:?}", params.raw());
        let validated = block_on(trainer.validate(&run, &state.theta(), 5)).expect("a loss");
        assert_eq!(validated, run.validate(&Plain, &want.theta(), 5));
    }
}

#[test]
fn what_stops_leaves_the_state_as_it_was() {
    let params = Preset::Tiny.params();
    let run = run_of(&params);
    let mut trainer = trainer(&params, Some(Method::F32), false);
    let lane = Lane { round: 0, lane: 0, seed: [1; 32] };
    let start = State::start(&params, &Agreed::fresh(&params, run.id()).theta);
    let mut state = start.clone();
    let stopped = block_on(trainer.steps(&run, &lane, 0..4, &mut state, &mut |done| {
        if done >= 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }));
    assert_eq!((stopped, &state), (Err(GpuError::Interrupted), &start));
    let mut want = start.clone();
    let loss: i64 = (0..4).map(|step| run.step(&Plain, &lane, step, &mut want)).sum();
    assert_eq!(steps(&mut trainer, &run, &lane, 0..4, &mut state), loss);
    assert_eq!(state, want);
    trainer.destroy_device();
    let lost = block_on(trainer.steps(&run, &lane, 0..1, &mut state, &mut |_| ControlFlow::Continue(())));
    assert!(matches!(lost, Err(GpuError::DeviceLost { .. })), "{lost:?}");
    assert_eq!(state, want);
    block_on(trainer.rebuild()).expect("a device that comes back");
    state.clone_from(&start);
    assert_eq!(steps(&mut trainer, &run, &lane, 0..4, &mut state), loss);
    assert_eq!(state, want);
}
