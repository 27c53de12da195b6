//! The ledger of a run: who trains what, what was said of it, and what it has led to. A pure function of the rules, the
//! messages and the blocks' hashes. Parameters and deltas are known to it by their hashes only.

mod admit;
mod complete;
mod draw;
mod lane;
mod pay;
mod settle;
mod weigh;

pub use draw::input;
pub use lane::{Checker, Commitment, LaneState};
pub(crate) use pay::{Consequences, consequences};

use super::message::{Message, Refusal, Word};
use super::report::RoundReport;
use super::rules::{Rules, RulesError};
use crate::message::HostId;
use crate::sortition::{Output, SortitionKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::network::committee::Electorate;
use sphere_pow_core::network::lanes::escrow::Escrow;
use sphere_pow_core::network::lanes::lease::{Credits, holders};
use sphere_pow_core::network::lanes::leased;
use sphere_pow_core::network::reputation::Standing;
use sphere_pow_core::train::stream::RunId;
use std::collections::BTreeMap;

/// What hosts do. Each phase ends when all that is due is said, or when its window closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Those with a lease train and commit.
    Train,
    /// Those who took over lanes of others do.
    Again,
    /// The next block's hash is what is drawn from.
    Draw,
    /// Validators draw which lanes they check, and which segments of them.
    Sortition,
    /// Trainers open the states before what was drawn.
    Open,
    /// Checkers repeat it and seal what they have.
    Seal,
    /// Trainers show the leaves that they had committed to.
    Show,
    /// Checkers reveal.
    Reveal,
    /// Everybody decides where a checker accused.
    Judge,
    /// Everybody merges.
    Merge,
    /// The run has ended, or not begun.
    Done,
}

/// A host's account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its key: what its seals are made with.
    pub key: [u8; 32],
    /// Its voting weight, as long as it is not excluded ([`Ledger::weight`]).
    pub weight: u64,
    /// The attempt from which its weight counts: that in which the next epoch begins, once it was caught.
    pub counts_from: u64,
    /// What its honest rounds, a day each, have earned it.
    pub standing: Standing,
    /// Units that are its own.
    pub paid: u64,
    /// Rounds in a row in which it trained and nothing of it was drawn.
    pub unchecked: u32,
    /// Rounds in a row in which it withheld an opening.
    pub withheld: u32,
}

/// The state of a run after a block.
#[derive(Clone, Debug)]
pub struct Ledger {
    rules: Rules,
    run: RunId,
    height: u64,
    attempt: u64,
    round: u32,
    phase: Phase,
    deadline: u64,
    root: [u8; 32],
    seed: [u8; 32],
    accounts: Vec<Account>,
    /// By host: whose draws are verified by what.
    sortition_keys: Vec<Option<SortitionKey>>,
    /// Weights of this attempt.
    electorate: Electorate,
    credits: Credits,
    /// Lanes of rounds before that did not count, and are not made up for yet.
    owed: u32,
    lanes: Vec<LaneState>,
    /// What is drawn from, once commitments are closed.
    beacon: [u8; 32],
    /// By host: what it drew.
    outputs: BTreeMap<HostId, Output>,
    /// By host: which deltas it has, once it has said so.
    holds: BTreeMap<HostId, Vec<u32>>,
    /// By host: the root that it has merged to.
    roots: BTreeMap<HostId, [u8; 32]>,
    escrow: Escrow<HostId>,
    minted: u64,
    forfeited: u64,
    /// Of the attempt that is being merged.
    pending: Option<RoundReport>,
    /// Of the attempt that the last block ended.
    ended: Option<RoundReport>,
}

impl Ledger {
    /// The ledger before the first block: keys and weights by host, the run, and the root of its first parameters.
    ///
    /// # Errors
    /// [`RulesError`].
    pub fn new(
        rules: Rules,
        run: RunId,
        root: [u8; 32],
        hosts: &[([u8; 32], u64)],
    ) -> Result<Self, RulesError> {
        rules.check()?;
        let weights: Vec<u64> = hosts.iter().map(|(_, weight)| *weight).collect();
        let account = |(key, weight): &([u8; 32], u64)| {
            let mut account = Account { key: *key, weight: *weight, ..Account::default() };
            (0..rules.standing).for_each(|_| account.standing.work_honestly());
            account
        };
        Ok(Self {
            accounts: hosts.iter().map(account).collect(),
            electorate: Electorate::new(&weights).ok_or(RulesError::Weight)?,
            escrow: Escrow::default(),
            sortition_keys: Vec::new(),
            beacon: [0; 32],
            outputs: BTreeMap::new(),
            rules,
            run,
            height: 0,
            attempt: 0,
            round: 0,
            // Nothing is due before the first block.
            phase: Phase::Done,
            deadline: 0,
            root,
            seed: [0; 32],
            credits: Credits::default(),
            owed: 0,
            lanes: Vec::new(),
            holds: BTreeMap::new(),
            roots: BTreeMap::new(),
            minted: 0,
            forfeited: 0,
            pending: None,
            ended: None,
        })
    }

