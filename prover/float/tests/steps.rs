//! Steps in floats: the same model as the integers', honest repeats near, false ones far, and what a tolerance does not see.

mod common;

use common::{Fixture, apart, repeat};
use sphere_pow_core::train::float::{Distance, FloatState, Tolerance};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::{Lane, Plain, Preset};
use sphere_pow_float::{Arithmetic, Steps};
use std::num::NonZeroUsize;

#[test]
fn the_model_is_that_of_the_integers() {
    let Fixture { run, .. } = Fixture::new();
    let mut agreed = Agreed::fresh(run.params(), run.id());
    // Larger parameters than fresh ones, so that attention and squares count.
    for scale in [1, 3, 8] {
        let theta: Vec<i32> = agreed.theta.iter().map(|x| x * scale).collect();
        let (octaves, count) = run.validate(&Plain, &theta, 8);
        let integers = octaves as f64 / count as f64 / 65_536.0 * std::f64::consts::LN_2;
        let (nats, same) = Steps::new(&run, Arithmetic::F32).validate(&FloatState::start(&theta).theta, 8);
        let floats = nats / same as f64;
        assert_eq!(count, same);
        assert!((integers - floats).abs() < 0.02, "at {scale}: {integers} of integers, {floats} of floats");
    }
    agreed.theta.fill(0);
    let (nats, count) =
        Steps::new(&run, Arithmetic::F32).validate(&FloatState::start(&agreed.theta).theta, 2);
    // Without parameters each of 32 symbols is as likely.
    assert!((nats / count as f64 - 32_f64.ln()).abs() < 1e-5);
}

/// A step from moments that are set so that Adam's movement is the gradient: the rate is known.
#[test]
fn a_step_goes_down_the_slope_of_the_loss() {
    let fixture = Fixture::new();
    let (run, lane) = (&fixture.run, fixture.lane);
    let steps = Steps::new(run, Arithmetic::F64);
    let start = FloatState::start(&fixture.theta.iter().map(|x| x * 4).collect::<Vec<_>>());
    let mut state = start.clone();
    steps.step(&lane, 0, &mut state);
    // The first moment is an eighth of the gradient after one step.
    let gradient: Vec<f64> = state.first.iter().map(|m| f64::from(*m) * 8.0).collect();
    let loss = |theta: Vec<f32>| {
        let mut state = FloatState { theta, ..start.clone() };
        steps.step(&lane, 0, &mut state) / f64::from(run.params().raw().batch)
    };
    let mut at = 0;
    for (tensor, (rows, columns)) in run.params().shapes().into_iter().enumerate() {
        let own = at..at + rows * columns;
        at = own.end;
        let along = |unit: f64| {
            let mut theta = start.theta.clone();
            for ix in own.clone() {
                theta[ix] = (f64::from(theta[ix]) + unit * gradient[ix]) as f32;
            }
            loss(theta)
        };
        let square: f64 = gradient[own.clone()].iter().map(|g| g * g).sum();
        let unit = 0.01 / square.sqrt();
        let slope = (along(unit) - along(-unit)) / (2.0 * unit);
        assert!((slope / square - 1.0).abs() < 0.01, "tensor {tensor}: slope {slope}, gradient² {square}");
    }
    assert_eq!(at, start.theta.len());
}

#[test]
fn steps_learn_and_are_the_same_twice_on_one_machine() {
    let fixture = Fixture::new();
    let mut agreed = Agreed::fresh(fixture.run.params(), fixture.run.id());
    let steps = Steps::new(&fixture.run, Arithmetic::F32);
    let held_out = |theta: &[i32]| {
        let (nats, count) = steps.validate(&FloatState::start(theta).theta, 8);
        nats / count as f64
    };
    let before = held_out(&agreed.theta);
    for round in 0..2 {
        let lanes = (0..2).map(|lane| Lane { round, lane, seed: [9; 32] });
        let deltas = lanes.map(|lane| {
            let mut state = FloatState::start(&agreed.theta);
            let mut again = state.clone();
            for step in 0..fixture.run.params().raw().inner {
                steps.step(&lane, step, &mut state);
                steps.step(&lane, step, &mut again);
            }
            assert_eq!(state, again);
            let delta = sphere_pow_core::train::commit::delta(&agreed.theta, &state.units());
            sphere_pow_core::train::commit::read_delta(fixture.run.params(), &delta).expect("a delta")
        });
        agreed = agreed.merged(&deltas.collect::<Vec<_>>());
    }
    let after = held_out(&agreed.theta);
    assert!(after < before - 0.1, "{before} before, {after} after");
}

