//! What can be wrong with a document.

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

/// What is wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadErrorKind {
    /// A hash, key or nonce.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl ReadErrorKind {
    /// A stable name for the error, the same on every surface (SPEC, "Errors").
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Identity(error) => error.code(),
        }
    }
}
