//! Many hosts in one thread by discrete events: the hosts and the ledger of the real thing, work counted instead of done.
//!
//! Agreement is taken for granted: blocks come at their times and hold what has arrived. What is modelled beside it is
//! said in [`Scenario`]. Equal scenarios give equal runs, on every machine.

mod agenda;
mod chance;
mod scenario;
mod tally;
pub mod training;
mod world;

pub use scenario::{Group, Latency, MAX_EPOCHS, MAX_HOSTS, Power, RuleChoice, Scenario, ScenarioError};
pub use tally::{GroupTotal, Row, Run};

use crate::host::{Action, Coalitions, Done, Host, Job, Strategy, is_turn};
use crate::ledger::{BlockMark, Checks, Ledger};
use crate::message::{HostId, Message};
use agenda::Agenda;
use sha2::{Digest, Sha256};
use tally::{Price, Tally};
use world::World;

/// Runs a scenario. `progress` is told each epoch that ended; a `false` from it ends the run there.
///
/// Memory grows with the hosts, time with hosts and epochs.
///
/// # Errors
/// [`ScenarioError`] for numbers out of range.
pub fn run(scenario: &Scenario, progress: &mut dyn FnMut(&Row) -> bool) -> Result<Run, ScenarioError> {
    run_to_ledger(scenario, progress).map(|(run, _)| run)
}

/// As [`run`], with the ledger at its end.
///
/// # Errors
/// As [`run`].
pub fn run_to_ledger(
    scenario: &Scenario,
    progress: &mut dyn FnMut(&Row) -> bool,
) -> Result<(Run, Ledger), ScenarioError> {
    let rules = scenario.rules()?;
    let members = scenario.members();
    let world = World::new(scenario, &members);
    let generation_s =
        (rules.durations.durations().poc_stage_duration * scenario.rules.block_ms) as f64 / 1000.0;
    // The first validators: who is there from the start, by the nonces of a Sprint.
    let is_there = |member: &Option<usize>| member.is_none_or(|group| scenario.groups[group].from <= 1);
    let power = |(power, member): (&f64, &Option<usize>)| {
        if is_there(member) { (power * generation_s) as u64 } else { 0 }
    };
    let powers: Vec<u64> = world.powers.iter().zip(&members).map(power).collect();
    let seed = Sha256::digest(scenario.seed.to_le_bytes()).into();
    let ledger = Ledger::new(rules, &powers, seed)?;
    let mut network = Network::new(scenario, &members, world, ledger, generation_s);
    let mut tally = Tally::new(scenario, &members);
    while !tally.is_done() {
        if network.step(&mut tally) && !tally.last().is_none_or(&mut *progress) {
            break;
        }
    }
    let messages = (network.messages, network.refused);
    Ok((tally.finish(&network.ledger, &network.world, messages, network.hash), network.ledger))
}

struct Network<'a> {
    scenario: &'a Scenario,
    members: &'a [Option<usize>],
    world: World,
    ledger: Ledger,
    hosts: Vec<Host>,
    /// Messages on their way.
    agenda: Agenda<(HostId, Message)>,
    generation_s: f64,
    hash: [u8; 32],
    messages: u64,
    refused: u64,
}

impl<'a> Network<'a> {
    fn new(
        scenario: &'a Scenario,
        members: &'a [Option<usize>],
        mut world: World,
        ledger: Ledger,
        generation_s: f64,
    ) -> Self {
        let coalition = |member: &Option<usize>| member.and_then(|group| scenario.groups[group].coalition);
        let coalitions: Coalitions = members.iter().map(coalition).collect();
        let mut hosts = Vec::with_capacity(members.len());
        for (id, member) in (0..).zip(members) {
            let strategy = member.map_or_else(Strategy::default, |group| scenario.groups[group].strategy);
            hosts.push(Host::new(id, world.key(), strategy, coalitions.clone()));
        }
        Self {
            scenario,
            members,
            world,
            ledger,
            hosts,
            agenda: Agenda::new(scenario.rules.block_ms),
            generation_s,
            hash: [0; 32],
            messages: 0,
            refused: 0,
        }
    }