/// Segments of fifty lanes, each as the states before and after it.
fn segments(fixture: &Fixture, steps: &Steps<'_>) -> Vec<(Lane, u32, FloatState, FloatState)> {
    let mut out = Vec::new();
    for seed in 0..50 {
        let lane = Lane { seed: [seed; 32], ..fixture.lane };
        let mut state = FloatState::start(&fixture.theta);
        for segment in 0..fixture.run.params().raw().segments {
            let before = state.clone();
            state = repeat(&fixture.run, steps, &lane, segment, &before);
            out.push((lane, segment, before, state.clone()));
        }
    }
    out
}

#[test]
fn honest_repeats_are_within_and_lower_precision_is_not() {
    let fixture = Fixture::new();
    let tolerance = Tolerance::of(Preset::Tiny);
    let honest = segments(&fixture, &Steps::new(&fixture.run, Arithmetic::F32));
    let by = |steps: &Steps<'_>| -> Vec<Distance> {
        let far = |(lane, segment, before, after): &(Lane, u32, FloatState, FloatState)| {
            Distance::of(before, after, &repeat(&fixture.run, steps, lane, *segment, before))
        };
        honest.iter().map(far).collect()
    };
    // None of these took part in the calibration: three parts, and f64 in parts.
    let parts = NonZeroUsize::new(3).expect("3");
    for arithmetic in [Arithmetic::F32, Arithmetic::F64] {
        let found = tolerance.judge(&by(&Steps::new(&fixture.run, arithmetic).in_parts(parts)));
        assert_eq!((found.checked, found.beyond), (100, 0), "{arithmetic:?}");
    }
    // One segment of such a small model may pass in bf16; a lane does not.
    for (arithmetic, least) in [(Arithmetic::Bf16, 75), (Arithmetic::Int8, 100)] {
        let found = tolerance.judge(&by(&Steps::new(&fixture.run, arithmetic)));
        assert!(found.beyond >= least && found.is_fraud(), "{arithmetic:?}: {found:?}");
    }
}

#[test]
fn steps_left_out_other_data_and_other_rates_are_fraud() {
    let fixture = Fixture::new();
    let (run, tolerance) = (&fixture.run, Tolerance::of(Preset::Tiny));
    let steps = Steps::new(run, Arithmetic::F32);
    let honest = segments(&fixture, &steps);
    for (lane, segment, before, after) in &honest {
        let claimed = |from: u32, lane: &Lane| {
            let mut state = before.clone();
            for step in run.segment(*segment).skip(from as usize) {
                steps.step(lane, step, &mut state);
            }
            state
        };
        let other = Lane { seed: [77; 32], ..*lane };
        let cheats = [
            ("a step left out", claimed(1, lane)),
            ("nothing done", before.clone()),
            ("other data", claimed(0, &other)),
            ("moved the other way", apart(before, after, -1.0)),
            ("moved by a tenth more", apart(before, after, 1.1)),
            ("moments kept", FloatState { theta: after.theta.clone(), ..before.clone() }),
        ];
        for (name, state) in &cheats {
            assert!(tolerance.judge(&[Distance::of(before, state, after)]).is_fraud(), "{name}");
        }
    }
    // Little more: not of one segment, but of many.
    let little: Vec<Distance> = honest
        .iter()
        .map(|(_, _, before, after)| Distance::of(before, &apart(before, after, 1.01), after))
        .collect();
    assert!(!tolerance.judge(&little[..1]).is_fraud());
    assert!(tolerance.judge(&little).is_fraud());
}

/// What is said plainly in DESIGN: who stays within the tolerance passes, and moves the run by so much.
#[test]
fn what_stays_within_the_tolerance_is_not_seen() {
    let fixture = Fixture::new();
    let tolerance = Tolerance::of(Preset::Tiny);
    let honest = segments(&fixture, &Steps::new(&fixture.run, Arithmetic::F32));
    let little = 1.0 + 0.9 * tolerance.tau() as f32;
    for (_, _, before, after) in &honest {
        let all = Distance::of(before, &apart(before, after, little), after);
        // One parameter alone, by all that the tolerance leaves: far more than a step moves it.
        let moved: f32 =
            after.theta.iter().zip(&before.theta).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
        let mut one = after.clone();
        one.theta[7] += 0.9 * tolerance.tau() as f32 * moved;
        let judged = tolerance.judge(&[all, Distance::of(before, &one, after)]);
        assert_eq!((judged.beyond, judged.is_fraud()), (0, false));
    }
}
