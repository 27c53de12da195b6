//! A small real application: a ledger of values whose validators' powers change by transaction, and whose hosts do a
//! job every few heights.
#![allow(dead_code, reason = "each test file uses a part")]

use borsh::{BorshDeserialize, BorshSerialize};
use sphere_pow_consensus::sim::{Link, Simulation};
use sphere_pow_consensus::{
    Application, Committed, Config, Equivocation, Hash, Header, HostId, Key, Next, Pending, Timeouts,
    Validators,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(crate) const CHAIN: Hash = Hash([7; 32]);
/// Each host has a job at each multiple of this.
pub(crate) const JOB_EVERY: u64 = 5;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(crate) enum Tx {
    Set {
        key: u8,
        value: u64,
        nonce: u64,
    },
    /// From `at` on, if that is ahead, the host has this power.
    Power {
        host: HostId,
        power: u64,
        at: u64,
    },
    /// A job's result.
    Square {
        host: HostId,
        height: u64,
        square: u64,
    },
}

impl Tx {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        borsh::to_vec(self).unwrap()
    }
}

#[derive(Clone)]
pub(crate) struct Ledger {
    own: HostId,
    powers: BTreeMap<HostId, u64>,
    changes: BTreeMap<u64, BTreeMap<HostId, u64>>,
    values: BTreeMap<u8, u64>,
    applied: BTreeSet<Tx>,
    pub(crate) height: u64,
    pub(crate) equivocations: Vec<Equivocation>,
    handed_out: u64,
}

impl Ledger {
    pub(crate) fn new(own: HostId, powers: BTreeMap<HostId, u64>) -> Self {
        Self {
            own,
            powers,
            changes: BTreeMap::new(),
            values: BTreeMap::new(),
            applied: BTreeSet::new(),
            height: 0,
            equivocations: Vec::new(),
            handed_out: 0,
        }
    }

    pub(crate) fn value(&self, key: u8) -> Option<u64> {
        self.values.get(&key).copied()
    }

    pub(crate) fn set(&mut self, key: u8, value: u64) {
        self.values.insert(key, value);
    }

    pub(crate) fn applied(&self) -> impl Iterator<Item = &Tx> {
        self.applied.iter()
    }

    fn next(&self) -> Next {
        let powers = self.powers.iter().filter(|(_, power)| **power > 0);
        let validators = Validators::new(powers.map(|(host, power)| (*host, *power))).unwrap();
        let powers: Vec<_> = self.powers.iter().map(|(host, power)| (*host, *power)).collect();
        let parts = (&self.values, &self.applied, powers, self.height);
        let stated: Vec<_> = self.equivocations.iter().map(|e| (e.host, e.height)).collect();
        Next { validators, state: Hash::of(&[&borsh::to_vec(&(parts, stated)).unwrap()]) }
    }

    fn may_apply(&self, tx: &Tx) -> bool {
        let fits = match tx {
            Tx::Set { .. } => true,
            Tx::Power { at, .. } => *at > self.height + 1,
            Tx::Square { host, height, square } => {
                self.powers.contains_key(host)
                    && height % JOB_EVERY == 0
                    && *height <= self.height
                    && *square == height * height
            }
        };
        fits && !self.applied.contains(tx)
    }

    fn read(&self, payload: &[u8]) -> Option<Vec<Tx>> {
        let txs: Vec<Tx> = borsh::from_slice(payload).ok()?;
        let distinct: BTreeSet<_> = txs.iter().collect();
        (distinct.len() == txs.len() && txs.iter().all(|tx| self.may_apply(tx))).then_some(txs)
    }
}

impl Application for Ledger {
    type Job = u64;
    type Outcome = Tx;

    fn genesis(&mut self) -> Next {
        self.next()
    }

    fn propose(&self, _: u64, pending: &Pending<'_>) -> Vec<u8> {
        let txs: Vec<Tx> = pending.iter().map(|bytes| borsh::from_slice(bytes).unwrap()).collect();
        borsh::to_vec(&txs).unwrap()
    }

