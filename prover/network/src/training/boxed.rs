//! A network that trains in a box, two ways: all hosts in one thread and simulated time, or one host of several
//! processes.

use super::blobs::{Peers, Shelf, serve};
use super::peer::{GenesisError, Peer};
use super::report::RoundReport;
use super::scenario::{Scenario, genesis};
use super::worker::{Identity, Worker};
use crate::message;
use crate::report::Said;
use crate::scenario::Event;
use sphere_pow_consensus::net::{self, NetError, Running, Seen, Settings};
use sphere_pow_consensus::sim::{Change, Link, Simulation};
use sphere_pow_consensus::{Behaviour, Config, FileStorage, Hash, HostId, Key, StorageError, Timeouts};
use sphere_pow_cpu::threads::{Threads, ThreadsError};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Simulated time after which a box is stuck.
const LIMIT: Duration = Duration::from_secs(24 * 3600);
/// Simulated time that a job takes.
const JOB: Duration = Duration::from_millis(20);

/// A box in simulated time.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// What happens.
    pub scenario: Scenario,
    /// Number of hosts.
    pub hosts: usize,
    /// Rounds until the end.
    pub rounds: u32,
    /// What all keys and chance come from: equal seeds give equal blocks.
    pub seed: u64,
}

/// A box that did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoxError {
    /// See [`GenesisError`].
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// Hosts decided differently.
    #[error("at height {height} hosts decided different blocks")]
    Fork {
        /// The height.
        height: u64,
    },
    /// A host halted.
    #[error("host {host} halted: {reason}")]
    Halted {
        /// Which.
        host: usize,
        /// Why.
        reason: String,
    },
    /// No more blocks, or rounds that are repeated without end.
    #[error("no round after height {height}, expected more")]
    Stuck {
        /// The last height.
        height: u64,
    },
    /// Stopped on request.
    #[error("interrupted")]
    Interrupted,
    /// See [`NetError`].
    #[error(transparent)]
    Net(#[from] NetError),
    /// See [`StorageError`].
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// See [`ThreadsError`].
    #[error(transparent)]
    Threads(#[from] ThreadsError),
}

/// A host's key in a simulated box: nobody else's, and of no use elsewhere.
fn key(seed: u64, host: usize) -> Key {
    let (seed, host) = (seed.to_le_bytes(), (host as u64).to_le_bytes());
    Key::from_seed(Hash::of(&[b"sphere-pow training box key", &seed, &host]).0)
}

fn one_thread() -> Result<Arc<Threads>, ThreadsError> {
    // Hosts of a box share one machine.
    Threads::new(NonZeroUsize::new(1)).map(Arc::new)
}

type Workers = Arc<Vec<Mutex<Worker>>>;

fn lock(worker: &Mutex<Worker>) -> std::sync::MutexGuard<'_, Worker> {
    worker.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Simulated {
    /// Plays the scenario, and tells each attempt at a round as host 0 has it; a `false` ends it there. Gives the last
    /// block's hash.
    ///
    /// # Errors
    /// [`BoxError`].
    pub fn play(&self, on_round: &mut dyn FnMut(&RoundReport) -> bool) -> Result<String, BoxError> {
        let last = self.hosts - 1;
        let shelves: Vec<Arc<Shelf>> = (0..self.hosts).map(|_| Arc::default()).collect();
        let (mut simulation, workers) = self.simulation(&shelves)?;
        simulation.start_all_but(&[]);
        let mut events = self.scenario.events.iter().peekable();
        let (mut seen, mut told) = (0, 0);
        loop {
            let height = simulation.node(0).map_or(0, |node| node.height());
            if simulation.now() > LIMIT || !simulation.step() {
                return Err(BoxError::Stuck { height });
            }
            let Some(node) = simulation.node(0).filter(|node| node.height() > seen) else { continue };
            seen = node.height();
            for report in &node.app().reports()[told..] {
                told += 1;
                if !on_round(report) {
                    return Err(BoxError::Interrupted);
                }
            }
            if node.app().ledger().round() >= self.rounds {
                break;
            }
            while let Some((_, event)) = events.next_if(|(height, _)| *height <= seen) {
                let change = match event {
                    Event::Kill => {
                        shelves[last].is_down.store(true, Ordering::Relaxed);
                        lock(&workers[last]).restart();
                        Change::Crash(last)
                    }
                    Event::Start => {
                        shelves[last].is_down.store(false, Ordering::Relaxed);
                        Change::Start(last)
                    }
                    Event::Equivocate => Change::Behave(last, Behaviour::Equivocates),
                    Event::Part => {
                        shelves[last].is_down.store(true, Ordering::Relaxed);
                        Change::Partition(vec![(0..last).collect(), vec![last]])
                    }
                    Event::Heal => {
                        shelves[last].is_down.store(false, Ordering::Relaxed);
                        Change::Heal
                    }
                };
                simulation.at(simulation.now(), change);
            }
        }
        if !simulation.run_to_height(seen, simulation.now() + LIMIT) {
            return Err(BoxError::Stuck { height: seen });
        }
        if let Some((height, ..)) = simulation.fork() {
            return Err(BoxError::Fork { height });
        }
        for host in 0..self.hosts {
            if let Some(fault) = simulation.fault(host) {
                return Err(BoxError::Halted { host, reason: fault.to_string() });
            }
        }
        let ix = usize::try_from(seen - 1).expect("a height");
        Ok(simulation.chain()[ix].to_string())
    }

    fn simulation(&self, shelves: &[Arc<Shelf>]) -> Result<(Simulation<Peer>, Workers), BoxError> {
        let keys: Vec<Key> = (0..self.hosts).map(|host| key(self.seed, host)).collect();
        let ids: Vec<HostId> = keys.iter().map(Key::id).collect();
        let genesis = genesis(&ids, self.rounds, Hash::of(&[&self.seed.to_le_bytes()]).0);
        let (threads, peers) = (one_thread()?, Peers::Here(shelves.to_vec()));
        let worker = |host: usize| {
            let strategy = self.scenario.strategy(host, self.hosts);
            shelves[host].spoils.store(strategy.spoils, Ordering::Relaxed);
            let number = message::HostId::try_from(host).expect("few hosts");
            let identity = Identity { host: number, key: ids[host].0, strategy };
            let (run, shelf) = (genesis.run.clone(), shelves[host].clone());
            Mutex::new(Worker::new(run, threads.clone(), identity, shelf, peers.clone(), None))
        };
        let workers: Workers = Arc::new((0..self.hosts).map(worker).collect());
        let config = Config::new(genesis.chain());
        let hosts = (0..self.hosts).map(|host| {
            Peer::new(genesis.clone(), keys[host].clone(), self.scenario.strategy(host, self.hosts))
        });
        let hosts = hosts.collect::<Result<Vec<Peer>, _>>()?;
        let (make, of) = (move |host: usize| hosts[host].clone(), workers.clone());
        let run = move |host: usize, task| (lock(&of[host]).run(task), JOB);
        Ok((Simulation::new(self.seed, config, keys, Link::default(), make, run), workers))
    }
}

/// One host of a box of processes.
#[derive(Debug)]
pub struct HostSettings {
    /// What happens.
    pub scenario: Scenario,
    /// Its number.
    pub number: usize,
    /// The seed of its ed25519 key, secret.
    pub key: [u8; 32],
    /// All hosts by number, itself too: keys, and where they agree.
    pub hosts: Vec<(HostId, SocketAddr)>,
    /// Where they give each other blobs.
    pub blobs: Vec<SocketAddr>,
    /// What sets the network apart.
    pub seed: [u8; 32],
    /// Rounds of the run.
    pub rounds: u32,
    /// Between a decision and the next block.
    pub pause: Duration,
    /// The file with its blocks; that with its parameters lies beside it.
    pub file: PathBuf,
}

/// Starts a host; `say` is told each block, and each attempt that has ended, those before a restart too.
///
/// # Errors
/// [`BoxError`].
///
/// # Panics
/// When `number` is none of the hosts.
pub fn start_host(
    settings: HostSettings,
    mut say: impl FnMut(Said<'_, RoundReport>) + Send + 'static,
) -> Result<Running, BoxError> {
    let HostSettings { scenario, number, key, hosts, blobs, seed, rounds, pause, file } = settings;
    let (key, ids): (Key, Vec<HostId>) = (Key::from_seed(key), hosts.iter().map(|(id, _)| *id).collect());
    let genesis = genesis(&ids, rounds, seed);
    let config =
        Config { timeouts: Timeouts { pause, ..Timeouts::default() }, ..Config::new(genesis.chain()) };
    let strategy = scenario.strategy(number, hosts.len());
    let shelf = Arc::new(Shelf::default());
    shelf.spoils.store(strategy.spoils, Ordering::Relaxed);
    serve(TcpListener::bind(blobs[number]).map_err(NetError::from)?, shelf.clone())
        .map_err(NetError::from)?;
    let identity =
        Identity { host: message::HostId::try_from(number).expect("few hosts"), key: key.id().0, strategy };
    let parameters = Some(file.with_extension("parameters"));
    let worker =
        Worker::new(genesis.run.clone(), one_thread()?, identity, shelf, Peers::There(blobs), parameters);
    let worker = Mutex::new(worker);
    let peer = Peer::new(genesis, key.clone(), strategy)?;
    let listener = TcpListener::bind(hosts[number].1).map_err(NetError::from)?;
    let peers = hosts.into_iter().filter(|(id, _)| *id != key.id()).collect();
    let run = move |task, _stop: &std::sync::atomic::AtomicBool| lock(&worker).run(task);
    let mut told = 0;
    let observe = move |node: &sphere_pow_consensus::Node<Peer>, seen: Seen<'_>| {
        match seen {
            Seen::Halted(fault) => tracing::error!("{fault}"),
            Seen::Decided { height, .. } => say(Said::Block { height }),
            _ => {}
        }
        for report in &node.app().reports()[told..] {
            told += 1;
            say(Said::Report(report));
        }
    };
    let settings = Settings { listener, peers, workers: 1, behaviour: Behaviour::Honest };
    Ok(net::start(settings, &config, key, peer, FileStorage::open(&file)?, run, observe)?)
}
