//! A host over the agreement: the ledger as the application that blocks change, and the host that acts on it.

use crate::host::{Action, Coalitions, Done, Host, Job, Strategy};
use crate::ledger::{BlockMark, Checks, Ledger};
use crate::message::{Claim, HostId, Message};
use crate::report::SprintReport;
use crate::rules::{Rules, RulesError};
use crate::seed::{Opener, SealKey};
use crate::signed::{Domain, Signed, payload, transactions};
use crate::sortition::{SortitionKey, SortitionSecret};
use sphere_pow_consensus::{
    self as consensus, Application, Committed, Hash, Header, Key, Next, Pending, Validators,
};
use std::collections::BTreeMap;

/// Milliseconds from block to block, as the ledger counts time: nothing in the box decides by a clock.
const BLOCK_MS: u64 = 1000;

/// A host that is known before the first block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Founder {
    /// Its signing key.
    pub id: consensus::HostId,
    /// Its key of draws.
    pub sortition: SortitionKey,
    /// Its first power; 0 for one that joins later.
    pub power: u64,
}

/// Who is there before the first block.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// The network's rules.
    pub rules: Rules,
    /// The hosts by their numbers.
    pub hosts: Vec<Founder>,
    /// What the first seed starts from, and the network's name.
    pub seed: [u8; 32],
}

impl Genesis {
    /// The network's name: signatures of another network do not count.
    #[must_use]
    pub fn chain(&self) -> Hash {
        let hosts: Vec<u8> =
            self.hosts.iter().flat_map(|host| [host.id.0, *host.sortition.bytes()]).flatten().collect();
        Hash::of(&[b"sphere-pow network 2", &self.seed, &hosts])
    }
}

/// What a host's worker is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Nothing to do: it comes back, and the message is sent.
    Say(Message),
    /// To begin to mine, in the background.
    Mine {
        /// The Sprint.
        epoch: u64,
        /// Its seed.
        seed: [u8; 32],
        /// How.
        work: crate::host::Work,
    },
    /// To end mining and say what came of it.
    Stop {
        /// The Sprint.
        epoch: u64,
        /// Somebody else's claim of the last Sprint, for those who copy.
        other: Option<Claim>,
    },
    /// To show what a beacon draws of the own claim.
    Open {
        /// The Sprint.
        epoch: u64,
        /// The randomness.
        beacon: [u8; 32],
    },
    /// To check a claim.
    Check(Box<Case>),
}

/// A claim with all that is needed to check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The Sprint.
    pub epoch: u64,
    /// Its seed.
    pub seed: [u8; 32],
    /// The randomness that drew what was opened.
    pub beacon: [u8; 32],
    /// In which round of checks.
    pub checks: Checks,
    /// Whose claim.
    pub host: HostId,
    /// That host's key.
    pub key: consensus::HostId,
    /// The claim.
    pub claim: Claim,
    /// What was opened.
    pub openings: Vec<u8>,
}

/// What a worker gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A message to send.
    Say(Message),
    /// Work that is done.
    Done(Done),
    /// Nothing yet.
    Nothing,
}

/// A host of the network.
#[derive(Clone, Debug)]
pub struct Peer {
    genesis: Genesis,
    domain: Domain,
    key: Key,
    ledger: Ledger,
    host: Option<Host>,
    numbers: BTreeMap<consensus::HostId, HostId>,
    validators: Validators,
    /// A claim of the last Sprint that is not the own.
    other: Option<Claim>,
    /// Of each Sprint that is paid for.
    reports: Vec<SprintReport>,
}

/// A network that cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// See [`RulesError`].
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Nobody may decide.
    #[error("the first validators: {0}")]
    Validators(#[from] consensus::ValidatorsError),
}

impl Peer {
    /// A host in the state before the first block. With a key that is none of the genesis's it only follows.
    ///
    /// # Errors
    /// [`GenesisError`].
    pub fn new(
        genesis: Genesis,
        key: Key,
        strategy: Strategy,
        coalitions: Coalitions,
    ) -> Result<Self, GenesisError> {
        let powers: Vec<u64> = genesis.hosts.iter().map(|host| host.power).collect();
        let ledger = Ledger::new(genesis.rules.clone(), &powers, genesis.seed)?
            .with_seal_keys(genesis.hosts.iter().map(|host| SealKey::of_ed25519(&host.id.0)).collect())
            .with_sortition_keys(genesis.hosts.iter().map(|host| Some(host.sortition)).collect());
        let numbers: BTreeMap<_, _> =
            (0..).zip(&genesis.hosts).map(|(number, host)| (host.id, number)).collect();
        // The secrets of seeds: a key of their own, from a signature that nobody else can make and nothing else uses.
        let secret = Hash::of(&[&key.sign(b"sphere-pow seed secrets 1")]).0;
        let host = numbers.get(&key.id()).map(|id| {
            let opener = Opener::new(key.exchange_secret());
            let sortition = sortition_secret(&key);
            Host::new(*id, secret, strategy, coalitions).with_opener(opener).with_sortition(sortition)
        });
        let domain = Domain { label: b"sphere-pow message 1", chain: genesis.chain() };
        let validators = validators(&genesis, &ledger)?;
        Ok(Self { genesis, domain, key, ledger, host, numbers, validators, other: None, reports: Vec::new() })
    }

    /// The state after the last block.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What became of each Sprint so far.
    #[must_use]
    pub fn reports(&self) -> &[SprintReport] {
        &self.reports
    }

