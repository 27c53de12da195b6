//! The end of a Sprint: weights, standings, difficulty, rewards.

use super::Ledger;
use super::books::{Books, Checks, Entry, Outcome};
use crate::message::HostId;
use crate::rules::{Pricing, Times};
use sphere_pow_core::network::cap::cap_powers;
use sphere_pow_core::network::difficulty::{Interval, Mark};
use sphere_pow_core::network::reward::{Cycle, Record};
use std::collections::BTreeMap;

/// What became of a Sprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Which one.
    pub epoch: u64,
    /// By host: its claim's count and outcome.
    pub outcomes: Vec<Option<(u64, Outcome)>>,
    /// Its seed.
    pub seed: [u8; 32],
    /// Hosts that bound themselves to a secret and did not reveal it.
    pub withheld_reveals: Vec<HostId>,
    /// Those of them whose secret the others recovered.
    pub recovered: Vec<HostId>,
    /// Hosts whose secret did not lead to what they dealt.
    pub false_dealers: Vec<HostId>,
    /// Hosts that found fraud where a jury did not; they get no power either.
    pub false_accusers: Vec<HostId>,
    /// Hosts shown to have voted for two blocks.
    pub equivocators: Vec<HostId>,
    /// Checks that were due.
    pub checks_due: u64,
    /// Checks that were done.
    pub checks_done: u64,
    /// Height from which the powers that follow are in force.
    pub effective: u64,
    /// Height at which rewards are paid.
    pub paid_at: u64,
    /// By host: powers after the cap.
    pub powers: Vec<u64>,
    /// By host: work of checking, due and done.
    records: Vec<Record>,
}

impl Settled {
    /// Hosts that lose this epoch's rewards and their standing.
    pub fn at_fault(&self) -> impl Iterator<Item = HostId> {
        let rejected = |(host, outcome): (HostId, &Option<(u64, Outcome)>)| {
            outcome.is_some_and(|(_, outcome)| !outcome.is_accepted()).then_some(host)
        };
        let others = [&self.false_accusers, &self.withheld_reveals, &self.false_dealers, &self.equivocators];
        (0..).zip(&self.outcomes).filter_map(rejected).chain(others.into_iter().flatten().copied())
    }
}

impl Ledger {
    /// Computes weights and opens the next Sprint's round.
    pub(super) fn settle(&mut self, time_ms: u64) {
        let hosts = self.accounts.len();
        let (recovered, false_dealers) = self.round.dealers();
        let mut settled = Settled {
            epoch: self.epoch,
            outcomes: vec![None; hosts],
            seed: self.seed,
            withheld_reveals: self.round.withheld().collect(),
            recovered: recovered.to_vec(),
            false_dealers: false_dealers.to_vec(),
            false_accusers: Vec::new(),
            equivocators: std::mem::take(&mut self.equivocators).into_iter().collect(),
            checks_due: 0,
            checks_done: 0,
            effective: self.times.effective,
            paid_at: self.times.settled,
            powers: vec![0; hosts],
            records: vec![Record::default(); hosts],
        };
        let mut accepted = 0_u64;
        for (host, entry) in self.books.entries() {
            let (ix, outcome) = (host as usize, self.outcome(entry));
            settled.outcomes[ix] = Some((entry.claim().count, outcome));
            if outcome.is_accepted() {
                settled.powers[ix] = self.weight(entry.claim());
                accepted = accepted.saturating_add(entry.claim().count);
            }
            settled.count_checks(entry, outcome);
        }
        // To draw is a check of its own: who does not is missing from committees that nobody can name it for.
        for host in (0..).take(hosts).filter(|host| self.must_draw(*host)) {
            settled.count_check(host, self.books.output(host).is_some());
        }
        settled.false_accusers.sort_unstable();
        settled.false_accusers.dedup();
        // Accusations cost others work, so they cost more than pay.
        for host in settled.false_accusers.iter().chain(&settled.equivocators) {
            settled.powers[*host as usize] = 0;
        }
        self.cap(&mut settled.powers);
        self.rate_hosts(&settled);
        self.follow_goal(accepted, time_ms);
        self.settled = Some(settled);
        self.begin_round();
    }

