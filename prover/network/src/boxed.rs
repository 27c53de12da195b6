//! A network in a box, two ways: all hosts in one thread and simulated time, or one host of several processes.

use crate::exact::{Budget, Worker};
use crate::peer::{Peer, sortition_secret};
pub use crate::play::BoxError;
use crate::play::{JOB, Play, key, observer};
use crate::report::{Said, SprintReport};
use crate::scenario::{Event, Scenario};
use crate::sortition::SortitionKey;
use sphere_pow_consensus::net::{self, NetError, Running, Settings};
use sphere_pow_consensus::sim::{Link, Simulation};
use sphere_pow_consensus::{Behaviour, Config, FileStorage, HostId, Key, Timeouts};
use sphere_pow_core::exact::Params;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

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

impl Simulated {
    /// Plays the scenario, and tells each Sprint as host 0 has it; a `false` ends it there. Gives the last block's hash.
    ///
    /// # Errors
    /// [`BoxError`].
    pub fn play(&self, on_sprint: &mut dyn FnMut(&SprintReport) -> bool) -> Result<String, BoxError> {
        let (scenario, hosts, last) = (self.scenario, self.hosts, self.hosts - 1);
        let mut simulation = self.simulation()?;
        simulation.start_all_but(if scenario.is_late() { std::slice::from_ref(&last) } else { &[] });
        let is_over = |peer: &Peer| peer.reports().len() as u64 >= self.sprints;
        let play = Play { hosts, first_odd: last, events: scenario.events, what: "block", away: 0 };
        play.run(simulation, Peer::reports, on_sprint, (is_over, |_: &Peer| false), |_| {})
    }

    fn simulation(&self) -> Result<Simulation<Peer>, BoxError> {
        let (scenario, hosts) = (self.scenario, self.hosts);
        let keys: Vec<Key> = (0..hosts).map(|host| key(b"sphere-pow box key", self.seed, host)).collect();
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
    say: impl FnMut(Said<'_, SprintReport>) + Send + 'static,
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
    // From the beginning: a process learns its height only as it goes.
    let equivocates = scenario.events.iter().any(|(_, event)| *event == Event::Equivocate);
    let behaviour =
        if equivocates && number + 1 == count { Behaviour::Equivocates } else { Behaviour::Honest };
    let settings = Settings { listener, peers, workers: 1, behaviour };
    Ok(net::start(
        settings,
        &config,
        key,
        peer,
        FileStorage::open(&file)?,
        run,
        observer(Peer::reports, |_| None, say),
    )?)
}
