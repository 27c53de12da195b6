//! `sphere-pow train outboard` and `sphere-pow train fetch`: files of a run from hosts that nobody has to believe.

use super::super::commit::replace;
use super::check::hash;
use crate::blobs::fetch::{FetchError, OUTBOARD, Order, fetch};
use crate::blobs::{Root, outboard};
use crate::console::{Output, bar};
use crate::error::ProverError;
use crate::input;
use crate::ledger::beside;
use crate::signals::Stop;
use clap::Args;
use serde::Serialize;
use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::text::hex;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Most bytes of a blob, by default: a state of 89 million parameters.
const MOST: u64 = 1 << 30;

#[derive(Debug, Args)]
pub(super) struct OutboardArgs {
    /// What is to be served; its outboard goes beside it, to FILE.obao
    file: PathBuf,
    /// Key of the hash, as a leaf's; the plain hash without it
    #[arg(long, value_name = "HEX", value_parser = hash)]
    key: Option<Hash>,
}

#[derive(Debug, Args)]
pub(super) struct FetchArgs {
    /// Address of the file, http://host:port/path; its outboard is at the same with .obao
    url: String,
    /// BLAKE3 of the file
    #[arg(long, value_name = "HEX", value_parser = hash)]
    root: Hash,
    /// Key of the hash, as a leaf's; the plain hash without it
    #[arg(long, value_name = "HEX", value_parser = hash)]
    key: Option<Hash>,
    /// File that takes it; begun before, it goes on after what is verified
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Most bytes of the file
    #[arg(long, value_name = "BYTES", default_value_t = MOST)]
    most: u64,
    /// Longest time for a piece of 1 MiB
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    patience: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blob {
    root: String,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<u64>,
}

/// The outboard of a file, for any server of files that answers ranges.
pub(super) fn make(args: &OutboardArgs, out: &Output) -> Result<ExitCode, ProverError> {
    let bytes = input::bytes(&args.file, MOST as usize)?;
    let (root, outboard) = outboard(&bytes, args.key.map(|key| *key.as_bytes()));
    let path = beside(&args.file, &OUTBOARD[1..]);
    replace(&path, |file| file.write_all(&outboard))?;
    let blob = Blob { root: hex(&root.hash), bytes: bytes.len() as u64, kept: None };
    out.result(&blob, || format!("root {}\n{} bytes\n{}", blob.root, blob.bytes, input::name(&path)))?;
    Ok(ExitCode::SUCCESS)
}

/// A file, piece by piece.
pub(super) fn get(args: &FetchArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let order = Order {
        url: args.url.clone(),
        root: Root { hash: *args.root.as_bytes(), key: args.key.map(|key| *key.as_bytes()) },
        most: args.most,
        patience: Duration::from_secs(args.patience),
    };
    let part = beside(&args.out, "part");
    let open = std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&part);
    let mut file = open.map_err(|source| ProverError::File { file: input::name(&part), source })?;
    stop.heed();
    let bar = bar("fetching");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(fetch(&order, &mut file, |at, of| {
        bar.set_position(1000 * at / of.max(1));
        if stop.is_asked() { Err(std::io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }));
    bar.finish_and_clear();
    let done = done.map_err(|error| match error {
        FetchError::File(error) if error.kind() == std::io::ErrorKind::Interrupted => {
            ProverError::Interrupted
        }
        FetchError::File(source) => ProverError::File { file: input::name(&part), source },
        error => ProverError::Fetch(error),
    })?;
    std::fs::rename(&part, &args.out)?;
    let blob = Blob { root: args.root.to_hex(), bytes: done.bytes, kept: Some(done.kept) };
    out.result(&blob, || {
        format!("{} bytes, {} of them there before\n{}", done.bytes, done.kept, input::name(&args.out))
    })?;
    Ok(ExitCode::SUCCESS)
}
