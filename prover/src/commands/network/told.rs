//! What the hosts of a box of processes say, a line of JSON each.

use sphere_pow_network::report::SprintReport;
use sphere_pow_network::training::ledger::Phase;
use sphere_pow_network::training::report::RoundReport;

/// What hosts tell, one after the other.
pub(super) trait Told: serde::de::DeserializeOwned + PartialEq + Send + 'static {
    /// What one is called.
    const NAME: &'static str;

    /// Its number, from 1.
    fn number(&self) -> u64;

    /// Whether it is the last of so many.
    fn is_last(&self, of: u64) -> bool;

    /// How many of what was asked for are done with it.
    fn done(&self) -> u64;

    /// Its block's hash.
    fn hash(&self) -> &str;
}

impl Told for SprintReport {
    const NAME: &'static str = "Sprint";

    fn number(&self) -> u64 {
        self.sprint
    }

    fn is_last(&self, of: u64) -> bool {
        self.sprint >= of
    }

    fn done(&self) -> u64 {
        self.sprint
    }

    fn hash(&self) -> &str {
        &self.hash
    }
}

impl Told for RoundReport {
    const NAME: &'static str = "attempt";

    fn number(&self) -> u64 {
        self.attempt
    }

    fn is_last(&self, of: u64) -> bool {
        self.root.is_some() && u64::from(self.round) + 1 >= of
    }

    fn done(&self) -> u64 {
        u64::from(self.round) + u64::from(self.root.is_some())
    }

    fn hash(&self) -> &str {
        &self.hash
    }
}

/// A line of a host ([`sphere_pow_network::report::Said`]).
#[derive(serde::Deserialize)]
#[serde(untagged)]
pub(super) enum Line<R> {
    Report(R),
    Block {
        height: u64,
        /// Of hosts that train.
        #[serde(default)]
        phase: Option<Phase>,
    },
    /// Why it ended, as [`crate::console::Output::error`] tells it.
    Stopped {
        error: Reason,
    },
}

impl<R> Line<R> {
    /// Of the block that it tells of.
    pub(super) fn height(&self) -> Option<u64> {
        match self {
            Self::Block { height, .. } => Some(*height),
            Self::Report(_) | Self::Stopped { .. } => None,
        }
    }
}

/// Why a host ended.
#[derive(serde::Deserialize)]
pub(super) struct Reason {
    pub(super) message: String,
}
