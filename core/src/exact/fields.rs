//! Fields that proofs, commitments and openings have in bytes.

use super::params::{Params, ParamsError, RawParams, VERSION};
use crate::identity::{IdentityError, MAX_TEXT_BYTES};
use alloc::vec::Vec;

/// A field that is none; each format has its own words for it.
pub(super) enum FieldError {
    /// The bytes end within it.
    Truncated {
        field: &'static str,
        expected: usize,
        got: usize,
    },
    /// The first four bytes are others.
    Magic {
        got: [u8; 4],
        expected: [u8; 4],
    },
    /// Another version of the rules.
    Version {
        got: u64,
    },
    Params(ParamsError),
    Identity(IdentityError),
}

impl From<ParamsError> for FieldError {
    fn from(error: ParamsError) -> Self {
        Self::Params(error)
    }
}

impl From<IdentityError> for FieldError {
    fn from(error: IdentityError) -> Self {
        Self::Identity(error)
    }
}

/// What is left to read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, field: &'static str, n: usize) -> Result<&'a [u8], FieldError> {
        let Some((head, tail)) = self.0.split_at_checked(n) else {
            return Err(FieldError::Truncated { field, expected: n, got: self.0.len() });
        };
        self.0 = tail;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], FieldError> {
        let bytes = self.take(field, N)?;
        bytes.try_into().map_err(|_| FieldError::Truncated { field, expected: N, got: bytes.len() })
    }

    pub(super) fn word(&mut self, field: &'static str) -> Result<u32, FieldError> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub(super) fn long(&mut self, field: &'static str) -> Result<u64, FieldError> {
        self.array(field).map(u64::from_le_bytes)
    }

    pub(super) fn text(&mut self, what: &'static str) -> Result<&'a str, FieldError> {
        let len = usize::try_from(self.word(what)?).unwrap_or(usize::MAX);
        if len > MAX_TEXT_BYTES {
            return Err(IdentityError::TooLong { what, got: len }.into());
        }
        let bytes = self.take(what, len)?;
        core::str::from_utf8(bytes).map_err(|error| {
            let (at, got) = (error.valid_up_to(), char::REPLACEMENT_CHARACTER);
            IdentityError::Character { what, got, at }.into()
        })
    }

    /// The first four bytes and the version.
    pub(super) fn magic(&mut self, expected: [u8; 4]) -> Result<(), FieldError> {
        let got = self.array("magic")?;
        if got != expected {
            return Err(FieldError::Magic { got, expected });
        }
        check_version(self.word("version")?.into())
    }

    pub(super) fn params(&mut self) -> Result<Params, FieldError> {
        Ok(Params::new(&RawParams {
            dim: self.word("dim")?,
            heads: self.word("heads")?,
            hidden: self.word("hidden")?,
            layers: self.word("layers")?,
            tokens: self.word("tokens")?,
            vocab: self.word("vocab")?,
            threshold: self.word("threshold")?,
        })?)
    }
}

pub(super) fn check_version(got: u64) -> Result<(), FieldError> {
    if got == u64::from(VERSION) { Ok(()) } else { Err(FieldError::Version { got }) }
}

/// Appends a text behind its length.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_count(out, text.len());
    out.extend(text.as_bytes());
}

/// Appends a count.
pub(super) fn put_count(out: &mut Vec<u8>, n: usize) {
    out.extend(u32::try_from(n).expect("texts and lists are bounded").to_le_bytes());
}
