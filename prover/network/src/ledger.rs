//! The ledger: what a network's blocks add up to. A pure function of the rules, the messages and the blocks' hashes.

mod admit;
mod books;
mod judge;
mod settle;

pub use books::{Checks, Entry, Outcome};
pub use settle::Settled;

use crate::message::{Claim, HostId, Message, Refusal};
use crate::rules::{Pricing, Rules, RulesError, Times};
use crate::seed::{Deal, Dealing, Part, Round, SealKey, Seating};
use crate::sortition::{Output, Proof, SortitionKey, input};
use books::Books;
use sha2::{Digest, Sha256};
use sphere_pow_core::network::committee::Electorate;
use sphere_pow_core::network::difficulty::{Difficulty, Mark};
use sphere_pow_core::network::reputation::Standing;
use std::collections::BTreeSet;

/// A block as the ledger knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockMark {
    /// The block's hash: randomness that nobody could foresee when the block before was made.
    pub hash: [u8; 32],
    /// Its time in milliseconds, which decides nothing but the difficulty. Without clocks: height times a constant.
    pub time_ms: u64,
}

/// A host's account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// What its honest epochs, a day each, have earned it.
    pub standing: Standing,
    /// Units paid so far.
    pub paid: u64,
    /// Its voting power.
    pub power: u64,
}

/// The state of a network after a block.
#[derive(Clone, Debug)]
pub struct Ledger {
    rules: Rules,
    height: u64,
    epoch: u64,
    times: Times,
    accounts: Vec<Account>,
    /// By host: what shares of secrets are sealed to.
    seal_keys: Vec<Option<SealKey>>,
    /// By host: whose draws are verified by what.
    sortition_keys: Vec<Option<SortitionKey>>,
    electorate: Electorate,
    seed: [u8; 32],
    round: Round,
    books: Books,
    difficulty: Option<Difficulty>,
    mark: Mark,
    settled: Option<Settled>,
    /// Shown to have voted for two blocks since the last settlement.
    equivocators: BTreeSet<HostId>,
}

impl Ledger {
    /// The ledger before the first block: `powers` are the first validators', `seed` what the first round starts
    /// from.
    ///
    /// # Shapes
    /// - `powers`: `[hosts]`, by number.
    ///
    /// # Errors
    /// [`RulesError`].
    pub fn new(rules: Rules, powers: &[u64], seed: [u8; 32]) -> Result<Self, RulesError> {
        rules.check()?;
        let stages = rules.durations.epoch(1).ok_or(RulesError::FirstStart { got: 0 })?;
        let difficulty = match &rules.pricing {
            Pricing::Nonces => None,
            Pricing::Wins { difficulty, .. } => Some(difficulty.clone()),
        };
        let mut ledger = Self {
            times: Times::new(&stages, 0, rules.has_sortition),
            height: 0,
            epoch: 1,
            accounts: Vec::new(),
            seal_keys: Vec::new(),
            sortition_keys: Vec::new(),
            electorate: Electorate::new(&[]).expect("nothing to add up"),
            seed,
            round: Round::default(),
            books: Books::new(powers.len()),
            difficulty,
            mark: Mark { height: 0, time_ms: 0, wins: 0 },
            settled: None,
            equivocators: BTreeSet::new(),
            rules,
        };
        ledger.accounts.resize(powers.len(), Account::default());
        ledger.elect(powers);
        ledger.round = ledger.new_round();
        Ok(ledger)
    }

    /// The ledger before the first block with the keys that shares of secrets are sealed to. Hosts without one have no
    /// seats among those who recover.
    ///
    /// # Shapes
    /// - `keys`: `[hosts]`, by number.
    #[must_use]
    pub fn with_seal_keys(mut self, keys: Vec<Option<SealKey>>) -> Self {
        self.seal_keys = keys;
        self.round = self.new_round();
        self
    }

    /// The ledger before the first block with the keys of validators' draws. Hosts without one check nothing.
    ///
    /// # Shapes
    /// - `keys`: `[hosts]`, by number.
    #[must_use]
    pub fn with_sortition_keys(mut self, keys: Vec<Option<SortitionKey>>) -> Self {
        self.sortition_keys = keys;
        self
    }

