//! Many hosts in one thread, by discrete events: the same [`Node`] as on the wire, with time that costs nothing.
//!
//! All chance comes from one ChaCha8 seed and events of one instant keep their order, so equal seeds give equal block
//! hashes.

mod host;

pub use crate::byzantine::{Behaviour, Rewrite};

use crate::application::Application;
use crate::config::Config;
use crate::identity::{Hash, HostId, Key};
use crate::node::{Fault, Input, Node, Timer};
use host::Host;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How messages fare from one host to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The shortest way.
    pub least: Duration,
    /// The longest way; each message draws its own, so they overtake each other.
    pub most: Duration,
    /// How many of a million are lost.
    pub lost_ppm: u32,
    /// How many of a million arrive twice.
    pub twice_ppm: u32,
}

impl Default for Link {
    /// Between 1 and 10 ms, nothing lost.
    fn default() -> Self {
        Self { least: Duration::from_millis(1), most: Duration::from_millis(10), lost_ppm: 0, twice_ppm: 0 }
    }
}

/// Something that happens to the network at a time. Hosts are meant by their index.
pub enum Change {
    /// A host comes up: for the first time, or again with what its storage holds. Nothing if it is up.
    Start(usize),
    /// A host dies while it does one of its next outputs, wherever that leaves it; its unsynced log is lost.
    Crash(usize),
    /// A host's disk is full: it halts once it has to keep something. With `false` there is space again, for its next start.
    Disk(usize, bool),
    /// Messages pass only within each group. A host that is in none is alone.
    Partition(Vec<Vec<usize>>),
    /// Messages pass again.
    Heal,
    /// Sets the link from one host to another, one way.
    Link(usize, usize, Link),
    /// What a host does to the messages that it sends, from now on.
    Behave(usize, Behaviour),
    /// Gives a host a transaction.
    Submit(usize, Vec<u8>),
}

enum Event<O> {
    Deliver { from: HostId, to: usize, bytes: Arc<Vec<u8>> },
    Timer { host: usize, life: u32, timer: Timer, setting: u64 },
    Finished { host: usize, life: u32, outcome: O },
    Change(Change),
}

/// How a simulated host runs its jobs: for the host of an index and a job, the outcome and how long that takes.
pub type Runner<A> =
    Box<dyn FnMut(usize, <A as Application>::Job) -> (<A as Application>::Outcome, Duration)>;

/// A network of hosts in simulated time.
pub struct Simulation<A: Application> {
    config: Config,
    hosts: Vec<Host<A>>,
    index: BTreeMap<HostId, usize>,
    make: Box<dyn FnMut(usize) -> A>,
    run: Runner<A>,
    rng: ChaCha8Rng,
    link: Link,
    links: BTreeMap<(usize, usize), Link>,
    /// The group of each host while the network is parted.
    groups: Option<BTreeMap<usize, usize>>,
    now: Duration,
    next: u64,
    events: BTreeMap<(Duration, u64), Event<A::Outcome>>,
    chain: Vec<Hash>,
    fork: Option<(u64, Hash, Hash)>,
    sent: u64,
}

impl<A: Application> Simulation<A> {
    /// Hosts with these keys, all down; `make` gives the application of a host in its first state, at each start.
    #[must_use]
    pub fn new(
        seed: u64,
        config: Config,
        keys: Vec<Key>,
        link: Link,
        make: impl FnMut(usize) -> A + 'static,
        run: impl FnMut(usize, A::Job) -> (A::Outcome, Duration) + 'static,
    ) -> Self {
        let hosts: Vec<_> = keys.into_iter().map(Host::new).collect();
        let index = hosts.iter().enumerate().map(|(ix, host)| (host.key.id(), ix)).collect();
        Self {
            config,
            hosts,
            index,
            make: Box::new(make),
            run: Box::new(run),
            rng: ChaCha8Rng::seed_from_u64(seed),
            link,
            links: BTreeMap::new(),
            groups: None,
            now: Duration::ZERO,
            next: 0,
            events: BTreeMap::new(),
            chain: Vec::new(),
            fork: None,
            sent: 0,
        }
    }

    /// Starts every host but `late` now.
    pub fn start_all_but(&mut self, late: &[usize]) {
        for host in (0..self.hosts.len()).filter(|host| !late.contains(host)) {
            self.at(self.now, Change::Start(host));
        }
    }

    /// Has something happen at a time; one that is past is now.
    pub fn at(&mut self, time: Duration, change: Change) {
        self.schedule(time.max(self.now), Event::Change(change));
    }

    /// Does the next event; `false` when nothing is left.
    pub fn step(&mut self) -> bool {
        let Some(((time, _), event)) = self.events.pop_first() else { return false };
        self.now = time;
        match event {
            Event::Deliver { from, to, bytes } => {
                let bytes = Arc::unwrap_or_clone(bytes);
                self.tell(to, Input::Message { from, bytes });
            }
            Event::Timer { host, life, timer, setting } => {
                if self.hosts[host].life == life && self.hosts[host].timer_fires(timer, setting) {
                    self.tell(host, Input::Timer(timer));
                }
            }
            Event::Finished { host, life, outcome } => {
                if self.hosts[host].life == life {
                    self.tell(host, Input::Finished(outcome));
                }
            }
            Event::Change(change) => self.change(change),
        }
        true
    }