    fn validate(&self, _: &Header, payload: &[u8]) -> bool {
        self.read(payload).is_some()
    }

    fn commit(&mut self, block: &Committed) -> Next {
        assert_eq!(block.height, self.height + 1, "each height once, in order");
        let txs = self.read(&block.payload).expect("a decided payload is valid");
        self.height = block.height;
        self.equivocations.extend(&block.equivocations);
        for tx in txs {
            match &tx {
                Tx::Set { key, value, .. } => {
                    self.values.insert(*key, *value);
                }
                Tx::Power { host, power, at } => {
                    self.changes.entry(*at).or_default().insert(*host, *power);
                }
                Tx::Square { .. } => {}
            }
            self.applied.insert(tx);
        }
        for (host, power) in self.changes.remove(&(self.height + 1)).unwrap_or_default() {
            self.powers.insert(host, power);
        }
        self.next()
    }

    fn jobs(&mut self) -> Vec<u64> {
        let due = self.height / JOB_EVERY * JOB_EVERY;
        let is_new = due > self.handed_out;
        self.handed_out = self.handed_out.max(due);
        if is_new { vec![due] } else { Vec::new() }
    }

    fn finished(&mut self, outcome: Tx) -> Vec<Vec<u8>> {
        vec![outcome.bytes()]
    }

    fn admit(&self, transaction: &[u8]) -> bool {
        borsh::from_slice::<Tx>(transaction).is_ok_and(|tx| self.may_apply(&tx))
    }
}

pub(crate) fn keys(n: usize) -> Vec<Key> {
    (0..n).map(|ix| Key::from_seed([u8::try_from(ix + 1).unwrap(); 32])).collect()
}

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) fn config() -> Config {
    Config { timeouts: Timeouts { pause: ms(20), ..Timeouts::default() }, ..Config::new(CHAIN) }
}

pub(crate) fn powers(keys: &[Key], powers: &[u64]) -> BTreeMap<HostId, u64> {
    keys.iter().map(Key::id).zip(powers.iter().copied()).collect()
}

/// Hosts with these powers, those without any as followers; none is started.
pub(crate) fn network(seed: u64, of: &[u64], link: Link) -> Simulation<Ledger> {
    network_with(seed, of, link, config())
}

pub(crate) fn network_with(seed: u64, of: &[u64], link: Link, config: Config) -> Simulation<Ledger> {
    network_of(seed, of, link, config, |_, _| {})
}

/// The same, with something done to each host's first state.
pub(crate) fn network_of(
    seed: u64,
    of: &[u64],
    link: Link,
    config: Config,
    change: impl Fn(usize, &mut Ledger) + 'static,
) -> Simulation<Ledger> {
    let keys = keys(of.len());
    let ids: Vec<_> = keys.iter().map(Key::id).collect();
    let powers = powers(&keys, of);
    let runner_ids = ids.clone();
    let make = move |host: usize| {
        let mut ledger = Ledger::new(ids[host], powers.clone());
        change(host, &mut ledger);
        ledger
    };
    let run = move |host: usize, height| {
        (Tx::Square { host: runner_ids[host], height, square: height * height }, ms(70))
    };
    Simulation::new(seed, config, keys, link, make, run)
}

/// All hosts that are up have one state, no two blocks were decided at a height, and none has halted.
pub(crate) fn assert_sound(sim: &Simulation<Ledger>, hosts: usize) {
    assert_eq!(sim.fork(), None);
    for host in 0..hosts {
        assert!(sim.fault(host).is_none(), "host {host}: {:?}", sim.fault(host));
        if let Some(node) = sim.node(host).filter(|node| node.height() > 0) {
            assert_eq!(node.hash(), sim.chain()[usize::try_from(node.height()).unwrap() - 1], "host {host}");
        }
    }
}
