//! `sphere-pow distance`.

use super::output::{Output, advance, bar};
use super::{BackendArgs, Profile, PuzzleArgs, block_hash, open, params, public_key};
use crate::error::ProverError;
use crate::gonka::backend::distances;
use crate::nonce_list;
use clap::Args;
use serde::Serialize;
use sphere_pow_core::gonka::Puzzle;
use std::fmt::Write;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

#[derive(Debug, Args)]
pub(super) struct DistanceArgs {
    #[command(flatten)]
    pub(super) puzzle: PuzzleArgs,
    /// Nonces and ranges of nonces
    #[arg(long, value_name = "0,1,5-9", allow_hyphen_values = true)]
    pub(super) nonces: String,
    #[command(flatten)]
    pub(super) backend: BackendArgs,
}

#[derive(Serialize)]
struct Distances<'a> {
    profile: &'static str,
    backend: &'static str,
    adapter: &'a str,
    nonces: Vec<u64>,
    dist: Vec<f64>,
}

pub(super) fn run(args: &DistanceArgs, out: &Output, stop: &AtomicBool) -> Result<ExitCode, ProverError> {
    if args.puzzle.profile == Profile::Exact {
        return super::exact::distance(args, out, stop);
    }
    let nonces = nonce_list::parse(&args.nonces)?;
    let key = public_key(&args.puzzle.public_key)?;
    let puzzle = Puzzle::new(&params(&args.puzzle.params)?, &block_hash(&args.puzzle.block_hash)?);
    let mut backend = open::one(&args.backend, puzzle.params(), puzzle.block(), stop)?;
    let bar = bar("computing");
    let dist = distances(backend.as_mut(), &puzzle, &key, &nonces, &mut advance(&bar, stop))?;
    bar.finish_and_clear();
    let info = backend.info();
    let nonces: Vec<u64> = nonces.into_iter().map(|nonce| nonce.get()).collect();
    let result = Distances { profile: "gonka", backend: info.backend, adapter: &info.adapter, nonces, dist };
    out.result(&result, || {
        let mut text = format!("on {}: {}\n", result.backend, result.adapter);
        for (nonce, distance) in result.nonces.iter().zip(&result.dist) {
            let _ = writeln!(text, "{nonce:>20}  {distance:.16}");
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}
