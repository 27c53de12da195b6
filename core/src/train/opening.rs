//! Openings of a lane's segment, and the verdict on them (SPEC §IV.8).

pub(super) mod reader;

use super::commit::root_of;
use super::executor::Executor;
use super::lane::{Lane, Run};
use super::params::VERSION;
use super::state::{State, fresh};
use crate::exact::transcript::hash::Hash;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use reader::Reader;

/// First bytes of an opening.
pub const MAGIC: [u8; 4] = *b"SPXT";

/// What shows one segment of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Whose it is.
    pub lane: Lane,
    /// The segment.
    pub segment: u32,
    /// Root of the lane's tree.
    pub root: Hash,
    /// Leaf segment + 1.
    pub next: Hash,
    /// From leaf `segment` to the root.
    pub path: Vec<Hash>,
    /// From leaf `segment + 1` to the root.
    pub next_path: Vec<Hash>,
    /// The bytes of the state before the segment.
    pub state: Vec<u8>,
}

/// Bytes that are no opening of a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    /// They end within a field, or go on after the last.
    #[error("{field} has {got} bytes, expected {expected}")]
    Length {
        /// The field.
        field: &'static str,
        /// Bytes there are.
        got: usize,
        /// Bytes it has.
        expected: usize,
    },
    /// Other first bytes.
    #[error("the first bytes are {got:02x?}, expected {}", expected.escape_ascii())]
    Magic {
        /// Which.
        got: [u8; 4],
        /// What they are.
        expected: [u8; 4],
    },
    /// Other rules.
    #[error("version is {got}, expected 1")]
    Version {
        /// Which.
        got: u32,
    },
    /// Another model, schedule or text.
    #[error("the opening is of run {got}, expected {expected}, by the model and text given")]
    Run {
        /// Whose it is.
        got: String,
        /// The verifier's.
        expected: String,
    },
    /// A place that the run does not have.
    #[error("{what} is {got}, expected below {expected}")]
    Place {
        /// Which.
        what: &'static str,
        /// What it is.
        got: u32,
        /// How many there are.
        expected: u32,
    },
}

/// What the verifier knows by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The root that the lane published.
    pub root: Option<Hash>,
    /// The round's seed.
    pub seed: Option<[u8; 32]>,
    /// The parameters that the round began with: what a lane's first segment must start from. Of round 0 the run says so.
    pub theta: Option<&'a [i32]>,
}

impl Known<'_> {
    /// What the verdict on `opening` would rest on the opening for.
    #[must_use]
    pub fn missing(&self, opening: &Opening) -> Vec<&'static str> {
        self.missing_of(&opening.lane, opening.segment)
    }

    pub(super) fn missing_of(&self, lane: &Lane, segment: u32) -> Vec<&'static str> {
        let start = self.theta.is_none() && segment == 0 && lane.round > 0;
        let parts = [(self.root.is_none(), "root"), (self.seed.is_none(), "seed"), (start, "start")];
        parts.into_iter().filter_map(|(is_missing, name)| is_missing.then_some(name)).collect()
    }

    /// The root that a lane's leaves have to lead to, and the lane with the round's seed: the opening's own where nothing is
    /// known.
    pub(super) fn over(&self, root: Hash, lane: &Lane) -> (Hash, Lane) {
        (self.root.unwrap_or(root), Lane { seed: self.seed.unwrap_or(lane.seed), ..*lane })
    }

    /// The parameters that a lane's first segment has to start from; `None` when nobody but the opening says so.
    pub(super) fn start(&self, run: &Run, round: u32) -> Option<Vec<i32>> {
        match self.theta {
            Some(theta) => Some(theta.to_vec()),
            None => (round == 0).then(|| fresh(run.params(), run.id())),
        }
    }
}

/// What an opening shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The segment was computed as the rules say.
    Honest,
    /// It was, by a root, seed or start that only the opening names.
    Unconfirmed,
    /// It was not.
    Fraud,
    /// State or next leaf do not lead to the root.
    Unopened,
}

impl Verdict {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Unconfirmed => "unconfirmed",
            Self::Fraud => "fraud",
            Self::Unopened => "unopened",
        }
    }
}

/// Whose opening it is, by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The run's id.
    pub run: [u8; 32],
    /// The lane.
    pub lane: Lane,
    /// The segment.
    pub segment: u32,
    /// Root of the lane's tree.
    pub root: Hash,
}

