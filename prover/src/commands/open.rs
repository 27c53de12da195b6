//! `sphere-pow open`.

use super::commit::{MAX_COMMITMENT_BYTES, replace};
use crate::console::Output;
use crate::error::ProverError;
use crate::input;
use crate::ledger::{COMMITMENT, OPENINGS, ROOTS, beside};
use crate::options::DeviceArgs;
use crate::profiles::{Told, transcripts};
use crate::signals::Stop;
use clap::Args;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct OpenArgs {
    /// The file that `mine` wrote proofs to and `commit` committed to
    file: PathBuf,
    /// What nobody could foresee when the commitment was published, such as the hash of a later block
    #[arg(long, value_name = "TEXT")]
    beacon: String,
    /// Steps to open, 20 to 4096
    #[arg(long, default_value_t = 200, value_name = "N")]
    samples: u32,
    /// File that takes the openings, FILE.openings by default
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    devices: DeviceArgs,
}

pub(super) fn run(args: &OpenArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let mut roots = input::open(&beside(&args.file, ROOTS))?;
    let commitment = input::bytes(&beside(&args.file, COMMITMENT), MAX_COMMITMENT_BYTES)?;
    let path = args.out.clone().unwrap_or_else(|| beside(&args.file, OPENINGS));
    stop.heed();
    let mut told: Option<Told> = None;
    replace(&path, |file| {
        let drawn = (args.beacon.as_str(), args.samples);
        let mut put = |place, bytes: &[u8]| {
            file.seek(SeekFrom::Start(place))?;
            Ok(file.write_all(bytes)?)
        };
        told = Some(transcripts().open((&mut roots, &commitment), drawn, &args.devices, &mut put, stop)?);
        Ok::<(), ProverError>(())
    })?;
    let told = told.expect("written above");
    out.result(&told.value, || format!("{}\n{}", told.text, input::name(&path)))?;
    Ok(ExitCode::from(told.exit_code))
}
