//! The one judge of openings (SPEC §II.12.8).

mod report;

pub use report::{Report, Verdict};

use super::commitment::{Commitment, Place};
use super::hash::{Hash, Keys};
use super::opening::Opening;
use super::sample::{Step, sample};
use super::tree::root_by;
use super::{Head, TranscriptError};
use crate::exact::{Digest, Puzzle, ops};
use crate::identity::{Beacon, Nonce, PublicKey};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Serialize;

/// Largest size of a value of the stream after a layer (SPEC §II.6.8).
pub const MAX_STREAM: i16 = 24_552;

/// Why an opening fails, in the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultCode {
    /// There is no opening of a drawn step.
    Withheld,
    /// What stands in its place is no opening, or one of another step.
    Malformed,
    /// The transcript is not the one committed to.
    Path,
    /// The state is not the one committed to.
    Leaf,
    /// The state committed to has a value that no layer gives.
    State,
    /// The state committed to before layer 0 is not the nonce's input.
    Input,
    /// The layer, repeated, gives another state than the one committed to.
    Step,
    /// The logits, repeated, have another digest than the one committed to.
    Digest,
}

impl FaultCode {
    /// Whether the commitment itself is false, as anybody can repeat from the commitment and the opening alone.
    #[must_use]
    pub fn proves_fraud(self) -> bool {
        matches!(self, Self::State | Self::Input | Self::Step | Self::Digest)
    }
}

/// A failed opening.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Why.
    pub code: FaultCode,
    /// Whether the commitment itself is false.
    pub proves_fraud: bool,
    /// The same in words.
    pub detail: String,
    /// Place among the drawn steps, from 0.
    pub index: usize,
    /// The nonce, decimal.
    pub nonce: String,
    /// The layer.
    pub layer: usize,
}

/// A layer to be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Place among the drawn steps, from 0.
    pub index: usize,
    /// The nonce.
    pub nonce: Nonce,
    /// The layer.
    pub layer: usize,
    /// The state before it, `[tokens, dim]`.
    pub state: Vec<i16>,
    next: Hash,
    digest: Digest,
}

/// Judges the openings of one commitment, one after the other, in the order of [`Self::steps`].
#[derive(Clone, Debug)]
pub struct Judge {
    commitment: Commitment,
    keys: Keys,
    hash: Hash,
    beacon: Beacon,
    samples: u32,
    steps: Vec<Step>,
    taken: usize,
    checked: usize,
    faults: Vec<Fault>,
}

impl Judge {
    /// A judge of what `beacon` draws of a commitment.
    ///
    /// # Errors
    /// [`TranscriptError::Count`] for fewer samples than 20 or more than 4096, or an empty commitment.
    pub fn new(commitment: &Commitment, beacon: &Beacon, samples: u32) -> Result<Self, TranscriptError> {
        let samples = Head::check_samples(samples.into())?;
        let nonces = commitment.nonces();
        if nonces == 0 {
            let max = super::commitment::MAX_NONCES;
            return Err(TranscriptError::Count { what: "nonces", got: 0, min: 1, max });
        }
        let keys = Keys::new(commitment.puzzle(), commitment.key());
        let steps = sample(commitment, &keys, beacon, samples);
        let hash = commitment.hash(&keys);
        let (commitment, beacon) = (commitment.clone(), beacon.clone());
        Ok(Self { commitment, keys, hash, beacon, samples, steps, taken: 0, checked: 0, faults: Vec::new() })
    }

    /// The steps to open, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The keys of the host's hashes.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The commitment.
    #[must_use]
    pub fn commitment(&self) -> &Commitment {
        &self.commitment
    }

