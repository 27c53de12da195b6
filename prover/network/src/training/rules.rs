//! What a network that trains agrees on before its first block.

use sphere_pow_core::network::committee::Seats;
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::lanes::escrow::{Terms, least_rounds, least_rounds_of_own_draws};
use sphere_pow_core::network::ratio::Ratio;
use sphere_pow_core::network::reputation::{STANDING_DAYS, Standing};
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

impl Rules {
    /// Rounds, of those in which a host trains, for which its rewards are kept back: the least that are enough when hosts of full standing are checked least.
    ///
    /// # Errors
    /// [`RulesError`].
    pub fn wait(&self) -> Result<u32, RulesError> {
        if self.window < 2 {
            return Err(RulesError::Window { got: self.window });
        }
        if self.epoch < 1 {
            return Err(RulesError::Epoch { got: self.epoch });
        }
        if self.has_sortition && !cfg!(feature = "hosts") {
            return Err(RulesError::Hosts);
        }
        let mut standing = Standing::default();
        (0..STANDING_DAYS).for_each(|_| standing.work_honestly());
        let least = if self.has_sortition { least_rounds_of_own_draws } else { least_rounds };
        least(&self.average(&standing), self.hiding, self.seats).ok_or_else(|| RulesError::Deterrence {
            seats: self.seats,
            hiding: format!("{}/{}", self.hiding.num(), self.hiding.den()),
        })
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
