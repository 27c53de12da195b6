//! A host's worker that really trains, checks and merges, in integers on the CPU. Cheats, too: `cheats` makes them.
//!
//! What it has in memory can be lost at any time: a lane is trained anew to the same root, parameters come from others.

mod cheats;
mod check;

use super::blobs::{Peers, Shelf};
use super::duty::{Case, Delta, Strategy, Task, Training};
use super::message::{Message, Shown, Word};
use crate::message::HostId;
use crate::sortition::SortitionSecret;
use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::exact::transcript::tree::Tree;
use sphere_pow_core::train::commit::{BLOCK, read_delta, tree};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::state::{to_words, words};
use sphere_pow_core::train::{Lane, Run, State};
use sphere_pow_cpu::threads::Threads;
use sphere_pow_cpu::train::TrainExecutor;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Attempts of which blobs are kept.
const KEPT: u64 = 3;

/// A lane as its trainer has it.
#[derive(Clone, Debug)]
struct Trained {
    tree: Tree,
    /// The bytes of S_0 to S_M.
    states: Vec<Vec<u8>>,
    delta: Vec<u8>,
}

/// Runs repeated of another's lane, and the leaf after each of their segments.
type Found = (Vec<Range<u32>>, Vec<[u8; 32]>);

/// Who a worker is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its host's number.
    pub host: HostId,
    /// Its host's key.
    pub key: [u8; 32],
    /// What it draws with; nobody else uses it.
    pub sortition: SortitionSecret,
    /// What its host is like.
    pub strategy: Strategy,
}

/// What a host of a run computes with.
#[derive(Debug)]
pub struct Worker {
    run: Arc<Run>,
    threads: Arc<Threads>,
    executor: TrainExecutor,
    identity: Identity,
    shelf: Arc<Shelf>,
    peers: Peers,
    /// The agreed parameters with their root.
    agreed: Option<(Hash, Arc<Agreed>)>,
    /// Those before: what somebody starts from who did not listen.
    last: Option<Arc<Agreed>>,
    /// Own lanes by attempt.
    trained: BTreeMap<(u64, u32), Trained>,
    /// Runs and leaves repeated of others' lanes, by attempt.
    found: BTreeMap<(u64, u32), Found>,
    /// Where the agreed parameters outlast crashes.
    file: Option<PathBuf>,
}

impl Worker {
    /// A worker that knows the first parameters. With a file it knows the last ones, too.
    ///
    /// # Panics
    /// When the CPU has none of the known sets of instructions, of which the portable one is one.
    #[must_use]
    pub fn new(
        run: Arc<Run>,
        threads: Arc<Threads>,
        identity: Identity,
        shelf: Arc<Shelf>,
        peers: Peers,
        file: Option<PathBuf>,
    ) -> Self {
        let executor = TrainExecutor::new(None).expect("this machine's best instructions are its own");
        let (agreed, last) = (None, None);
        let (trained, found) = (BTreeMap::new(), BTreeMap::new());
        let mut worker =
            Self { run, threads, executor, identity, shelf, peers, agreed, last, trained, found, file };
        worker.begin();
        worker
    }

    /// As a process that starts again: without what was in memory.
    pub fn restart(&mut self) {
        self.shelf.clear();
        (self.agreed, self.last) = (None, None);
        self.trained.clear();
        self.found.clear();
        self.begin();
    }

    fn begin(&mut self) {
        let fresh = Agreed::fresh(self.run.params(), self.run.id());
        self.adopt(0, fresh);
        let kept = self.file.as_ref().and_then(|file| std::fs::read(file).ok());
        let read = kept.and_then(|bytes| {
            let (round, rest) = bytes.split_first_chunk::<4>()?;
            read_agreed(u32::from_le_bytes(*round), rest)
        });
        if let Some(agreed) = read.filter(|agreed| agreed.theta.len() == self.run.params().size()) {
            self.adopt(0, agreed);
        }
    }

    /// Does a task. What fails is not said.
    pub fn run(&mut self, task: Task) -> Vec<Message> {
        let threads = self.threads.clone();
        threads.install(|| self.work(task).unwrap_or_default())
    }

