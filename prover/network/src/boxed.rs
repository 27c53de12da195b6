//! A network in a box, two ways: all hosts in one thread and simulated time, or one host of several processes.

use crate::exact::{Budget, Worker};
use crate::peer::{GenesisError, Peer, sortition_secret};
use crate::report::{Said, SprintReport};
use crate::scenario::{Event, Scenario};
use crate::sortition::SortitionKey;
use sphere_pow_consensus::net::{self, NetError, Running, Seen, Settings};
use sphere_pow_consensus::sim::{Change, Link, Simulation};
use sphere_pow_consensus::{Behaviour, Config, FileStorage, HostId, Key, StorageError, Timeouts};
use sphere_pow_core::exact::Params;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Simulated time after which a box is stuck.
const LIMIT: Duration = Duration::from_secs(24 * 3600);
/// Simulated time that a job takes.
const JOB: Duration = Duration::from_millis(20);

/// A box of hosts in simulated time.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// What happens.
    pub scenario: Scenario,
    /// Number of hosts.
    pub hosts: usize,
    /// The model.
    pub params: Params,
    /// Nonces of each host in a Sprint.
    pub nonces: u64,
    /// Sprints until the end.
    pub sprints: u64,
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
    /// No more blocks.
    #[error("no block after height {height}, expected more")]
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
}

/// A host's key in a simulated box: nobody else's, and of no use elsewhere.
fn key(seed: u64, host: usize) -> Key {
    let (seed, host) = (seed.to_le_bytes(), (host as u64).to_le_bytes());
    Key::from_seed(sphere_pow_consensus::Hash::of(&[b"sphere-pow box key", &seed, &host]).0)
}

impl Simulated {
    /// Plays the scenario, and tells each Sprint as host 0 has it; a `false` ends it there. Gives the last block's hash.
    ///
    /// # Errors
    /// [`BoxError`].
    pub fn play(&self, on_sprint: &mut dyn FnMut(&SprintReport) -> bool) -> Result<String, BoxError> {
        let (scenario, hosts, last) = (self.scenario, self.hosts, self.hosts - 1);
        let mut simulation = self.simulation()?;
        simulation.start_all_but(if scenario.is_late() { std::slice::from_ref(&last) } else { &[] });
        let mut events = scenario.events.iter().peekable();
        let (mut seen, mut sprints) = (0, 0);
        while sprints < self.sprints {
            let height = simulation.node(0).map_or(0, |node| node.height());
            if simulation.now() > LIMIT || !simulation.step() {
                return Err(BoxError::Stuck { height });
            }
            let Some(node) = simulation.node(0).filter(|node| node.height() > seen) else { continue };
            seen = node.height();
            if let Some(report) = node.app().reports().last().filter(|report| report.sprint > sprints) {
                sprints += 1;
                if !on_sprint(report) {
                    return Err(BoxError::Interrupted);
                }
            }
            while let Some((_, event)) = events.next_if(|(height, _)| *height <= seen) {
                let change = match event {
                    Event::Kill => Change::Crash(last),
                    Event::Start => Change::Start(last),
                    Event::Equivocate => Change::Behave(last, Behaviour::Equivocates),
                    Event::Part => Change::Partition(vec![(0..last).collect(), vec![last]]),
                    Event::Heal => Change::Heal,
                };
                simulation.at(simulation.now(), change);
            }
        }
        // Those who were away come after.
        if !simulation.run_to_height(seen, simulation.now() + LIMIT) {
            return Err(BoxError::Stuck { height: seen });
        }
        if let Some((height, ..)) = simulation.fork() {
            return Err(BoxError::Fork { height });
        }
        for host in 0..hosts {
            if let Some(fault) = simulation.fault(host) {
                return Err(BoxError::Halted { host, reason: fault.to_string() });
            }
        }
        let ix = usize::try_from(seen - 1).expect("a height");
        Ok(simulation.chain()[ix].to_string())
    }

