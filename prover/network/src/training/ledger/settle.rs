//! The end of an attempt: what becomes of its lanes, what hosts earn and lose, and the agreed root.

use super::super::report::{HostReport, LaneReport, RoundReport};
use super::{Ledger, Phase};
use crate::message::HostId;
use sphere_pow_core::network::lanes::is_enough;
use sphere_pow_core::network::lanes::verdict::Outcome;
use sphere_pow_core::text::hex;
use std::collections::{BTreeMap, BTreeSet};

impl Ledger {
    /// What becomes of each lane, by what was said so far.
    #[must_use]
    pub fn outcomes(&self) -> Vec<Outcome> {
        let held = |lane: u32| {
            let has =
                |host: &HostId| self.holds.get(host).is_some_and(|lanes| lanes.binary_search(&lane).is_ok());
            self.weight_of((0..).take(self.accounts.len()).filter(has)) > self.total_weight() / 2
        };
        (0..).zip(&self.lanes).map(|(number, lane)| lane.case(held(number)).outcome()).collect()
    }

    /// The lanes that count, ascending.
    #[must_use]
    pub fn accepted(&self) -> Vec<u32> {
        let outcomes = (0..).zip(self.outcomes());
        outcomes.filter(|(_, outcome)| outcome.is_accepted()).map(|(lane, _)| lane).collect()
    }

    /// The root with more than half of the weight behind it.
    #[must_use]
    pub fn agreed_root(&self) -> Option<[u8; 32]> {
        let mut weights = BTreeMap::new();
        for (host, root) in &self.roots {
            *weights.entry(*root).or_insert(0_u128) += self.weight_of([*host].into_iter());
        }
        weights.into_iter().find(|(_, weight)| *weight > self.total_weight() / 2).map(|(root, _)| root)
    }

    fn weight_of(&self, hosts: impl Iterator<Item = HostId>) -> u128 {
        hosts.map(|host| u128::from(self.accounts[host as usize].weight)).sum()
    }

    fn total_weight(&self) -> u128 {
        self.electorate.total().into()
    }

    /// Decides about the lanes, pays, and goes on to the merge, or to another attempt.
    pub(super) fn settle(&mut self, hash: &[u8; 32]) {
        self.count_votes();
        let outcomes = self.outcomes();
        let (earned, at_fault) = self.consequences(&outcomes);
        self.minted += earned.values().sum::<u64>();
        let closed = self.escrow.close(self.attempt, &earned, &at_fault);
        self.forfeited += closed.forfeited;
        for (host, units) in closed.vested {
            self.accounts[host as usize].paid += units;
        }
        let accepted = outcomes.iter().filter(|outcome| outcome.is_accepted()).count();
        let is_enough = is_enough(u32::try_from(accepted).unwrap_or(u32::MAX), self.rules.params.raw().lanes);
        self.pending = Some(self.report(&outcomes, &at_fault));
        if is_enough {
            self.enter(Phase::Merge);
        } else {
            self.end(hash, None);
        }
    }

    /// Adds up the weight of the answers in each trial.
    fn count_votes(&mut self) {
        let total = self.total_weight();
        for ix in 0..self.lanes.len() {
            let lane = &self.lanes[ix];
            if !lane.case(true).is_disputed() {
                continue;
            }
            let of = |is_fraud: bool| {
                self.weight_of(
                    lane.votes.iter().filter(|(_, vote)| **vote == is_fraud).map(|(host, _)| *host),
                )
            };
            let (valid, fraud) = (of(false), of(true));
            // The trainer has no vote.
            let all = total - self.weight_of([lane.holder].into_iter());
            self.lanes[ix].tally = [valid, fraud, all - valid - fraud];
        }
    }

