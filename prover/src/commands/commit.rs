//! `sphere-pow commit`.

use crate::console::Output;
use crate::error::ProverError;
use crate::input;
use crate::ledger::{COMMITMENT, ROOTS, beside};
use crate::profiles::transcripts;
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Most bytes of a commitment.
pub(super) const MAX_COMMITMENT_BYTES: usize = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct CommitArgs {
    /// The file that `mine` wrote proofs to; the commitment goes to FILE.commitment, and grows by an interval each time
    file: PathBuf,
}

pub(super) fn run(args: &CommitArgs, out: &Output) -> Result<ExitCode, ProverError> {
    let mut roots = input::open(&beside(&args.file, ROOTS))?;
    let path = beside(&args.file, COMMITMENT);
    let before = if path.exists() { Some(input::bytes(&path, MAX_COMMITMENT_BYTES)?) } else { None };
    let (commitment, told) = transcripts().commit(&mut roots, before.as_deref())?;
    replace(&path, |file| file.write_all(commitment.as_bytes()))?;
    out.result(&told.value, || format!("{}\n{}", told.text, input::name(&path)))?;
    Ok(ExitCode::from(told.exit_code))
}

/// Writes a file whole or not at all.
pub(super) fn replace<E: From<std::io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut std::io::BufWriter<std::fs::File>) -> Result<(), E>,
) -> Result<(), E> {
    let part = beside(path, "part");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&part)?);
    let written = write(&mut file);
    let written = written.and_then(|()| file.flush().map_err(E::from));
    let written = written.and_then(|()| file.get_ref().sync_all().map_err(E::from));
    match written {
        Ok(()) => Ok(std::fs::rename(&part, path)?),
        Err(error) => {
            // What could not be written whole is no use to anybody.
            let _ = std::fs::remove_file(&part);
            Err(error)
        }
    }
}
