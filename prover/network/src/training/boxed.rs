//! A network that trains in a box, two ways: all hosts in one thread and simulated time, or one host of several
//! processes.

use super::blobs::{Peers, Shelf, serve};
use super::peer::{Genesis, Peer};
use super::report::RoundReport;
use super::scenario::{AWAY, Scenario};
use super::worker::{Identity, Worker};
use crate::boxed::Neighbour;
use crate::joint;
use crate::message;
use crate::peer::sortition_secret;
pub use crate::play::BoxError;
use crate::play::{JOB, Play, key, observer};
use crate::report::Said;
use crate::scenario::Event;
use sphere_pow_consensus::net::{self, NetError, Running, Settings};
use sphere_pow_consensus::sim::{Link, Simulation};
use sphere_pow_consensus::{Behaviour, Config, FileStorage, Hash, Key, Timeouts};
use sphere_pow_cpu::threads::{Threads, ThreadsError};
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
    /// Honest days that all hosts begin with.
    pub standing: u32,
}

fn one_thread() -> Result<Arc<Threads>, ThreadsError> {
    // Hosts of a box share one machine.
    Threads::new(NonZeroUsize::new(1)).map(Arc::new)
}

/// By host.
pub(crate) type Workers = Arc<Vec<Mutex<Worker>>>;

