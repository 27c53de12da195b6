//! Fields of an opening's bytes, one after the other.

use super::{Head, OpeningError};
use crate::exact::transcript::hash::Hash;
use crate::exact::transcript::tree::path_len;
use crate::text::hex;
use crate::train::lane::Lane;
use crate::train::params::{Params, VERSION};
use crate::train::stream::RunId;
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
    pub(super) fn head(&mut self, expected: [u8; 4]) -> Result<Head, OpeningError> {
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

    /// A head of that run, at a place that it has.
    pub(in crate::train) fn head_of(
        &mut self,
        magic: [u8; 4],
        id: &RunId,
        params: &Params,
    ) -> Result<Head, OpeningError> {
        let head = self.head(magic)?;
        if head.run != *id.as_bytes() {
            return Err(OpeningError::Run { got: hex(&head.run), expected: hex(id.as_bytes()) });
        }
        let raw = params.raw();
        let places = [
            ("round", head.lane.round, raw.rounds),
            ("lane", head.lane.lane, raw.lanes),
            ("segment", head.segment, raw.segments),
        ];
        match places.into_iter().find(|(_, got, expected)| got >= expected) {
            Some((what, got, expected)) => Err(OpeningError::Place { what, got, expected }),
            None => Ok(head),
        }
    }

    /// The paths of a segment's two leaves.
    pub(in crate::train) fn paths(
        &mut self,
        segment: u32,
        params: &Params,
    ) -> Result<[Vec<Hash>; 2], OpeningError> {
        let nodes = |j: u32| path_len(j.into(), u64::from(params.raw().segments) + 1);
        Ok([self.path("path", nodes(segment))?, self.path("next path", nodes(segment + 1))?])
    }

    fn path(&mut self, field: &'static str, nodes: usize) -> Result<Vec<Hash>, OpeningError> {
        let got = self.word(field)? as usize;
        if got != nodes {
            return Err(OpeningError::Length { field, got: got.saturating_mul(32), expected: 32 * nodes });
        }
        (0..nodes).map(|_| self.bytes(field).map(Hash::from_bytes)).collect()
    }
}