    fn work(&mut self, task: Task) -> Option<Vec<Message>> {
        let (case, words) = match task {
            Task::Say(message) => return Some(vec![message]),
            Task::Train(case, other) => (case, self.train(&case, other)?),
            Task::Offer(case, runs, is_shown) => {
                self.offer(&case, &runs, is_shown)?;
                return None;
            }
            Task::Fetch(case, deltas, is_last) => {
                let lanes = deltas.iter().filter(|delta| self.fetch(&case, delta).is_some());
                let lanes: Vec<u32> = lanes.map(|delta| delta.lane).collect();
                let is_said = is_last || lanes.len() == deltas.len();
                (case, is_said.then_some(Word::Hold { lanes }).into_iter().collect())
            }
            Task::Draw(case, input) => {
                (case, vec![Word::Draw { proof: self.identity.sortition.prove(&input)? }])
            }
            Task::Open(case, runs) => (case, vec![self.open(&case, &runs)?]),
            Task::Check(trial) => (trial.case, vec![self.check(&trial)?]),
            Task::Show(case, places) => (case, vec![self.show(&case, &places)?]),
            Task::Reveal(trial) => (trial.case, vec![self.reveal(&trial)?]),
            Task::Judge(trial) => (trial.case, vec![self.judge(&trial)?]),
            Task::Merge(case, deltas) => (case, vec![self.merge(&case, &deltas)?]),
        };
        Some(words.into_iter().map(|word| Message { attempt: case.attempt, lane: case.lane, word }).collect())
    }

    /// Takes parameters as the agreed ones.
    fn adopt(&mut self, attempt: u64, agreed: Agreed) -> Hash {
        let root = agreed.root(self.run.id());
        if self.agreed.as_ref().is_none_or(|(own, _)| *own != root) {
            let last = self.agreed.replace((root, Arc::new(agreed)));
            self.last = last.map(|(_, agreed)| agreed);
        }
        let (_, agreed) = self.agreed.as_ref().expect("just set");
        self.shelf.put(attempt, *root.as_bytes(), agreed_bytes(agreed));
        root
    }

    /// The agreed parameters: the own ones, or where they are others, those that somebody has.
    fn agreed(&mut self, case: &Case) -> Option<Arc<Agreed>> {
        if self.agreed.as_ref().is_none_or(|(root, _)| root.as_bytes() != &case.root) {
            let is_right = |bytes: &[u8]| {
                read_agreed(case.round, bytes)
                    .is_some_and(|agreed| agreed.root(self.run.id()).as_bytes() == &case.root)
            };
            let blob = (&case.root, 8 * self.run.params().size());
            let bytes = self.peers.fetch(&self.shelf, blob, case.holder as usize, is_right)?;
            self.adopt(case.attempt, read_agreed(case.round, &bytes)?);
        } else if let Some(bytes) = self.shelf.get(&case.root) {
            self.shelf.put(case.attempt, case.root, bytes.to_vec());
        }
        self.agreed.as_ref().map(|(_, agreed)| agreed.clone())
    }

    /// A delta, of the right hash and form.
    fn fetch(&self, case: &Case, delta: &Delta) -> Option<Arc<Vec<u8>>> {
        let is_right = |bytes: &[u8]| {
            self.run.id().delta(case.round, delta.lane, bytes).as_bytes() == &delta.hash
                && read_delta(self.run.params(), bytes).is_ok()
        };
        let size = self.run.params().size();
        let len = size + size.div_ceil(BLOCK);
        let bytes = self.peers.fetch(&self.shelf, (&delta.hash, len), delta.holder as usize, is_right)?;
        // The own shelf may hold one that has the hash and not the form.
        is_right(&bytes).then(|| {
            self.shelf.put(case.attempt, delta.hash, bytes.to_vec());
            bytes
        })
    }

    fn train(&mut self, case: &Case, other: Option<Delta>) -> Option<Vec<Word>> {
        let first = case.attempt.saturating_sub(KEPT);
        self.shelf.forget_before(first);
        self.trained.retain(|(attempt, _), _| *attempt > first);
        self.found.retain(|(attempt, _), _| *attempt > first);
        let trained = self.trained(case, other)?;
        let (root, delta) = (trained.tree.root(), trained.delta.clone());
        let hash = self.run.id().delta(case.round, case.lane, &delta);
        let commit = |root: Hash| Word::Commit { root: *root.as_bytes(), delta: *hash.as_bytes() };
        let mut words = vec![commit(root)];
        if self.identity.strategy.training == Training::Twice {
            words.push(commit(hash));
        }
        Some(words)
    }

