//! The thread of a host's state machine.

use super::connections::{Connections, Mail};
use super::timers::Timers;
use super::{RuntimeGuard, Seen};
use crate::application::Application;
use crate::byzantine::Behaviour;
use crate::config::Config;
use crate::identity::{Hash, HostId, Key};
use crate::node::{Fault, Input, Node, Output};
use crate::storage::Storage;
use crate::wire::serve;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc::Receiver, watch};

enum Wake<O> {
    Mail(Mail),
    Submitted(Vec<u8>),
    Finished(O),
    Time,
    Stop,
}

/// What a host makes of its messages on their way out.
pub(super) struct Voice {
    behaviour: Behaviour,
    key: Key,
    chain: Hash,
    peers: Vec<HostId>,
    rng: ChaCha8Rng,
}

impl Voice {
    pub(super) fn new(
        behaviour: Behaviour,
        peers: &[(HostId, SocketAddr)],
        config: &Config,
        key: &Key,
    ) -> Self {
        // What breaks the rules by chance needs no good chance.
        let rng = ChaCha8Rng::from_seed(key.id().0);
        let peers = peers.iter().map(|(peer, _)| *peer).collect();
        Self { behaviour, key: key.clone(), chain: config.chain, peers, rng }
    }

    fn send(&mut self, connections: &Connections, to: usize, bytes: Arc<Vec<u8>>) {
        for bytes in self.behaviour.rewrite(&self.key, &self.chain, to, bytes, &mut self.rng) {
            connections.send(&self.peers[to], &bytes);
        }
    }

    fn send_to(&mut self, connections: &Connections, to: &HostId, bytes: Vec<u8>) {
        if let Some(ix) = self.peers.iter().position(|peer| peer == to) {
            self.send(connections, ix, Arc::new(bytes));
        }
    }

    fn broadcast(&mut self, connections: &Connections, bytes: Vec<u8>, except: &[HostId]) {
        let bytes = Arc::new(bytes);
        for to in 0..self.peers.len() {
            if !except.contains(&self.peers[to]) {
                self.send(connections, to, bytes.clone());
            }
        }
    }
}

pub(super) type Observer<A> = Box<dyn FnMut(&Node<A>, Seen<'_>) + Send>;

pub(super) struct Loop<A: Application, S> {
    pub(super) node: Node<A>,
    pub(super) storage: S,
    pub(super) observe: Observer<A>,
    pub(super) connections: Connections,
    pub(super) voice: Voice,
    pub(super) jobs: mpsc::Sender<A::Job>,
    pub(super) mail: Receiver<Mail>,
    pub(super) submitted: Receiver<Vec<u8>>,
    pub(super) finished: Receiver<A::Outcome>,
    pub(super) stopped: watch::Receiver<bool>,
    pub(super) timers: Timers,
}

impl<A: Application, S: Storage> Loop<A, S> {
    /// Runs until it is told to stop, or cannot go on.
    pub(super) fn run(mut self, runtime: &RuntimeGuard) -> Result<(), Fault> {
        let Some(runtime) = runtime.0.as_ref() else { return Ok(()) };
        self.tell(Input::Start)?;
        loop {
            // Timers first: peers that talk without end must not keep a step from ending.
            while let Some(timer) = self.timers.pop(Instant::now()) {
                self.tell(Input::Timer(timer))?;
            }
            match runtime.block_on(self.wake()) {
                Wake::Mail(Mail { from, bytes }) => self.tell(Input::Message { from, bytes })?,
                Wake::Submitted(transaction) => self.tell(Input::Transaction(transaction))?,
                Wake::Finished(outcome) => self.tell(Input::Finished(outcome))?,
                Wake::Time => {}
                Wake::Stop => return Ok(()),
            }
        }
    }

    async fn wake(&mut self) -> Wake<A::Outcome> {
        // Without a timer, which a started host always has, look again soon.
        let until = self.timers.first().unwrap_or_else(|| Instant::now() + Duration::from_secs(1));
        tokio::select! {
            biased;
            _ = self.stopped.wait_for(|stopped| *stopped) => Wake::Stop,
            Some(outcome) = self.finished.recv() => Wake::Finished(outcome),
            Some(transaction) = self.submitted.recv() => Wake::Submitted(transaction),
            Some(mail) = self.mail.recv() => Wake::Mail(mail),
            () = tokio::time::sleep_until(until.into()) => Wake::Time,
        }
    }

    fn tell(&mut self, input: Input<A::Outcome>) -> Result<(), Fault> {
        for output in self.node.handle(input) {
            if let Err(fault) = self.perform(output) {
                (self.observe)(&self.node, Seen::Halted(&fault));
                return Err(fault);
            }
        }
        Ok(())
    }

    fn perform(&mut self, output: Output<A::Job>) -> Result<(), Fault> {
        match output {
            Output::Send { to, bytes } => self.voice.send_to(&self.connections, &to, bytes),
            Output::Broadcast { bytes, except } => self.voice.broadcast(&self.connections, bytes, &except),
            Output::SetTimer { timer, after } => self.timers.set(timer, Instant::now() + after),
            Output::CancelTimer(timer) => self.timers.cancel(timer),
            Output::Append(record) => self.storage.append(&record)?,
            Output::Sync => self.storage.sync()?,
            Output::Store(decided) => self.storage.store(&decided)?,
            Output::Serve { to, from } => {
                let bytes = serve(&self.storage, from)?;
                self.voice.send_to(&self.connections, &to, bytes);
            }
            // Workers end only after this loop.
            Output::Run(job) => drop(self.jobs.send(job)),
            Output::Decided { height, hash, round } => {
                (self.observe)(&self.node, Seen::Decided { height, hash, round });
            }
            Output::Dropped { from, reason } => {
                (self.observe)(&self.node, Seen::Dropped { from, reason: &reason });
            }
            Output::Halted(fault) => return Err(fault),
        }
        Ok(())
    }
}
