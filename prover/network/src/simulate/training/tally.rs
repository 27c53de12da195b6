//! What came of a simulation of training.

use super::formula::{Expected, escape};
use super::scenario::Scenario;
use crate::message::HostId;
use crate::training::ledger::{Account, LaneState};
use serde::Serialize;
use sphere_pow_core::network::lanes::escrow::Escrow;
use sphere_pow_core::network::lanes::verdict::Outcome;

/// A round.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// Which one, from 1.
    pub round: u64,
    /// Lanes that counted.
    pub accepted: u64,
    /// Lanes that were leased anew.
    pub released: u64,
    /// Lanes with false segments.
    pub false_lanes: u64,
    /// False lanes that were convicted, or withheld where they would have been.
    pub caught: u64,
    /// What chance makes of that on average.
    pub caught_expected: f64,
    /// False lanes that counted.
    pub missed: u64,
    /// True lanes that did not count, though somebody trained them.
    pub wronged: u64,
    /// Segments repeated by checkers for each one trained.
    pub checking: f64,
    /// What chance makes of that on average.
    pub checking_expected: f64,
    /// Units minted.
    pub minted: u64,
    /// Units that hosts lost.
    pub forfeited: u64,
    /// Honest days of the mean honest host, of which 30 count.
    pub standing: f64,
}

/// Hosts of a group after so many lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Escape {
    /// Lanes that they have trained.
    pub lanes: u64,
    /// Those that had not been caught before the last of them.
    pub hosts: u64,
    /// Those of them that were caught at it.
    pub caught: u64,
    /// The share that was never caught until here.
    pub escaped: f64,
    /// By the formula ([`escape`]), n by the standing of the beginning.
    pub formula: f64,
}

/// A group of hosts over all rounds; the first is the honest rest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupTotal {
    /// Its name.
    pub name: String,
    /// Number of hosts.
    pub hosts: u64,
    /// Share of the weight.
    pub weight: f64,
    /// Lanes trained.
    pub lanes: u64,
    /// Lanes of these that were caught.
    pub caught: u64,
    /// What chance makes of that on average.
    pub caught_expected: f64,
    /// Standard deviations between the two; 0 where nothing is to be caught.
    pub deviations: f64,
    /// Units paid and held, for each unit that its lanes would have earned if all had counted and nothing been checked.
    pub earned: f64,
    /// Hosts that trained and were never caught.
    pub never_caught: u64,
    /// How many escaped, by the number of lanes trained; of groups that fake.
    pub escapes: Vec<Escape>,
}

/// What came of a simulation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// What it was of.
    pub scenario: Scenario,
    /// Rounds, of those in which a host trains, for which its rewards were kept back.
    pub wait: u32,
    /// The rounds.
    pub rows: Vec<Row>,
    /// The groups.
    pub groups: Vec<GroupTotal>,
    /// Segments repeated for each one trained, over all rounds.
    pub checking: f64,
    /// What chance makes of that on average.
    pub checking_expected: f64,
    /// Standard deviations between the two.
    pub checking_deviations: f64,
    /// Units minted in all: paid, held and forfeited.
    pub minted: u64,
    /// Units paid.
    pub paid: u64,
    /// Units held.
    pub held: u64,
    /// Units forfeited.
    pub forfeited: u64,
}

/// Most lanes of a host of which escapes are told.
const MAX_ESCAPES: usize = 200;

#[derive(Clone, Copy, Debug, Default)]
struct Career {
    lanes: u64,
    is_caught: bool,
}

/// Sums of a group.
#[derive(Clone, Debug, Default)]
struct Sums {
    lanes: u64,
    caught: u64,
    expected: f64,
    variance: f64,
    escapes: Vec<Escape>,
}

