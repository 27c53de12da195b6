//! The outer step, which every host repeats on the same bytes (SPEC §IV.7.4).

use super::ops::optimise::LIMIT;
use super::params::Params;
use super::state::{fresh, to_words, words};
use super::stream::RunId;
use super::values::rs;
use crate::exact::transcript::hash::Hash;
use alloc::vec;
use alloc::vec::Vec;

/// Largest outer momentum.
const MOMENTUM_LIMIT: i64 = 1 << 30;

/// Bytes of another length than parameters and momentum have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the start has {got} bytes, expected {expected}")]
pub struct AgreedError {
    /// Bytes it has.
    pub got: usize,
    /// Bytes of a start.
    pub expected: usize,
}

/// What all hosts agree on between rounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The next round, from 0.
    pub round: u32,
    /// Parameters, units of 2^-22.
    pub theta: Vec<i32>,
    /// Outer momentum, the same unit.
    pub momentum: Vec<i32>,
}

impl Agreed {
    /// Before the first round.
    #[must_use]
    pub fn fresh(params: &Params, run: &RunId) -> Self {
        let theta = fresh(params, run);
        Self { round: 0, momentum: vec![0; theta.len()], theta }
    }

    /// As bytes: parameters, then momentum.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [to_words(&self.theta), to_words(&self.momentum)].concat()
    }

    /// Reads [`Self::to_bytes`] of the round `round`.
    ///
    /// # Errors
    /// [`AgreedError`] for another length.
    pub fn from_bytes(params: &Params, round: u32, bytes: &[u8]) -> Result<Self, AgreedError> {
        let (got, expected) = (bytes.len(), 8 * params.size());
        if got != expected {
            return Err(AgreedError { got, expected });
        }
        let (theta, momentum) = bytes.split_at(expected / 2);
        Ok(Self { round, theta: words(theta), momentum: words(momentum) })
    }

    /// The root that goes into the block.
    #[must_use]
    pub fn root(&self, run: &RunId) -> Hash {
        run.root(self.round, &to_words(&self.theta), &to_words(&self.momentum))
    }

    /// The round after, by the deltas of the lanes that count; without one, nothing but the round changes.
    ///
    /// # Panics
    /// When a delta is of another length.
    #[must_use]
    pub fn merged(&self, deltas: &[Vec<i64>]) -> Self {
        let mut next = self.clone();
        next.round += 1;
        let Ok(n @ 1..) = i64::try_from(deltas.len()) else { return next };
        assert!(deltas.iter().all(|delta| delta.len() == self.theta.len()), "deltas of the model");
        for (ix, (theta, momentum)) in next.theta.iter_mut().zip(&mut next.momentum).enumerate() {
            let sum: i64 = deltas.iter().map(|delta| delta[ix]).sum();
            let mean = (2 * sum + n).div_euclid(2 * n);
            let v = (rs(922 * i64::from(*momentum), 10) + mean).clamp(-MOMENTUM_LIMIT, MOMENTUM_LIMIT);
            let step = rs(717 * (mean + rs(922 * v, 10)), 10);
            *theta = (i64::from(*theta) - step).clamp(-LIMIT, LIMIT) as i32;
            *momentum = v as i32;
        }
        next
    }
}