    /// One block: what happens before it, the block, and what hosts do about it. Whether an epoch ended.
    fn step(&mut self, tally: &mut Tally<'_>) -> bool {
        let height = self.ledger.height() + 1;
        let now_ms = height * self.scenario.rules.block_ms;
        let mut sha = Sha256::new_with_prefix(self.hash);
        sha.update(height.to_le_bytes());
        self.agenda.begin(height);
        while let Some((_, (from, message))) = self.agenda.next() {
            sha.update(from.to_le_bytes());
            sha.update([kind(&message)]);
            match self.ledger.apply(from, message) {
                Ok(()) => self.messages += 1,
                Err(_) => self.refused += 1,
            }
        }
        self.hash = sha.finalize().into();
        let price = self.price();
        self.ledger.end_block(&BlockMark { hash: self.hash, time_ms: now_ms });
        let has_settled = self.ledger.times().round == height;
        if has_settled {
            if let Some(settled) = self.ledger.settled() {
                tally.settle(settled, &self.ledger, &self.world, price);
            }
            self.world.next_epoch();
        }
        if is_turn(&self.ledger) {
            self.turn(now_ms);
        }
        has_settled
    }

    fn price(&self) -> Price {
        let difficulty = self.ledger.difficulty();
        Price {
            rate: difficulty.map_or(1.0, |difficulty| difficulty.rate() as f64 / 2_f64.powi(64)),
            r_target: difficulty.map_or(0.0, |difficulty| difficulty.r_target()),
        }
    }

    /// All hosts that are there look at the ledger.
    fn turn(&mut self, now_ms: u64) {
        let epoch = self.ledger.epoch();
        let mut actions = Vec::new();
        for id in 0..self.scenario.hosts {
            let from = self.members[id as usize].map_or(1, |group| self.scenario.groups[group].from);
            if epoch < from || self.world.is_away[id as usize] {
                continue;
            }
            self.hosts[id as usize].on_block(&self.ledger, &mut actions);
            self.carry_out(id, actions.drain(..), now_ms);
        }
    }

    /// Does what a host asks for. Nothing that happens meanwhile changes what work comes to, so its messages are sent
    /// right away, for when it is done.
    fn carry_out(&mut self, host: HostId, actions: impl Iterator<Item = Action>, now_ms: u64) {
        let epoch = self.ledger.epoch();
        for action in actions {
            let (done, at_ms) = match action {
                Action::Send(message) => {
                    self.send(host, message, now_ms);
                    continue;
                }
                // Counted when it ends.
                Action::Start(Job::Mine { .. }) => continue,
                Action::StopMining => {
                    let (work, rate) = (self.hosts[host as usize].strategy().work, self.price().rate);
                    let claim = self.world.mine(host, work, self.generation_s, rate);
                    (Done::Mined { epoch, claim }, now_ms)
                }
                Action::Start(Job::Open { epoch, .. }) => {
                    let samples = self.samples(host);
                    self.world.draw(host, samples);
                    (Done::Opened { epoch, openings: Vec::new() }, now_ms)
                }
                Action::Start(Job::Check { epoch, host: of, checks, .. }) => {
                    let accused = || self.ledger.entry(of).map_or(0, |entry| entry.accused().len() as u64);
                    let samples = if checks == Checks::Jury { accused() } else { self.samples(of) };
                    let (fault, at_ms) = self.world.check(host, of, samples, now_ms);
                    (Done::Checked { epoch, host: of, checks, fault }, at_ms)
                }
            };
            let mut then = Vec::new();
            self.hosts[host as usize].on_done(done, &mut then);
            for action in then {
                if let Action::Send(message) = action {
                    self.send(host, message, at_ms);
                }
            }
        }
    }

    fn send(&mut self, from: HostId, message: Message, at_ms: u64) {
        if let Some(latency) = self.world.latency_ms() {
            self.agenda.plan(at_ms + latency, (from, message));
        }
    }

    fn samples(&self, host: HostId) -> u64 {
        let count = self.ledger.entry(host).map_or(0, |entry| entry.claim().count);
        count.min(u64::from(self.scenario.rules.samples))
    }
}

/// A message's kind as a byte of the block's hash.
fn kind(message: &Message) -> u8 {
    match message {
        Message::Commit { .. } => 0,
        Message::Reveal { .. } => 1,
        Message::Claim { .. } => 2,
        Message::Open { .. } => 3,
        Message::Vote { fault: None, .. } => 4,
        Message::Vote { fault: Some(_), .. } => 5,
        Message::Share { .. } => 6,
        Message::Draw { .. } => 7,
    }
}
