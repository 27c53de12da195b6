//! A simulated host: a node, its storage and timers, and how its outputs are done.

use super::{Behaviour, Event, Simulation};
use crate::application::Application;
use crate::config::Config;
use crate::identity::Key;
use crate::node::{Fault, Input, Node, Output, Timer};
use crate::storage::{MemoryStorage, Storage};
use crate::wire::serve;
use std::collections::BTreeMap;

pub(super) struct Host<A: Application> {
    pub(super) key: Key,
    node: Option<Node<A>>,
    storage: MemoryStorage,
    timers: BTreeMap<Timer, u64>,
    pub(super) behaviour: Behaviour,
    /// Counts the host's starts: what an earlier life has set going does not reach a later one.
    pub(super) life: u32,
    /// After how many outputs it dies.
    doom: Option<u32>,
    pub(super) fault: Option<Fault>,
}

impl<A: Application> Host<A> {
    pub(super) fn new(key: Key) -> Self {
        Self {
            key,
            node: None,
            storage: MemoryStorage::default(),
            timers: BTreeMap::new(),
            behaviour: Behaviour::Honest,
            life: 0,
            doom: None,
            fault: None,
        }
    }

    pub(super) fn node(&self) -> Option<&Node<A>> {
        self.node.as_ref()
    }

    pub(super) fn is_up(&self) -> bool {
        self.node.is_some()
    }

    pub(super) fn open(&mut self, config: Config, app: A) {
        self.life += 1;
        self.fault = None;
        match Node::open(config, self.key.clone(), app, &self.storage) {
            Ok(node) => self.node = Some(node),
            Err(fault) => self.fault = Some(fault),
        }
    }

    pub(super) fn doom(&mut self, outputs: u32) {
        self.doom = Some(outputs);
        if outputs == 0 {
            self.die_if_doomed();
        }
    }

    pub(super) fn die_if_doomed(&mut self) {
        if self.doom.take().is_some() {
            self.die();
        }
    }

    fn die(&mut self) {
        self.node = None;
        self.timers.clear();
        self.storage.crash();
    }

    pub(super) fn set_full(&mut self, is_full: bool) {
        self.storage.set_full(is_full);
    }

    /// Counts an output towards the host's death; whether it lives to do it.
    fn lives_on(&mut self) -> bool {
        match &mut self.doom {
            None => true,
            Some(0) => {
                self.die_if_doomed();
                false
            }
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    /// Whether a timer is still set as it was when its event was made.
    pub(super) fn timer_fires(&mut self, timer: Timer, setting: u64) -> bool {
        let is_set = self.timers.get(&timer) == Some(&setting);
        if is_set {
            self.timers.remove(&timer);
        }
        is_set
    }
}

impl<A: Application> Simulation<A> {
    /// Gives a host an input, if it is up, and does its outputs until it dies.
    pub(super) fn tell(&mut self, host: usize, input: Input<A::Outcome>) {
        let Some(node) = self.hosts[host].node.as_mut() else { return };
        for output in node.handle(input) {
            if !self.hosts[host].lives_on() {
                return;
            }
            self.perform(host, output);
            // Its disk refused.
            if !self.hosts[host].is_up() {
                return;
            }
        }
    }

    fn perform(&mut self, host: usize, output: Output<A::Job>) {
        match output {
            Output::Send { to, bytes } => {
                if let Some(to) = self.index.get(&to).copied() {
                    self.send(host, to, bytes.into());
                }
            }
            Output::Broadcast { bytes, except } => self.broadcast(host, bytes, &except),
            Output::SetTimer { timer, after } => {
                let (setting, life) = (self.next, self.hosts[host].life);
                self.hosts[host].timers.insert(timer, setting);
                self.schedule(self.now + after, Event::Timer { host, life, timer, setting });
            }
            Output::CancelTimer(timer) => {
                self.hosts[host].timers.remove(&timer);
            }
            Output::Append(record) => self.keep(host, |storage| storage.append(&record)),
            Output::Sync => self.keep(host, MemoryStorage::sync),
            Output::Store(decided) => self.keep(host, |storage| storage.store(&decided)),
            Output::Serve { to, from } => {
                if let (Ok(bytes), Some(to)) = (serve(&self.hosts[host].storage, from), self.index.get(&to)) {
                    self.send(host, *to, bytes.into());
                }
            }
            Output::Run(job) => {
                let (outcome, takes) = (self.run)(host, job);
                let life = self.hosts[host].life;
                self.schedule(self.now + takes, Event::Finished { host, life, outcome });
            }
            Output::Decided { height, hash, .. } => self.note(height, hash),
            Output::Dropped { .. } => {}
            Output::Halted(fault) => self.hosts[host].fault = Some(fault),
        }
    }

    fn keep(
        &mut self,
        host: usize,
        act: impl FnOnce(&mut MemoryStorage) -> Result<(), crate::storage::StorageError>,
    ) {
        let host = &mut self.hosts[host];
        if let Err(error) = act(&mut host.storage) {
            host.fault = Some(error.into());
            host.die();
        }
    }
}