    /// The ledger before the first block with the keys of validators' draws. Where no host has one, a block's hash draws.
    ///
    /// # Shapes
    /// - `keys`: `[hosts]`, by number.
    #[must_use]
    pub fn with_sortition_keys(mut self, keys: Vec<Option<SortitionKey>>) -> Self {
        self.sortition_keys = keys;
        self
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The last block's height.
    #[must_use]
    pub fn height(&self) -> u64 {
        self.height
    }

    /// Which attempt at a round is on, from 1; 0 before the first block.
    #[must_use]
    pub fn attempt(&self) -> u64 {
        self.attempt
    }

    /// The round, from 0.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.round
    }

    /// What hosts do now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The agreed root before the round.
    #[must_use]
    pub fn root(&self) -> &[u8; 32] {
        &self.root
    }

    /// The attempt's seed.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The accounts, by number.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// A host's weight in this attempt: none while it is excluded.
    #[must_use]
    pub fn weight(&self, host: HostId) -> u64 {
        self.electorate.weight(host as usize)
    }

    /// The lanes.
    #[must_use]
    pub fn lanes(&self) -> &[LaneState] {
        &self.lanes
    }

    /// Whether a host has said which deltas it has.
    #[must_use]
    pub fn has_held(&self, host: HostId) -> bool {
        self.holds.contains_key(&host)
    }

    /// Whether a host has said what it merged to.
    #[must_use]
    pub fn has_merged(&self, host: HostId) -> bool {
        self.roots.contains_key(&host)
    }

    /// Units that are held of a host.
    #[must_use]
    pub fn held(&self, host: HostId) -> u64 {
        self.escrow.held(&host)
    }

    /// Units minted, and those of them that hosts have lost.
    #[must_use]
    pub fn minted(&self) -> (u64, u64) {
        (self.minted, self.forfeited)
    }

    /// Rounds, of those in which it trains, for which what a host earns now is kept back.
    #[must_use]
    pub fn wait(&self, host: HostId) -> u32 {
        let standing = self.accounts.get(host as usize).map_or_else(Standing::default, |of| of.standing);
        self.rules.wait(&standing).unwrap_or(u32::MAX)
    }

    /// What became of the attempt that the last block ended.
    #[must_use]
    pub fn ended(&self) -> Option<&RoundReport> {
        self.ended.as_ref()
    }

    /// Takes a message that stands in the block after [`Self::height`].
    ///
    /// # Errors
    /// [`Refusal`]; the state is then as it was.
    pub fn apply(&mut self, sender: HostId, message: Message) -> Result<(), Refusal> {
        let drawn = self.admitted(sender, &message)?;
        let lane = &mut self.lanes[message.lane as usize];
        match message.word {
            Word::Commit { root, delta } => {
                // In an order of their own: which came first must not matter.
                lane.commitments.push(Commitment { root, delta });
                lane.commitments.sort_unstable();
            }
            Word::Hold { lanes } => drop(self.holds.insert(sender, lanes)),
            Word::Draw { .. } => {
                self.outputs.insert(sender, drawn.expect("what an admitted draw comes to"));
            }
            Word::Open { leaves } => lane.opened = Some(leaves),
            Word::Seal { seal } => lane.checker_mut(sender).seal = Some(seal),
            Word::Show { leaves } => lane.shown = Some(leaves.into_iter().map(|shown| shown.leaf).collect()),
            Word::Reveal { leaves, is_end_right } => {
                let drawn = lane.checker(sender).map_or(Vec::new(), |checker| checker.drawn.clone());
                let due = lane.after(&drawn);
                lane.checker_mut(sender).agrees = Some(is_end_right && due == leaves);
            }
            Word::Miss => lane.checker_mut(sender).misses = true,
            Word::Judge { finding } => drop(lane.votes.insert(sender, finding)),
            Word::Root { root } => drop(self.roots.insert(sender, root)),
        }
        Ok(())
    }

