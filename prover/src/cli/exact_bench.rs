//! `sphere-pow bench --profile exact`.

use super::bench::{BLOCK_HASH, BenchArgs, PUBLIC_KEY};
use super::exact::{open_one, params};
use super::output::{Output, advance, bar};
use crate::error::ProverError;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sphere_pow_core::exact::Puzzle;
use sphere_pow_core::exact::plan::Plan;
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

#[derive(Serialize)]
struct Bench {
    profile: &'static str,
    params: String,
    backend: &'static str,
    adapter: String,
    /// Known-answer test, choice of kernels and weights together.
    ready_seconds: f64,
    weights: u64,
    batch: usize,
    nonces: usize,
    seconds: f64,
    seconds_per_nonce: f64,
    /// int8 multiply and add counted as 2.
    gops: f64,
    /// SHA-256 of the digests of the first batch: the same on every device, to the bit.
    sha256: String,
}

pub(super) fn run(args: &BenchArgs, out: &Output, stop: &AtomicBool) -> Result<ExitCode, ProverError> {
    let name = args.params.clone().unwrap_or_else(|| "standard".into());
    let puzzle = Puzzle::new(&params(&name)?, &BlockHash::new(BLOCK_HASH)?);
    let key = PublicKey::new(PUBLIC_KEY)?;
    let started = Instant::now();
    let mut backend = open_one(&args.backend, &puzzle, stop)?;
    let ready_seconds = started.elapsed().as_secs_f64();
    let batch = backend.batch();
    let bar = bar("computing nonces");
    let started = Instant::now();
    let (mut tried, mut hasher) = (0, Sha256::new());
    while tried == 0 || started.elapsed().as_secs_f64() < f64::from(args.seconds) {
        let nonces = (tried..tried + batch).map(|nonce| Nonce::new(nonce as u64));
        let nonces: Vec<Nonce> = nonces.collect::<Result<_, _>>()?;
        let judged = backend.judge(&key, &nonces, &mut advance(&bar, stop))?;
        if tried == 0 {
            judged.iter().for_each(|(digest, _)| hasher.update(digest.as_bytes()));
        }
        tried += batch;
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let cost = Plan::new(puzzle.params()).cost(puzzle.params());
    let info = backend.info().clone();
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let bench = Bench {
        profile: "exact",
        params: name,
        backend: info.backend,
        adapter: info.adapter,
        ready_seconds,
        weights: puzzle.params().n_weights(),
        batch,
        nonces: tried,
        seconds,
        seconds_per_nonce: seconds / tried as f64,
        gops: 1e-9 * cost as f64 * tried as f64 / seconds,
        sha256: hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    out.result(&bench, || {
        format!(
            "{} on {} ({})\nready   {} weights, tested, in {:.2} s\n\
             nonces  {} in batches of {} in {:.2} s, {:.5} s each, {:.1} GOP/s\n\
             digests SHA-256 of the first batch {}",
            bench.params,
            bench.backend,
            bench.adapter,
            bench.weights,
            bench.ready_seconds,
            bench.nonces,
            bench.batch,
            bench.seconds,
            bench.seconds_per_nonce,
            bench.gops,
            bench.sha256,
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
