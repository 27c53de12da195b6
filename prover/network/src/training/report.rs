//! What a host says of an attempt at a round once it has ended.

use crate::message::HostId;
use serde::{Deserialize, Serialize};
use sphere_pow_core::network::lanes::verdict::Outcome;

/// A lane of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneReport {
    /// Who trained it.
    pub holder: HostId,
    /// Whose it was first.
    pub first_holder: HostId,
    /// What became of it.
    pub outcome: Outcome,
    /// Segments drawn.
    pub drawn: Vec<u32>,
    /// Who was to repeat a part of them.
    pub checkers: Vec<HostId>,
    /// Segments that those of them repeated that revealed something, all together.
    pub repeated: u32,
    /// Who of these could not get what it needed.
    pub missing: Vec<HostId>,
    /// Who of these found something else.
    pub accusers: Vec<HostId>,
}

/// A host after an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostReport {
    /// Its weight in the attempt; none while it is excluded.
    pub weight: u64,
    /// Units that are its own.
    pub paid: u64,
    /// Units that it may still lose.
    pub held: u64,
    /// Honest days.
    pub standing: u32,
    /// Whether it is without weight in the next attempt, having been caught in this epoch.
    pub is_excluded: bool,
}

/// An attempt at a round, as all hosts must have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoundReport {
    /// Which attempt, from 1.
    pub attempt: u64,
    /// At which round, from 0.
    pub round: u32,
    /// Its seed, in hexadecimal: with it, anybody repeats the lanes.
    pub seed: String,
    /// The block that ended it.
    pub height: u64,
    /// That block's hash.
    pub hash: String,
    /// The lanes.
    pub lanes: Vec<LaneReport>,
    /// The hosts, by number.
    pub hosts: Vec<HostReport>,
    /// Hosts that lost what was not vested.
    pub at_fault: Vec<HostId>,
    /// Hosts that merged to another root than the agreed one.
    pub dissenting: Vec<HostId>,
    /// The agreed root after the round, in hexadecimal; `None` when the round is repeated.
    pub root: Option<String>,
    /// Units minted so far.
    pub minted: u64,
    /// Units of these that hosts have lost.
    pub forfeited: u64,
}