    /// Caps the powers of those who have some. Where no cap can hold, they stay as they are.
    fn cap(&self, powers: &mut [u64]) {
        let some: Vec<u64> = powers.iter().copied().filter(|power| *power > 0).collect();
        if let Ok(capped) = cap_powers(&some, self.rules.cap) {
            let slots = powers.iter_mut().filter(|power| **power > 0);
            slots.zip(capped.powers).for_each(|(slot, power)| *slot = power);
        }
    }

    /// A day for each honest host; fraud, withholding and false accusations cost all days.
    fn rate_hosts(&mut self, settled: &Settled) {
        for (account, outcome) in self.accounts.iter_mut().zip(&settled.outcomes) {
            match outcome {
                Some(_) => account.standing.work_honestly(),
                None => account.standing.stay_away(),
            }
        }
        for host in settled.at_fault() {
            self.accounts[host as usize].standing.lose();
        }
    }

    /// Wins and time from one computation of weights to the next, which are of one Sprint each.
    fn follow_goal(&mut self, accepted: u64, time_ms: u64) {
        let mark = Mark { height: self.height, time_ms, wins: self.mark.wins.saturating_add(accepted) };
        if let (Some(difficulty), Pricing::Wins { goal, .. }) = (&self.difficulty, &self.rules.pricing) {
            // A chain whose time stands still leaves the difficulty as it is.
            if let Ok(interval) = Interval::between(&self.mark, &mark) {
                self.difficulty = Some(difficulty.next(&interval, goal));
            }
        }
        self.mark = mark;
    }

    fn begin_round(&mut self) {
        let hosts = self.accounts.len();
        self.epoch += 1;
        if let Some(stages) = self.rules.durations.epoch(self.epoch) {
            self.times = Times::new(&stages, self.height, self.rules.has_sortition);
        }
        self.round = self.new_round();
        self.books = Books::new(hosts);
    }

    /// Shares what the epoch mints by power, and pays.
    pub(super) fn pay(&mut self, settled: &Settled) {
        let powers = (0..).zip(&settled.powers).filter(|(_, power)| **power > 0);
        let powers: BTreeMap<HostId, u64> = powers.map(|(host, power)| (host, *power)).collect();
        let mut cycle = Cycle::default();
        if !powers.is_empty() {
            cycle
                .emit(self.rules.emission.of_epoch(settled.epoch), &powers)
                .expect("new books hold an epoch's units");
        }
        for host in settled.at_fault() {
            cycle.forfeit(host);
        }
        let records =
            (0..).zip(settled.records.iter().copied()).filter(|(_, record)| record.checks_due > 0).collect();
        for (host, amount) in cycle.settle(&records).paid {
            self.accounts[host as usize].paid += amount;
        }
    }
}

impl Settled {
    fn count_check(&mut self, checker: HostId, is_done: bool) {
        let (record, is_done) = (&mut self.records[checker as usize], u64::from(is_done));
        record.checks_due += 1;
        record.checks_done += is_done;
        self.checks_due += 1;
        self.checks_done += is_done;
    }

    fn count_checks(&mut self, entry: &Entry, outcome: Outcome) {
        // Nobody can check what was not opened.
        if entry.openings().is_none() {
            return;
        }
        for checks in [Checks::Committee, Checks::Jury] {
            for member in entry.members(checks) {
                self.count_check(member.host, member.vote.is_some());
                let is_overruled = outcome == Outcome::Cleared && member.vote.flatten().is_some();
                if checks == Checks::Committee && is_overruled {
                    self.false_accusers.push(member.host);
                }
            }
        }
    }
}
