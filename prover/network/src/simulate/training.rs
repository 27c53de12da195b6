//! Rounds of training by many hosts, counted instead of computed: leases, draws, outcomes and escrow are those of the real
//! thing; what is chance beside them is said in [`Scenario`]. Equal scenarios give equal runs, on every machine.

mod formula;
mod scenario;
mod tally;

pub use formula::{Segments, escape};
pub use scenario::{Group, MAX_ROUNDS, RuleChoice, Scenario};
pub use tally::{Escape, GroupTotal, Row, Run};

use super::chance::Chance;
use super::scenario::{Power, ScenarioError};
use crate::message::HostId;
use crate::training::ledger::{Account, Checker, Commitment, Consequences, LaneState, consequences};
use formula::Expected;
use sphere_pow_core::network::committee::{Electorate, Seats};
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::lanes::draw::{LONGEST_UNCHECKED, Place};
use sphere_pow_core::network::lanes::escrow::{Escrow, Terms, wait_of};
use sphere_pow_core::network::lanes::lease::{Credits, holders};
use sphere_pow_core::network::lanes::verdict::Outcome;
use sphere_pow_core::network::lanes::{counts_again, leased, owed};
use sphere_pow_core::network::reputation::STANDING_DAYS;
use std::collections::BTreeSet;
use tally::Tally;

/// Runs a scenario. `progress` is told each round that ended; a `false` from it ends the run there.
///
/// # Errors
/// [`ScenarioError`] for numbers out of range.
pub fn run(scenario: &Scenario, progress: &mut dyn FnMut(&Row) -> bool) -> Result<Run, ScenarioError> {
    let wait = scenario.check()?;
    let mut network = Network::new(scenario);
    let mut tally = Tally::new(scenario, network.members.clone(), network.weights.clone(), wait);
    for round in 0..scenario.rounds {
        network.step(round, &mut tally);
        if !tally.last().is_none_or(&mut *progress) {
            break;
        }
    }
    Ok(tally.finish(&network.accounts, &network.escrow))
}

struct Network<'a> {
    scenario: &'a Scenario,
    members: Vec<Option<usize>>,
    /// Those of this round: excluded hosts have none.
    weights: Vec<u64>,
    electorate: Electorate,
    accounts: Vec<Account>,
    credits: Credits,
    /// Lanes that did not count, and are not made up for yet.
    owed: u32,
    escrow: Escrow<HostId>,
    /// Rounds that rewards wait, of those in which a host trains, by its honest days.
    waits: Vec<u32>,
    terms: Terms,
    floor: Decimal,
    chance: Chance,
    is_away: Vec<bool>,
}

/// A lane of a round with what nobody is told of it.
struct Truth {
    state: LaneState,
    /// Whether a false segment was drawn.
    is_shown: bool,
    expected: Expected,
}

/// Who would not say what is false, of a round: weights.
struct Quiet {
    away: u64,
    /// By group: of those who are there and stand by each other.
    hiding: Vec<u64>,
    /// Of those who are there and do not check.
    silent: u64,
}

fn host_id(host: usize) -> HostId {
    HostId::try_from(host).expect("fewer hosts than 2^32")
}

