//! The end of an attempt: what becomes of its lanes, what hosts earn and lose, and the agreed root.

use super::super::message::Finding;
use super::super::report::{HostReport, LaneReport, RoundReport};
use super::{Consequences, Ledger, Phase, consequences};
use crate::message::HostId;
use sphere_pow_core::network::lanes::escrow::wait_of;
use sphere_pow_core::network::lanes::verdict::Outcome;
use sphere_pow_core::network::lanes::{counts_again, is_enough, owed};
use sphere_pow_core::text::hex;
use std::collections::{BTreeMap, BTreeSet};

/// Lanes that count.
fn accepted(outcomes: &[Outcome]) -> u32 {
    u32::try_from(outcomes.iter().filter(|outcome| outcome.is_accepted()).count())
        .expect("at most 4096 lanes")
}

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
        hosts.map(|host| u128::from(self.weight(host))).sum()
    }

    fn total_weight(&self) -> u128 {
        self.electorate.total().into()
    }

    /// Decides about the lanes, pays, and goes on to the merge, or to another attempt.
    pub(super) fn settle(&mut self, hash: &[u8; 32]) {
        self.count_votes();
        let outcomes = self.outcomes();
        let Consequences { earned, at_fault, caught } =
            consequences(&mut self.accounts, &self.lanes, &outcomes, &self.rules.terms());
        for host in caught {
            self.accounts[host as usize].counts_from = counts_again(self.attempt, self.rules.epoch);
        }
        self.minted += earned.values().sum::<u64>();
        let (lanes, total) = (self.rules.params.raw().lanes, self.electorate.total());
        let waits: BTreeMap<HostId, u64> = earned
            .keys()
            .map(|host| {
                (*host, wait_of(self.wait(*host), lanes, self.electorate.weight(*host as usize), total))
            })
            .collect();
        let closed = self.escrow.close(self.attempt, &earned, &at_fault, |host| waits[host]);
        self.forfeited += closed.forfeited;
        for (host, units) in closed.vested {
            self.accounts[host as usize].paid += units;
        }
        self.pending = Some(self.report(&outcomes, &at_fault));
        if is_enough(accepted(&outcomes), self.rules.params.raw().lanes) {
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
            let of = |is_it: &dyn Fn(&Finding) -> bool| {
                let votes = lane.votes.iter().filter(|(_, vote)| is_it(vote));
                self.weight_of(votes.map(|(host, _)| *host))
            };
            let valid = of(&|vote| *vote == Finding::Right);
            let missing = of(&|vote| *vote == Finding::Missing);
            let fraud = of(&|vote| matches!(vote, Finding::Fraud { .. }));
            // The trainer has no vote.
            let all = total - self.weight_of([lane.holder].into_iter());
            let names = |vote: &Finding, place: u32| match vote {
                Finding::Fraud { places } => places.contains(&place),
                _ => false,
            };
            let places = lane.drawn.iter().copied().chain([self.rules.params.raw().segments]);
            let false_places = places.filter(|place| of(&|vote| names(vote, *place)) > all / 2).collect();
            let lane = &mut self.lanes[ix];
            lane.tally = [valid, fraud, missing, all - valid - fraud - missing];
            lane.false_places = false_places;
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
            let (lanes, leased) = (self.rules.params.raw().lanes, self.lanes.len());
            let leased = u32::try_from(leased).expect("at most 4096 lanes");
            self.owed = owed(lanes, leased, accepted(&self.outcomes()));
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
            repeated: lane.repeated(),
            missing: lane.checkers.iter().filter(|c| c.misses).map(|c| c.host).collect(),
            accusers: lane.checkers.iter().filter(|c| c.agrees == Some(false)).map(|c| c.host).collect(),
        });
        let hosts = (0..).zip(&self.accounts).map(|(host, account)| HostReport {
            weight: self.weight(host),
            paid: account.paid,
            held: self.held(host),
            standing: account.standing.honest_days(),
            is_excluded: account.counts_from > self.attempt + 1,
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
