//! What is learnt: a text, byte by byte (SPEC §IV.1).

use super::params::Params;
use super::stream::RunId;
use alloc::vec::Vec;
use sha2::{Digest as _, Sha256};

/// A text that a run cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Too short for one sequence in each of its parts.
    #[error("the text has {got} bytes, expected {expected} or more")]
    Short {
        /// Bytes it has.
        got: usize,
        /// Bytes it needs.
        expected: usize,
    },
    /// More bytes than places are counted by.
    #[error("the text has {got} bytes, expected less than 2^32")]
    Long {
        /// Bytes it has.
        got: usize,
    },
    /// More symbols than the model has.
    #[error("the text has {got} different bytes, expected {expected} at most, the model's vocab")]
    Symbols {
        /// Symbols it has.
        got: usize,
        /// The model's.
        expected: usize,
    },
}

/// A text as symbols: its different bytes by their value, numbered from 0. The last twentieth is held out.
#[derive(Clone, Debug)]
pub struct Text {
    symbols: Vec<u16>,
    sha256: [u8; 32],
    train: usize,
}

impl Text {
    /// Reads a text for a model.
    ///
    /// # Errors
    /// [`TextError`] for one that is too short, too long, or has too many symbols.
    pub fn new(params: &Params, bytes: &[u8]) -> Result<Self, TextError> {
        let context = params.raw().context as usize;
        let expected = 20 * (context + 2);
        if bytes.len() < expected {
            return Err(TextError::Short { got: bytes.len(), expected });
        }
        if u32::try_from(bytes.len()).is_err() {
            return Err(TextError::Long { got: bytes.len() });
        }
        let mut table = [None; 256];
        for byte in bytes {
            table[usize::from(*byte)] = Some(0_u16);
        }
        let (mut got, vocab) = (0, params.raw().vocab as usize);
        for slot in table.iter_mut().flatten() {
            *slot = got;
            got += 1;
        }
        let got = usize::from(got);
        if got > vocab {
            return Err(TextError::Symbols { got, expected: vocab });
        }
        let symbols = bytes.iter().filter_map(|byte| table[usize::from(*byte)]).collect();
        Ok(Self { symbols, sha256: Sha256::digest(bytes).into(), train: bytes.len() - bytes.len() / 20 })
    }

    /// The run that learns it.
    #[must_use]
    pub fn run(&self, params: &Params) -> RunId {
        RunId::new(params, &self.sha256, self.symbols.len() as u64)
    }

    /// SHA-256 of its bytes.
    #[must_use]
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Its symbols.
    #[must_use]
    pub fn symbols(&self) -> &[u16] {
        &self.symbols
    }

    /// How many of them are learnt from.
    #[must_use]
    pub fn train(&self) -> usize {
        self.train
    }

    /// Symbols and what follows each, of the sequences that begin at `starts`.
    ///
    /// # Panics
    /// When a sequence passes the end.
    #[must_use]
    pub fn batch(&self, starts: &[usize], context: usize) -> (Vec<u16>, Vec<u16>) {
        let of = |from: usize| -> Vec<u16> {
            starts.iter().flat_map(|start| &self.symbols[start + from..][..context]).copied().collect()
        };
        (of(0), of(1))
    }

    /// Starts of `count` sequences, evenly over what is held out (SPEC §IV.7).
    #[must_use]
    pub fn held_out(&self, count: usize, context: usize) -> Vec<usize> {
        let room = self.symbols.len() - self.train - context - 1;
        (0..count).map(|i| self.train + room * i / count.max(1)).collect()
    }
}
