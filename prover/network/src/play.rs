//! What boxes have in common, whatever their hosts do: how simulated time goes by, and what a process says.

use crate::report::Said;
use crate::scenario::Event;
use crate::{peer, training};
use sphere_pow_consensus::net::{NetError, Seen};
use sphere_pow_consensus::sim::{Change, Simulation};
use sphere_pow_consensus::{Application, Behaviour, Hash, Key, Node, StorageError};
use sphere_pow_cpu::threads::ThreadsError;
use std::time::Duration;

/// Simulated time after which a box is stuck.
const LIMIT: Duration = Duration::from_secs(24 * 3600);
/// Simulated time that a job takes.
pub(crate) const JOB: Duration = Duration::from_millis(20);

/// A box that did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BoxError {
    /// See [`peer::GenesisError`].
    #[error(transparent)]
    Genesis(#[from] peer::GenesisError),
    /// See [`training::peer::GenesisError`].
    #[error(transparent)]
    TrainingGenesis(#[from] training::peer::GenesisError),
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
    /// No more of what is played, or the same without end.
    #[error("no {what} after height {height}, expected more")]
    Stuck {
        /// What.
        what: &'static str,
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
pub(crate) fn key(label: &[u8], seed: u64, host: usize) -> Key {
    let (seed, host) = (seed.to_le_bytes(), (host as u64).to_le_bytes());
    Key::from_seed(Hash::of(&[label, &seed, &host]).0)
}

/// A scenario in simulated time.
pub(crate) struct Play<'a> {
    pub(crate) hosts: usize,
    /// What happens to the last host, by height.
    pub(crate) events: &'a [(u64, Event)],
    /// What is played until it is over.
    pub(crate) what: &'static str,
}

impl Play<'_> {
    /// Plays until `is_over`, and tells each report as host 0 has it; a `false` ends it there. `on_event` is called before
    /// something happens. Gives the last block's hash.
    pub(crate) fn run<A: Application, R>(
        &self,
        mut simulation: Simulation<A>,
        reports: fn(&A) -> &[R],
        on_report: &mut dyn FnMut(&R) -> bool,
        is_over: impl Fn(&A) -> bool,
        on_event: impl Fn(Event),
    ) -> Result<String, BoxError> {
        let (last, what) = (self.hosts - 1, self.what);
        let mut events = self.events.iter().peekable();
        let (mut seen, mut told) = (0, 0);
        loop {
            let height = simulation.node(0).map_or(0, Node::height);
            if simulation.now() > LIMIT || !simulation.step() {
                return Err(BoxError::Stuck { what, height });
            }
            let Some(node) = simulation.node(0).filter(|node| node.height() > seen) else { continue };
            seen = node.height();
            for report in &reports(node.app())[told..] {
                told += 1;
                if !on_report(report) {
                    return Err(BoxError::Interrupted);
                }
            }
            let is_over = is_over(node.app());
            while let Some((_, event)) = events.next_if(|(height, _)| *height <= seen) {
                on_event(*event);
                if *event == Event::Start {
                    simulation.at(simulation.now(), Change::Disk(last, false));
                }
                let change = match event {
                    Event::Fill => Change::Disk(last, true),
                    Event::Kill => Change::Crash(last),
                    Event::Start => Change::Start(last),
                    Event::Equivocate => Change::Behave(last, Behaviour::Equivocates),
                    Event::Part => Change::Partition(vec![(0..last).collect(), vec![last]]),
                    Event::Heal => Change::Heal,
                };
                simulation.at(simulation.now(), change);
            }
            if is_over {
                break;
            }
        }
        // Those who were away come after.
        if !simulation.run_to_height(seen, simulation.now() + LIMIT) {
            return Err(BoxError::Stuck { what, height: seen });
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
}

/// What a host as a process tells `say` as it goes: each block, and each report, those before a restart too.
pub(crate) fn observer<A: Application, R>(
    reports: fn(&A) -> &[R],
    mut say: impl FnMut(Said<'_, R>),
) -> impl FnMut(&Node<A>, Seen<'_>) {
    let mut told = 0;
    move |node, seen| {
        match seen {
            Seen::Halted(fault) => tracing::error!("{fault}"),
            Seen::Decided { height, .. } => say(Said::Block { height }),
            _ => {}
        }
        for report in &reports(node.app())[told..] {
            told += 1;
            say(Said::Report(report));
        }
    }
}
