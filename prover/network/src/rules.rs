//! What a network agrees on before its first block.

use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::difficulty::{Difficulty, DifficultyError, Goal};
use sphere_pow_core::network::epoch::{EpochError, EpochParams, Stages};
use sphere_pow_core::network::ratio::Ratio;
use sphere_pow_core::network::reward::Emission;
use std::num::NonZeroU8;

/// What a unit of a claim weighs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pricing {
    /// Nonces that were computed, each of which a beacon may draw: they weigh what they are.
    Nonces,
    /// Wins: they weigh the nonces that they take on average, at a difficulty that follows the goal.
    Wins {
        /// Of the first Sprint.
        difficulty: Difficulty,
        /// Wins that the network wants of a Sprint.
        goal: Goal,
    },
}

/// The rules of a network. All hosts have the same ones.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Durations by height.
    pub durations: EpochParams,
    /// What a unit of a claim weighs.
    pub pricing: Pricing,
    /// Seats of the committee that checks a claim of a host without standing.
    pub seats: u32,
    /// Seats of the jury that decides about a claim in which a member of the committee found fraud; with no more
    /// validators than this, all of them judge by weight.
    pub jury: u32,
    /// Least probability with which a host's work is checked, as traffic sets it.
    pub floor: Decimal,
    /// Largest share of all power that one host may have.
    pub cap: Ratio,
    /// What an epoch mints.
    pub emission: Emission,
    /// Seats among which each host shares its secret of a seed, so that what it withholds is recovered
    /// ([`crate::seed::Seating`]); `None` where nothing is shared and what is withheld is missing from the seed, as in a
    /// simulation that counts.
    pub recovery: Option<NonZeroU8>,
    /// Whether validators draw for themselves whose claims they check ([`crate::sortition`]); if not, a block's hash draws
    /// for all, as in a simulation that counts.
    pub has_sortition: bool,
}

/// Rules that no network can follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// Too short for a claim to be drawn, opened, checked and tried, each in a block of its own.
    #[error("poc_validation_duration of {got}, expected {expected} or more")]
    Validation {
        /// The duration.
        got: u64,
        /// The least one: a block more where validators draw for themselves.
        expected: u64,
    },
    /// Cryptography of hosts, in a build that leaves it out.
    #[error("recovery or sortition, which take the feature `hosts`")]
    Hosts,
    /// No block for a claim after the last nonce.
    #[error("poc_exchange_duration of {got}, expected 1 or more")]
    Exchange {
        /// The duration.
        got: u64,
    },
    /// The first Sprint starts before its seed can be made.
    #[error("a first Sprint at height {got}, expected 4 or later")]
    FirstStart {
        /// The height.
        got: u64,
    },
    /// See [`EpochError`].
    #[error(transparent)]
    Epoch(#[from] EpochError),
    /// See [`DifficultyError`].
    #[error(transparent)]
    Difficulty(#[from] DifficultyError),
}

impl Rules {
    /// Checks what the durations have to leave room for.
    ///
    /// # Errors
    /// [`RulesError::Hosts`], [`RulesError::Validation`], [`RulesError::Exchange`], [`RulesError::FirstStart`].
    pub fn check(&self) -> Result<(), RulesError> {
        if !cfg!(feature = "hosts") && (self.recovery.is_some() || self.has_sortition) {
            return Err(RulesError::Hosts);
        }
        let durations = self.durations.durations();
        let (got, expected) = (durations.poc_validation_duration, 4 + u64::from(self.has_sortition));
        if got < expected {
            return Err(RulesError::Validation { got, expected });
        }
        if durations.poc_exchange_duration < 1 {
            return Err(RulesError::Exchange { got: durations.poc_exchange_duration });
        }
        let start = self.durations.epoch(1).map_or(0, |stages| stages.start());
        if start < 4 { Err(RulesError::FirstStart { got: start }) } else { Ok(()) }
    }
}

/// The heights at which something begins or ends in one epoch, from the round of its seed on.
///
/// A window `(from, to)` is open for messages in blocks of heights `from + 1` to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The seed's round begins: weights of the last Sprint are computed, or the chain begins.
    pub round: u64,
    /// End of the commitments to the seed's secrets, beginning of reveals.
    pub reveals: u64,
    /// Beginning of the shares of what has not been revealed; reveals go on.
    pub shares: u64,
    /// Start of generation: the seed is fixed by this block.
    pub start: u64,
    /// End of generation.
    pub generation_end: u64,
    /// Last height for claims.
    pub claims_end: u64,
    /// The block whose hash draws samples, and what validators draw from.
    pub beacon: u64,
    /// End of validators' draws, beginning of openings: committees are known. The beacon's height where its hash draws
    /// them.
    pub drawn: u64,
    /// End of openings, beginning of the committees' votes.
    pub opened: u64,
    /// End of the committees' votes, beginning of juries' votes.
    pub trial: u64,
    /// Weights are computed by this block; the next seed's round begins.
    pub weights: u64,
    /// They are the voting power from here on.
    pub effective: u64,
    /// Rewards are paid by this block.
    pub settled: u64,
}

impl Times {
    /// Of an epoch whose seed's round began at `round`, which is where the last one's weights were computed; with time for
    /// validators' own draws or without.
    #[must_use]
    pub fn new(stages: &Stages, round: u64, has_sortition: bool) -> Self {
        let (start, weights) = (stages.start(), stages.weights_computed());
        let beacon = stages.validation_start() + 1;
        let reveals = round + (start - round) / 2;
        let drawn = beacon + if has_sortition { (weights - beacon) / 4 } else { 0 };
        let third = (weights - drawn) / 3;
        Self {
            round,
            reveals,
            shares: reveals + (start - reveals) / 2,
            start,
            generation_end: stages.generation_end(),
            claims_end: *stages.batch_window().end(),
            beacon,
            drawn,
            opened: drawn + third,
            trial: drawn + 2 * third,
            weights,
            effective: stages.new_validators(),
            settled: stages.claim(),
        }
    }
}
