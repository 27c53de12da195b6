//! Who makes the steps of a run's lanes: in integers, or in floats. All else about a run is the same.

use super::burn;
use super::machine::Machine;
use crate::error::ProverError;
use crate::signals::Stop;
use sphere_pow_core::train::float::{FloatRun, FloatState};
use sphere_pow_core::train::stream::RunId;
use sphere_pow_core::train::{Executor, Lane, Run, State, nats};
use sphere_pow_cpu::train::TrainExecutor;
use std::ops::Range;

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
    /// Does each lane, side by side where there are threads for that.
    fn for_each<T: Send>(&self, lanes: Vec<T>, work: impl Fn(T) + Sync + Send);
    /// A lane's first state.
    fn start(&self, theta: &[i32]) -> Self::State;
    /// Steps of a lane; gives the sum of their batches' losses in units of 2^-16 octaves. `on_step` hears of each step, once.
    fn steps(
        &self,
        lane: &Lane,
        steps: Range<u32>,
        state: &mut Self::State,
        on_step: &mut dyn FnMut(),
    ) -> Result<i64, ProverError>;
    /// A state's bytes, which leaves are of.
    fn bytes(&self, state: &Self::State) -> Vec<u8>;
    /// A state of bytes; `None` for what is none.
    fn read(&self, bytes: &[u8]) -> Option<Self::State>;
    /// The parameters that a delta is made from.
    fn theta(&self, state: &Self::State) -> Vec<i32>;
    /// Loss of parameters on what is held out, nats a token.
    fn held_out(&self, theta: &[i32]) -> Result<f64, ProverError>;
}

/// Integers: core's steps, by the CPU's executor or a device.
pub(super) struct Integers<'a> {
    pub(super) run: &'a Run,
    pub(super) machine: Machine<'a>,
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

    fn for_each<T: Send>(&self, lanes: Vec<T>, work: impl Fn(T) + Sync + Send) {
        self.machine.for_each(lanes, work);
    }

    fn start(&self, theta: &[i32]) -> State {
        State::start(self.run.params(), theta)
    }

    fn steps(
        &self,
        lane: &Lane,
        steps: Range<u32>,
        state: &mut State,
        on_step: &mut dyn FnMut(),
    ) -> Result<i64, ProverError> {
        self.machine.steps(self.run, lane, steps, state, on_step)
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

    fn held_out(&self, theta: &[i32]) -> Result<f64, ProverError> {
        let (loss, tokens) = self.machine.validate(self.run, theta, HELD_OUT)?;
        Ok(nats(loss, tokens))
    }
}

/// Floats: burn's steps, a lane a thread.
pub(super) struct Floats<'a> {
    run: &'a FloatRun,
    steps: burn::Steps<'a>,
    executor: TrainExecutor,
    stop: &'a Stop,
}

impl<'a> Floats<'a> {
    pub(super) fn new(
        run: &'a FloatRun,
        executor: TrainExecutor,
        stop: &'a Stop,
    ) -> Result<Self, ProverError> {
        Ok(Self { run, steps: burn::steps(run.run())?, executor, stop })
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

    fn for_each<T: Send>(&self, lanes: Vec<T>, work: impl Fn(T) + Sync + Send) {
        self.executor.for_each(lanes, work);
    }

    fn start(&self, theta: &[i32]) -> FloatState {
        FloatState::start(theta)
    }

    fn steps(
        &self,
        lane: &Lane,
        steps: Range<u32>,
        state: &mut FloatState,
        on_step: &mut dyn FnMut(),
    ) -> Result<i64, ProverError> {
        let mut sum = 0;
        for step in steps {
            if self.stop.is_asked() {
                return Err(ProverError::Interrupted);
            }
            let loss = self.steps.step(lane, step, state);
            if !loss.is_finite() {
                let what = format!("round {}, lane {}, step {step}", lane.round, lane.lane);
                return Err(ProverError::Training { what, reason: format!("the loss is {loss}") });
            }
            sum += (loss / std::f64::consts::LN_2 * 65_536.0).round() as i64;
            on_step();
        }
        Ok(sum)
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

    fn held_out(&self, theta: &[i32]) -> Result<f64, ProverError> {
        let (loss, tokens) = self.steps.validate(&FloatState::start(theta).theta, HELD_OUT);
        Ok(loss / tokens.max(1) as f64)
    }
}
