//! Such a network in a box: the hosts' machines with workers of both kinds.

use super::{Outcome, Peer, Task};
use crate::exact::{Budget, Worker as MiningWorker};
use crate::play::{BoxError, JOB};
use crate::training::boxed::{Workers, lock};
use crate::training::duty::Strategy as TrainingStrategy;
use crate::training::peer::{Genesis as TrainingGenesis, Peer as TrainingPeer};
use crate::training::scenario::Scenario;
use crate::training::worker::Worker as TrainingWorker;
use crate::{host, peer, scenario};
use sphere_pow_consensus::sim::{Link, Simulation};
use sphere_pow_consensus::{Config, Hash, HostId, Key};
use sphere_pow_core::exact::{Params, Preset};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Nonces of a host in a Sprint, in simulated time: as many times this as its number says, from 1.
const NONCES: u64 = 4;

fn params() -> Params {
    Preset::Nano.params()
}

/// What a network of one chain starts from: the same hosts, in both ledgers.
#[derive(Clone, Debug)]
pub(crate) struct Genesis {
    mining: peer::Genesis,
    training: TrainingGenesis,
    /// How the last host mines.
    last: host::Strategy,
}

/// The genesis of a box that trains, where its network mines, too; all have the same power before the first Sprint.
pub(crate) fn genesis(training: &TrainingGenesis, last: host::Strategy) -> Genesis {
    let founders: Vec<_> = training.hosts.iter().map(|host| (host.id, host.sortition)).collect();
    let mining = scenario::Scenario::HONEST.genesis(&founders, training.seed);
    Genesis { mining, training: training.clone(), last }
}

impl Genesis {
    /// The network's name.
    pub(crate) fn chain(&self) -> Hash {
        Hash::of(&[b"sphere-pow joint network 1", &self.mining.chain().0, &self.training.chain().0])
    }

    /// A host in the state before the first block.
    pub(crate) fn peer(
        &self,
        number: usize,
        key: &Key,
        strategy: TrainingStrategy,
    ) -> Result<Peer, BoxError> {
        let hosts = self.training.hosts.len();
        let mines = if number + 1 == hosts { self.last } else { host::Strategy::default() };
        let coalitions = scenario::Scenario::coalitions(hosts);
        let mining = peer::Peer::new(self.mining.clone(), key.clone(), mines, coalitions)?;
        Ok(Peer::new(mining, TrainingPeer::new(self.training.clone(), key.clone(), strategy)?))
    }
}

/// What a host computes with, as a process.
#[derive(Debug)]
pub(crate) struct Worker {
    mining: Mutex<MiningWorker>,
    training: Mutex<TrainingWorker>,
}

impl Worker {
    /// The workers of a host, with the file where its claims outlast crashes.
    pub(crate) fn new(id: &HostId, training: TrainingWorker, file: PathBuf) -> Self {
        let mining = MiningWorker::new(params(), id, Budget::Time, Some(file));
        Self { mining: Mutex::new(mining), training: Mutex::new(training) }
    }

    /// Does a task.
    pub(crate) fn run(&self, task: Task) -> Outcome {
        match task {
            Task::Mining(task) => {
                let mut mining = self.mining.lock().unwrap_or_else(PoisonError::into_inner);
                Outcome::Mining(mining.run(task))
            }
            Task::Training(task) => Outcome::Training(lock(&self.training).run(task)),
        }
    }
}

/// The box in simulated time. The later a host's number, the more it mines.
pub(crate) fn simulation(
    seed: u64,
    genesis: &Genesis,
    keys: Vec<Key>,
    scenario: &Scenario,
    training: Workers,
) -> Result<Simulation<Peer>, BoxError> {
    let hosts = keys.len();
    let peer = |(number, key)| genesis.peer(number, key, scenario.strategy(number, hosts));
    let peers = keys.iter().enumerate().map(peer).collect::<Result<Vec<Peer>, _>>()?;
    let miner = |(number, key): (usize, &Key)| {
        MiningWorker::new(params(), &key.id(), Budget::Nonces(NONCES * (number as u64 + 1)), None)
    };
    let mut miners: Vec<MiningWorker> = keys.iter().enumerate().map(miner).collect();
    let make = move |number: usize| peers[number].clone();
    let run = move |number: usize, task| {
        let outcome = match task {
            Task::Mining(task) => Outcome::Mining(miners[number].run(task)),
            Task::Training(task) => Outcome::Training(lock(&training[number]).run(task)),
        };
        (outcome, JOB)
    };
    Ok(Simulation::new(seed, Config::new(genesis.chain()), keys, Link::default(), make, run))
}