impl Head {
    /// Reads that of an opening of any run; what comes after it is not looked at.
    ///
    /// # Errors
    /// [`OpeningError`] for bytes that begin as none.
    pub fn read(bytes: &[u8]) -> Result<Self, OpeningError> {
        Reader(bytes).head(MAGIC)
    }

    /// As bytes, after first bytes that say of what arithmetic it is.
    pub(super) fn to_bytes(self, magic: [u8; 4]) -> Vec<u8> {
        let mut out = magic.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend(self.run);
        for word in [self.lane.round, self.lane.lane, self.segment] {
            out.extend(word.to_le_bytes());
        }
        out.extend(self.lane.seed);
        out.extend(self.root.as_bytes());
        out
    }
}

/// Appends paths as openings hold them.
pub(super) fn put_paths(out: &mut Vec<u8>, paths: [&[Hash]; 2]) {
    for path in paths {
        out.extend((path.len() as u32).to_le_bytes());
        path.iter().for_each(|node| out.extend(node.as_bytes()));
    }
}

impl Opening {
    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self, run: &Run) -> Vec<u8> {
        let Self { lane, segment, root, .. } = *self;
        let mut out = Head { run: *run.id().as_bytes(), lane, segment, root }.to_bytes(MAGIC);
        out.extend(self.next.as_bytes());
        put_paths(&mut out, [&self.path, &self.next_path]);
        out.extend(&self.state);
        out
    }

    /// Reads an opening of `run`.
    ///
    /// # Errors
    /// [`OpeningError`] for bytes that are none of this run.
    pub fn from_bytes(run: &Run, bytes: &[u8]) -> Result<Self, OpeningError> {
        let mut reader = Reader(bytes);
        let Head { lane, segment, root, .. } = reader.head_of(MAGIC, run.id(), run.params())?;
        let next = Hash::from_bytes(reader.bytes("next leaf")?);
        let [path, next_path] = reader.paths(segment, run.params())?;
        let (state, expected) = (reader.0.to_vec(), State::bytes_of(run.params()));
        if state.len() != expected {
            return Err(OpeningError::Length { field: "state", got: state.len(), expected });
        }
        Ok(Self { lane, segment, root, next, path, next_path, state })
    }

    /// Repeats the segment, calling `on_step` after each of its steps; an error of that ends it.
    ///
    /// # Errors
    /// What `on_step` gave.
    pub fn check<E: Executor, S>(
        &self,
        run: &Run,
        executor: &E,
        known: &Known<'_>,
        mut on_step: impl FnMut() -> Result<(), S>,
    ) -> Result<Verdict, S> {
        self.check_by(run, known, |lane, steps, state| {
            for step in steps {
                run.step(executor, lane, step, state);
                on_step()?;
            }
            Ok(())
        })
    }

    /// [`Self::check`] by whoever makes `steps` of a lane from a state; an error of that ends it.
    ///
    /// # Errors
    /// What `repeat` gave.
    pub fn check_by<S>(
        &self,
        run: &Run,
        known: &Known<'_>,
        repeat: impl FnOnce(&Lane, Range<u32>, &mut State) -> Result<(), S>,
    ) -> Result<Verdict, S> {
        let (id, j) = (run.id(), self.segment);
        let (root, lane) = known.over(self.root, &self.lane);
        let own = id.leaf(lane.round, lane.lane, j, &self.state);
        let leads = |leaf, j, path: &[Hash]| root_of(id, run.params(), leaf, j, path) == Some(root);
        if !leads(own, j, &self.path) || !leads(self.next, j + 1, &self.next_path) {
            return Ok(Verdict::Unopened);
        }
        // Committed to a state that no step makes, or to another start than all agreed on.
        let Ok(mut state) = State::from_bytes(run.params(), &self.state) else { return Ok(Verdict::Fraud) };
        if j == 0 {
            // By nobody's word but its own it begins where it begins, still without moments.
            let theta = known.start(run, lane.round).unwrap_or_else(|| state.theta());
            if state != State::start(run.params(), &theta) {
                return Ok(Verdict::Fraud);
            }
        }
        repeat(&lane, run.segment(j), &mut state)?;
        let is_same = id.leaf(lane.round, lane.lane, j + 1, &state.to_bytes()) == self.next;
        Ok(match (is_same, known.missing(self).is_empty()) {
            (false, _) => Verdict::Fraud,
            (true, true) => Verdict::Honest,
            (true, false) => Verdict::Unconfirmed,
        })
    }
}
