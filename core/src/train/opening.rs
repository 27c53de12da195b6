//! Openings of a lane's segment, and the verdict on them (SPEC §IV.8).

pub(super) mod reader;

use super::commit::root_of;
use super::executor::Executor;
use super::lane::{Lane, Run};
use super::params::VERSION;
use super::state::{State, fresh};
use crate::exact::transcript::hash::Hash;
use crate::exact::transcript::tree::path_len;
use crate::text::hex;
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
        let mut missing = Vec::new();
        if self.root.is_none() {
            missing.push("root");
        }
        if self.seed.is_none() {
            missing.push("seed");
        }
        if self.theta.is_none() && opening.segment == 0 && opening.lane.round > 0 {
            missing.push("start");
        }
        missing
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
}

/// Whether a lane may begin with `state`: no moments, and the parameters known.
fn is_start(run: &Run, round: u32, known: &Known<'_>, state: &State) -> bool {
    let theta = match known.theta {
        Some(theta) => theta.to_vec(),
        None if round == 0 => fresh(run.params(), run.id()),
        None => state.theta(),
    };
    *state == State::start(run.params(), &theta)
}

impl Opening {
    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self, run: &Run) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend(run.id().as_bytes());
        for word in [self.lane.round, self.lane.lane, self.segment] {
            out.extend(word.to_le_bytes());
        }
        out.extend(self.lane.seed);
        for hash in [&self.root, &self.next] {
            out.extend(hash.as_bytes());
        }
        for path in [&self.path, &self.next_path] {
            out.extend((path.len() as u32).to_le_bytes());
            path.iter().for_each(|node| out.extend(node.as_bytes()));
        }
        out.extend(&self.state);
        out
    }

    /// Reads an opening of `run`.
    ///
    /// # Errors
    /// [`OpeningError`] for bytes that are none of this run.
    pub fn from_bytes(run: &Run, bytes: &[u8]) -> Result<Self, OpeningError> {
        let raw = run.params().raw();
        let mut reader = Reader(bytes);
        let Head { run: id, lane, segment, root } = reader.head(MAGIC)?;
        if id != *run.id().as_bytes() {
            return Err(OpeningError::Run { got: hex(&id), expected: hex(run.id().as_bytes()) });
        }
        let places = [
            ("round", lane.round, raw.rounds),
            ("lane", lane.lane, raw.lanes),
            ("segment", segment, raw.segments),
        ];
        if let Some((what, got, expected)) = places.into_iter().find(|(_, got, expected)| got >= expected) {
            return Err(OpeningError::Place { what, got, expected });
        }
        let next = Hash::from_bytes(reader.bytes("next leaf")?);
        let nodes = |j: u32| path_len(j.into(), u64::from(raw.segments) + 1);
        let path = reader.path("path", nodes(segment))?;
        let next_path = reader.path("next path", nodes(segment + 1))?;
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
        let root = known.root.unwrap_or(self.root);
        let lane = Lane { seed: known.seed.unwrap_or(self.lane.seed), ..self.lane };
        let own = id.leaf(lane.round, lane.lane, j, &self.state);
        let leads = |leaf, j, path: &[Hash]| root_of(id, run.params(), leaf, j, path) == Some(root);
        if !leads(own, j, &self.path) || !leads(self.next, j + 1, &self.next_path) {
            return Ok(Verdict::Unopened);
        }
        // Committed to a state that no step makes, or to another start than all agreed on.
        let Ok(mut state) = State::from_bytes(run.params(), &self.state) else { return Ok(Verdict::Fraud) };
        if j == 0 && !is_start(run, lane.round, known, &state) {
            return Ok(Verdict::Fraud);
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
