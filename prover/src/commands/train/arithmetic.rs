//! Who makes the steps of a run's lanes: in integers, or in floats. All else about a run is the same.

use super::nats;
use crate::error::ProverError;
use sphere_pow_core::train::float::{FloatRun, FloatState};
use sphere_pow_core::train::stream::RunId;
use sphere_pow_core::train::{Lane, Run, State};
use sphere_pow_cpu::train::TrainExecutor;
use sphere_pow_float::{Arithmetic, Steps};

/// Sequences of what is held out that a round's parameters are measured by.
const HELD_OUT: usize = 256;

/// What a run's rounds are the same over.
pub(super) trait Trainer: Sync {
    /// What a lane carries from step to step.
    type State: Send;
    /// Whether steps are in floats.
    const IS_FLOAT: bool;

    /// Sizes, text, batches.
    fn run(&self) -> &Run;
    /// What seeds, leaves, deltas and roots are hashed under.
    fn id(&self) -> &RunId;
    /// Runs lanes side by side.
    fn executor(&self) -> &TrainExecutor;
    /// A lane's first state.
    fn start(&self, theta: &[i32]) -> Self::State;
    /// One step; gives the batch's loss in units of 2^-16 octaves.
    fn step(&self, lane: &Lane, step: u32, state: &mut Self::State) -> Result<i64, ProverError>;
    /// A state's bytes, which leaves are of.
    fn bytes(&self, state: &Self::State) -> Vec<u8>;
    /// A state of bytes; `None` for what is none.
    fn read(&self, bytes: &[u8]) -> Option<Self::State>;
    /// The parameters that a delta is made from.
    fn theta(&self, state: &Self::State) -> Vec<i32>;
    /// Loss of parameters on what is held out, nats a token.
    fn held_out(&self, theta: &[i32]) -> f64;
}

/// Integers: core's steps, by the CPU's executor.
pub(super) struct Integers<'a> {
    pub(super) run: &'a Run,
    pub(super) executor: TrainExecutor,
}

impl Trainer for Integers<'_> {
    type State = State;
    const IS_FLOAT: bool = false;

    fn run(&self) -> &Run {
        self.run
    }

    fn id(&self) -> &RunId {
        self.run.id()
    }

    fn executor(&self) -> &TrainExecutor {
        &self.executor
    }

    fn start(&self, theta: &[i32]) -> State {
        State::start(self.run.params(), theta)
    }

    fn step(&self, lane: &Lane, step: u32, state: &mut State) -> Result<i64, ProverError> {
        Ok(self.run.step(&self.executor, lane, step, state))
    }

    fn bytes(&self, state: &State) -> Vec<u8> {
        state.to_bytes()
    }

    fn read(&self, bytes: &[u8]) -> Option<State> {
        State::from_bytes(self.run.params(), bytes).ok()
    }

    fn theta(&self, state: &State) -> Vec<i32> {
        state.theta()
    }

    fn held_out(&self, theta: &[i32]) -> f64 {
        let (loss, tokens) = self.run.validate(&self.executor, theta, HELD_OUT);
        nats(loss, tokens)
    }
}

/// Floats: burn's steps, a lane a thread.
pub(super) struct Floats<'a> {
    run: &'a FloatRun,
    steps: Steps<'a>,
    executor: TrainExecutor,
}

impl<'a> Floats<'a> {
    pub(super) fn new(run: &'a FloatRun, executor: TrainExecutor) -> Self {
        Self { run, steps: Steps::new(run.run(), Arithmetic::F32), executor }
    }
}

impl Trainer for Floats<'_> {
    type State = FloatState;
    const IS_FLOAT: bool = true;

    fn run(&self) -> &Run {
        self.run.run()
    }

    fn id(&self) -> &RunId {
        self.run.id()
    }

    fn executor(&self) -> &TrainExecutor {
        &self.executor
    }

    fn start(&self, theta: &[i32]) -> FloatState {
        FloatState::start(theta)
    }

    fn step(&self, lane: &Lane, step: u32, state: &mut FloatState) -> Result<i64, ProverError> {
        let loss = self.steps.step(lane, step, state);
        if !loss.is_finite() {
            let what = format!("round {}, lane {}, step {step}", lane.round, lane.lane);
            return Err(ProverError::Training { what, reason: format!("the loss is {loss}") });
        }
        Ok((loss / std::f64::consts::LN_2 * 65_536.0).round() as i64)
    }

    fn bytes(&self, state: &FloatState) -> Vec<u8> {
        state.to_bytes()
    }

    fn read(&self, bytes: &[u8]) -> Option<FloatState> {
        FloatState::from_bytes(self.run.run().params(), bytes).ok()
    }

    fn theta(&self, state: &FloatState) -> Vec<i32> {
        state.units()
    }

    fn held_out(&self, theta: &[i32]) -> f64 {
        let (loss, tokens) = self.steps.validate(&FloatState::start(theta).theta, HELD_OUT);
        loss / tokens.max(1) as f64
    }
}
