//! A host over the agreement: the run's ledger as the application that blocks change, and the host that acts on it.

use super::duty::{Asked, Strategy, Task, duties};
use super::ledger::Ledger;
use super::message::Message;
use super::report::RoundReport;
use super::rules::{Rules, RulesError};
use crate::message::HostId;
use crate::peer::Founder;
use crate::signed::{Domain, Signed, payload, transactions};
use sphere_pow_consensus::{
    self as consensus, Application, Committed, Hash, Header, Key, Next, Pending, Validators,
};
use sphere_pow_core::train::Run;
use sphere_pow_core::train::merge::Agreed;
use std::sync::Arc;

/// What a network that trains starts from.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// Its rules.
    pub rules: Rules,
    /// The run.
    pub run: Arc<Run>,
    /// The hosts by their numbers.
    pub hosts: Vec<Founder>,
    /// Sets networks of the same hosts apart.
    pub seed: [u8; 32],
}

impl Genesis {
    /// The network's name: signatures of another network do not count.
    #[must_use]
    pub fn chain(&self) -> Hash {
        let hosts: Vec<u8> = self
            .hosts
            .iter()
            .flat_map(|host| [&host.id.0[..], host.sortition.bytes(), &host.power.to_le_bytes()].concat())
            .collect();
        Hash::of(&[b"sphere-pow training network 2", &self.seed, self.run.id().as_bytes(), &hosts])
    }
}

/// A network that cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenesisError {
    /// See [`RulesError`].
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Nobody may decide.
    #[error("the validators: {0}")]
    Validators(#[from] consensus::ValidatorsError),
}

/// A host of the network.
#[derive(Clone, Debug)]
pub struct Peer {
    genesis: Genesis,
    domain: Domain,
    key: Key,
    number: Option<HostId>,
    strategy: Strategy,
    ledger: Ledger,
    validators: Validators,
    asked: Asked,
    reports: Vec<RoundReport>,
}

impl Peer {
    /// A host in the state before the first block. With a key that is none of the genesis's it only follows.
    ///
    /// # Errors
    /// [`GenesisError`].
    pub fn new(genesis: Genesis, key: Key, strategy: Strategy) -> Result<Self, GenesisError> {
        let hosts: Vec<([u8; 32], u64)> = genesis.hosts.iter().map(|host| (host.id.0, host.power)).collect();
        let (params, id) = (genesis.run.params(), genesis.run.id());
        let root = *Agreed::fresh(params, id).root(id).as_bytes();
        let ledger = Ledger::new(genesis.rules.clone(), *id, root, &hosts)?
            .with_sortition_keys(genesis.hosts.iter().map(|host| Some(host.sortition)).collect());
        // Agreement itself goes by all weights, those of excluded hosts too: were it otherwise, whoever has more than half
        // and convicts the rest would have more than two thirds.
        let weights = genesis.hosts.iter().map(|host| (host.id, host.power)).filter(|(_, power)| *power > 0);
        let validators = Validators::new(weights)?;
        let number = (0..).zip(&genesis.hosts).find(|(_, host)| host.id == key.id()).map(|(ix, _)| ix);
        let domain = Domain { label: b"sphere-pow training message 2", chain: genesis.chain() };
        let (asked, reports) = (Asked::default(), Vec::new());
        Ok(Self { genesis, domain, key, number, strategy, ledger, validators, asked, reports })
    }

    /// The state after the last block.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What became of each attempt so far.
    #[must_use]
    pub fn reports(&self) -> &[RoundReport] {
        &self.reports
    }

    /// Weights by number, from the next attempt on.
    pub(crate) fn weigh(&mut self, weights: &[u64]) {
        self.ledger.weigh(weights);
    }

    /// A block before the run begins.
    pub(crate) fn pass(&mut self) {
        self.ledger.pass();
    }

    fn sign(&self, message: Message) -> Option<Vec<u8>> {
        Some(self.domain.sign(&self.key, self.number?, message))
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

    fn next(&self) -> Next {
        Next { validators: self.validators.clone(), state: Hash(self.ledger.fingerprint()) }
    }
}

impl Application for Peer {
    type Job = Task;
    type Outcome = Vec<Message>;

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
        // Those who decided on the block have checked the signatures.
        let list = transactions(&block.payload).unwrap_or_default();
        for Signed { sender, message, .. } in list.iter().filter_map(|bytes| Signed::decode(bytes)) {
            // Two of one host's messages in a block may exclude each other; the first stands, for everybody.
            let _ = self.ledger.apply(sender, message);
        }
        self.ledger.end_block(&block.hash.0);
        self.reports.extend(self.ledger.ended().cloned());
        self.next()
    }

    fn jobs(&mut self) -> Vec<Task> {
        let Some(number) = self.number else { return Vec::new() };
        duties(&self.ledger, number, &self.strategy, &mut self.asked)
    }

    fn finished(&mut self, messages: Vec<Message>) -> Vec<Vec<u8>> {
        messages.into_iter().filter_map(|message| self.sign(message)).collect()
    }

    fn admit(&self, transaction: &[u8]) -> bool {
        self.read(transaction).is_some_and(|signed| !self.ledger.is_stale(signed.sender, &signed.message))
    }
}
