//! What lanes mean for those who trained and checked them. Simulations that count have the same.

use super::{Account, LaneState};
use crate::message::HostId;
use sphere_pow_core::network::lanes::escrow::Terms;
use sphere_pow_core::network::lanes::verdict::Outcome;
use std::collections::{BTreeMap, BTreeSet};

/// Units earned by host, and who loses what is not vested. Changes standings.
///
/// # Shapes
/// - `outcomes`: `[lanes]`.
pub(crate) fn consequences(
    accounts: &mut [Account],
    lanes: &[LaneState],
    outcomes: &[Outcome],
    terms: &Terms,
) -> (BTreeMap<HostId, u64>, BTreeSet<HostId>) {
    let (mut earned, mut at_fault) = (BTreeMap::new(), BTreeSet::new());
    let mut fraud = BTreeSet::new();
    for (lane, outcome) in lanes.iter().zip(outcomes) {
        // Of a lane that counts those who agreed, of another those who accused.
        let is_borne_out = |agrees: bool| outcome.is_accepted() == agrees;
        let spoke = || lane.checkers.iter().filter(|checker| checker.agrees.is_some_and(is_borne_out));
        let speaking = spoke().map(|checker| checker.seats).sum();
        let drawn = u32::try_from(lane.drawn.len()).unwrap_or(u32::MAX);
        let shares = terms.shares(*outcome, drawn, speaking);
        *earned.entry(lane.holder).or_insert(0) += shares.trainer;
        for checker in spoke() {
            *earned.entry(checker.host).or_insert(0) += shares.seat * u64::from(checker.seats);
        }
        if outcome.is_fraud() {
            fraud.insert(lane.holder);
        }
        if outcome.forfeits() {
            at_fault.insert(lane.holder);
        }
        let lies = |agrees: bool| outcome.is_false_word(!agrees);
        fraud.extend(lane.checkers.iter().filter(|c| c.agrees.is_some_and(lies)).map(|c| c.host));
    }
    at_fault.extend(&fraud);
    rate(accounts, lanes, outcomes, &fraud);
    earned.retain(|_, units| *units > 0);
    (earned, at_fault)
}

/// What a host's lanes of one attempt came to.
#[derive(Clone, Copy, Default)]
struct Record {
    /// A lane of it did not count, or went to another.
    has_failed: bool,
    has_withheld: bool,
    is_drawn: bool,
}

/// A day for each host whose lanes all counted; fraud costs all days, and so does to withhold twice in a row.
fn rate(accounts: &mut [Account], lanes: &[LaneState], outcomes: &[Outcome], fraud: &BTreeSet<HostId>) {
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
                account.standing.lose();
            }
        } else {
            account.standing.stay_away();
        }
    }
    for host in fraud {
        accounts[*host as usize].standing.lose();
    }
}