pub(super) struct Tally<'a> {
    scenario: &'a Scenario,
    members: Vec<Option<usize>>,
    weights: Vec<u64>,
    wait: u32,
    careers: Vec<Career>,
    /// The honest rest, then the groups.
    sums: Vec<Sums>,
    row: Row,
    trained: u64,
    repeated: u64,
    repeated_expected: f64,
    /// Over all rounds: trained, repeated, expected, variance.
    all: (u64, u64, f64, f64),
    minted: u64,
    forfeited: u64,
    rows: Vec<Row>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        members: Vec<Option<usize>>,
        weights: Vec<u64>,
        wait: u32,
    ) -> Self {
        Self {
            careers: vec![Career::default(); members.len()],
            sums: vec![Sums::default(); 1 + scenario.groups.len()],
            row: Row::default(),
            rows: Vec::new(),
            all: (0, 0, 0.0, 0.0),
            trained: 0,
            repeated: 0,
            repeated_expected: 0.0,
            scenario,
            members,
            weights,
            wait,
            minted: 0,
            forfeited: 0,
        }
    }

    pub(super) fn begin(&mut self, round: u64, minted: u64, forfeited: u64) {
        self.row = Row { round: round + 1, minted, forfeited, ..Row::default() };
        (self.trained, self.repeated, self.repeated_expected) = (0, 0, 0.0);
        self.minted += minted;
        self.forfeited += forfeited;
    }

    pub(super) fn lane(&mut self, lane: &LaneState, is_shown: bool, expected: &Expected, outcome: Outcome) {
        let (host, row) = (lane.holder as usize, &mut self.row);
        row.released += u64::from(lane.holder != lane.first_holder);
        if outcome == Outcome::Missing {
            return;
        }
        let segments = self.scenario.rules.segments;
        let kind = self.members[host].map_or(0, |group| group + 1);
        let wrong =
            self.members[host].map_or(0, |group| self.scenario.groups[group].false_segments(segments));
        let is_false = wrong > 0;
        let is_caught = outcome.forfeits() && is_shown;
        row.accepted += u64::from(outcome.is_accepted());
        row.false_lanes += u64::from(is_false);
        row.caught += u64::from(is_caught);
        row.caught_expected += expected.caught;
        row.missed += u64::from(is_false && outcome.is_accepted());
        row.wronged += u64::from(!is_false && !outcome.is_accepted());
        let spoke: u32 = lane.checkers.iter().filter(|c| c.agrees.is_some()).map(|c| c.seats).sum();
        self.trained += u64::from(segments);
        self.repeated += lane.drawn.len() as u64 * u64::from(spoke);
        self.repeated_expected += expected.repeated;
        self.all.3 += expected.repeated_variance;
        let (sums, career) = (&mut self.sums[kind], &mut self.careers[host]);
        sums.lanes += 1;
        sums.caught += u64::from(is_caught);
        sums.expected += expected.caught;
        sums.variance += expected.caught * (1.0 - expected.caught);
        career.lanes += 1;
        let place = career.lanes as usize - 1;
        if is_false && !career.is_caught && place < MAX_ESCAPES {
            if sums.escapes.len() <= place {
                sums.escapes.resize(place + 1, Escape::default());
            }
            sums.escapes[place].hosts += 1;
            sums.escapes[place].caught += u64::from(is_caught);
        }
        career.is_caught |= is_caught;
    }

    pub(super) fn end(&mut self, accounts: &[Account]) {
        let ratio = |part: f64| if self.trained == 0 { 0.0 } else { part / self.trained as f64 };
        self.row.checking = ratio(self.repeated as f64);
        self.row.checking_expected = ratio(self.repeated_expected);
        self.all.0 += self.trained;
        self.all.1 += self.repeated;
        self.all.2 += self.repeated_expected;
        let honest = accounts.iter().zip(&self.members).filter(|(_, member)| member.is_none());
        let days: Vec<f64> =
            honest.map(|(account, _)| f64::from(account.standing.honest_days().min(30))).collect();
        self.row.standing = days.iter().sum::<f64>() / days.len().max(1) as f64;
        self.rows.push(std::mem::take(&mut self.row));
    }

    pub(super) fn last(&self) -> Option<&Row> {
        self.rows.last()
    }

    pub(super) fn finish(self, accounts: &[Account], escrow: &Escrow<HostId>) -> Run {
        let held = |host: usize| escrow.held(&HostId::try_from(host).expect("fewer hosts than 2^32"));
        let paid = accounts.iter().map(|account| account.paid).sum();
        let all_held = (0..accounts.len()).map(held).sum();
        let total: u64 = self.weights.iter().sum();
        let groups = self.sums.iter().enumerate().map(|(kind, sums)| {
            let of = |host: &usize| self.members[*host].map_or(0, |group| group + 1) == kind;
            let hosts: Vec<usize> = (0..self.members.len()).filter(of).collect();
            let units: u64 = hosts.iter().map(|host| accounts[*host].paid + held(*host)).sum();
            let possible = sums.lanes.saturating_mul(self.scenario.rules.reward);
            let weight: u64 = hosts.iter().map(|host| self.weights[*host]).sum();
            let is_free = |host: &&usize| self.careers[**host].lanes > 0 && !self.careers[**host].is_caught;
            GroupTotal {
                name: kind.checked_sub(1).map_or("honest".into(), |ix| self.scenario.groups[ix].name.clone()),
                hosts: hosts.len() as u64,
                weight: weight as f64 / total as f64,
                lanes: sums.lanes,
                caught: sums.caught,
                caught_expected: sums.expected,
                deviations: deviations(sums.caught as f64, sums.expected, sums.variance),
                earned: if possible == 0 { 0.0 } else { units as f64 / possible as f64 },
                never_caught: hosts.iter().filter(is_free).count() as u64,
                escapes: self.escapes(kind),
            }
        });
        let (trained, repeated, expected, variance) = self.all;
        let ratio = |part: f64| if trained == 0 { 0.0 } else { part / trained as f64 };
        Run {
            groups: groups.collect(),
            wait: self.wait,
            checking: ratio(repeated as f64),
            checking_expected: ratio(expected),
            checking_deviations: deviations(repeated as f64, expected, variance),
            minted: self.minted,
            paid,
            held: all_held,
            forfeited: self.forfeited,
            scenario: self.scenario.clone(),
            rows: self.rows,
        }
    }

    /// The share of a group's hosts that escapes, lane after lane, among those that train so many.
    fn escapes(&self, kind: usize) -> Vec<Escape> {
        let Some(group) = kind.checked_sub(1).map(|ix| &self.scenario.groups[ix]) else { return Vec::new() };
        let segments = self.scenario.rules.segments;
        let share = f64::from(group.false_segments(segments)) / f64::from(segments);
        let n = f64::from(self.scenario.average(self.scenario.standing).thousandths()) / 1000.0;
        let mut escaped = 1.0;
        let of = |(place, entry): (usize, &Escape)| {
            let lanes = place as u64 + 1;
            escaped *= 1.0 - entry.caught as f64 / entry.hosts.max(1) as f64;
            Escape { lanes, escaped, formula: escape(share, n, lanes as f64), ..*entry }
        };
        self.sums[kind].escapes.iter().enumerate().map(of).collect()
    }
}

fn deviations(got: f64, expected: f64, variance: f64) -> f64 {
    if variance > 0.0 { (got - expected) / libm::sqrt(variance) } else { 0.0 }
}
