//! What a network's hosts have in common.

use crate::identity::Hash;
use crate::record::Step;
use std::time::Duration;

/// A timer that sets itself anew must let time pass.
const SHORTEST: Duration = Duration::from_millis(1);

/// How long a host waits in each step. Hosts may differ; agreement never depends on it, only progress. All but the pause
/// are at least 1 ms, whatever stands here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a proposal, before voting for none.
    pub propose: Duration,
    /// For more prevotes, once two thirds are there but disagree.
    pub prevote: Duration,
    /// For more precommits, once two thirds are there but disagree.
    pub precommit: Duration,
    /// Added to each of the three in every further round, so that some round is long enough.
    pub per_round: Duration,
    /// After which a host that sees no progress says its votes again.
    pub rebroadcast: Duration,
    /// Between a decision and the next height, so that blocks do not come faster than they are of use.
    pub pause: Duration,
    /// Between the messages that say how high a chain is; also how long a host that was left behind by one height
    /// waits before it asks, and how long it waits for an answer.
    pub status: Duration,
}

impl Default for Timeouts {
    /// For hosts on one machine or in one data centre.
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            propose: ms(200),
            prevote: ms(100),
            precommit: ms(100),
            per_round: ms(100),
            rebroadcast: ms(300),
            pause: ms(50),
            status: ms(250),
        }
    }
}

impl Timeouts {
    pub(crate) fn of(&self, step: Step, round: u32) -> Duration {
        let per_round = self.per_round.saturating_mul(round);
        let after = match step {
            Step::Propose => self.propose.saturating_add(per_round),
            Step::Prevote => self.prevote.saturating_add(per_round),
            Step::Precommit => self.precommit.saturating_add(per_round),
            Step::Rebroadcast => self.rebroadcast,
        };
        after.max(SHORTEST)
    }

    pub(crate) fn status(&self) -> Duration {
        self.status.max(SHORTEST)
    }
}

/// A host's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The network's name, such as the hash of its genesis: signatures of one network do not count in another, and
    /// the first block stands on it.
    pub chain: Hash,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Whether votes and proposals that are new are passed on. It costs messages (the square of the hosts for each)
    /// and gives progress under loss, and that hosts whom an equivocator told different things find out.
    pub relay: bool,
}

impl Config {
    /// The settings for a network of this name: default timeouts, relaying.
    #[must_use]
    pub fn new(chain: Hash) -> Self {
        Self { chain, timeouts: Timeouts::default(), relay: true }
    }
}
