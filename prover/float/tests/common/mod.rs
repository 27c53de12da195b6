//! A small run, and states of it.

#![allow(dead_code, reason = "each file of tests takes what it needs")]

use sphere_pow_core::train::float::FloatState;
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::{Lane, Preset, Run, Text};
use sphere_pow_float::Steps;

pub(crate) struct Fixture {
    pub(crate) run: Run,
    pub(crate) theta: Vec<i32>,
    pub(crate) lane: Lane,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let params = Preset::Tiny.params();
        let bytes: Vec<u8> = (0_u32..900).map(|ix| b'a' + (ix * ix * 5 % 23) as u8).collect();
        let run = Run::new(&params, Text::new(&params, &bytes).expect("a text"));
        let theta = Agreed::fresh(&params, run.id()).theta;
        Self { run, theta, lane: Lane { round: 1, lane: 1, seed: [3; 32] } }
    }
}

/// The state after a segment.
pub(crate) fn repeat(
    run: &Run,
    steps: &Steps<'_>,
    lane: &Lane,
    segment: u32,
    before: &FloatState,
) -> FloatState {
    let mut state = before.clone();
    for step in run.segment(segment) {
        steps.step(lane, step, &mut state);
    }
    state
}

/// The state that moved `factor` times as far.
pub(crate) fn apart(before: &FloatState, after: &FloatState, factor: f32) -> FloatState {
    let theta = before.theta.iter().zip(&after.theta).map(|(a, b)| a + factor * (b - a)).collect();
    FloatState { theta, ..after.clone() }
}
