//! What hosts of a run say to its ledger.

use super::ledger::Phase;
use crate::message::HostId;
use crate::sortition::Proof;
use borsh::{BorshDeserialize, BorshSerialize};
use std::ops::RangeInclusive;

/// A leaf of a lane's tree with what leads from it to the root.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Shown {
    /// The leaf.
    pub leaf: [u8; 32],
    /// The path.
    pub path: Vec<[u8; 32]>,
}

/// What a host found in a trial.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Finding {
    /// No fraud.
    Right,
    /// Fraud.
    Fraud {
        /// Segments drawn that are false, ascending; last the number of all segments, where the end is.
        places: Vec<u32>,
    },
    /// Nothing: it could not get what it was to repeat.
    Missing,
}

/// What is said of a lane, or of all of them.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Word {
    /// The sender has trained its lane.
    Commit {
        /// Root of the tree over its states.
        root: [u8; 32],
        /// Hash of its delta.
        delta: [u8; 32],
    },
    /// The lanes, ascending, whose deltas the sender has, right by their hash and form. Said of all lanes at once.
    Hold {
        /// The lanes.
        lanes: Vec<u32>,
    },
    /// What the sender drew of the beacon: which lanes it checks, and which segments of them. Said of all lanes at once.
    Draw {
        /// What shows it.
        proof: Proof,
    },
    /// The leaf before each run of segments drawn of the sender's lane.
    Open {
        /// By run.
        leaves: Vec<[u8; 32]>,
    },
    /// What the sender computed, sealed.
    Seal {
        /// [`sphere_pow_core::network::lanes::verdict::seal`].
        seal: [u8; 32],
    },
    /// Leaves of the sender's lane: those of `Ledger::places`, in this order.
    Show {
        /// By place.
        leaves: Vec<Shown>,
    },
    /// What the sender sealed, and whether the lane's end is right.
    Reveal {
        /// The leaf after each segment that it repeats.
        leaves: Vec<[u8; 32]>,
        /// Whether the first leaf is that of the agreed parameters, and the delta that of the last state.
        is_end_right: bool,
    },
    /// The sender is to check the lane and cannot get what it needs for it.
    Miss,
    /// What the sender found in a lane that is tried.
    Judge {
        /// What.
        finding: Finding,
    },
    /// The root after the lanes that count are merged. Said of all lanes at once.
    Root {
        /// The root.
        root: [u8; 32],
    },
}

/// A message of a host. Who sent it is known by its signature.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Message {
    /// Which attempt at a round it belongs to, from 1.
    pub attempt: u64,
    /// The lane; 0 where all are meant.
    pub lane: u32,
    /// What is said.
    pub word: Word,
}

impl Word {
    /// The kind of message.
    #[must_use]
    pub fn what(&self) -> &'static str {
        match self {
            Self::Commit { .. } => "commitment",
            Self::Hold { .. } => "list of deltas",
            Self::Draw { .. } => "draw",
            Self::Open { .. } => "opening",
            Self::Seal { .. } => "seal",
            Self::Show { .. } => "list of leaves",
            Self::Reveal { .. } => "reveal",
            Self::Miss => "complaint",
            Self::Judge { .. } => "judgement",
            Self::Root { .. } => "root",
        }
    }

    /// When it can be said.
    #[must_use]
    pub fn phases(&self) -> RangeInclusive<Phase> {
        match self {
            Self::Commit { .. } => Phase::Train..=Phase::Again,
            Self::Hold { .. } => Phase::Open..=Phase::Judge,
            Self::Draw { .. } => Phase::Sortition..=Phase::Sortition,
            Self::Open { .. } => Phase::Open..=Phase::Open,
            Self::Seal { .. } => Phase::Seal..=Phase::Seal,
            Self::Show { .. } => Phase::Show..=Phase::Show,
            Self::Reveal { .. } => Phase::Reveal..=Phase::Reveal,
            Self::Miss => Phase::Seal..=Phase::Reveal,
            Self::Judge { .. } => Phase::Judge..=Phase::Judge,
            Self::Root { .. } => Phase::Merge..=Phase::Merge,
        }
    }
}

/// Why the ledger does not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such host.
    #[error("host {got}, expected one of {hosts}")]
    Stranger {
        /// The number given.
        got: HostId,
        /// How many there are.
        hosts: usize,
    },
    /// Not the attempt that is on.
    #[error("a message for attempt {got}, expected {expected}")]
    Attempt {
        /// The message's.
        got: u64,
        /// The one that is on.
        expected: u64,
    },
    /// Too early or too late.
    #[error("a {what} while hosts {phase:?}")]
    Phase {
        /// The kind of message.
        what: &'static str,
        /// The phase that is on.
        phase: Phase,
    },
    /// No such lane.
    #[error("lane {got}, expected below {lanes}")]
    Lane {
        /// The number given.
        got: u32,
        /// How many there are.
        lanes: usize,
    },
    /// Not the sender's to say.
    #[error("a {what} of a host that has no part in it")]
    NoPart {
        /// The kind of message.
        what: &'static str,
    },
    /// Said before; the first one stands.
    #[error("a second {what}")]
    Repeated {
        /// The kind of message.
        what: &'static str,
    },
    /// Another number of leaves.
    #[error("{got} leaves in a {what}, expected {expected}")]
    Leaves {
        /// The kind of message.
        what: &'static str,
        /// How many came.
        got: usize,
        /// How many are due.
        expected: usize,
    },
    /// A leaf that does not lead to the root, or is not the one that was opened.
    #[error("leaf {leaf} does not lead to the lane's root, or another one was opened")]
    Path {
        /// Which.
        leaf: u32,
    },
    /// A draw that its proof does not show.
    #[error("a proof that is not the sender's over the beacon")]
    WrongProof,
    /// What is revealed was not sealed.
    #[error("leaves that do not lead to their seal")]
    WrongSeal,
    /// A list that does not ascend, or names what it cannot.
    #[error(
        "a list that does not ascend, or names a lane without a commitment or a segment that was not drawn"
    )]
    List,
}