    /// What openings must begin with.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { commitment: self.hash, beacon: self.beacon.clone(), samples: self.samples }
    }

    /// Steps whose openings, or their absence, were taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Steps that are decided.
    #[must_use]
    pub fn checked(&self) -> usize {
        self.checked
    }

    /// The faults so far.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    fn place(&self, index: usize) -> (Step, Place) {
        let step = self.steps[index];
        (step, self.commitment.place(step.position).expect("drawn among the nonces"))
    }

    fn fault(&mut self, index: usize, code: FaultCode, why: &str) {
        let (step, place) = self.place(index);
        let (nonce, layer) = (place.nonce.to_string(), step.layer);
        let detail = format!("opening {index}, nonce {nonce}, layer {layer}: {why}");
        self.faults.push(Fault { code, proves_fraud: code.proves_fraud(), detail, index, nonce, layer });
    }

    /// Takes what stands in the place of the next step: its opening, why it is none, or nothing. Gives the layer to
    /// repeat, unless the opening fails before.
    pub fn take(&mut self, opening: Option<Result<Opening, TranscriptError>>) -> Option<Task> {
        let index = self.taken;
        if index == self.steps.len() {
            return None;
        }
        self.taken += 1;
        match self.check(index, opening) {
            Ok(task) => Some(task),
            Err((code, why)) => {
                self.checked += 1;
                self.fault(index, code, &why);
                None
            }
        }
    }

    /// All that needs no layer.
    fn check(
        &self,
        index: usize,
        opening: Option<Result<Opening, TranscriptError>>,
    ) -> Result<Task, (FaultCode, String)> {
        let (Step { layer, .. }, Place { interval, index: at, nonce }) = self.place(index);
        let key = self.commitment.key();
        let opening = opening.ok_or((FaultCode::Withheld, "there is no opening".to_string()))?;
        let opening = opening.map_err(|error| (FaultCode::Malformed, error.to_string()))?;
        if (opening.nonce, opening.layer) != (nonce, layer) {
            let why = format!("it opens nonce {}, layer {}", opening.nonce, opening.layer);
            return Err((FaultCode::Malformed, why));
        }
        let interval = &self.commitment.intervals()[interval];
        let transcript = self.keys.transcript(nonce, &opening.leaves, &opening.digest);
        if root_by(&self.keys, transcript, at, interval.nonces(), &opening.path) != Some(interval.root) {
            return Err((FaultCode::Path, "its path does not lead to the interval's root".into()));
        }
        let mut state = opening.state;
        if layer == 0 {
            state = first_state(self.commitment.puzzle(), key, nonce);
        }
        if self.keys.leaf(layer, &state) != opening.leaves[layer] {
            return Err(if layer == 0 {
                (FaultCode::Input, "leaf 0 is not the input's".into())
            } else {
                (FaultCode::Leaf, "the state given is not the one committed to".into())
            });
        }
        if let Some(value) = state.iter().find(|value| value.unsigned_abs() > MAX_STREAM.unsigned_abs()) {
            return Err((
                FaultCode::State,
                format!("the state has {value}, expected at most {MAX_STREAM} in size"),
            ));
        }
        Ok(Task { index, nonce, layer, state, next: opening.leaves[layer + 1], digest: opening.digest })
    }

    /// Compares a task's layer, repeated, with what was committed to.
    ///
    /// # Shapes
    /// - `next`: the state after the layer, `[tokens, dim]`; after the last layer that of the last position, `[dim]`.
    /// - `logits`: `[vocab]` after the last layer, else nothing.
    pub fn settle(&mut self, task: &Task, next: &[i16], logits: &[i32]) {
        self.checked += 1;
        let is_last = task.layer + 1 == self.commitment.puzzle().params().layers();
        let leaf = self.keys.leaf(task.layer + 1, next);
        if leaf != task.next {
            let why = format!("leaf {} is {}, the layer gives {leaf}", task.layer + 1, task.next);
            self.fault(task.index, FaultCode::Step, &why);
        } else if is_last && Digest::of_logits(logits) != task.digest {
            let why = format!("digest is {}, the logits give {}", task.digest, Digest::of_logits(logits));
            self.fault(task.index, FaultCode::Digest, &why);
        }
    }
}

/// States of several tasks as whoever repeats layers takes them, and their nonces: `[tasks, tokens, dim]`.
#[must_use]
pub fn joined(tasks: &[Task]) -> (Vec<Nonce>, Vec<i16>) {
    let nonces = tasks.iter().map(|task| task.nonce).collect();
    (nonces, tasks.iter().flat_map(|task| &task.state).copied().collect())
}

/// The state before layer 0: `[tokens, dim]`.
#[must_use]
pub fn first_state(puzzle: &Puzzle, key: &PublicKey, nonce: Nonce) -> Vec<i16> {
    let input = puzzle.input(key, nonce);
    let mut stream = alloc::vec![0; input.len()];
    ops::embed(&input, &mut stream);
    narrow(&stream)
}

/// A stream as states hold it.
///
/// # Panics
/// When a value is beyond 16 bits, which no op gives.
#[must_use]
pub fn narrow(stream: &[i32]) -> Vec<i16> {
    stream.iter().map(|value| i16::try_from(*value).expect("the stream fits i16")).collect()
}
