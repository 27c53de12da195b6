//! The thread of a host's state machine.

use super::connections::{Connections, Mail};
use super::timers::Timers;
use super::{RuntimeGuard, Seen};
use crate::application::Application;
use crate::node::{Fault, Input, Node, Output};
use crate::storage::Storage;
use crate::wire::serve;
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

pub(super) type Observer<A> = Box<dyn FnMut(&Node<A>, Seen<'_>) + Send>;

pub(super) struct Loop<A: Application, S> {
    node: Node<A>,
    storage: S,
    observe: Observer<A>,
    connections: Connections,
    jobs: mpsc::Sender<A::Job>,
    mail: Receiver<Mail>,
    submitted: Receiver<Vec<u8>>,
    finished: Receiver<A::Outcome>,
    stopped: watch::Receiver<bool>,
    timers: Timers,
}

impl<A: Application, S: Storage> Loop<A, S> {
    #[allow(clippy::too_many_arguments, reason = "one call, each a different end of the same host")]
    pub(super) fn new(
        node: Node<A>,
        storage: S,
        observe: Observer<A>,
        connections: Connections,
        jobs: mpsc::Sender<A::Job>,
        mail: Receiver<Mail>,
        submitted: Receiver<Vec<u8>>,
        finished: Receiver<A::Outcome>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let timers = Timers::default();
        Self { node, storage, observe, connections, jobs, mail, submitted, finished, stopped, timers }
    }

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
            Output::Send { to, bytes } => self.connections.send(&to, &Arc::new(bytes)),
            Output::Broadcast { bytes, except } => self.connections.broadcast(&Arc::new(bytes), &except),
            Output::SetTimer { timer, after } => self.timers.set(timer, Instant::now() + after),
            Output::CancelTimer(timer) => self.timers.cancel(timer),
            Output::Append(record) => self.storage.append(&record)?,
            Output::Sync => self.storage.sync()?,
            Output::Store(decided) => self.storage.store(&decided)?,
            Output::Serve { to, from } => {
                let bytes = serve(&self.storage, from)?;
                self.connections.send(&to, &Arc::new(bytes));
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