    fn sign(&self, message: Message) -> Option<Vec<u8>> {
        let sender = self.host.as_ref()?.id();
        Some(self.domain.sign(&self.key, sender, message))
    }

    /// Whether a transaction, whoever signed it, may stand in the next block.
    pub(crate) fn is_ready(&self, bytes: &[u8]) -> bool {
        let signed = Signed::<Message>::decode(bytes);
        signed.is_some_and(|signed| self.ledger.admits(signed.sender, &signed.message).is_ok())
    }

    /// The same, its signature checked.
    pub(crate) fn takes(&self, bytes: &[u8]) -> bool {
        self.read(bytes).is_some_and(|signed| self.ledger.admits(signed.sender, &signed.message).is_ok())
    }

    /// A transaction of one of the hosts, its signature checked.
    fn read(&self, bytes: &[u8]) -> Option<Signed<Message>> {
        self.domain.read(bytes, |host| Some(self.genesis.hosts.get(host as usize)?.id))
    }

    fn next(&mut self) -> Next {
        // Powers of a ledger that has begun are always such as validators may have; were they not, the last stay.
        if let Ok(validators) = validators(&self.genesis, &self.ledger) {
            self.validators = validators;
        }
        Next { validators: self.validators.clone(), state: Hash(self.ledger.fingerprint()) }
    }

    fn task(&self, action: Action) -> Option<Task> {
        Some(match action {
            Action::Send(message) => Task::Say(message),
            Action::StopMining => Task::Stop { epoch: self.ledger.epoch(), other: self.other.clone() },
            Action::Start(Job::Mine { epoch, seed, work }) => Task::Mine { epoch, seed, work },
            Action::Start(Job::Open { epoch, beacon }) => Task::Open { epoch, beacon },
            // A jury has the same openings before it, of which it could look at the accused ones only.
            Action::Start(Job::Check { epoch, seed, host, checks }) => {
                let entry = self.ledger.entry(host)?;
                Task::Check(Box::new(Case {
                    epoch,
                    seed,
                    beacon: *self.ledger.beacon()?,
                    checks,
                    host,
                    key: self.genesis.hosts.get(host as usize)?.id,
                    claim: entry.claim().clone(),
                    openings: entry.openings()?.to_vec(),
                }))
            }
        })
    }
}

/// A host's key of draws, as of seeds: from a signature that nobody else can make and nothing else uses.
#[must_use]
pub fn sortition_secret(key: &Key) -> SortitionSecret {
    SortitionSecret::new(Hash::of(&[&key.sign(b"sphere-pow sortition key 1")]).0)
}

fn validators(genesis: &Genesis, ledger: &Ledger) -> Result<Validators, consensus::ValidatorsError> {
    let powers = genesis.hosts.iter().zip(ledger.accounts()).map(|(host, account)| (host.id, account.power));
    Validators::new(powers.filter(|(_, power)| *power > 0))
}

impl Application for Peer {
    type Job = Task;
    type Outcome = Answer;

    fn genesis(&mut self) -> Next {
        self.next()
    }

    fn propose(&self, _height: u64, pending: &Pending<'_>) -> Vec<u8> {
        payload(pending, |bytes| self.is_ready(bytes))
    }

    fn validate(&self, _header: &Header, payload: &[u8]) -> bool {
        transactions(payload).is_some_and(|list| list.iter().all(|bytes| self.takes(bytes)))
    }

    fn commit(&mut self, block: &Committed) -> Next {
        for equivocation in &block.equivocations {
            if let Some(host) = self.numbers.get(&equivocation.host) {
                self.ledger.equivocated(*host);
            }
        }
        // Those who decided on the block have checked the signatures.
        let list = transactions(&block.payload).unwrap_or_default();
        for Signed { sender, message, .. } in list.iter().filter_map(|bytes| Signed::decode(bytes)) {
            let own = self.host.as_ref().map(Host::id);
            if let Message::Claim { claim, .. } = &message
                && own != Some(sender)
            {
                self.other = Some(claim.clone());
            }
            // Two of one host's messages in a block may exclude each other; the first stands, for everybody.
            let _ = self.ledger.apply(sender, message);
        }
        self.ledger.end_block(&BlockMark { hash: block.hash.0, time_ms: block.height * BLOCK_MS });
        self.reports.extend(SprintReport::of(&self.ledger, &block.hash.to_string()));
        self.next()
    }

    fn jobs(&mut self) -> Vec<Task> {
        let mut actions = Vec::new();
        if let Some(host) = &mut self.host {
            host.on_block(&self.ledger, &mut actions);
        }
        actions.into_iter().filter_map(|action| self.task(action)).collect()
    }

    fn finished(&mut self, answer: Answer) -> Vec<Vec<u8>> {
        let mut actions = Vec::new();
        match (answer, &mut self.host) {
            (Answer::Say(message), _) => actions.push(Action::Send(message)),
            (Answer::Done(done), Some(host)) => host.on_done(done, &mut actions),
            (Answer::Nothing | Answer::Done(_), _) => {}
        }
        let messages = actions.into_iter().filter_map(|action| match action {
            Action::Send(message) => Some(message),
            Action::Start(_) | Action::StopMining => None,
        });
        messages.filter_map(|message| self.sign(message)).collect()
    }

    fn admit(&self, transaction: &[u8]) -> bool {
        self.read(transaction).is_some_and(|signed| !self.ledger.is_stale(signed.sender, &signed.message))
    }
}