    /// Runs until a time.
    pub fn run_until(&mut self, time: Duration) {
        while self.events.first_key_value().is_some_and(|((at, _), _)| *at <= time) {
            self.step();
        }
        self.now = self.now.max(time);
    }

    /// Does what is due now, then runs until every host that is up has this height, or until a time; whether they have
    /// it.
    pub fn run_to_height(&mut self, height: u64, limit: Duration) -> bool {
        self.run_until(self.now);
        loop {
            if self.hosts.iter().filter_map(Host::node).map(Node::height).min().is_some_and(|h| h >= height) {
                return true;
            }
            if self.now >= limit || !self.step() {
                return false;
            }
        }
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// A host's state machine, if it is up.
    #[must_use]
    pub fn node(&self, host: usize) -> Option<&Node<A>> {
        self.hosts.get(host).and_then(Host::node)
    }

    /// Hashes of all blocks that any host has decided, from height 1.
    #[must_use]
    pub fn chain(&self) -> &[Hash] {
        &self.chain
    }

    /// A height at which two hosts decided different blocks, if there ever was one.
    #[must_use]
    pub fn fork(&self) -> Option<(u64, Hash, Hash)> {
        self.fork
    }

    /// Why a host has halted.
    #[must_use]
    pub fn fault(&self, host: usize) -> Option<&Fault> {
        self.hosts.get(host)?.fault.as_ref()
    }

    /// How many messages were sent, those that were lost included.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    fn schedule(&mut self, time: Duration, event: Event<A::Outcome>) {
        self.events.insert((time, self.next), event);
        self.next += 1;
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Start(host) => self.start(host),
            Change::Crash(host) => {
                // Half of the crashes hit between two inputs, the others between two outputs.
                let outputs = self.rng.next_u32() % 8;
                self.hosts[host].doom(outputs.saturating_sub(4));
            }
            Change::Disk(host, is_full) => self.hosts[host].set_full(is_full),
            Change::Partition(groups) => {
                let of = groups.into_iter().enumerate();
                self.groups =
                    Some(of.flat_map(|(ix, hosts)| hosts.into_iter().map(move |h| (h, ix))).collect());
            }
            Change::Heal => self.groups = None,
            Change::Link(from, to, link) => {
                self.links.insert((from, to), link);
            }
            Change::Behave(host, behaviour) => self.hosts[host].behaviour = behaviour,
            Change::Submit(host, transaction) => self.tell(host, Input::Transaction(transaction)),
        }
    }

    fn start(&mut self, host: usize) {
        self.hosts[host].die_if_doomed();
        if self.hosts[host].is_up() {
            return;
        }
        let app = (self.make)(host);
        self.hosts[host].open(self.config.clone(), app);
        self.tell(host, Input::Start);
    }

    /// Whether messages pass between two hosts.
    fn is_joined(&self, from: usize, to: usize) -> bool {
        let Some(groups) = &self.groups else { return true };
        from == to || groups.get(&from).is_some_and(|group| groups.get(&to) == Some(group))
    }

    fn chance(&mut self, ppm: u32) -> bool {
        ppm > 0 && self.rng.next_u32() % 1_000_000 < ppm
    }

    /// Sends one message, through what the sender makes of it and what the link does to it.
    fn send(&mut self, from: usize, to: usize, bytes: Arc<Vec<u8>>) {
        let mut behaviour = std::mem::take(&mut self.hosts[from].behaviour);
        let sent = behaviour.rewrite(&self.hosts[from].key, &self.config.chain, to, bytes, &mut self.rng);
        self.hosts[from].behaviour = behaviour;
        let link = *self.links.get(&(from, to)).unwrap_or(&self.link);
        let id = self.hosts[from].key.id();
        for bytes in sent {
            self.sent += 1;
            if !self.is_joined(from, to) || self.chance(link.lost_ppm) {
                continue;
            }
            let copies = 1 + u32::from(self.chance(link.twice_ppm));
            for _ in 0..copies {
                let after = self.draw(link);
                let event = Event::Deliver { from: id, to, bytes: bytes.clone() };
                self.schedule(self.now + after, event);
            }
        }
    }

    fn draw(&mut self, link: Link) -> Duration {
        let span = u64::try_from(link.most.saturating_sub(link.least).as_nanos()).unwrap_or(u64::MAX);
        link.least + Duration::from_nanos(self.rng.next_u64() % span.saturating_add(1).max(1))
    }

    fn broadcast(&mut self, from: usize, bytes: Vec<u8>, except: &[HostId]) {
        let except: BTreeSet<_> = except.iter().filter_map(|id| self.index.get(id).copied()).collect();
        let bytes = Arc::new(bytes);
        for to in (0..self.hosts.len()).filter(|to| *to != from && !except.contains(to)) {
            self.send(from, to, bytes.clone());
        }
    }

    /// Takes note of a decision, and of whether another host has decided otherwise.
    fn note(&mut self, height: u64, hash: Hash) {
        let Ok(ix) = usize::try_from(height - 1) else { return };
        match self.chain.get(ix) {
            Some(known) if *known != hash => self.fork = self.fork.or(Some((height, *known, hash))),
            Some(_) => {}
            None => self.chain.push(hash),
        }
    }
}