impl<'a> Network<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let (members, rules) = (scenario.members(), &scenario.rules);
        let mut chance = Chance::new(scenario.seed);
        let weight = |_: &Option<usize>| {
            let factor = match scenario.power {
                Power::Equal => 1.0,
                Power::LogNormal { sigma } => chance.log_normal(0.0, sigma),
                Power::Pareto { alpha } => chance.pareto(libm::pow(0.5, 1.0 / alpha), alpha),
            };
            (1000.0 * factor).clamp(1.0, 1e12) as u64
        };
        let weights: Vec<u64> = members.iter().map(weight).collect();
        let total: f64 = weights.iter().map(|weight| *weight as f64).sum();
        let days = |(weight, member): (&u64, &Option<usize>)| {
            if scenario.stay == 0 || member.is_some() {
                return scenario.standing;
            }
            // Its age is as long as it stays; it trains in each round in which it is there, or as often as it has a lane.
            let age = -libm::log(1.0 - chance.uniform()) * scenario.stay as f64;
            let is_there = f64::from(1000 - scenario.away) / 1000.0;
            let lanes = f64::from(rules.lanes) * *weight as f64 / total;
            (age * is_there * lanes.min(1.0)).min(1e6) as u32
        };
        let days: Vec<u32> = weights.iter().zip(&members).map(days).collect();
        let account = |(weight, days): (&u64, &u32)| {
            let standing = Scenario::of_days(*days);
            Account { weight: *weight, standing, ..Account::default() }
        };
        Self {
            accounts: weights.iter().zip(&days).map(account).collect(),
            electorate: Electorate::new(&weights).expect("2^20 hosts of 2^40 at most"),
            credits: Credits::default(),
            owed: 0,
            escrow: Escrow::default(),
            waits: (0..=STANDING_DAYS).map(|days| scenario.wait(&Scenario::of_days(days))).collect(),
            terms: Terms { reward: rules.reward, segments: rules.segments },
            floor: Decimal::new(i128::from(rules.floor), 3).expect("3 decimals"),
            is_away: vec![false; weights.len()],
            scenario,
            members,
            weights,
            chance,
        }
    }

    fn group(&self, host: usize) -> Option<&'a Group> {
        self.members[host].map(|group| &self.scenario.groups[group])
    }

    /// One round.
    fn step(&mut self, round: u64, tally: &mut Tally<'_>) {
        let attempt = round + 1;
        self.replace();
        let weight = |account: &Account| if attempt < account.counts_from { 0 } else { account.weight };
        self.weights = self.accounts.iter().map(weight).collect();
        self.electorate = Electorate::new(&self.weights).expect("2^20 hosts of 2^40 at most");
        let mut beacon = [0; 32];
        self.chance.fill(&mut beacon);
        for is_away in &mut self.is_away {
            *is_away = self.chance.is(self.scenario.away);
        }
        let quiet = self.quiet();
        let mut truths = Vec::new();
        for (lane, state) in (0..).zip(self.lease()) {
            // No round is as long as a u32 is large.
            let place = Place { beacon, round: round as u32, lane };
            truths.push(self.train(&place, state, &quiet));
        }
        let total = self.electorate.total();
        let is_held = total - quiet.away > total / 2;
        let outcomes: Vec<Outcome> = truths.iter().map(|truth| truth.state.case(is_held).outcome()).collect();
        let lanes: Vec<LaneState> = truths.iter().map(|truth| truth.state.clone()).collect();
        let Consequences { earned, at_fault, caught } =
            consequences(&mut self.accounts, &lanes, &outcomes, &self.terms);
        for host in &caught {
            let again = counts_again(attempt, self.scenario.rules.epoch.into());
            self.accounts[*host as usize].counts_from = again;
        }
        let of_run = self.scenario.rules.lanes;
        let wait = |host: &HostId| {
            let days = self.accounts[*host as usize].standing.honest_days().min(STANDING_DAYS);
            wait_of(self.waits[days as usize], of_run, self.weights[*host as usize], total)
        };
        let closed = self.escrow.close(round, &earned, &at_fault, wait);
        for (host, units) in &closed.vested {
            self.accounts[*host as usize].paid += units;
        }
        let accepted = outcomes.iter().filter(|outcome| outcome.is_accepted()).count();
        self.owed = owed(of_run, lanes.len() as u32, accepted as u32);
        tally.begin(round, earned.values().sum(), closed.forfeited);
        for (truth, outcome) in truths.iter().zip(&outcomes) {
            tally.lane(&truth.state, truth.is_shown, &truth.expected, *outcome);
        }
        tally.end(&self.accounts);
    }

    /// Some honest hosts leave; others take their places. What the former have earned stays theirs.
    fn replace(&mut self) {
        if self.scenario.stay == 0 {
            return;
        }
        for (account, member) in self.accounts.iter_mut().zip(&self.members) {
            if member.is_none() && self.chance.uniform() * (self.scenario.stay as f64) < 1.0 {
                *account = Account { weight: account.weight, paid: account.paid, ..Account::default() };
            }
        }
    }

    fn quiet(&self) -> Quiet {
        let mut quiet = Quiet { away: 0, hiding: vec![0; self.scenario.groups.len()], silent: 0 };
        for (host, weight) in self.weights.iter().enumerate() {
            match self.members[host] {
                _ if self.is_away[host] => quiet.away += weight,
                Some(group) if self.scenario.groups[group].hides => quiet.hiding[group] += weight,
                Some(group) if !self.scenario.groups[group].checks => quiet.silent += weight,
                _ => {}
            }
        }
        quiet
    }

    /// The round's lanes: those of hosts that are away go to others.
    fn lease(&mut self) -> Vec<LaneState> {
        let of = holders(&self.credits.lease(leased(self.scenario.rules.lanes, self.owed), &self.weights));
        let mut lanes: Vec<LaneState> = of.into_iter().map(|host| LaneState::new(host_id(host))).collect();
        let mut is_there = vec![false; self.weights.len()];
        let holders: BTreeSet<usize> = lanes.iter().map(|lane| lane.holder as usize).collect();
        holders.iter().for_each(|host| is_there[*host] = !self.is_away[*host]);
        let gone: Vec<usize> =
            (0..lanes.len()).filter(|lane| self.is_away[lanes[*lane].holder as usize]).collect();
        for (lane, holder) in gone.iter().zip(self.credits.release(gone.len(), &is_there)) {
            lanes[*lane].holder = host_id(holder);
        }
        lanes
    }

    /// Trains and checks a lane.
    fn train(&mut self, place: &Place, mut state: LaneState, quiet: &Quiet) -> Truth {
        let (rules, host) = (&self.scenario.rules, state.holder as usize);
        let (account, group) = (self.accounts[host].clone(), self.group(host));
        let nothing = Expected::default();
        if self.is_away[host] {
            return Truth { state, is_shown: false, expected: nothing };
        }
        state.commitments.push(Commitment { root: [0; 32], delta: [0; 32] });
        let average = Seats::of(rules.segments, &account.standing, self.floor);
        state.drawn = place.segments(rules.segments, &average, account.unchecked);
        let wrong = group.map_or(0, |group| group.false_segments(rules.segments));
        let is_shown = self.falls_on(wrong, state.drawn.len() as u64);
        // Of those who would say nothing, or nothing true, by weight.
        let own = self.weights[host];
        let hiding = self.members[host].filter(|_| group.is_some_and(|group| group.hides));
        let hiding = hiding.map_or(0, |group| quiet.hiding[group].saturating_sub(own));
        let silent = quiet
            .silent
            .saturating_sub(if group.is_some_and(|group| !group.hides && !group.checks) { own } else { 0 });
        let others = (self.electorate.total() - own) as f64;
        let is_forced = account.unchecked + 1 >= LONGEST_UNCHECKED;
        let segments = Segments::new(rules.segments, average.thousandths(), is_forced);
        let shares = [quiet.away + silent + hiding, quiet.away + silent].map(|weight| weight as f64 / others);
        // Who says nothing is found out, whoever looks.
        let shares = if group.is_some_and(|group| group.withholds) { [0.0, shares[1]] } else { shares };
        let expected = Expected::new(&segments, wrong, rules.seats, shares);
        let checkers = place.checkers(&self.electorate, host, rules.seats);
        state.checkers =
            checkers.iter().map(|checker| self.checker(host, *checker, &state.drawn, is_shown)).collect();
        // Who sees that it is found out may rather say nothing.
        if !(is_shown && group.is_some_and(|group| group.withholds)) {
            state.shown = Some(Vec::new());
        }
        // All look at the same.
        state.false_places = if is_shown { vec![rules.segments] } else { Vec::new() };
        let all = u128::from(self.electorate.total() - own);
        let (hiding, mute) = (u128::from(hiding), u128::from(quiet.away + silent));
        state.tally = [hiding, all - hiding - mute, 0, mute];
        Truth { state, is_shown, expected }
    }

    fn checker(&self, trainer: usize, (host, seats): (usize, u32), drawn: &[u32], is_shown: bool) -> Checker {
        let stands_by = self.members[host].is_some() && self.members[host] == self.members[trainer];
        let agrees = match self.group(host) {
            _ if self.is_away[host] => None,
            Some(group) if group.hides && stands_by => Some(true),
            Some(group) if !group.checks && !group.hides => None,
            _ => Some(!is_shown),
        };
        Checker { agrees, ..Checker::new(host_id(host), seats, drawn.to_vec()) }
    }

    /// Whether one of so many false segments is among so many drawn, where all sets are as likely.
    fn falls_on(&mut self, wrong: u32, drawn: u64) -> bool {
        let mut left = u64::from(self.scenario.rules.segments);
        let mut right = left - u64::from(wrong);
        for _ in 0..drawn {
            if self.chance.uniform() * left as f64 >= right as f64 {
                return true;
            }
            (left, right) = (left - 1, right - 1);
        }
        false
    }
}
