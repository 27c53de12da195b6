//! Fields of an opening's bytes, one after the other.

use super::{Head, OpeningError};
use crate::exact::transcript::hash::Hash;
use crate::train::lane::Lane;
use crate::train::params::VERSION;
use alloc::vec::Vec;

/// What is left of an opening's bytes.
pub(in crate::train) struct Reader<'a>(pub(in crate::train) &'a [u8]);

impl<'a> Reader<'a> {
    pub(in crate::train) fn take(
        &mut self,
        field: &'static str,
        expected: usize,
    ) -> Result<&'a [u8], OpeningError> {
        let (own, rest) = self.0.split_at_checked(expected).ok_or(OpeningError::Length {
            field,
            got: self.0.len(),
            expected,
        })?;
        self.0 = rest;
        Ok(own)
    }

    fn word(&mut self, field: &'static str) -> Result<u32, OpeningError> {
        Ok(u32::from_le_bytes(self.take(field, 4)?.try_into().expect("4 bytes")))
    }

    pub(in crate::train) fn bytes(&mut self, field: &'static str) -> Result<[u8; 32], OpeningError> {
        Ok(self.take(field, 32)?.try_into().expect("32 bytes"))
    }

    /// Its head, after first bytes that say of what arithmetic it is.
    pub(in crate::train) fn head(&mut self, expected: [u8; 4]) -> Result<Head, OpeningError> {
        let magic = self.take("magic", 4)?.try_into().expect("4 bytes");
        if magic != expected {
            return Err(OpeningError::Magic { got: magic, expected });
        }
        let version = self.word("version")?;
        if version != VERSION {
            return Err(OpeningError::Version { got: version });
        }
        let run = self.bytes("run id")?;
        let (round, lane, segment) = (self.word("round")?, self.word("lane")?, self.word("segment")?);
        let seed = self.bytes("seed")?;
        Ok(Head {
            run,
            lane: Lane { round, lane, seed },
            segment,
            root: Hash::from_bytes(self.bytes("root")?),
        })
    }

    pub(in crate::train) fn path(
        &mut self,
        field: &'static str,
        nodes: usize,
    ) -> Result<Vec<Hash>, OpeningError> {
        let got = self.word(field)? as usize;
        if got != nodes {
            return Err(OpeningError::Length { field, got: got.saturating_mul(32), expected: 32 * nodes });
        }
        (0..nodes).map(|_| self.bytes(field).map(Hash::from_bytes)).collect()
    }
}
