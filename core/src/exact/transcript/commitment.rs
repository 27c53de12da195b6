//! What a host commits to (SPEC §II.12.4): the transcripts of its nonces, interval by interval, in a chain.

mod json;

pub(super) use json::{check_profile, hash_of};

use super::TranscriptError;
use super::hash::{Hash, Keys};
use super::runs::{self, MAX_RUNS, Run};
use crate::exact::Puzzle;
use crate::exact::fields::{Reader, put_count, put_text};
use crate::exact::params::VERSION;
use crate::identity::{BlockHash, Nonce, PublicKey};
use alloc::vec::Vec;

const MAGIC: [u8; 4] = *b"SPXC";
/// Most intervals of a commitment.
pub const MAX_INTERVALS: usize = 1024;
/// Most nonces of a commitment.
pub const MAX_NONCES: u64 = 1 << 48;
/// Most bytes of a commitment, in either form.
pub const MAX_BYTES: usize = 1 << 20;

/// What a host committed to at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The nonces in the order of the tree: runs by ascending first nonce.
    pub runs: Vec<Run>,
    /// The root over their transcripts.
    pub root: Hash,
}

impl Interval {
    /// Nonces in it.
    #[must_use]
    pub fn nonces(&self) -> u64 {
        self.runs.iter().map(|run| run.count).fold(0, u64::saturating_add)
    }
}

/// Where a committed nonce stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its interval, from 0.
    pub interval: usize,
    /// Its place in the interval's tree, from 0.
    pub index: u64,
    /// The nonce.
    pub nonce: Nonce,
}

/// All that one host committed to on one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    puzzle: Puzzle,
    key: PublicKey,
    intervals: Vec<Interval>,
}

impl Commitment {
    /// A commitment to nothing yet.
    #[must_use]
    pub fn new(puzzle: &Puzzle, key: &PublicKey) -> Self {
        Self { puzzle: puzzle.clone(), key: key.clone(), intervals: Vec::new() }
    }

    /// Sizes and block.
    #[must_use]
    pub fn puzzle(&self) -> &Puzzle {
        &self.puzzle
    }

    /// The host.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The intervals in order.
    #[must_use]
    pub fn intervals(&self) -> &[Interval] {
        &self.intervals
    }

    /// Adds an interval.
    ///
    /// # Errors
    /// [`TranscriptError::Count`] beyond a limit, and the run's own: [`TranscriptError::Run`],
    /// [`TranscriptError::Order`], [`TranscriptError::Overlap`]. The commitment is as before.
    pub fn add(&mut self, interval: Interval) -> Result<(), TranscriptError> {
        check_count("intervals", self.intervals.len() + 1, MAX_INTERVALS as u64)?;
        let before = self.runs().count();
        check_count("runs", before + interval.runs.len(), MAX_RUNS as u64)?;
        check_count("runs of an interval", interval.runs.len(), MAX_RUNS as u64)?;
        for (ix, run) in interval.runs.iter().enumerate() {
            let previous = ix.checked_sub(1).map(|ix| &interval.runs[ix]);
            let others = self.runs().chain(interval.runs[..ix].iter().copied());
            runs::check(before + ix, run, previous, others)?;
        }
        let nonces = self.nonces().saturating_add(interval.nonces());
        if nonces > MAX_NONCES {
            return Err(TranscriptError::Count { what: "nonces", got: nonces, min: 1, max: MAX_NONCES });
        }
        self.intervals.push(interval);
        Ok(())
    }

    fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        self.intervals.iter().flat_map(|interval| interval.runs.iter().copied())
    }

    /// Nonces in it.
    #[must_use]
    pub fn nonces(&self) -> u64 {
        self.intervals.iter().map(Interval::nonces).fold(0, u64::saturating_add)
    }

    /// The nonce at a position, from 0 to [`Self::nonces`] - 1.
    #[must_use]
    pub fn place(&self, position: u64) -> Option<Place> {
        let mut left = position;
        for (ix, interval) in self.intervals.iter().enumerate() {
            let nonces = interval.nonces();
            if left < nonces {
                let index = left;
                for run in &interval.runs {
                    if left < run.count {
                        return Some(Place { interval: ix, index, nonce: run.nonce(left)? });
                    }
                    left -= run.count;
                }
            }
            left = left.checked_sub(nonces)?;
        }
        None
    }

    /// The 32 bytes that stand for it: the last link of the chain.
    #[must_use]
    pub fn hash(&self, keys: &Keys) -> Hash {
        let mut link = Hash::from_bytes([0; 32]);
        for interval in &self.intervals {
            let mut message = link.as_bytes().to_vec();
            put_interval(&mut message, interval);
            link = keys.link(&message);
        }
        link
    }

    /// The commitment as bytes, SPEC §II.12.7.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend(self.puzzle.params().words().iter().flat_map(|x| x.to_le_bytes()));
        put_text(&mut out, self.puzzle.block().as_str());
        put_text(&mut out, self.key.as_str());
        put_count(&mut out, self.intervals.len());
        self.intervals.iter().for_each(|interval| put_interval(&mut out, interval));
        out
    }

    /// Reads a commitment in either form: JSON where it begins with a brace.
    ///
    /// # Errors
    /// As [`Self::from_json`] or [`Self::from_bytes`].
    pub fn read(bytes: &[u8]) -> Result<Self, TranscriptError> {
        match core::str::from_utf8(bytes).map(str::trim_ascii) {
            Ok(text) if text.starts_with('{') => Self::from_json(text),
            _ => Self::from_bytes(bytes),
        }
    }

    /// Reads a commitment, SPEC §II.12.7. Total: never panics, allocates no more than the bytes are long.
    ///
    /// # Errors
    /// [`TranscriptError`], the first in the order of the fields.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TranscriptError> {
        if bytes.len() > MAX_BYTES {
            return Err(TranscriptError::Size { what: "a commitment", got: bytes.len(), max: MAX_BYTES });
        }
        let mut reader = Reader(bytes);
        reader.magic(MAGIC)?;
        let params = reader.params()?;
        let block = BlockHash::new(reader.text("block hash")?)?;
        let key = PublicKey::new(reader.text("public key")?)?;
        let mut this = Self::new(&Puzzle::new(&params, &block), &key);
        let intervals = reader.word("interval count")?;
        check_count("intervals", intervals as usize, MAX_INTERVALS as u64)?;
        for _ in 0..intervals {
            let n = reader.word("run count")? as usize;
            check_count("runs of an interval", n, MAX_RUNS as u64)?;
            let mut runs = Vec::new();
            for _ in 0..n {
                let (first, step) = (reader.long("run")?, reader.long("run")?);
                runs.push(run_of(this.runs().count() + runs.len(), first, step, reader.long("run")?)?);
            }
            this.add(Interval { runs, root: Hash::from_bytes(reader.array("root")?) })?;
        }
        super::check_end(&reader)?;
        Ok(this)
    }
}

fn put_interval(out: &mut Vec<u8>, interval: &Interval) {
    put_count(out, interval.runs.len());
    for run in &interval.runs {
        out.extend([run.first.get(), run.step, run.count].iter().flat_map(|x| x.to_le_bytes()));
    }
    out.extend(interval.root.as_bytes());
}

fn run_of(index: usize, first: u64, step: u64, count: u64) -> Result<Run, TranscriptError> {
    let first = Nonce::new(first).map_err(|_| TranscriptError::Run { index, first, step, count })?;
    Ok(Run { first, step, count })
}

fn check_count(what: &'static str, got: usize, max: u64) -> Result<(), TranscriptError> {
    let got = got as u64;
    if (1..=max).contains(&got) { Ok(()) } else { Err(TranscriptError::Count { what, got, min: 1, max }) }
}

#[cfg(test)]
mod tests;
