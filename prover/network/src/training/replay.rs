//! What a run learns, trained again by whoever reads its reports: they say seeds and lanes that count, and from these anybody
//! comes to the same parameters. So the curve of a run takes nobody's word, and a false lane that counted shows in its root.

use super::report::RoundReport;
use super::scenario::run;
use serde::Serialize;
use sphere_pow_core::text::bytes32;
use sphere_pow_core::train::commit::{delta, read_delta};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::{Lane, Run, State, nats};
use sphere_pow_cpu::threads::{Threads, ThreadsError};
use sphere_pow_cpu::train::TrainExecutor;
use std::num::NonZeroUsize;

/// Sequences of what is held out that parameters are measured by.
const HELD_OUT: usize = 64;

/// A round's loss, nats a token.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// The round, from 0.
    pub round: u32,
    /// Mean of the steps of the lanes that count.
    pub loss: f64,
    /// Of the agreed parameters after it, on what is held out.
    pub held_out: f64,
}

/// The agreed parameters are not those that the lanes' steps lead to: a lane counted that nobody has trained so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("round {round}: the lanes that count lead to root {expected}, the hosts agreed on {got}")]
pub struct Parted {
    /// The round, from 0.
    pub round: u32,
    /// The agreed root.
    pub got: String,
    /// That of the steps.
    pub expected: String,
}

/// A run that is trained again.
#[derive(Debug)]
pub struct Replay {
    run: Run,
    agreed: Agreed,
    executor: TrainExecutor,
    threads: Threads,
}

impl Replay {
    /// The run of a box, before its first round.
    ///
    /// # Errors
    /// [`ThreadsError`].
    ///
    /// # Panics
    /// As [`run`].
    pub fn new(hosts: usize, rounds: u32) -> Result<Self, ThreadsError> {
        let run = run(hosts, rounds);
        let executor = TrainExecutor::new(None).expect("this machine's best instructions are its own");
        let threads = Threads::new(NonZeroUsize::new(1))?;
        Ok(Self { agreed: Agreed::fresh(run.params(), run.id()), run, executor, threads })
    }

    /// Loss of the agreed parameters on what is held out, nats a token.
    #[must_use]
    pub fn held_out(&self) -> f64 {
        let validate = || self.run.validate(&self.executor, &self.agreed.theta, HELD_OUT);
        let (loss, tokens) = self.threads.install(validate);
        nats(loss, tokens)
    }

    /// Trains the lanes that count of an attempt, the next that is told; `None` for one after which the round is repeated.
    ///
    /// # Errors
    /// [`Parted`]; it is then as it was.
    pub fn advance(&mut self, report: &RoundReport) -> Result<Option<Point>, Parted> {
        let Some(root) = &report.root else { return Ok(None) };
        let seed = bytes32(&report.seed).unwrap_or_default();
        let lanes = (0..).zip(&report.lanes).filter(|(_, lane)| lane.outcome.is_accepted());
        let lanes: Vec<Lane> = lanes.map(|(lane, _)| Lane { round: report.round, lane, seed }).collect();
        let (agreed, loss) = self.threads.install(|| self.trained(&lanes));
        let expected = agreed.root(self.run.id()).to_hex();
        if expected != *root {
            return Err(Parted { round: report.round, got: root.clone(), expected });
        }
        self.agreed = agreed;
        let raw = self.run.params().raw();
        let tokens = lanes.len() * raw.inner as usize * raw.batch as usize;
        Ok(Some(Point { round: report.round, loss: nats(loss, tokens), held_out: self.held_out() }))
    }

    /// What lanes lead to, and the loss of their steps.
    fn trained(&self, lanes: &[Lane]) -> (Agreed, i64) {
        let (mut deltas, mut loss) = (Vec::new(), 0);
        for lane in lanes {
            let mut state = State::start(self.run.params(), &self.agreed.theta);
            for step in 0..self.run.params().raw().inner {
                loss += self.run.step(&self.executor, lane, step, &mut state);
            }
            let moved = delta(&self.agreed.theta, &state.theta());
            deltas.push(read_delta(self.run.params(), &moved).expect("made by the same rules"));
        }
        (self.agreed.merged(&deltas), loss)
    }
}
