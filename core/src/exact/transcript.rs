//! Transcripts (SPEC §II.12): a host commits to every layer of every nonce that it computed; a beacon that nobody could
//! foresee draws (nonce, layer) pairs; the host opens these, and a verifier repeats one layer of each, to the bit.
//!
//! In reading order: [`hash`] says what is hashed under which key, [`tree`] joins the transcripts of an interval,
//! [`runs`] says which nonces these are, [`commitment`] chains intervals, [`sample`] draws steps, [`opening`] carries
//! one, [`judge`] decides, and [`verification`] leads through both documents. No file, thread or randomness here: what
//! repeats a layer is an argument.

pub mod commitment;
pub mod hash;
pub mod judge;
pub mod opening;
pub mod runs;
pub mod sample;
pub mod tree;
pub mod verification;

pub use commitment::{Commitment, Interval, Place};
pub use hash::{Hash, Keys};
pub use judge::{Fault, Judge, Report, Task, Verdict};
pub use opening::{Head, Opening, OpeningsReader, Remade};
pub use runs::Run;
pub use sample::Step;
pub use verification::{Meant, Verification};

use super::fields::{FieldError, Reader};
use super::params::{ParamsError, VERSION};
use crate::identity::IdentityError;
use alloc::string::String;

/// A commitment or openings that are none: what was expected, and what came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TranscriptError {
    /// More bytes than one can have.
    #[error("{what} of {got} bytes, expected at most {max}")]
    Size {
        /// What it is.
        what: &'static str,
        /// Its bytes.
        got: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The bytes end within a field.
    #[error("ends within {field}: expected {expected} more bytes, got {got}")]
    Truncated {
        /// The field that is cut off.
        field: &'static str,
        /// Bytes the field needs.
        expected: usize,
        /// Bytes there are.
        got: usize,
    },
    /// The first four bytes are others.
    #[error("starts with bytes {got:02x?}, expected {expected:02x?}")]
    Magic {
        /// The first four bytes.
        got: [u8; 4],
        /// What they should be.
        expected: [u8; 4],
    },
    /// Another version of the rules.
    #[error("version is {got}, expected {expected}")]
    Version {
        /// The version given.
        got: u64,
        /// The version of this code.
        expected: u32,
    },
    /// Sizes that no model can have.
    #[error("parameters are not valid: {0}")]
    Params(#[from] ParamsError),
    /// A block hash, public key or beacon that none can be.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Too few or too many of something.
    #[error("{got} {what}, expected {min} to {max}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many.
        got: u64,
        /// Fewest allowed.
        min: u64,
        /// Most allowed.
        max: u64,
    },
    /// A run that leaves 0 to 2^63 - 1, is empty or does not move.
    #[error(
        "run {index} is of {count} nonces from {first} by {step}, expected 1 or more by 1 or more up to 9223372036854775807"
    )]
    Run {
        /// The run, counted from 0 over all intervals.
        index: usize,
        /// Its first nonce.
        first: u64,
        /// From one nonce to the next.
        step: u64,
        /// How many.
        count: u64,
    },
    /// Runs of an interval do not ascend by their first nonces.
    #[error("run {index} begins at {got}, expected above {previous}, the one before")]
    Order {
        /// The run, counted from 0 over all intervals.
        index: usize,
        /// Its first nonce.
        got: u64,
        /// That of the run before.
        previous: u64,
    },
    /// Two runs may hold the same nonce, which would count twice.
    #[error("run {index} overlaps run {other}")]
    Overlap {
        /// The run, counted from 0 over all intervals.
        index: usize,
        /// A run before it.
        other: usize,
    },
    /// Bytes after the end.
    #[error("{got} bytes after the end, expected none")]
    Length {
        /// How many.
        got: usize,
    },
    /// Another block, host, model, commitment, beacon or number of samples than the verifier meant.
    #[error("{what} is {got}, expected {expected}")]
    NotMeant {
        /// A stable name for which (SPEC §0.6).
        code: &'static str,
        /// Which, in words.
        what: &'static str,
        /// What the documents say, escaped.
        got: String,
        /// What was meant, escaped.
        expected: String,
    },
    /// JSON that is none of this.
    #[error("{reason}")]
    Json {
        /// What is wrong, with its place.
        reason: String,
    },
}

impl From<FieldError> for TranscriptError {
    fn from(error: FieldError) -> Self {
        match error {
            FieldError::Truncated { field, expected, got } => Self::Truncated { field, expected, got },
            FieldError::Magic { got, expected } => Self::Magic { got, expected },
            FieldError::Version { got } => Self::Version { got, expected: VERSION },
            FieldError::Params(error) => Self::Params(error),
            FieldError::Identity(error) => Self::Identity(error),
        }
    }
}

impl TranscriptError {
    /// A stable name for the error, the same on every surface (SPEC §0.6).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Size { .. } => "size",
            Self::Truncated { .. } => "truncated",
            Self::Magic { .. } => "magic",
            Self::Version { .. } => "version",
            Self::Params(_) => "params",
            Self::Identity(error) => error.code(),
            Self::Count { .. } => "count",
            Self::Run { .. } => "run",
            Self::Order { .. } => "order",
            Self::Overlap { .. } => "overlap",
            Self::Length { .. } => "length",
            Self::NotMeant { code, .. } => code,
            Self::Json { .. } => "json",
        }
    }
}

/// Nothing may be left.
fn check_end(reader: &Reader<'_>) -> Result<(), TranscriptError> {
    if reader.0.is_empty() { Ok(()) } else { Err(TranscriptError::Length { got: reader.0.len() }) }
}
