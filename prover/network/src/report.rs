//! What a host says of a Sprint once it is paid for.

use crate::ledger::{Ledger, Outcome};
use crate::message::HostId;
use crate::training::ledger::Phase;
use serde::{Deserialize, Serialize};

/// What a host of a box says as it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Said<'a, R> {
    /// It has one more block.
    Block {
        /// Its height.
        height: u64,
        /// What hosts that train do from here on.
        #[serde(skip_serializing_if = "Option::is_none")]
        phase: Option<Phase>,
    },
    /// Something is settled.
    Report(&'a R),
}

/// A host in a Sprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostReport {
    /// What it claimed; nothing when it made no claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// What became of the claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Its power in force.
    pub power: u64,
    /// Units paid to it since the beginning.
    pub paid: u64,
    /// Honest days.
    pub standing: u32,
}

/// A Sprint, as all hosts must have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SprintReport {
    /// Which one.
    pub sprint: u64,
    /// The block that paid for it.
    pub height: u64,
    /// That block's hash.
    pub hash: String,
    /// The hosts, by number.
    pub hosts: Vec<HostReport>,
    /// Its seed, in hexadecimal.
    pub seed: String,
    /// Hosts that did not reveal what they were bound to.
    pub withheld_reveals: Vec<HostId>,
    /// Those of them whose secret the others recovered.
    pub recovered: Vec<HostId>,
    /// Hosts whose secret did not lead to what they dealt.
    pub false_dealers: Vec<HostId>,
    /// Hosts that accused others without reason.
    pub false_accusers: Vec<HostId>,
    /// Hosts that voted for two blocks.
    pub equivocators: Vec<HostId>,
    /// Checks that were due.
    pub checks_due: u64,
    /// Checks that were done.
    pub checks_done: u64,
}

impl SprintReport {
    /// The report of the last Sprint, in the block that pays for it.
    #[must_use]
    pub fn of(ledger: &Ledger, hash: &str) -> Option<Self> {
        let settled = ledger.settled().filter(|settled| settled.paid_at == ledger.height())?;
        let outcomes = settled.outcomes.iter().copied().chain(std::iter::repeat(None));
        let host = |(account, outcome): (&crate::ledger::Account, Option<(u64, Outcome)>)| HostReport {
            count: outcome.map(|(count, _)| count),
            outcome: outcome.map(|(_, outcome)| outcome),
            power: account.power,
            paid: account.paid,
            standing: account.standing.honest_days(),
        };
        Some(Self {
            sprint: settled.epoch,
            height: ledger.height(),
            hash: hash.to_owned(),
            hosts: ledger.accounts().iter().zip(outcomes).map(host).collect(),
            seed: sphere_pow_core::text::hex(&settled.seed),
            withheld_reveals: settled.withheld_reveals.clone(),
            recovered: settled.recovered.clone(),
            false_dealers: settled.false_dealers.clone(),
            false_accusers: settled.false_accusers.clone(),
            equivocators: settled.equivocators.clone(),
            checks_due: settled.checks_due,
            checks_done: settled.checks_done,
        })
    }
}
