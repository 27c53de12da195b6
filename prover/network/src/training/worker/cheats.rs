//! How lanes come about, cheats included: as an attacker would, so that what is committed looks like work and is not.

use super::super::duty::{Case, Delta, Training};
use super::{Trained, Worker};
use sphere_pow_core::train::commit::{BLOCK, delta, read_delta};
use sphere_pow_core::train::{Lane, State};

impl Worker {
    /// Trains a lane, in the way of this host.
    pub(super) fn make(&mut self, case: &Case, other: Option<Delta>) -> Option<Trained> {
        let training = self.identity.strategy.training;
        let agreed = self.agreed(case)?;
        let params = self.run.params().clone();
        let mut start = State::start(&params, &agreed.theta);
        match training {
            Training::Copy => {
                return self.copied(case, &agreed.theta, &self.fetch(case, &other?)?);
            }
            Training::Stale => {
                let mut theta = self.last.as_ref().unwrap_or(&agreed).theta.clone();
                if theta == agreed.theta {
                    theta[0] ^= 1;
                }
                start = State::start(&params, &theta);
            }
            _ => {}
        }
        let seed = if training == Training::OtherData { [0; 32] } else { case.seed };
        let lane = Lane { round: case.round, lane: case.lane, seed };
        let (mut state, before) = (start, agreed.theta.clone());
        let mut states = vec![state.to_bytes()];
        for segment in 0..params.raw().segments {
            let steps = self.run.segment(segment);
            let done = match training {
                Training::Zero => 0,
                Training::Skip => steps.len() / 2,
                Training::SkipOne
                    if u64::from(segment) == case.attempt % u64::from(params.raw().segments) =>
                {
                    0
                }
                _ => steps.len(),
            };
            for step in steps.take(done) {
                if training == Training::Extrapolate && step % 2 == 1 {
                    continue;
                }
                let before = state.clone();
                self.run.step(&self.executor, &lane, step, &mut state);
                match training {
                    Training::Coarse => coarsen(&mut state),
                    Training::Extrapolate => extrapolate(&before, &mut state),
                    _ => {}
                }
            }
            states.push(state.to_bytes());
        }
        let mut moved = delta(&before, &state.theta());
        match training {
            Training::Flip => {
                for byte in moved.chunks_mut(BLOCK + 1).flat_map(|block| &mut block[1..]) {
                    *byte = byte.cast_signed().wrapping_neg().cast_unsigned();
                }
            }
            Training::Scale => moved.chunks_mut(BLOCK + 1).for_each(|block| block[0] += 1),
            _ => {}
        }
        Some(self.lane_of(case, states, moved))
    }

    /// A lane with another's delta: its ends are right, and the way between them is a straight line.
    fn copied(&self, case: &Case, theta: &[i32], bytes: &[u8]) -> Option<Trained> {
        let params = self.run.params();
        let moved = read_delta(params, bytes).ok()?;
        let segments = i64::from(params.raw().segments);
        let at = |j: i64| {
            let part = theta.iter().zip(&moved).map(|(theta, d)| i64::from(*theta) - d * j / segments);
            let theta: Option<Vec<i32>> = part.map(|x| i32::try_from(x).ok()).collect();
            Some(State::start(params, &theta?).to_bytes())
        };
        let states = (0..=segments).map(at).collect::<Option<_>>()?;
        Some(self.lane_of(case, states, bytes.to_vec()))
    }
}

/// As far again as a step went: what the next one might have come to.
fn extrapolate(before: &State, state: &mut State) {
    let of_tensors = before.tensors.iter().zip(&mut state.tensors);
    for (before, after) in of_tensors.flat_map(|(before, after)| before.theta.iter().zip(&mut after.theta)) {
        *after = after.wrapping_mul(2).wrapping_sub(*before);
    }
}

/// Moments of 16 bits, as cheaper arithmetic would have them, on the grid of the 29 that the rules have.
fn coarsen(state: &mut State) {
    for moment in state.tensors.iter_mut().flat_map(|tensor| tensor.first.iter_mut().chain(&mut tensor.root))
    {
        *moment &= !0x1FFF;
    }
}
