//! The commands with `--profile exact`.

use super::distance::DistanceArgs;
use super::mine::{MineArgs, Target, open_ledger, search};
use super::output::{Output, advance, bar};
use super::verify::VerifyArgs;
use super::{BackendArgs, BackendChoice, block_hash, open, public_key, read_text};
use crate::error::ProverError;
use crate::exact::backend::{ExactBackend, ExactCpuBackend, ExactGpuBackend};
use crate::exact::search::{ExactSearcher, ledger_header, win_probability};
use crate::exact::verify::{read_proof, verify as verify_proof};
use crate::mine::{Job, Searcher};
use crate::nonce_list;
use serde::Serialize;
use serde_json::Value;
use sphere_pow_core::exact::params::RawParams;
use sphere_pow_core::exact::proof::{MAX_JSON_BYTES, Proof};
use sphere_pow_core::exact::verify::{Report, VerifyError};
use sphere_pow_core::exact::{Params, Preset, Puzzle};
use sphere_pow_core::gonka::verify::sample_indices;
use sphere_pow_cpu::exact::CpuOptions;
use sphere_pow_gpu::DeviceInfo;
use sphere_pow_gpu::exact::ExactGpuOptions;
use std::fmt::Write;
use std::io::Read;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

/// The model that `--params` names: a preset or a JSON file.
pub(super) fn params(name: &str) -> Result<Params, ProverError> {
    if let Some(preset) = Preset::from_name(name) {
        return Ok(preset.params());
    }
    let file = std::path::PathBuf::from(name);
    let wrong = |expected: String| ProverError::Argument { what: "--params", got: name.into(), expected };
    if !file.exists() {
        return Err(wrong("nano, standard, large or a JSON file".into()));
    }
    let raw: RawParams = serde_json::from_str(&read_text(&file, 1 << 20)?)
        .map_err(|error| wrong(format!("the sizes of an exact model as JSON ({error})")))?;
    Ok(Params::new(&raw)?)
}

/// Every device that the arguments name, each holding the model.
pub(super) fn open_all(
    args: &BackendArgs,
    puzzle: &Puzzle,
    stop: &AtomicBool,
) -> Result<Vec<Box<dyn ExactBackend>>, ProverError> {
    let mut opened: Vec<Box<dyn ExactBackend>> = Vec::new();
    let refused = open::each(args, |info| {
        opened.push(Box::new(open_gpu(args, info, puzzle, stop)?));
        Ok(())
    })?;
    if !opened.is_empty() {
        return Ok(opened);
    }
    if args.backend == BackendChoice::Gpu {
        return Err(ProverError::NoDevice { reason: format!("no usable GPU: {}", refused.join("; ")) });
    }
    let limit = args.memory.map(|megabytes| megabytes.get() * 1_000_000);
    let options = CpuOptions { threads: args.threads, kernels: None, memory_limit_bytes: limit };
    Ok(vec![Box::new(open_cpu(puzzle, options, args, stop)?)])
}

fn open_cpu(
    puzzle: &Puzzle,
    options: CpuOptions,
    args: &BackendArgs,
    stop: &AtomicBool,
) -> Result<ExactCpuBackend, ProverError> {
    let bar = bar("making the weights");
    let opened = ExactCpuBackend::open(puzzle, options, args.batch, &mut advance(&bar, stop));
    bar.finish_and_clear();
    opened
}

fn open_gpu(
    args: &BackendArgs,
    info: &DeviceInfo,
    puzzle: &Puzzle,
    stop: &AtomicBool,
) -> Result<ExactGpuBackend, ProverError> {
    let bar = bar(&format!("loading {}", info.name));
    let memory_limit_bytes = args.memory.map(|megabytes| megabytes.get() as u64 * 1_000_000);
    let options = ExactGpuOptions { batch: args.batch, memory_limit_bytes, ..ExactGpuOptions::default() };
    let opened = ExactGpuBackend::open(info, puzzle, options, &mut advance(&bar, stop));
    bar.finish_and_clear();
    opened
}

