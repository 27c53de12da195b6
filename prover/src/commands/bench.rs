//! `sphere-pow bench`.

use super::output::{Output, advance, bar};
use super::{BackendArgs, Profile, open, params};
use crate::error::ProverError;
use crate::gonka::backend::distances;
use clap::Args;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sphere_pow_core::gonka::Puzzle;
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Fixed, so that checksums compare between machines.
pub(super) const BLOCK_HASH: &str = "1FE7A8D3A96F8B5E4A4E0C5E9E2E6C8B7A1D2C3B4A5968778695A4B3C2D1E0F1";
pub(super) const PUBLIC_KEY: &str = "02c1f5b1a0f3e2d4c5b6a79889706152433425161708f9eadbccbdaebf90a1b2c3";

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Rules to follow
    #[arg(long, value_enum, default_value_t = Profile::Gonka)]
    profile: Profile,
    /// Model, dev-test by default, standard with --profile exact
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) params: Option<String>,
    /// Seconds spent on whole nonces, at least one batch
    #[arg(long, value_name = "S", default_value_t = 5)]
    pub(super) seconds: u32,
    #[command(flatten)]
    pub(super) backend: BackendArgs,
}

#[derive(Serialize)]
struct Bench {
    profile: &'static str,
    params: String,
    backend: &'static str,
    adapter: String,
    pool: PoolBench,
    gemm: GemmBench,
    nonces: NonceBench,
}

#[derive(Serialize)]
struct PoolBench {
    values: usize,
    seconds: f64,
    nanoseconds_per_value: f64,
    /// SHA-256 of the f16 pool, little-endian: the same on every machine.
    sha256: String,
}

/// The model's widest product, `[rows, dim]` by `[hidden, dim]`ᵀ.
#[derive(Serialize)]
struct GemmBench {
    rows: usize,
    columns: usize,
    k: usize,
    seconds: f64,
    gflops: f64,
    /// Sum of the results: the same on every device but for rounding.
    checksum: f64,
}

#[derive(Serialize)]
struct NonceBench {
    batch: usize,
    nonces: usize,
    seconds: f64,
    seconds_per_nonce: f64,
    gflops: f64,
    /// Sum of the distances of the first batch: the same on every device but for hardware noise.
    checksum: f64,
}

pub(super) fn run(args: &BenchArgs, out: &Output, stop: &AtomicBool) -> Result<ExitCode, ProverError> {
    if args.profile == Profile::Exact {
        return super::exact_bench::run(args, out, stop);
    }
    let name = args.params.clone().unwrap_or_else(|| "dev-test".into());
    let model = params(&name)?;
    let (block, key) = (BlockHash::new(BLOCK_HASH)?, PublicKey::new(PUBLIC_KEY)?);
    let started = Instant::now();
    let pool = open::pool(&model, &block, stop)?;
    let seconds = started.elapsed().as_secs_f64();
    let mut hasher = Sha256::new();
    for part in pool.chunks(1 << 16) {
        let bytes: Vec<u8> = part.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    let sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let nanoseconds_per_value = seconds * 1e9 / pool.len() as f64;
    let pool = PoolBench { values: pool.len(), seconds, nanoseconds_per_value, sha256 };

    let mut backend = open::one(&args.backend, &model, &block, stop)?;
    let gemm = backend.gemm()?;
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let gemm = GemmBench {
        rows: gemm.rows,
        columns: gemm.columns,
        k: gemm.k,
        seconds: gemm.seconds,
        gflops: 2e-9 * (gemm.rows * gemm.columns * gemm.k) as f64 / gemm.seconds,
        checksum: gemm.checksum,
    };

    let puzzle = Puzzle::new(&model, &block);
    let batch = backend.batch();
    let bar = bar("computing nonces");
    let started = Instant::now();
    let (mut tried, mut checksum) = (0, 0.0);
    while tried == 0 || started.elapsed().as_secs_f64() < f64::from(args.seconds) {
        let nonces = (tried..tried + batch).map(|nonce| Nonce::new(nonce as u64));
        let nonces: Vec<Nonce> = nonces.collect::<Result<_, _>>()?;
        let found = distances(backend.as_mut(), &puzzle, &key, &nonces, &mut advance(&bar, stop))?;
        if tried == 0 {
            checksum = found.iter().sum();
        }
        tried += batch;
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    let nonces = NonceBench {
        batch,
        nonces: tried,
        seconds,
        seconds_per_nonce: seconds / tried as f64,
        gflops: 1e-9 * model.flops_per_nonce() as f64 * tried as f64 / seconds,
        checksum,
    };
    let info = backend.info().clone();
    let bench = Bench {
        profile: "gonka",
        params: name,
        backend: info.backend,
        adapter: info.adapter,
        pool,
        gemm,
        nonces,
    };
    out.result(&bench, || describe(&bench))?;
    Ok(ExitCode::SUCCESS)
}

fn describe(bench: &Bench) -> String {
    let Bench { pool, gemm, nonces, .. } = bench;
    format!(
        "{} on {} ({})\n\
         pool    {} values in {:.3} s, {:.2} ns each, SHA-256 {}\n\
         gemm    [{}, {}] x [{}, {}]ᵀ in {:.4} s, {:.1} GFLOP/s, checksum {:.6}\n\
         nonces  {} in batches of {} in {:.2} s, {:.4} s each, {:.1} GFLOP/s, checksum {:.9}",
        bench.params,
        bench.backend,
        bench.adapter,
        pool.values,
        pool.seconds,
        pool.nanoseconds_per_value,
        pool.sha256,
        gemm.rows,
        gemm.k,
        gemm.columns,
        gemm.k,
        gemm.seconds,
        gemm.gflops,
        gemm.checksum,
        nonces.nonces,
        nonces.batch,
        nonces.seconds,
        nonces.seconds_per_nonce,
        nonces.gflops,
        nonces.checksum,
    )
}