    /// Ends the block after [`Self::height`]; its hash is randomness that nobody could foresee.
    pub fn end_block(&mut self, hash: &[u8; 32]) {
        self.height += 1;
        self.ended = None;
        if self.attempt == 0 {
            return self.begin(hash);
        }
        let (is_due, is_complete) = (self.height >= self.deadline, self.is_complete());
        if !is_due && !is_complete {
            return;
        }
        match self.phase {
            Phase::Train if !is_complete => self.release(),
            Phase::Train | Phase::Again => self.enter(Phase::Draw),
            Phase::Draw => self.fix_beacon(hash),
            Phase::Sortition => self.seat(),
            Phase::Open => self.enter(Phase::Seal),
            Phase::Seal => self.enter(Phase::Show),
            Phase::Show => self.enter(Phase::Reveal),
            Phase::Reveal if self.lanes.iter().any(|lane| lane.case(true).is_disputed()) => {
                self.enter(Phase::Judge);
            }
            Phase::Reveal | Phase::Judge => self.settle(hash),
            Phase::Merge => self.merge(hash),
            Phase::Done => {}
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.deadline = self.height + self.rules.window;
    }

    /// Begins an attempt at the round.
    fn begin(&mut self, hash: &[u8; 32]) {
        self.attempt += 1;
        self.seed = self.run.seed(self.round, &Hash::from_bytes(self.root), hash);
        let attempt = self.attempt;
        let weight = |account: &Account| if attempt < account.counts_from { 0 } else { account.weight };
        let weights: Vec<u64> = self.accounts.iter().map(weight).collect();
        self.electorate = Electorate::new(&weights).expect("at most what they are without exclusions");
        let counts = self.credits.lease(leased(self.rules.params.raw().lanes, self.owed), &weights);
        let host = |host| HostId::try_from(host).expect("as many hosts as numbers");
        self.lanes = holders(&counts).into_iter().map(|of| LaneState::new(host(of))).collect();
        self.outputs.clear();
        self.holds.clear();
        self.roots.clear();
        self.enter(Phase::Train);
    }

    /// Leases lanes without a commitment to those who committed.
    fn release(&mut self) {
        let mut is_there = vec![false; self.accounts.len()];
        for lane in self.lanes.iter().filter(|lane| !lane.commitments.is_empty()) {
            is_there[lane.holder as usize] = true;
        }
        for lane in self.lanes.iter().filter(|lane| lane.commitments.is_empty()) {
            is_there[lane.holder as usize] = false;
        }
        let gone: Vec<usize> =
            (0..self.lanes.len()).filter(|lane| self.lanes[*lane].commitments.is_empty()).collect();
        for (lane, holder) in gone.iter().zip(self.credits.release(gone.len(), &is_there)) {
            self.lanes[*lane].holder = HostId::try_from(holder).expect("a host's number");
        }
        self.enter(Phase::Again);
    }

    /// The state in 32 bytes: equal for hosts that agree.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut sha = Sha256::new_with_prefix(b"sphere-pow training ledger 4");
        let numbers =
            [self.height, self.attempt, self.round.into(), self.deadline, self.minted, self.forfeited];
        numbers.iter().for_each(|number| sha.update(number.to_le_bytes()));
        sha.update([self.phase as u8]);
        sha.update(self.owed.to_le_bytes());
        sha.update(self.root);
        sha.update(self.seed);
        sha.update(self.beacon);
        for account in &self.accounts {
            sha.update(account.paid.to_le_bytes());
            sha.update(account.weight.to_le_bytes());
            sha.update(account.counts_from.to_le_bytes());
            for number in [account.standing.honest_days(), account.unchecked, account.withheld] {
                sha.update(number.to_le_bytes());
            }
        }
        self.credits.owed().iter().for_each(|owed| sha.update(owed.to_le_bytes()));
        let entries: Vec<(HostId, Vec<(u64, u64)>)> =
            self.escrow.entries().map(|(host, entries)| (*host, entries.to_vec())).collect();
        let rest = borsh::to_vec(&(&self.lanes, &self.outputs, &self.holds, &self.roots, &entries))
            .expect("bytes in memory");
        sha.update(&rest);
        sha.finalize().into()
    }
}