/// The first device that the arguments name.
pub(super) fn open_one(
    args: &BackendArgs,
    puzzle: &Puzzle,
    stop: &AtomicBool,
) -> Result<Box<dyn ExactBackend>, ProverError> {
    Ok(open_all(&open::first_only(args)?, puzzle, stop)?.swap_remove(0))
}

#[derive(Serialize)]
struct Distances<'a> {
    profile: &'static str,
    backend: &'static str,
    adapter: &'a str,
    nonces: Vec<String>,
    digest: Vec<String>,
    won: Vec<bool>,
    /// Sum of logit times target, decimal.
    dot: Vec<String>,
    /// Sum of squared logits, decimal.
    logits_squared: Vec<String>,
    /// Sum of squared target entries, decimal.
    target_squared: Vec<String>,
    /// For display only: nothing is decided by it.
    dist: Vec<f64>,
}

pub(super) fn distance(
    args: &DistanceArgs,
    out: &Output,
    stop: &AtomicBool,
) -> Result<ExitCode, ProverError> {
    let nonces = nonce_list::parse(&args.nonces)?;
    let key = public_key(&args.puzzle.public_key)?;
    let puzzle = Puzzle::new(&params(&args.puzzle.params)?, &block_hash(&args.puzzle.block_hash)?);
    let mut backend = open_one(&args.backend, &puzzle, stop)?;
    let bar = bar("computing");
    let judged = backend.judge(&key, &nonces, &mut advance(&bar, stop))?;
    bar.finish_and_clear();
    let info = backend.info();
    let verdicts = || judged.iter().map(|(_, verdict)| verdict);
    let result = Distances {
        profile: "exact",
        backend: info.backend,
        adapter: &info.adapter,
        nonces: nonces.iter().map(ToString::to_string).collect(),
        digest: judged.iter().map(|(digest, _)| digest.to_hex()).collect(),
        won: verdicts().map(|v| v.won).collect(),
        dot: verdicts().map(|v| v.dot.to_string()).collect(),
        logits_squared: verdicts().map(|v| v.logits_squared.to_string()).collect(),
        target_squared: verdicts().map(|v| v.target_squared.to_string()).collect(),
        dist: verdicts().map(sphere_pow_core::exact::Verdict::distance).collect(),
    };
    out.result(&result, || {
        let mut text = format!("on {}: {}\n", result.backend, result.adapter);
        for (ix, nonce) in result.nonces.iter().enumerate() {
            let won = if result.won[ix] { "won " } else { "lost" };
            let _ = writeln!(text, "{nonce:>20}  {}  {won} {:.6}", result.digest[ix], result.dist[ix]);
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn mine(
    args: &MineArgs,
    job: &Job,
    out: &Output,
    stop: &AtomicBool,
) -> Result<ExitCode, ProverError> {
    if let Some(radius) = args.r_target {
        let expected = "no radius: the exact profile's threshold is part of its parameters".into();
        return Err(ProverError::Argument { what: "--r-target", got: radius.to_string(), expected });
    }
    let puzzle = Puzzle::new(&params(&args.puzzle.params)?, &block_hash(&args.puzzle.block_hash)?);
    let key = public_key(&args.puzzle.public_key)?;
    let ledger = open_ledger(args, ledger_header(&puzzle, &key))?;
    let backends = open_all(&args.backend, &puzzle, stop)?;
    let searcher = |backend| -> Box<dyn Searcher> { Box::new(ExactSearcher { backend, key: key.clone() }) };
    let searchers = backends.into_iter().map(searcher).collect();
    let target = Target { profile: "exact", r_target: None, probability: win_probability(puzzle.params()) };
    search(args, job, &target, searchers, ledger, out, stop)
}

#[derive(Serialize)]
pub(super) struct Verification {
    pub(super) verdict: &'static str,
    backend: &'static str,
    adapter: String,
    /// Seed of the sample; empty when all claims were checked.
    sample_seed: String,
    #[serde(flatten)]
    pub(super) report: Report,
}

pub(super) fn verify(
    args: &VerifyArgs,
    seed: &str,
    out: &Output,
    stop: &AtomicBool,
) -> Result<ExitCode, ProverError> {
    let error = |source| ProverError::Read { file: args.file.clone(), source };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(&args.file).map_err(error)?;
    opened.take(4 * MAX_JSON_BYTES as u64).read_to_end(&mut bytes).map_err(error)?;
    let proof = read_proof(&args.file, &bytes)?;
    let model = args.params.as_deref().map(params).transpose()?.unwrap_or(*proof.params());
    let block = args.block_hash.as_deref().map(block_hash).transpose()?;
    let key = args.public_key.as_deref().map(public_key).transpose()?;
    let puzzle = Puzzle::new(&model, &block.unwrap_or_else(|| proof.block().clone()));
    let key = key.unwrap_or_else(|| proof.key().clone());
    let (verification, refusal) = check(&proof, &puzzle, &key, args, seed, stop)?;
    let code = match &refusal {
        None => 0,
        Some(error) if error.proves_fraud() => 1,
        Some(_) => 2,
    };
    out.result(&verification, || describe(&verification, refusal.as_ref()))?;
    Ok(ExitCode::from(code))
}

fn check(
    proof: &Proof,
    puzzle: &Puzzle,
    key: &sphere_pow_core::identity::PublicKey,
    args: &VerifyArgs,
    seed: &str,
    stop: &AtomicBool,
) -> Result<(Verification, Option<VerifyError>), ProverError> {
    if proof.claims().is_empty() {
        return Err(sphere_pow_core::gonka::proof::ProofError::Empty.into());
    }
    let sample = sample_indices(proof.claims().len(), args.sample, seed);
    let mut backend = open_one(&args.backend, puzzle, stop)?;
    let bar = bar("recomputing");
    let (report, refusal) =
        verify_proof(proof, puzzle, key, &sample, backend.as_mut(), &mut advance(&bar, stop))?;
    bar.finish_and_clear();
    let sample_seed = if sample.len() < proof.claims().len() { seed.to_owned() } else { String::new() };
    Ok((verification(report, refusal.as_ref(), backend.as_ref(), sample_seed), refusal))
}

/// A report with its verdict in one word and the device it was made on.
pub(super) fn verification(
    report: Report,
    refusal: Option<&VerifyError>,
    backend: &dyn ExactBackend,
    sample_seed: String,
) -> Verification {
    let verdict = match refusal {
        None => "honest",
        Some(error) if error.proves_fraud() => "fraud",
        Some(_) => "refused",
    };
    let (backend, adapter) = (backend.info().backend, backend.info().adapter.clone());
    Verification { verdict, backend, adapter, sample_seed, report }
}

pub(super) fn describe(verification: &Verification, refusal: Option<&VerifyError>) -> String {
    let report = serde_json::to_value(&verification.report).unwrap_or(Value::Null);
    let mut text = match refusal {
        None => format!("HONEST: all {} recomputed claims are true to the bit\n", report["n_checked"]),
        Some(error) => format!("{}: {error}\n", verification.verdict.to_uppercase()),
    };
    let _ = writeln!(
        text,
        "  key {}, block {}\n  {} claims, {} found true on {} ({})",
        report["public_key"].as_str().unwrap_or_default(),
        report["block_hash"].as_str().unwrap_or_default(),
        report["n_claims"],
        report["n_checked"],
        verification.backend,
        verification.adapter,
    );
    if !verification.sample_seed.is_empty() {
        let _ = writeln!(text, "  sample repeated with --seed {}", verification.sample_seed);
    }
    text
}
