//! What came of a simulation.

use super::scenario::Scenario;
use super::world::World;
use crate::ledger::{Ledger, Outcome, Settled};
use serde::Serialize;

/// An epoch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Which one.
    pub epoch: u64,
    /// Claims made.
    pub claims: u64,
    /// Claims of which something was false.
    pub false_claims: u64,
    /// False claims that counted.
    pub missed: u64,
    /// True claims that did not count.
    pub wronged: u64,
    /// Share of the voting power that false claims earned.
    pub false_weight: f64,
    /// Nonces computed in checks for each nonce of mining.
    pub verification: f64,
    /// Checks that were due.
    pub checks_due: u64,
    /// Checks that were done in time.
    pub checks_done: u64,
    /// Honest days of the mean host that is honest.
    pub standing: f64,
    /// Chance of a nonce to win, of the Sprint's difficulty.
    pub win_rate: f64,
    /// The radius of that difficulty.
    pub r_target: f64,
    /// Wins accepted, for each one wanted.
    pub against_goal: f64,
}

/// A group of hosts over all epochs; the first is the honest rest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupTotal {
    /// Its name.
    pub name: String,
    /// Number of hosts.
    pub hosts: u64,
    /// Share of the computing power.
    pub power: f64,
    /// Share of the voting power at the end.
    pub weight: f64,
    /// Share of what was paid.
    pub paid: f64,
    /// Claims made.
    pub claims: u64,
    /// Claims that did not count.
    pub rejected: u64,
    /// Epochs from a host's first claim to its first rejected one, the mean over those that were caught; `None` when
    /// nobody was.
    pub caught_after: Option<f64>,
    /// Hosts of it that were never caught.
    pub never_caught: u64,
}

/// What came of a simulation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// What it was of.
    pub scenario: Scenario,
    /// The epochs.
    pub rows: Vec<Row>,
    /// The groups.
    pub groups: Vec<GroupTotal>,
    /// Messages that the ledger took.
    pub messages: u64,
    /// Messages that it refused: too late, most of them.
    pub refused: u64,
    /// The last block's hash, in hexadecimal: equal seeds give equal ones.
    pub hash: String,
}

/// A host's way to its first rejected claim.
#[derive(Clone, Copy, Debug, Default)]
struct Career {
    claims: u64,
    rejected: u64,
    first: Option<u64>,
    caught: Option<u64>,
}

pub(super) struct Tally<'a> {
    scenario: &'a Scenario,
    members: &'a [Option<usize>],
    careers: Vec<Career>,
    rows: Vec<Row>,
}

/// Rate and radius under which a Sprint was mined.
#[derive(Clone, Copy)]
pub(super) struct Price {
    pub(super) rate: f64,
    pub(super) r_target: f64,
}

impl<'a> Tally<'a> {
    pub(super) fn new(scenario: &'a Scenario, members: &'a [Option<usize>]) -> Self {
        Self { scenario, members, careers: vec![Career::default(); members.len()], rows: Vec::new() }
    }

    /// Counts an epoch whose weights were just computed.
    pub(super) fn settle(&mut self, settled: &Settled, ledger: &Ledger, world: &World, price: Price) {
        let (mut claims, mut false_claims, mut missed, mut wronged, mut wins) = (0, 0, 0, 0, 0);
        let mut false_power = 0_u128;
        for (ix, outcome) in settled.outcomes.iter().enumerate() {
            let Some((count, outcome)) = *outcome else { continue };
            let (is_false, is_accepted) = (world.truths[ix].bad > 0.0, outcome.is_accepted());
            claims += 1;
            false_claims += u64::from(is_false);
            missed += u64::from(is_false && is_accepted);
            wronged += u64::from(!is_false && outcome == Outcome::Convicted);
            wins += if is_accepted { count } else { 0 };
            if is_false {
                false_power += u128::from(settled.powers[ix]);
            }
            let career = &mut self.careers[ix];
            career.claims += 1;
            career.first.get_or_insert(settled.epoch);
            if !is_accepted {
                career.rejected += 1;
                career.caught.get_or_insert(settled.epoch);
            }
        }
        let honest = ledger.accounts().iter().zip(self.members).filter(|(_, member)| member.is_none());
        let days: Vec<f64> = honest.map(|(account, _)| f64::from(account.standing.honest_days())).collect();
        let goal = self.scenario.rules.wins_per_host * u64::from(self.scenario.hosts);
        self.rows.push(Row {
            epoch: settled.epoch,
            claims,
            false_claims,
            missed,
            wronged,
            false_weight: share(false_power, settled.powers.iter().map(|power| u128::from(*power)).sum()),
            verification: if world.mined > 0.0 { world.checked / world.mined } else { 0.0 },
            checks_due: settled.checks_due,
            checks_done: settled.checks_done,
            standing: days.iter().sum::<f64>() / days.len().max(1) as f64,
            win_rate: price.rate,
            r_target: price.r_target,
            against_goal: wins as f64 / goal as f64,
        });
    }

    pub(super) fn last(&self) -> Option<&Row> {
        self.rows.last()
    }

    pub(super) fn is_done(&self) -> bool {
        self.rows.len() as u64 >= self.scenario.epochs
    }

    pub(super) fn finish(self, ledger: &Ledger, world: &World, messages: (u64, u64), hash: [u8; 32]) -> Run {
        let kinds = std::iter::once(None).chain((0..self.scenario.groups.len()).map(Some));
        let all_power: f64 = world.powers.iter().sum();
        let all = |what: fn(&crate::ledger::Account) -> u64| {
            ledger.accounts().iter().map(|a| u128::from(what(a))).sum()
        };
        let (all_weight, all_paid): (u128, u128) =
            (all(|account| account.power), all(|account| account.paid));
        let total = |kind: Option<usize>| {
            let ixs: Vec<usize> = (0..self.members.len()).filter(|ix| self.members[*ix] == kind).collect();
            let sum = |what: fn(&crate::ledger::Account) -> u64| {
                ixs.iter().map(|ix| u128::from(what(&ledger.accounts()[*ix]))).sum()
            };
            let careers = || ixs.iter().map(|ix| &self.careers[*ix]);
            let waits: Vec<u64> =
                careers().filter_map(|career| Some(career.caught? - career.first?)).collect();
            GroupTotal {
                name: kind.map_or_else(|| "honest".into(), |ix| self.scenario.groups[ix].name.clone()),
                hosts: ixs.len() as u64,
                power: ixs.iter().map(|ix| world.powers[*ix]).sum::<f64>() / all_power,
                weight: share(sum(|account| account.power), all_weight),
                paid: share(sum(|account| account.paid), all_paid),
                claims: careers().map(|career| career.claims).sum(),
                rejected: careers().map(|career| career.rejected).sum(),
                caught_after: (!waits.is_empty())
                    .then(|| waits.iter().sum::<u64>() as f64 / waits.len() as f64),
                never_caught: careers().filter(|career| career.claims > 0 && career.caught.is_none()).count()
                    as u64,
            }
        };
        Run {
            groups: kinds.map(total).collect(),
            scenario: self.scenario.clone(),
            rows: self.rows,
            messages: messages.0,
            refused: messages.1,
            hash: sphere_pow_core::text::hex(&hash),
        }
    }
}

fn share(part: u128, whole: u128) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
