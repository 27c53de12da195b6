//! What can be wrong with a document (SPEC §0.6).

use super::MAX_NESTING;
use crate::exact::DecodeError;
use crate::identity::IdentityError;
use alloc::string::String;
use core::fmt;
use serde::{Serialize, Serializer};

/// Where in a document something is, as `line 3: poc_batch[2].nonces[7]`; empty for the document itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(pub String);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "the document" } else { &self.0 })
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A document, or a part of one, that is no proof.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{place}: {kind}")]
pub struct ReadError {
    /// Where.
    pub place: Place,
    /// What.
    pub kind: ReadErrorKind,
}

/// What is wrong. Texts of the document in it are escaped and cut.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// It is longer than a document or a model file may be.
    #[error("{got} bytes, expected at most {max}")]
    Size {
        /// Its size.
        got: usize,
        /// The limit.
        max: usize,
    },
    /// There is nothing in it.
    #[error("empty, expected a proof as JSON, JSON lines or bytes")]
    Empty,
    /// It is compressed.
    #[error("compressed ({format}): unpack it first, as by `{by}`")]
    Compressed {
        /// In which format.
        format: &'static str,
        /// What unpacks it.
        by: &'static str,
    },
    /// It is text, but not in UTF-8.
    #[error("in UTF-16: save it as UTF-8, as by `iconv -f UTF-16 -t UTF-8`")]
    Utf16,
    /// It is neither text nor a proof in bytes.
    #[error("neither UTF-8 text nor a proof in bytes, which begins with SPXP")]
    Utf8,
    /// A web page.
    #[error("a web page (HTML), as servers answer with on errors; expected the proof itself")]
    Html,
    /// It is no JSON.
    #[error("not JSON: {reason}")]
    Json {
        /// The parser's words.
        reason: String,
    },
    /// A server's error.
    #[error("a server's error answer, not a proof: {message}")]
    ApiError {
        /// What the server says.
        message: String,
    },
    /// It has none of the shapes.
    #[error("not a proof: {got}; expected an object with nonces, or one of the network's shapes around it")]
    Foreign {
        /// What it is instead.
        got: String,
    },
    /// It is within something that no node, chain or explorer is known to write.
    #[error("not a proof, but {at} looks like one: take that out")]
    Wrapped {
        /// The member that looks like a proof.
        at: String,
    },
    /// The proofs that replaced this scheme after epoch 158.
    #[error("proofs of the later kind (PoC v2, epochs after 158), which this scheme cannot check")]
    V2,
    /// A verdict without the nonces it is about: the chain keeps no more of a validation.
    #[error("a verdict only: its nonces were dropped before it went on chain, nothing can be recomputed")]
    VerdictOnly,
    /// Wrappers within wrappers.
    #[error("nested deeper than {MAX_NESTING}")]
    Nesting,
    /// It holds more than may be held.
    #[error("more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// A member is missing.
    #[error("missing, expected {expected}")]
    Missing {
        /// What it should be.
        expected: &'static str,
    },
    /// A member that this form does not have.
    #[error("{name} is no member of a proof of profile exact")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A member stands twice.
    #[error("stands twice")]
    Repeated,
    /// A value has the wrong type or range.
    #[error("is {got}, expected {expected}")]
    Value {
        /// The value.
        got: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A column has another length than that of the nonces.
    #[error("has {got} entries, expected one for each of {nonces} nonces")]
    Lists {
        /// Its entries.
        got: usize,
        /// Nonces there are.
        nonces: usize,
    },
    /// A claimed distance is no length.
    #[error("is {got}, expected a finite number from 0 on")]
    Distance {
        /// The value.
        got: String,
    },
    /// A radius decides nothing.
    #[error("is {got}, expected a finite number above 0")]
    Radius {
        /// The value.
        got: String,
    },
    /// A profile that nobody knows.
    #[error("is {got}, expected \"gonka\" or \"exact\"")]
    Profile {
        /// The value.
        got: String,
    },
    /// Sizes that no model has.
    #[error("{reason}")]
    Params {
        /// What is wrong, with the field.
        reason: String,
    },
    /// A hash, key or nonce.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// What the `exact` profile refuses.
    #[error(transparent)]
    Exact(#[from] DecodeError),
}

impl ReadErrorKind {
    /// A stable name for the error, the same on every surface (SPEC §0.6).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Size { .. } => "size",
            Self::Empty => "empty",
            Self::Compressed { .. } => "compressed",
            Self::Utf16 => "utf-16",
            Self::Utf8 => "utf-8",
            Self::Html => "html",
            Self::Json { .. } => "json",
            Self::ApiError { .. } => "api-error",
            Self::Foreign { .. } => "foreign",
            Self::Wrapped { .. } => "wrapped",
            Self::V2 => "v2",
            Self::VerdictOnly => "verdict-only",
            Self::Nesting => "nesting",
            Self::TooMany { .. } => "too-many",
            Self::Missing { .. } => "missing",
            Self::Unknown { .. } => "unknown",
            Self::Repeated => "repeated",
            Self::Value { .. } => "value",
            Self::Lists { .. } => "lists",
            Self::Distance { .. } => "distance",
            Self::Radius { .. } => "radius",
            Self::Profile { .. } => "profile",
            Self::Params { .. } => "params",
            Self::Identity(error) => error.code(),
            Self::Exact(error) => error.code(),
        }
    }

    /// Whether nothing more of the document may be read.
    pub(super) fn is_limit(&self) -> bool {
        matches!(self, Self::TooMany { .. })
    }
}