pub(crate) fn lock(worker: &Mutex<Worker>) -> std::sync::MutexGuard<'_, Worker> {
    worker.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Simulated {
    /// Plays the scenario, and tells each attempt at a round as host 0 has it; a `false` ends it there. Gives the last
    /// block's hash.
    ///
    /// # Errors
    /// [`BoxError`].
    pub fn play(&self, on_round: &mut dyn FnMut(&RoundReport) -> bool) -> Result<String, BoxError> {
        let (scenario, last) = (&self.scenario, self.hosts - 1);
        let first_odd = scenario.first_odd(self.hosts);
        let odd = first_odd..self.hosts;
        let shelves: Vec<Arc<Shelf>> = (0..self.hosts).map(|_| Arc::default()).collect();
        let (genesis, keys) = self.genesis();
        let workers = self.workers(&genesis, &keys, &shelves)?;
        let late = if scenario.is_late() { std::slice::from_ref(&last) } else { &[] };
        let is_over = |peer: &Peer| peer.ledger().round() >= self.rounds;
        // What a host gives to others goes as it goes.
        let on_event = |event| {
            let is_gone = matches!(event, Event::Kill | Event::Fill);
            let is_down = is_gone || event == Event::Part;
            if is_down || matches!(event, Event::Start | Event::Heal) {
                shelves[odd.clone()].iter().for_each(|shelf| shelf.is_down.store(is_down, Ordering::Relaxed));
            }
            if is_gone || event == Event::Start {
                workers[odd.clone()].iter().for_each(|worker| lock(worker).restart());
            }
        };
        let dies_now =
            |peer: &Peer| (peer.ledger().attempt(), Some(peer.ledger().phase())) == (1, scenario.dies_in);
        let play = Play { hosts: self.hosts, first_odd, events: scenario.events, what: "round", away: AWAY };
        if let Some(mines) = scenario.mines {
            let genesis = joint::genesis(&genesis, mines);
            let mut simulation = joint::simulation(self.seed, &genesis, keys, scenario, workers.clone())?;
            simulation.start_all_but(late);
            let of_run = |peer: &joint::Peer| is_over(peer.training());
            let dies_now = |peer: &joint::Peer| dies_now(peer.training());
            return play.run(simulation, joint::Peer::reports, on_round, (of_run, dies_now), on_event);
        }
        let mut simulation = self.simulation(&genesis, keys, workers.clone())?;
        simulation.start_all_but(late);
        play.run(simulation, Peer::reports, on_round, (is_over, dies_now), on_event)
    }

    fn genesis(&self) -> (Genesis, Vec<Key>) {
        let keys: Vec<Key> =
            (0..self.hosts).map(|host| key(b"sphere-pow training box key", self.seed, host)).collect();
        let founders: Vec<_> = keys.iter().map(|key| (key.id(), sortition_secret(key).key())).collect();
        let seed = Hash::of(&[&self.seed.to_le_bytes()]).0;
        let mut genesis = self.scenario.genesis(&founders, self.rounds, seed);
        genesis.rules.standing = self.standing;
        (genesis, keys)
    }

    fn workers(&self, genesis: &Genesis, keys: &[Key], shelves: &[Arc<Shelf>]) -> Result<Workers, BoxError> {
        let (threads, peers) = (one_thread()?, Peers::Here(shelves.to_vec()));
        let worker = |host: usize| {
            let strategy = self.scenario.strategy(host, self.hosts);
            shelves[host].behave(&strategy);
            let number = message::HostId::try_from(host).expect("few hosts");
            let sortition = sortition_secret(&keys[host]);
            let identity = Identity { host: number, key: keys[host].id().0, sortition, strategy };
            let (run, shelf) = (genesis.run.clone(), shelves[host].clone());
            Mutex::new(Worker::new(run, threads.clone(), identity, shelf, peers.clone(), None))
        };
        Ok(Arc::new((0..self.hosts).map(worker).collect()))
    }

    fn simulation(
        &self,
        genesis: &Genesis,
        keys: Vec<Key>,
        workers: Workers,
    ) -> Result<Simulation<Peer>, BoxError> {
        let config = Config::new(genesis.chain());
        let hosts = (0..self.hosts).map(|host| {
            Peer::new(genesis.clone(), keys[host].clone(), self.scenario.strategy(host, self.hosts))
        });
        let hosts = hosts.collect::<Result<Vec<Peer>, _>>()?;
        let make = move |host: usize| hosts[host].clone();
        let run = move |host: usize, task| (lock(&workers[host]).run(task), JOB);
        Ok(Simulation::new(self.seed, config, keys, Link::default(), make, run))
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
    pub hosts: Vec<Neighbour>,
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
    say: impl FnMut(Said<'_, RoundReport>) + Send + 'static,
) -> Result<Running, BoxError> {
    let HostSettings { scenario, number, key, hosts, blobs, seed, rounds, pause, file } = settings;
    let key = Key::from_seed(key);
    let founders: Vec<_> = hosts.iter().map(|host| (host.id, host.sortition)).collect();
    let genesis = scenario.genesis(&founders, rounds, seed);
    let strategy = scenario.strategy(number, hosts.len());
    let shelf = Arc::new(Shelf::default());
    shelf.behave(&strategy);
    serve(TcpListener::bind(blobs[number]).map_err(NetError::from)?, shelf.clone())
        .map_err(NetError::from)?;
    let host = message::HostId::try_from(number).expect("few hosts");
    let identity = Identity { host, key: key.id().0, sortition: sortition_secret(&key), strategy };
    let parameters = Some(file.with_extension("parameters"));
    let worker =
        Worker::new(genesis.run.clone(), one_thread()?, identity, shelf, Peers::There(blobs), parameters);
    let listener = TcpListener::bind(hosts[number].address).map_err(NetError::from)?;
    let peers = hosts.iter().map(|host| (host.id, host.address)).filter(|(id, _)| *id != key.id()).collect();
    let settings = Settings { listener, peers, workers: 1, behaviour: Behaviour::Honest };
    let config = |chain| Config { timeouts: Timeouts { pause, ..Timeouts::default() }, ..Config::new(chain) };
    let storage = FileStorage::open(&file)?;
    if let Some(mines) = scenario.mines {
        let genesis = joint::genesis(&genesis, mines);
        let peer = genesis.peer(number, &key, strategy)?;
        let worker = joint::Worker::new(&key.id(), worker, file.with_extension("claim"));
        let run = move |task, _stop: &AtomicBool| worker.run(task);
        let observer = observer(joint::Peer::reports, |peer| Some(peer.training().ledger().phase()), say);
        return Ok(net::start(settings, &config(genesis.chain()), key, peer, storage, run, observer)?);
    }
    let config = config(genesis.chain());
    let peer = Peer::new(genesis, key.clone(), strategy)?;
    let worker = Mutex::new(worker);
    let run = move |task, _stop: &AtomicBool| lock(&worker).run(task);
    let observer = observer(Peer::reports, |peer| Some(peer.ledger().phase()), say);
    Ok(net::start(settings, &config, key, peer, storage, run, observer)?)
}
