//! What a lane publishes: a tree over its states, and its delta (SPEC §IV.7.2, §IV.7.3).

use super::params::Params;
use super::stream::RunId;
use super::values::{ACTIVATION, largest, mantissa};
use crate::exact::transcript::hash::Hash;
use crate::exact::transcript::tree::{Tree, root_by};
use alloc::vec::Vec;

/// Parameters that share an exponent in a delta.
pub const BLOCK: usize = 64;
/// Largest exponent of a delta: parameters differ by 2^30 at most.
const MAX_EXPONENT: u8 = 24;

/// The tree over a lane's leaves 0 to segments.
///
/// # Panics
/// When there is no leaf.
#[must_use]
pub fn tree(run: &RunId, leaves: Vec<Hash>) -> Tree {
    Tree::new(&run.nodes(), leaves).expect("a lane has leaves")
}

/// The root that a leaf has by a path; `None` when the path has another length.
#[must_use]
pub fn root_of(run: &RunId, params: &Params, leaf: Hash, j: u32, path: &[Hash]) -> Option<Hash> {
    root_by(&run.nodes(), leaf, j.into(), u64::from(params.raw().segments) + 1, path)
}

/// Bytes that are no delta of a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// Another length.
    #[error("the delta has {got} bytes, expected {expected}")]
    Length {
        /// Bytes it has.
        got: usize,
        /// Bytes a delta has.
        expected: usize,
    },
    /// An exponent that no difference has.
    #[error("exponent {block} of the delta is {got}, expected 24 at most")]
    Exponent {
        /// Its block.
        block: usize,
        /// What it is.
        got: u8,
    },
    /// -128, which no mantissa is.
    #[error("mantissa {index} of the delta is -128, expected -127 to 127")]
    Mantissa {
        /// Its parameter.
        index: usize,
    },
}

/// How far a lane moved, `before - after`: of each 64 parameters the exponent, then their int8.
///
/// # Panics
/// When the two are of other lengths.
#[must_use]
pub fn delta(before: &[i32], after: &[i32]) -> Vec<u8> {
    assert_eq!(before.len(), after.len(), "the same parameters");
    let mut out = Vec::with_capacity(before.len() + before.len().div_ceil(BLOCK));
    for (before, after) in before.chunks(BLOCK).zip(after.chunks(BLOCK)) {
        let moved: Vec<i64> = before.iter().zip(after).map(|(b, a)| i64::from(*b) - i64::from(*a)).collect();
        let shift = (largest(&moved) - ACTIVATION.cast_signed()).max(0);
        out.push(shift as u8);
        out.extend(moved.iter().map(|x| (mantissa(*x, shift, ACTIVATION) as i8).cast_unsigned()));
    }
    out
}

/// Reads a delta: differences in units of 2^-22.
///
/// # Errors
/// [`DeltaError`] for bytes that [`delta`] cannot have made.
pub fn read_delta(params: &Params, bytes: &[u8]) -> Result<Vec<i64>, DeltaError> {
    let size = params.size();
    let expected = size + size.div_ceil(BLOCK);
    if bytes.len() != expected {
        return Err(DeltaError::Length { got: bytes.len(), expected });
    }
    let mut out = Vec::with_capacity(size);
    for (block, bytes) in bytes.chunks(BLOCK + 1).enumerate() {
        let exponent = bytes[0];
        if exponent > MAX_EXPONENT {
            return Err(DeltaError::Exponent { block, got: exponent });
        }
        for byte in &bytes[1..] {
            if *byte == 128 {
                return Err(DeltaError::Mantissa { index: out.len() });
            }
            out.push(i64::from(byte.cast_signed()) << exponent);
        }
    }
    Ok(out)
}
