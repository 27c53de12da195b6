//! A commitment as JSON (SPEC §II.12.7), to the letter: no member may be absent, unknown or twice.

use super::{Commitment, Interval, MAX_BYTES, MAX_INTERVALS, check_count, run_of};
use crate::exact::Puzzle;
use crate::exact::fields::check_version;
use crate::exact::params::{Params, RawParams, VERSION};
use crate::exact::transcript::{Hash, TranscriptError};
use crate::identity::{BlockHash, PublicKey};
use crate::json::digits;
use crate::text::parser_words;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Integers that may pass 2^53 are text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommitmentJson {
    profile: String,
    version: u64,
    params: RawParams,
    block_hash: String,
    public_key: String,
    intervals: Vec<IntervalJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IntervalJson {
    /// First nonce, step, count.
    runs: Vec<[String; 3]>,
    root: String,
}

pub(in super::super) fn hash_of(place: &str, text: &str) -> Result<Hash, TranscriptError> {
    Hash::from_hex(text).ok_or_else(|| {
        let got = crate::text::shown(text);
        TranscriptError::Json { reason: format!("{place} is {got}, expected 64 lower-case hex digits") }
    })
}

pub(in super::super) fn check_profile(name: &str) -> Result<(), TranscriptError> {
    let reason = || format!("profile is {}, expected exact", crate::text::shown(name));
    if name == "exact" { Ok(()) } else { Err(TranscriptError::Json { reason: reason() }) }
}

impl Commitment {
    /// The commitment as one line of JSON, SPEC §II.12.7.
    #[must_use]
    pub fn to_json(&self) -> String {
        let interval = |interval: &Interval| IntervalJson {
            runs: interval
                .runs
                .iter()
                .map(|run| [run.first.to_string(), run.step.to_string(), run.count.to_string()])
                .collect(),
            root: interval.root.to_hex(),
        };
        let json = CommitmentJson {
            profile: "exact".into(),
            version: VERSION.into(),
            params: self.puzzle.params().raw(),
            block_hash: self.puzzle.block().to_string(),
            public_key: self.key.to_string(),
            intervals: self.intervals.iter().map(interval).collect(),
        };
        serde_json::to_string(&json).expect("texts and numbers always become JSON")
    }

    /// Reads a commitment from JSON, SPEC §II.12.7.
    ///
    /// # Errors
    /// [`TranscriptError`]: size and JSON first, then as for bytes.
    pub fn from_json(text: &str) -> Result<Self, TranscriptError> {
        if text.len() > MAX_BYTES {
            return Err(TranscriptError::Size { what: "a commitment", got: text.len(), max: MAX_BYTES });
        }
        let json: CommitmentJson = serde_json::from_str(text).map_err(|error| TranscriptError::Json {
            reason: format!("no commitment: {}", parser_words(&error)),
        })?;
        check_profile(&json.profile)?;
        check_version(json.version)?;
        let params = Params::new(&json.params)?;
        let (block, key) = (BlockHash::new(&json.block_hash)?, PublicKey::new(&json.public_key)?);
        let mut this = Self::new(&Puzzle::new(&params, &block), &key);
        check_count("intervals", json.intervals.len(), MAX_INTERVALS as u64)?;
        let mut index = 0;
        for (ix, interval) in json.intervals.iter().enumerate() {
            let mut runs = Vec::with_capacity(interval.runs.len());
            for run in &interval.runs {
                let [Some(first), Some(step), Some(count)] = run.each_ref().map(|text| digits(text)) else {
                    let got = crate::text::shown(&run.join(", "));
                    let reason = format!("run {index} is {got}, expected three integers in digits, as text");
                    return Err(TranscriptError::Json { reason });
                };
                runs.push(run_of(index, first, step, count)?);
                index += 1;
            }
            let root = hash_of(&format!("intervals[{ix}].root"), &interval.root)?;
            this.add(Interval { runs, root })?;
        }
        Ok(this)
    }
}
