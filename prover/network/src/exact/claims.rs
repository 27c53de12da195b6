//! What a host has to know of its own claim to open it, kept in a file: one that was killed after it claimed opens
//! nevertheless.

use super::WorkerError;
use crate::host::Work;
use borsh::{BorshDeserialize, BorshSerialize};
use sphere_pow_core::exact::transcript::{Commitment, Hash};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A host's own claim on a Sprint.
#[derive(Clone, Debug)]
pub(super) struct Mined {
    pub(super) work: Work,
    /// Nonces from this one on were made up.
    pub(super) forged_from: u64,
    pub(super) commitment: Commitment,
    /// Of each nonce, in order.
    pub(super) transcripts: Vec<Hash>,
}

/// The same as bytes.
#[derive(BorshSerialize, BorshDeserialize)]
struct Stored {
    epoch: u64,
    work: Work,
    forged_from: u64,
    commitment: Vec<u8>,
    transcripts: Vec<[u8; 32]>,
}

/// The last claim, in memory and, where there is a file, in that.
#[derive(Debug, Default)]
pub(super) struct Claims {
    file: Option<PathBuf>,
    last: Option<(u64, Mined)>,
}

impl Claims {
    /// Takes up what a file holds; one that is not there, or none of ours, holds nothing.
    pub(super) fn open(file: Option<PathBuf>) -> Self {
        let last = file.as_deref().and_then(|file| read(&std::fs::read(file).ok()?));
        Self { file, last }
    }

    pub(super) fn get(&self, epoch: u64) -> Option<&Mined> {
        self.last.as_ref().filter(|(known, _)| *known == epoch).map(|(_, mined)| mined)
    }

    /// Keeps a claim in place of the last one: of the Sprints before nothing is asked any more. It outlasts a crash
    /// once this returns.
    pub(super) fn keep(&mut self, epoch: u64, mined: Mined) -> Result<(), WorkerError> {
        if let Some(file) = &self.file {
            let stored = Stored {
                epoch,
                work: mined.work,
                forged_from: mined.forged_from,
                commitment: mined.commitment.to_bytes(),
                transcripts: mined.transcripts.iter().map(|hash| *hash.as_bytes()).collect(),
            };
            write(file, &borsh::to_vec(&stored).expect("bytes in memory"))?;
        }
        self.last = Some((epoch, mined));
        Ok(())
    }
}

/// Writes a file whole or not at all.
fn write(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = file.with_extension("part");
    let mut out = std::fs::File::create(&part)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    std::fs::rename(&part, file)
}

fn read(bytes: &[u8]) -> Option<(u64, Mined)> {
    let stored: Stored = borsh::from_slice(bytes).ok()?;
    let commitment = Commitment::from_bytes(&stored.commitment).ok()?;
    let transcripts = stored.transcripts.into_iter().map(Hash::from_bytes).collect();
    let Stored { epoch, work, forged_from, .. } = stored;
    Some((epoch, Mined { work, forged_from, commitment, transcripts }))
}
