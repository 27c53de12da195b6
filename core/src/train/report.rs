//! What a check says, as command, package and page show it.

use super::lane::Run;
use super::opening::{Known, Opening, Verdict};
use crate::text::hex;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// A sum of losses, in units of 2^-16 octaves as steps give it, in nats a token: for people, and decides nothing.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a number to show")]
pub fn nats(octaves: i64, tokens: usize) -> f64 {
    octaves as f64 / tokens.max(1) as f64 / 65_536.0 * core::f64::consts::LN_2
}

/// The report of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// What the verdict rests on the opening for: `root`, `seed`, `start`.
    pub by_the_opening: Vec<&'static str>,
    /// [`Verdict::name`].
    pub verdict: &'static str,
    /// It in one line.
    pub summary: String,
    /// The run, hex.
    pub run: String,
    /// The round, from 0.
    pub round: u32,
    /// The lane, from 0.
    pub lane: u32,
    /// The segment, from 0.
    pub segment: u32,
    /// Steps of a segment.
    pub steps: u32,
    /// The lane's root that was checked against, hex.
    pub root: String,
    /// The round's seed that batches were drawn by, hex.
    pub seed: String,
}

impl Report {
    /// That of a verdict on `opening`.
    #[must_use]
    pub fn new(run: &Run, opening: &Opening, known: &Known<'_>, verdict: Verdict) -> Self {
        let (lane, segment, steps) = (&opening.lane, opening.segment, run.params().segment());
        let why = match verdict {
            Verdict::Honest | Verdict::Unconfirmed => "its steps repeated give the state committed to",
            Verdict::Fraud => "its steps repeated give another state than the one committed to",
            Verdict::Unopened => "what was opened does not lead to the root",
        };
        let (name, round) = (verdict.name(), lane.round);
        Self {
            by_the_opening: known.missing(opening),
            verdict: name,
            summary: format!(
                "{name}: round {round}, lane {}, segment {segment}, {steps} steps: {why}",
                lane.lane
            ),
            run: hex(run.id().as_bytes()),
            round,
            lane: lane.lane,
            segment,
            steps,
            root: known.root.unwrap_or(opening.root).to_hex(),
            seed: hex(&known.seed.unwrap_or(lane.seed)),
        }
    }
}