    /// The seats of the next seed's round by the powers in force, drawn by the last seed: nobody knew it when the claims
    /// were made that these powers come from.
    fn new_round(&self) -> Round {
        let key = |host: usize| self.seal_keys.get(host).copied().flatten();
        let powers = self
            .accounts
            .iter()
            .enumerate()
            .filter_map(|(ix, account)| Some((HostId::try_from(ix).ok()?, key(ix)?, account.power)));
        let seating = self.rules.recovery.map(|seats| Seating::new(seats, powers, &self.seed));
        Round::new(self.accounts.len(), seating)
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

    /// The Sprint whose seed is being made, or that is on; it ends when its weights are computed.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The epoch's heights.
    #[must_use]
    pub fn times(&self) -> &Times {
        &self.times
    }

    /// The accounts, by number.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// The seed of the Sprint that is on: what its block hash is made of. Fixed from the start of generation on.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The randomness that draws samples; `None` before the claims are closed.
    #[must_use]
    pub fn beacon(&self) -> Option<&[u8; 32]> {
        self.books.beacon()
    }

    /// The difficulty, where claims are wins.
    #[must_use]
    pub fn difficulty(&self) -> Option<&Difficulty> {
        self.difficulty.as_ref()
    }

    /// What became of the last Sprint, once its weights are computed.
    #[must_use]
    pub fn settled(&self) -> Option<&Settled> {
        self.settled.as_ref()
    }

    /// A host's claim on the Sprint that is on.
    #[must_use]
    pub fn entry(&self, host: HostId) -> Option<&Entry> {
        self.books.entry(host)
    }

    /// What a host draws from; `None` where it has nothing to draw, or has drawn.
    #[must_use]
    pub fn draws(&self, host: HostId) -> Option<Vec<u8>> {
        let is_due = self.must_draw(host) && self.books.output(host).is_none();
        Some(input(self.epoch, self.beacon().filter(|_| is_due)?))
    }

    /// Whether a host is one of those who draw whose claims they check.
    fn must_draw(&self, host: HostId) -> bool {
        let key = self.sortition_keys.get(host as usize).copied().flatten();
        self.rules.has_sortition && self.electorate.weight(host as usize) > 0 && key.is_some()
    }

    /// What a host drew, if its proof shows it.
    fn verified(&self, host: HostId, proof: &Proof) -> Option<Output> {
        let key = self.sortition_keys.get(host as usize).copied().flatten()?;
        key.verify(&input(self.epoch, self.beacon()?), proof)
    }

    /// The claims that `host` has to check.
    pub fn duties(&self, host: HostId, checks: Checks) -> impl Iterator<Item = HostId> {
        self.books.duties(host, checks)
    }

    /// Whether `host` has bound itself to a secret for the next seed, and whether it is out.
    #[must_use]
    pub fn has_committed(&self, host: HostId) -> (bool, bool) {
        (self.round.commitment(host).is_some(), self.round.is_revealed(host))
    }

    /// The one dealing of a host's secret for the next seed; `None` where the rules have nothing shared.
    #[must_use]
    pub fn dealing(&self, dealer: HostId, secret: &[u8; 32]) -> Option<Dealing> {
        self.round.seating().map(|seating| Deal { epoch: self.epoch, dealer }.of(secret, seating))
    }

    /// The seats of the next seed's round, where secrets are shared.
    #[must_use]
    pub fn seating(&self) -> Option<&Seating> {
        self.round.seating()
    }

    /// What was dealt to `host` by those who have not revealed, as far as it has not given its shares; by dealer.
    pub fn unopened(&self, host: HostId) -> impl Iterator<Item = (HostId, &Part)> {
        self.round.unopened(host)
    }

    /// Opens an account; it has no power before its first accepted claim, and no key that shares could be sealed to.
    pub fn join(&mut self) -> HostId {
        self.accounts.push(Account::default());
        let id = u32::try_from(self.accounts.len() - 1).expect("fewer hosts than 2^32");
        self.round.grow(self.accounts.len());
        self.books.grow(self.accounts.len());
        id
    }

    /// Takes a message that stands in the block after [`Self::height`]. No message of a window depends on the order
    /// in which those of other hosts come.
    ///
    /// # Errors
    /// [`Refusal`]; the state is then as it was.
    pub fn apply(&mut self, sender: HostId, message: Message) -> Result<(), Refusal> {
        let drawn = self.admitted(sender, &message)?;
        match message {
            Message::Commit { commitment, dealing, .. } => {
                self.round.bind(sender, commitment, dealing.map(|dealing| *dealing));
            }
            Message::Reveal { dealer, secret, .. } => self.round.reveal(dealer, secret),
            Message::Share { dealer, shares, .. } => self.round.share(dealer, sender, shares),
            Message::Claim { claim, .. } => self.books.claim(sender, claim),
            Message::Draw { .. } => self.books.draw(sender, drawn.expect("what an admitted draw comes to")),
            Message::Open { openings, .. } => self.books.open(sender, openings),
            Message::Vote { host, checks, fault, .. } => self.books.vote(sender, host, fault, checks),
        }
        Ok(())
    }

    /// Takes note that a host was shown to have voted for two blocks: it loses what it would earn in this Sprint.
    pub fn equivocated(&mut self, host: HostId) {
        if (host as usize) < self.accounts.len() {
            self.equivocators.insert(host);
        }
    }

    /// Ends the block after [`Self::height`].
    pub fn end_block(&mut self, block: &BlockMark) {
        self.height += 1;
        let t = self.times;
        // In this order: a height may be several of these.
        if self.height == t.start {
            self.seed = self.round.close(&self.seed, self.epoch);
        }
        if self.height == t.beacon {
            self.books.fix_beacon(&block.hash);
        }
        if self.height == t.drawn {
            self.draw_committees();
        }
        if self.height == t.opened {
            self.books.close_openings();
        }
        if self.height == t.trial {
            self.draw_juries(&block.hash);
        }
        if self.height == t.weights {
            self.settle(block.time_ms);
        }
        if let Some(settled) = self.settled.take() {
            // A network without a single accepted claim keeps its validators.
            if settled.effective == self.height && settled.powers.iter().any(|power| *power > 0) {
                self.elect(&settled.powers);
            }
            if settled.paid_at == self.height {
                self.pay(&settled);
            }
            self.settled = Some(settled);
        }
    }

    /// The state in 32 bytes: equal for hosts that agree.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut sha = Sha256::new_with_prefix(b"sphere-pow ledger 1");
        for number in [self.height, self.epoch, self.mark.wins] {
            sha.update(number.to_le_bytes());
        }
        sha.update(self.seed);
        sha.update(self.difficulty.as_ref().map_or(0, Difficulty::threshold).to_le_bytes());
        for account in &self.accounts {
            sha.update(account.standing.honest_days().to_le_bytes());
            sha.update(account.paid.to_le_bytes());
            sha.update(account.power.to_le_bytes());
        }
        for host in &self.equivocators {
            sha.update(host.to_le_bytes());
        }
        self.round.hash_into(&mut sha);
        self.books.hash_into(&mut sha);
        sha.finalize().into()
    }

    /// What a claim weighs before anything is capped.
    #[must_use]
    pub fn weight(&self, claim: &Claim) -> u64 {
        match &self.difficulty {
            None => claim.count,
            Some(difficulty) => u64::try_from(difficulty.weight(claim.count)).unwrap_or(u64::MAX),
        }
    }

    /// Puts powers in force. Sums beyond a u64, which no difficulty allows to be reached, leave them as they were.
    fn elect(&mut self, powers: &[u64]) {
        if let Some(electorate) = Electorate::new(powers) {
            for (account, power) in self.accounts.iter_mut().zip(powers) {
                account.power = *power;
            }
            self.electorate = electorate;
        }
    }
}
