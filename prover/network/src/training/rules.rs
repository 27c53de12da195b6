//! What a network that trains agrees on before its first block.

use sphere_pow_core::network::committee::Seats;
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::lanes::escrow::{
    Terms, least_rounds, least_rounds_of_own_draws, rounds_to_see, rounds_to_see_by_own_draws,
    wait_of_standing,
};
use sphere_pow_core::network::ratio::Ratio;
use sphere_pow_core::network::reputation::Standing;
use sphere_pow_core::train::Params;

/// The rules. All hosts have the same ones.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Sizes of the run; rounds and lanes, too.
    pub params: Params,
    /// Seats of checkers of a lane; on average, where validators draw their own.
    pub seats: u32,
    /// Whether validators draw for themselves which lanes they check and which segments of them
    /// ([`crate::sortition`]); if not, a block's hash draws for all.
    pub has_sortition: bool,
    /// Honest days that all hosts begin with.
    pub standing: u32,
    /// Attempts of an epoch: who is caught has no weight until the next begins.
    pub epoch: u64,
    /// Least probability with which a segment is checked.
    pub floor: Decimal,
    /// The share of the weight that might hide fraud, for how long rewards are kept back.
    pub hiding: Ratio,
    /// Whether rewards are kept back until one false segment of each lane is seen in 99 of 100 cases, which is longer than it takes
    /// for it not to pay.
    pub waits_to_see: bool,
    /// Units for a lane.
    pub reward: u64,
    /// Blocks after which a window closes, if not everything due is said before.
    pub window: u64,
}

/// Rules that no network can follow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// Fraud would pay however long rewards are kept back.
    #[error(
        "no number of rounds keeps rewards back for long enough: {seats} seats, {hiding} hiding, expected some that check"
    )]
    Deterrence {
        /// Seats of checkers.
        seats: u32,
        /// The share that hides fraud.
        hiding: String,
    },
    /// More weight than a u64 holds.
    #[error("the hosts' weights pass 2^64 - 1 together")]
    Weight,
    /// Epochs without an attempt.
    #[error("an epoch of {got} attempts, expected 1 or more")]
    Epoch {
        /// The epoch.
        got: u64,
    },
    /// Cryptography of hosts, in a build that leaves it out.
    #[error("sortition, which takes the feature `hosts`")]
    Hosts,
    /// Windows without a block.
    #[error("a window of {got} blocks, expected 2 or more")]
    Window {
        /// The window.
        got: u64,
    },
}

/// What says for how many rounds rewards are kept back; members as [`Rules`] has them.
pub(crate) struct Wait {
    /// Of a lane.
    pub(crate) segments: u32,
    pub(crate) hiding: Ratio,
    pub(crate) seats: u32,
    pub(crate) has_sortition: bool,
    pub(crate) waits_to_see: bool,
}

impl Wait {
    /// Rounds that are enough where so many segments of a lane are checked on average; `None` where no number is.
    pub(crate) fn asked(&self, average: &Seats) -> Option<u32> {
        let least = if self.has_sortition { least_rounds_of_own_draws } else { least_rounds };
        let see = if self.has_sortition { rounds_to_see_by_own_draws } else { rounds_to_see };
        let deters = least(average, self.hiding, self.seats)?;
        if self.waits_to_see {
            Some(deters.max(see(average, self.segments, self.hiding, self.seats)?))
        } else {
            Some(deters)
        }
    }
}

impl Rules {
    /// Rounds, of those in which a host trains, for which its rewards are kept back at its standing after the round (SPEC §IV.9.7): the
    /// least that are enough as long as they are kept, for it is checked the less the older it gets.
    ///
    /// # Errors
    /// [`RulesError`].
    pub fn wait(&self, standing: &Standing) -> Result<u32, RulesError> {
        wait_of_standing(standing, |standing| self.asked(standing)).ok_or_else(|| RulesError::Deterrence {
            seats: self.seats,
            hiding: format!("{}/{}", self.hiding.num(), self.hiding.den()),
        })
    }

    /// Rounds that what is checked at a standing asks for.
    fn asked(&self, standing: &Standing) -> Option<u32> {
        let wait = Wait {
            segments: self.params.raw().segments,
            hiding: self.hiding,
            seats: self.seats,
            has_sortition: self.has_sortition,
            waits_to_see: self.waits_to_see,
        };
        wait.asked(&self.average(standing))
    }

    /// Checks all that a network cannot follow.
    ///
    /// # Errors
    /// [`RulesError`].
    pub fn check(&self) -> Result<(), RulesError> {
        if self.window < 2 {
            return Err(RulesError::Window { got: self.window });
        }
        if self.epoch < 1 {
            return Err(RulesError::Epoch { got: self.epoch });
        }
        if self.has_sortition && !cfg!(feature = "hosts") {
            return Err(RulesError::Hosts);
        }
        self.wait(&Standing::default()).map(|_| ())
    }

    /// Segments of a lane that are checked on average.
    #[must_use]
    pub fn average(&self, standing: &Standing) -> Seats {
        Seats::of(self.params.raw().segments, standing, self.floor)
    }

    /// How a lane's reward is shared.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms { reward: self.reward, segments: self.params.raw().segments }
    }
}
