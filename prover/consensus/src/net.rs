//! Hosts over TCP: the same [`Node`] as in [`crate::sim`], with sockets, clocks, threads and a file.
//!
//! A host's state machine runs on a thread of its own and does its outputs there, storage included; connections are
//! tasks of a small runtime; jobs have threads of their own. Peers are those with known keys, and prove them at connect.

mod connections;
mod handshake;
mod host;
mod timers;

pub use handshake::HandshakeError;

use crate::application::Application;
use crate::byzantine::Behaviour;
use crate::config::Config;
use crate::identity::{Hash, HostId, Key};
use crate::node::{Fault, Node};
use crate::storage::Storage;
use crate::wire::Dropped;
use connections::Connections;
use host::{Loop, Voice};
use std::net::{SocketAddr, TcpListener};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use timers::Timers;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// Messages that wait for the state machine; beyond, peers' sockets wait.
const MAILBOX: usize = 64;
/// Transactions and outcomes of this host that wait for the state machine.
const CONTROLS: usize = 256;

/// Where a host is, and who its peers are.
pub struct Settings {
    /// Where peers connect to this host.
    pub listener: TcpListener,
    /// Every other host of the network with its address. Only these keys are let in. Of two hosts that with the lower
    /// key dials.
    pub peers: Vec<(HostId, SocketAddr)>,
    /// How many jobs run at once, at least one.
    pub workers: usize,
    /// What this host does to its messages; its peers' indices are their places in `peers`.
    pub behaviour: Behaviour,
}

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// Its storage or application.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Its socket, runtime or threads.
    #[error("sockets and threads: {0}")]
    Io(#[from] std::io::Error),
    /// A transaction finds too many others waiting; later there may be room.
    #[error("{CONTROLS} transactions wait already")]
    Busy,
    /// The host has stopped.
    #[error("the host has stopped")]
    Stopped,
}

/// What an observer sees, on the state machine's thread.
#[derive(Debug)]
#[non_exhaustive]
pub enum Seen<'a> {
    /// A final block.
    Decided {
        /// Its height.
        height: u64,
        /// Its hash.
        hash: Hash,
        /// The round in which it was decided.
        round: u32,
    },
    /// Something came to nothing.
    Dropped {
        /// The peer it came from; `None` for this host's own.
        from: Option<HostId>,
        /// Why.
        reason: &'a Dropped,
    },
    /// The host cannot go on.
    Halted(&'a Fault),
}

/// A host that runs. Dropped, it stops without being waited for.
#[derive(Debug)]
pub struct Running {
    submit: tokio::sync::mpsc::Sender<Vec<u8>>,
    stop: Arc<Stop>,
    thread: Option<JoinHandle<Result<(), Fault>>>,
}

/// Tells everything of a host to end.
#[derive(Debug)]
struct Stop {
    flag: AtomicBool,
    signal: watch::Sender<bool>,
}

impl Stop {
    fn set(&self) {
        self.flag.store(true, std::sync::atomic::Ordering::Relaxed);
        self.signal.send_replace(true);
    }
}

/// Starts a host.
///
/// `run` does the jobs; it should look at its flag now and then and return early once that is set, with any outcome.
/// `observe` is called on the state machine's thread, so it should not take long; a decision is observed after it is
/// stored and applied.
///
/// # Errors
/// [`NetError`]: the storage's or application's fault, or what the system refuses.
pub fn start<A, S>(
    settings: Settings,
    config: &Config,
    key: Key,
    app: A,
    storage: S,
    run: impl Fn(A::Job, &AtomicBool) -> A::Outcome + Send + Sync + 'static,
    observe: impl FnMut(&Node<A>, Seen<'_>) + Send + 'static,
) -> Result<Running, NetError>
where
    A: Application + Send + 'static,
    A::Job: Send + 'static,
    A::Outcome: Send + 'static,
    S: Storage + Send + 'static,
{
    let node = Node::open(config.clone(), key.clone(), app, &storage)?;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().thread_name("peers").build()?;
    let (signal, stopped) = watch::channel(false);
    let stop = Arc::new(Stop { flag: AtomicBool::new(false), signal });

    let (mailbox, mail) = tokio::sync::mpsc::channel(MAILBOX);
    let voice = Voice::new(settings.behaviour, &settings.peers, config, &key);
    let connections = {
        let _context = runtime.enter();
        settings.listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(settings.listener)?;
        Connections::start(listener, settings.peers, config, key, mailbox, &stopped)
    };

    let (outcomes, finished) = tokio::sync::mpsc::channel(CONTROLS);
    let (jobs, workers) = work(settings.workers, run, &outcomes, &stop)?;
    let (submit, submitted) = tokio::sync::mpsc::channel(CONTROLS);
    let (observe, timers) = (Box::new(observe), Timers::default());
    let state =
        Loop { node, storage, observe, connections, voice, jobs, mail, submitted, finished, stopped, timers };
    let (ending, runtime) = (stop.clone(), RuntimeGuard(Some(runtime)));
    let thread = std::thread::Builder::new().name("agreement".to_owned()).spawn(move || {
        let result = state.run(&runtime);
        // A host that halted lets go of its peers and workers too.
        ending.set();
        workers.into_iter().for_each(|worker| drop(worker.join()));
        result
    })?;
    Ok(Running { submit, stop, thread: Some(thread) })
}

/// The runtime, ended without waiting for sockets.
struct RuntimeGuard(Option<Runtime>);

impl Drop for RuntimeGuard {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

type Workers<J> = (mpsc::Sender<J>, Vec<JoinHandle<()>>);

/// Threads that do jobs in the order in which they come.
fn work<J: Send + 'static, O: Send + 'static>(
    workers: usize,
    run: impl Fn(J, &AtomicBool) -> O + Send + Sync + 'static,
    outcomes: &tokio::sync::mpsc::Sender<O>,
    stop: &Arc<Stop>,
) -> Result<Workers<J>, std::io::Error> {
    let (jobs, due) = mpsc::channel();
    let (due, run) = (Arc::new(Mutex::new(due)), Arc::new(run));
    let mut threads = Vec::new();
    for _ in 0..workers.max(1) {
        let (due, run, outcomes, stop) = (due.clone(), run.clone(), outcomes.clone(), stop.clone());
        let thread = std::thread::Builder::new().name("job".to_owned()).spawn(move || {
            loop {
                let job = due.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
                let (Ok(job), false) = (job, stop.flag.load(std::sync::atomic::Ordering::Relaxed)) else {
                    return;
                };
                // A job that panics has no outcome; the next one is due nevertheless.
                let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| run(job, &stop.flag))) else { continue };
                if outcomes.blocking_send(outcome).is_err() {
                    return;
                }
            }
        })?;
        threads.push(thread);
    }
    Ok((jobs, threads))
}

impl Running {
    /// Gives the host a transaction of its own.
    ///
    /// # Errors
    /// [`NetError::Busy`], [`NetError::Stopped`]. That the application refuses it, the observer sees.
    pub fn submit(&self, transaction: Vec<u8>) -> Result<(), NetError> {
        use tokio::sync::mpsc::error::TrySendError;
        self.submit.try_send(transaction).map_err(|error| match error {
            TrySendError::Full(_) => NetError::Busy,
            TrySendError::Closed(_) => NetError::Stopped,
        })
    }

    /// Whether the host has come to an end, by a fault.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops the host and waits until its storage is closed.
    ///
    /// # Errors
    /// The fault by which it had ended before.
    pub fn stop(mut self) -> Result<(), Fault> {
        self.stop.set();
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.set();
    }
}