    /// The own lane: as it was trained, or trained again. Others find its delta.
    fn trained(&mut self, case: &Case, other: Option<Delta>) -> Option<&Trained> {
        let key = (case.attempt, case.lane);
        if !self.trained.contains_key(&key) {
            let trained = self.make(case, other)?;
            let hash = self.run.id().delta(case.round, case.lane, &trained.delta);
            self.shelf.put(case.attempt, *hash.as_bytes(), trained.delta.clone());
            self.trained.insert(key, trained);
        }
        self.trained.get(&key)
    }

    /// A lane from its states.
    fn lane_of(&self, case: &Case, states: Vec<Vec<u8>>, delta: Vec<u8>) -> Trained {
        let id = self.run.id();
        let leaves = (0..).zip(&states).map(|(j, state)| id.leaf(case.round, case.lane, j, state)).collect();
        Trained { tree: tree(id, leaves), states, delta }
    }

    /// Repeats a segment.
    fn repeat(&self, case: &Case, segment: u32, state: &mut State) {
        let lane = Lane { round: case.round, lane: case.lane, seed: case.seed };
        for step in self.run.segment(segment) {
            self.run.step(&self.executor, &lane, step, state);
        }
    }

    fn open(&mut self, case: &Case, runs: &[Range<u32>]) -> Option<Word> {
        let trained = self.trained(case, None)?;
        let of = |run: &Range<u32>| {
            let j = run.start as usize;
            Some((*trained.tree.transcripts().get(j)?.as_bytes(), trained.states.get(j)?.clone()))
        };
        let opened: Vec<([u8; 32], Vec<u8>)> = runs.iter().map(of).collect::<Option<_>>()?;
        let leaves = opened.iter().map(|(leaf, _)| *leaf).collect();
        opened.into_iter().for_each(|(leaf, state)| self.shelf.put(case.attempt, leaf, state));
        Some(Word::Open { leaves })
    }

    /// Gives others what was opened and shown of an own lane, as before it was killed.
    fn offer(&mut self, case: &Case, runs: &[Range<u32>], is_shown: bool) -> Option<()> {
        self.open(case, runs)?;
        let segments = self.run.params().raw().segments;
        if is_shown {
            self.show(case, &[segments])?;
        }
        Some(())
    }

    fn show(&mut self, case: &Case, places: &[u32]) -> Option<Word> {
        let trained = self.trained(case, None)?;
        let bytes = |hash: &Hash| *hash.as_bytes();
        let shown = |j: &u32| {
            let leaf = trained.tree.transcripts().get(*j as usize)?;
            Some(Shown {
                leaf: bytes(leaf),
                path: trained.tree.path(*j as usize).iter().map(bytes).collect(),
            })
        };
        let leaves: Vec<Shown> = places.iter().map(shown).collect::<Option<_>>()?;
        let last = trained.states.last()?.clone();
        self.shelf.put(case.attempt, leaves.last()?.leaf, last);
        Some(Word::Show { leaves })
    }

    fn merge(&mut self, case: &Case, deltas: &[Delta]) -> Option<Word> {
        let agreed = self.agreed(case)?;
        let read = |delta: &Delta| read_delta(self.run.params(), &self.fetch(case, delta)?).ok();
        let deltas: Vec<Vec<i64>> = deltas.iter().map(read).collect::<Option<_>>()?;
        let mut next = agreed.merged(&deltas);
        if self.identity.strategy.strays {
            next.theta[0] ^= 1;
        }
        if let Some(file) = &self.file {
            let mut bytes = next.round.to_le_bytes().to_vec();
            bytes.extend(agreed_bytes(&next));
            let new = file.with_extension("new");
            // Without it, the parameters come from others.
            let _ = std::fs::write(&new, bytes).and_then(|()| std::fs::rename(&new, file));
        }
        let root = self.adopt(case.attempt, next);
        Some(Word::Root { root: *root.as_bytes() })
    }
}

/// Parameters and momentum as bytes.
fn agreed_bytes(agreed: &Agreed) -> Vec<u8> {
    let mut bytes = to_words(&agreed.theta);
    bytes.extend(to_words(&agreed.momentum));
    bytes
}

fn read_agreed(round: u32, bytes: &[u8]) -> Option<Agreed> {
    let (theta, momentum) = bytes.split_at_checked(bytes.len() / 2)?;
    Some(Agreed { round, theta: words(theta), momentum: words(momentum) })
}
