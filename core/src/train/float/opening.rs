//! Openings of a float lane's segments, and the verdict on several of one lane (SPEC §IV.10.3).

use super::FloatRun;
use super::state::FloatState;
use super::tolerance::{Distance, Judged, Nearness, Tolerance};
use crate::exact::transcript::hash::Hash;
use crate::text::hex;
use crate::train::commit::root_of;
use crate::train::lane::Lane;
use crate::train::opening::reader::Reader;
use crate::train::opening::{Head, Known, OpeningError, put_paths};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// First bytes of a float lane's opening.
pub const MAGIC: [u8; 4] = *b"SPXF";

/// What shows one segment of a float lane: the states before and after it, for no hash says how far two are apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloatOpening {
    /// Whose it is.
    pub lane: Lane,
    /// The segment.
    pub segment: u32,
    /// Root of the lane's tree.
    pub root: Hash,
    /// From leaf `segment` to the root.
    pub path: Vec<Hash>,
    /// From leaf `segment + 1` to the root.
    pub next_path: Vec<Hash>,
    /// The bytes of the state before the segment.
    pub state: Vec<u8>,
    /// The bytes of the state after it.
    pub next: Vec<u8>,
}

/// What one opening shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found {
    /// A state does not lead to the root.
    Unopened,
    /// The lane committed to what is no state, or began elsewhere than all agreed on: no rounding does that.
    False,
    /// How far the state committed to lies from the one repeated.
    Apart(Distance),
}

impl FloatOpening {
    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self, run: &FloatRun) -> Vec<u8> {
        let Self { lane, segment, root, .. } = *self;
        let mut out = Head { run: *run.id().as_bytes(), lane, segment, root }.to_bytes(MAGIC);
        put_paths(&mut out, [&self.path, &self.next_path]);
        out.extend(&self.state);
        out.extend(&self.next);
        out
    }

    /// Reads an opening of `run`.
    ///
    /// # Errors
    /// [`OpeningError`] for bytes that are none of this run.
    pub fn from_bytes(run: &FloatRun, bytes: &[u8]) -> Result<Self, OpeningError> {
        let params = run.run().params();
        let mut reader = Reader(bytes);
        let Head { lane, segment, root, .. } = reader.head_of(MAGIC, run.id(), params)?;
        let [path, next_path] = reader.paths(segment, params)?;
        let size = FloatState::bytes_of(params);
        let state = reader.take("state", size)?.to_vec();
        let next = reader.0.to_vec();
        if next.len() != size {
            return Err(OpeningError::Length { field: "next state", got: next.len(), expected: size });
        }
        Ok(Self { lane, segment, root, path, next_path, state, next })
    }

    /// What it shows by one's own steps: `repeat` takes the lane, its steps and the state before them, and makes it the
    /// state after them.
    ///
    /// # Errors
    /// What `repeat` gave.
    pub fn check<S>(
        &self,
        run: &FloatRun,
        known: &Known<'_>,
        repeat: impl FnOnce(&Lane, core::ops::Range<u32>, &mut FloatState) -> Result<(), S>,
    ) -> Result<Found, S> {
        let (id, params, j) = (run.id(), run.run().params(), self.segment);
        let (root, lane) = known.over(self.root, &self.lane);
        let leads = |j: u32, state: &[u8], path: &[Hash]| {
            root_of(id, params, id.leaf(lane.round, lane.lane, j, state), j, path) == Some(root)
        };
        if !leads(j, &self.state, &self.path) || !leads(j + 1, &self.next, &self.next_path) {
            return Ok(Found::Unopened);
        }
        let read = |bytes| FloatState::from_bytes(params, bytes);
        let (Ok(before), Ok(claimed)) = (read(&self.state), read(&self.next)) else {
            return Ok(Found::False);
        };
        if j == 0 {
            // By nobody's word but its own it begins where it begins, still without moments.
            let theta = known.start(run.run(), lane.round).unwrap_or_else(|| before.units());
            if before != FloatState::start(&theta) {
                return Ok(Found::False);
            }
        }
        let mut repeated = before.clone();
        repeat(&lane, run.run().segment(j), &mut repeated)?;
        Ok(Found::Apart(Distance::of(&before, &claimed, &repeated)))
    }
}

/// What openings of one lane show together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FloatVerdict {
    /// All lie within the tolerance.
    Within,
    /// They do, by a root, seed or start that only the openings name.
    Unconfirmed,
    /// Some lie beyond it, too few to be fraud.
    Undecided,
    /// One is false or far, or more lie beyond than honest machines' do.
    Fraud,
    /// A state does not lead to the root.
    Unopened,
}

impl FloatVerdict {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Unconfirmed => "unconfirmed",
            Self::Undecided => "undecided",
            Self::Fraud => "fraud",
            Self::Unopened => "unopened",
        }
    }
}

/// One segment's part of a report.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentReport {
    /// The segment, from 0.
    pub segment: u32,
    /// Its distance, where it was repeated.
    pub distance: Option<Distance>,
    /// What that is by the tolerance.
    pub nearness: Option<Nearness>,
}