    /// Units earned by host, and who loses what is not vested. Changes standings.
    fn consequences(&mut self, outcomes: &[Outcome]) -> (BTreeMap<HostId, u64>, BTreeSet<HostId>) {
        let (mut earned, mut at_fault) = (BTreeMap::new(), BTreeSet::new());
        let mut fraud = BTreeSet::new();
        let terms = self.rules.terms();
        for (lane, outcome) in self.lanes.iter().zip(outcomes) {
            let is_true = |accused: bool| outcome.is_accepted() != accused;
            let spoke = || {
                lane.checkers.iter().filter(|checker| checker.agrees.is_some_and(|agrees| is_true(!agrees)))
            };
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
        self.rate(outcomes, &fraud);
        earned.retain(|_, units| *units > 0);
        (earned, at_fault)
    }

    /// A day for each host whose lanes all counted; fraud costs all days, and so does to withhold twice in a row.
    fn rate(&mut self, outcomes: &[Outcome], fraud: &BTreeSet<HostId>) {
        let mut trained: BTreeMap<HostId, (bool, bool, bool)> = BTreeMap::new();
        for (lane, outcome) in self.lanes.iter().zip(outcomes) {
            let (all_count, withheld, drawn) = trained.entry(lane.holder).or_insert((true, false, false));
            *all_count &= outcome.is_accepted();
            *withheld |= *outcome == Outcome::Withheld;
            *drawn |= !lane.drawn.is_empty();
            if lane.first_holder != lane.holder {
                trained.entry(lane.first_holder).or_insert((false, false, false)).0 = false;
            }
        }
        for (host, (all_count, withheld, drawn)) in trained {
            let account = &mut self.accounts[host as usize];
            account.unchecked = if drawn { 0 } else { account.unchecked + 1 };
            if all_count {
                account.standing.work_honestly();
                account.withheld = 0;
            } else if withheld {
                account.withheld += 1;
                if account.withheld > 1 {
                    account.standing.lose();
                }
            } else {
                account.standing.stay_away();
            }
        }
        for host in fraud {
            self.accounts[*host as usize].standing.lose();
        }
    }

    /// Ends the attempt where hosts have merged, or had the time to.
    pub(super) fn merge(&mut self, hash: &[u8; 32]) {
        let agreed = self.agreed_root();
        self.end(hash, agreed);
    }

    /// Ends the attempt: with a root the round is done.
    fn end(&mut self, hash: &[u8; 32], root: Option<[u8; 32]>) {
        let Some(mut report) = self.pending.take() else { return };
        report.height = self.height;
        report.hash = hex(hash);
        if let Some(root) = root {
            report.root = Some(hex(&root));
            report.dissenting =
                self.roots.iter().filter(|(_, own)| **own != root).map(|(host, _)| *host).collect();
            self.root = root;
            self.round += 1;
        }
        self.ended = Some(report);
        if self.round >= self.rules.params.raw().rounds {
            self.phase = Phase::Done;
            self.deadline = u64::MAX;
            self.lanes.clear();
        } else {
            self.begin(hash);
        }
    }

    fn report(&self, outcomes: &[Outcome], at_fault: &BTreeSet<HostId>) -> RoundReport {
        let lanes = self.lanes.iter().zip(outcomes).map(|(lane, outcome)| LaneReport {
            holder: lane.holder,
            first_holder: lane.first_holder,
            outcome: *outcome,
            drawn: lane.drawn.clone(),
            checkers: lane.checkers.iter().map(|checker| checker.host).collect(),
            accusers: lane.checkers.iter().filter(|c| c.agrees == Some(false)).map(|c| c.host).collect(),
        });
        let hosts = (0..).zip(&self.accounts).map(|(host, account)| HostReport {
            paid: account.paid,
            held: self.held(host),
            standing: account.standing.honest_days(),
        });
        RoundReport {
            attempt: self.attempt,
            round: self.round,
            seed: hex(&self.seed),
            height: self.height,
            hash: String::new(),
            lanes: lanes.collect(),
            hosts: hosts.collect(),
            at_fault: at_fault.iter().copied().collect(),
            dissenting: Vec::new(),
            root: None,
            minted: self.minted,
            forfeited: self.forfeited,
        }
    }
}