    fn simulation(&self) -> Result<Simulation<Peer>, BoxError> {
        let (scenario, hosts) = (self.scenario, self.hosts);
        let keys: Vec<Key> = (0..hosts).map(|host| key(self.seed, host)).collect();
        let ids: Vec<HostId> = keys.iter().map(Key::id).collect();
        let founders: Vec<_> = keys.iter().map(|key| (key.id(), sortition_secret(key).key())).collect();
        let genesis =
            scenario.genesis(&founders, sphere_pow_consensus::Hash::of(&[&self.seed.to_le_bytes()]).0);
        let budget = Budget::Nonces(self.nonces);
        let mut workers: Vec<Worker> =
            ids.iter().map(|id| Worker::new(self.params, id, budget, None)).collect();
        let config = Config::new(genesis.chain());
        let peers = (0..hosts).map(|host| {
            let (key, strategy) = (keys[host].clone(), scenario.strategy(host, hosts));
            Peer::new(genesis.clone(), key, strategy, Scenario::coalitions(hosts))
        });
        let peers = peers.collect::<Result<Vec<Peer>, _>>()?;
        let make = move |host: usize| peers[host].clone();
        let run = move |host: usize, task| (workers[host].run(task), JOB);
        Ok(Simulation::new(self.seed, config, keys, Link::default(), make, run))
    }
}

/// What all hosts of a box of processes know of one of them.
#[derive(Clone, Copy, Debug)]
pub struct Neighbour {
    /// Its signing key.
    pub id: HostId,
    /// Its key of draws.
    pub sortition: SortitionKey,
    /// Where it listens.
    pub address: SocketAddr,
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
    /// All hosts by number, itself too.
    pub hosts: Vec<Neighbour>,
    /// What the network starts from.
    pub seed: [u8; 32],
    /// The model.
    pub params: Params,
    /// Between a decision and the next block.
    pub pause: Duration,
    /// The file with its blocks.
    pub file: PathBuf,
}

/// Starts a host; `say` is told each block, and each Sprint that is paid for, those before a restart too.
///
/// # Errors
/// [`BoxError`].
pub fn start_host(
    settings: HostSettings,
    mut say: impl FnMut(Said<'_, SprintReport>) + Send + 'static,
) -> Result<Running, BoxError> {
    let HostSettings { scenario, number, key, hosts, seed, params, pause, file } = settings;
    let key = Key::from_seed(key);
    let founders: Vec<_> = hosts.iter().map(|host| (host.id, host.sortition)).collect();
    let genesis = scenario.genesis(&founders, seed);
    let config =
        Config { timeouts: Timeouts { pause, ..Timeouts::default() }, ..Config::new(genesis.chain()) };
    let count = hosts.len();
    let peer =
        Peer::new(genesis, key.clone(), scenario.strategy(number, count), Scenario::coalitions(count))?;
    let worker = Mutex::new(Worker::new(params, &key.id(), Budget::Time, Some(file.with_extension("claim"))));
    let listener = TcpListener::bind(hosts[number].address).map_err(NetError::from)?;
    let others = hosts.iter().filter(|host| host.id != key.id());
    let peers = others.map(|host| (host.id, host.address)).collect();
    let run = move |task, _stop: &std::sync::atomic::AtomicBool| {
        worker.lock().unwrap_or_else(PoisonError::into_inner).run(task)
    };
    let mut told = 0;
    let observe = move |node: &sphere_pow_consensus::Node<Peer>, seen: Seen<'_>| {
        match seen {
            Seen::Halted(fault) => tracing::error!("{fault}"),
            Seen::Decided { height, .. } => say(Said::Block { height }),
            _ => {}
        }
        for report in node.app().reports().iter().filter(|report| report.sprint > told) {
            say(Said::Report(report));
        }
        told = node.app().reports().last().map_or(told, |report| report.sprint);
    };
    // From the beginning: a process learns its height only as it goes.
    let equivocates = scenario.events.iter().any(|(_, event)| *event == Event::Equivocate);
    let behaviour =
        if equivocates && number + 1 == count { Behaviour::Equivocates } else { Behaviour::Honest };
    let settings = Settings { listener, peers, workers: 1, behaviour };
    Ok(net::start(settings, &config, key, peer, FileStorage::open(&file)?, run, observe)?)
}
