//! What lanes mean for those who trained and checked them. Simulations that count have the same.

use super::{Account, Checker, LaneState};
use crate::message::HostId;
use sphere_pow_core::network::lanes::escrow::{Checked, Terms};
use sphere_pow_core::network::lanes::verdict::Outcome;
use std::collections::{BTreeMap, BTreeSet};

/// What lanes come to for hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Consequences {
    /// Units earned.
    pub(crate) earned: BTreeMap<HostId, u64>,
    /// Who loses what is not vested.
    pub(crate) at_fault: BTreeSet<HostId>,
    /// Who loses all standing, and its weight for a while.
    pub(crate) caught: BTreeSet<HostId>,
}

/// What follows from outcomes. Changes standings. A checker does its part once, however many seats it fills.
///
/// # Shapes
/// - `outcomes`: `[lanes]`.
pub(crate) fn consequences(
    accounts: &mut [Account],
    lanes: &[LaneState],
    outcomes: &[Outcome],
    terms: &Terms,
) -> Consequences {
    let (mut earned, mut at_fault) = (BTreeMap::new(), BTreeSet::new());
    let mut fraud = BTreeSet::new();
    for (lane, outcome) in lanes.iter().zip(outcomes) {
        let is_true = |checker: &Checker| {
            outcome.is_true_word(!checker.agrees?, lane.concerns(checker, terms.segments))
        };
        let checked = |checker: &Checker| Checked {
            parts: checker.drawn.len() as u64 + 1,
            is_borne_out: is_true(checker) == Some(true),
        };
        let shares = terms.shares(*outcome, &lane.checkers.iter().map(checked).collect::<Vec<_>>());
        *earned.entry(lane.holder).or_insert(0) += shares.trainer;
        for (checker, units) in lane.checkers.iter().zip(&shares.checkers) {
            *earned.entry(checker.host).or_insert(0) += units;
        }
        if outcome.is_fraud() {
            fraud.insert(lane.holder);
        }
        if outcome.forfeits() {
            at_fault.insert(lane.holder);
        }
        fraud.extend(lane.checkers.iter().filter(|c| is_true(c) == Some(false)).map(|c| c.host));
    }
    at_fault.extend(&fraud);
    let caught = rate(accounts, lanes, outcomes, fraud);
    earned.retain(|_, units| *units > 0);
    Consequences { earned, at_fault, caught }
}

/// What a host's lanes of one attempt came to.
#[derive(Clone, Copy, Default)]
struct Record {
    /// A lane of it did not count, or went to another.
    has_failed: bool,
    has_withheld: bool,
    is_drawn: bool,
}

/// A day for each host whose lanes all counted; fraud costs all days, and so does to withhold twice in a row. Gives those whom it
/// cost them.
fn rate(
    accounts: &mut [Account],
    lanes: &[LaneState],
    outcomes: &[Outcome],
    fraud: BTreeSet<HostId>,
) -> BTreeSet<HostId> {
    let mut caught = fraud;
    let mut records: BTreeMap<HostId, Record> = BTreeMap::new();
    for (lane, outcome) in lanes.iter().zip(outcomes) {
        let record = records.entry(lane.holder).or_default();
        record.has_failed |= !outcome.is_accepted();
        record.has_withheld |= *outcome == Outcome::Withheld;
        record.is_drawn |= !lane.drawn.is_empty();
        if lane.first_holder != lane.holder {
            records.entry(lane.first_holder).or_default().has_failed = true;
        }
    }
    for (host, record) in records {
        let account = &mut accounts[host as usize];
        account.unchecked = if record.is_drawn { 0 } else { account.unchecked.saturating_add(1) };
        if !record.has_failed {
            account.standing.work_honestly();
            account.withheld = 0;
        } else if record.has_withheld {
            account.withheld = account.withheld.saturating_add(1);
            if account.withheld > 1 {
                caught.insert(host);
            }
        } else {
            account.standing.stay_away();
        }
    }
    for host in &caught {
        accounts[*host as usize].standing.lose();
    }
    caught
}