/// The report of a check.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FloatReport {
    /// What the verdict rests on, in one line: a tolerance, and what only the openings say.
    pub rests_on: String,
    /// What of that are the openings' words: `root`, `seed`, `start`.
    pub by_the_opening: Vec<&'static str>,
    /// The verdict.
    pub verdict: FloatVerdict,
    /// It in one line.
    pub summary: String,
    /// The run, hex.
    pub run: String,
    /// The round, from 0.
    pub round: u32,
    /// The lane, from 0.
    pub lane: u32,
    /// The tolerance.
    pub tolerance: f64,
    /// The counts.
    pub judged: Judged,
    /// Segment by segment.
    pub segments: Vec<SegmentReport>,
    /// The lane's root that was checked against, hex.
    pub root: String,
    /// The round's seed that batches were drawn by, hex.
    pub seed: String,
}

/// Openings that are not of one lane, or no opening at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpeningsError {
    /// None.
    #[error("no openings, expected one or more")]
    None,
    /// Of two rounds, lanes, seeds or roots.
    #[error("opening {index} is of another lane than the first, expected one round, lane, seed and root")]
    Lanes {
        /// Its place, from 0.
        index: usize,
    },
    /// A segment more than once: it would be counted so.
    #[error("opening {index} is of segment {segment} again, expected each once")]
    Again {
        /// Its place, from 0.
        index: usize,
        /// The segment.
        segment: u32,
    },
}

impl FloatReport {
    /// That of openings of one lane, each with what it showed.
    ///
    /// # Errors
    /// [`OpeningsError`] for none, for those of different lanes, and for a segment that is there twice.
    pub fn new(
        run: &FloatRun,
        known: &Known<'_>,
        tolerance: &Tolerance,
        found: &[(FloatOpening, Found)],
    ) -> Result<Self, OpeningsError> {
        let ((first, _), lane) = (found.first().ok_or(OpeningsError::None)?, &found[0].0.lane);
        for (index, (opening, _)) in found.iter().enumerate() {
            if opening.lane != *lane || opening.root != first.root {
                return Err(OpeningsError::Lanes { index });
            }
            let segment = opening.segment;
            if found[..index].iter().any(|(other, _)| other.segment == segment) {
                return Err(OpeningsError::Again { index, segment });
            }
        }
        let distances: Vec<Distance> = found
            .iter()
            .filter_map(|(_, found)| if let Found::Apart(distance) = found { Some(*distance) } else { None })
            .collect();
        let (judged, tau) = (tolerance.judge(&distances), tolerance.tau());
        let mut missing: Vec<&'static str> =
            found.iter().flat_map(|(opening, _)| known.missing_of(&opening.lane, opening.segment)).collect();
        missing.sort_by_key(|name| ["root", "seed", "start"].iter().position(|other| other == name));
        missing.dedup();
        let any = |kind: Found| found.iter().any(|(_, found)| *found == kind);
        let verdict = if any(Found::Unopened) {
            FloatVerdict::Unopened
        } else if any(Found::False) || judged.is_fraud() {
            FloatVerdict::Fraud
        } else if judged.beyond > 0 {
            FloatVerdict::Undecided
        } else if missing.is_empty() {
            FloatVerdict::Within
        } else {
            FloatVerdict::Unconfirmed
        };
        let largest = distances.iter().map(Distance::largest).fold(0.0, f64::max);
        let why = match verdict {
            FloatVerdict::Unopened => "what was opened does not lead to the root".into(),
            FloatVerdict::Fraud if any(Found::False) => {
                "it committed to what is no state, or began where the round did not".into()
            }
            FloatVerdict::Fraud if judged.far > 0 => {
                format!("{} far off, the farthest {largest:.2e}", judged.far)
            }
            FloatVerdict::Fraud | FloatVerdict::Undecided => {
                format!(
                    "{} of {} beyond the tolerance, the farthest {largest:.2e}",
                    judged.beyond, judged.checked
                )
            }
            FloatVerdict::Within | FloatVerdict::Unconfirmed => {
                format!(
                    "{} of {} within the tolerance, the farthest {largest:.2e}",
                    judged.checked, judged.checked
                )
            }
        };
        let (root, Lane { seed, .. }) = known.over(first.root, lane);
        let words = if missing.is_empty() {
            String::new()
        } else {
            format!(", and by the opening's own {}", missing.join(", "))
        };
        Ok(Self {
            rests_on: format!("by a tolerance of {tau:.2e} of the movement, not by equality{words}"),
            by_the_opening: missing,
            verdict,
            summary: format!("{}: round {}, lane {}: {why}", verdict.name(), lane.round, lane.lane),
            run: hex(run.id().as_bytes()),
            round: lane.round,
            lane: lane.lane,
            tolerance: tau,
            judged,
            segments: found
                .iter()
                .map(|(opening, found)| {
                    let distance = if let Found::Apart(distance) = found { Some(*distance) } else { None };
                    let nearness = distance.map(|distance| tolerance.nearness(&distance));
                    SegmentReport { segment: opening.segment, distance, nearness }
                })
                .collect(),
            root: root.to_hex(),
            seed: hex(&seed),
        })
    }
}
