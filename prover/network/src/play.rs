//! What boxes have in common, whatever their hosts do: how simulated time goes by, and what a process says.

use crate::report::Said;
use crate::scenario::Event;
use crate::training::ledger::Phase;
use crate::{peer, training};
use sphere_pow_consensus::net::{NetError, Seen};
use sphere_pow_consensus::sim::{Change, Simulation};
use sphere_pow_consensus::{Application, Behaviour, Hash, Key, Node, StorageError};
use sphere_pow_cpu::threads::ThreadsError;
use std::collections::VecDeque;
use std::time::Duration;

/// Simulated time after which a box is stuck.
const LIMIT: Duration = Duration::from_secs(24 * 3600);
/// Simulated time that a job takes.
pub(crate) const JOB: Duration = Duration::from_millis(20);

/// Simulated time without a block after which those who were taken away come back before their height: with a third of the
/// power, the others make none without them.
const STALL: Duration = Duration::from_secs(60);

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
    /// The first of those to whom things happen; they are the last ones.
    pub(crate) first_odd: usize,
    /// What happens to them, by height.
    pub(crate) events: &'a [(u64, Event)],
    /// What is played until it is over.
    pub(crate) what: &'static str,
    /// For how many blocks the last host is away when it dies in what it does.
    pub(crate) away: u64,
}

impl Play<'_> {
    /// Plays until `is_over`, and tells each report as host 0 has it; a `false` ends it there. The last host is killed the first
    /// time that it `dies_now`. `on_event` is called before something happens. Gives the last block's hash.
    pub(crate) fn run<A: Application, R>(
        &self,
        mut simulation: Simulation<A>,
        reports: fn(&A) -> &[R],
        on_report: &mut dyn FnMut(&R) -> bool,
        (is_over, dies_now): (impl Fn(&A) -> bool, impl Fn(&A) -> bool),
        on_event: impl Fn(Event),
    ) -> Result<String, BoxError> {
        let (last, what) = (self.hosts - 1, self.what);
        let mut events: VecDeque<(u64, Event)> = self.events.iter().copied().collect();
        let (mut seen, mut told, mut has_died, mut moved) = (0, 0, false, simulation.now());
        loop {
            let height = simulation.node(0).map_or(0, Node::height);
            if simulation.now() > LIMIT || !simulation.step() {
                return Err(BoxError::Stuck { what, height });
            }
            if !has_died && simulation.node(last).is_some_and(|node| dies_now(node.app())) {
                has_died = true;
                events.push_front((height + self.away, Event::Start));
                events.push_front((0, Event::Kill));
            }
            let node = simulation.node(0).filter(|node| node.height() > seen);
            let mut is_done = false;
            if let Some(node) = node {
                (seen, moved) = (node.height(), simulation.now());
                for report in &reports(node.app())[told..] {
                    told += 1;
                    if !on_report(report) {
                        return Err(BoxError::Interrupted);
                    }
                }
                is_done = is_over(node.app());
            }
            let is_stuck = simulation.now() > moved + STALL;
            let is_back = |event: &Event| matches!(event, Event::Start | Event::Heal);
            let is_due = |(height, event): &mut (u64, Event)| *height <= seen || is_stuck && is_back(event);
            while let Some((_, event)) = events.pop_front_if(is_due) {
                moved = simulation.now();
                on_event(event);
                self.happen(&mut simulation, event);
            }
            if is_done {
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

    fn happen<A: Application>(&self, simulation: &mut Simulation<A>, event: Event) {
        let last = self.hosts - 1;
        if event == Event::Start {
            simulation.at(simulation.now(), Change::Disk(last, false));
        }
        let change = match event {
            Event::Fill => Change::Disk(last, true),
            Event::Kill => Change::Crash(last),
            Event::Start => Change::Start(last),
            Event::Equivocate => Change::Behave(last, Behaviour::Equivocates),
            Event::Part => {
                Change::Partition(vec![(0..self.first_odd).collect(), (self.first_odd..self.hosts).collect()])
            }
            Event::Heal => Change::Heal,
        };
        simulation.at(simulation.now(), change);
    }
}

/// What a host as a process tells `say` as it goes: each block, with the phase that it leads to, and each report, those before a
/// restart too.
pub(crate) fn observer<A: Application, R>(
    reports: fn(&A) -> &[R],
    phase: fn(&A) -> Option<Phase>,
    mut say: impl FnMut(Said<'_, R>),
) -> impl FnMut(&Node<A>, Seen<'_>) {
    let mut told = 0;
    move |node, seen| {
        match seen {
            Seen::Halted(fault) => tracing::error!("{fault}"),
            Seen::Decided { height, .. } => say(Said::Block { height, phase: phase(node.app()) }),
            _ => {}
        }
        for report in &reports(node.app())[told..] {
            told += 1;
            say(Said::Report(report));
        }
    }
}
