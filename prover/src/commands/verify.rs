//! `sphere-pow verify`.

use super::output::{Output, advance, bar};
use super::{BackendArgs, Profile, block_hash, open, params, public_key, read_text};
use crate::error::ProverError;
use crate::gonka::backend::Backend;
use crate::gonka::verify::{Context, Report, Submission, read_submissions, verify};
use clap::Args;
use serde::Serialize;
use sphere_pow_core::gonka::proof::TargetRadius;
use sphere_pow_core::gonka::shapes::MAX_JSON_BYTES;
use sphere_pow_core::gonka::verify::{DEFAULT_FRAUD_THRESHOLD, DEFAULT_SAMPLE};
use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// A proof batch, JSON lines of them, or what a node, the chain or an explorer gave; a proof of the exact
    /// profile as JSON, lines or bytes
    pub(super) file: PathBuf,
    /// Whose proof it is
    #[arg(long, value_enum, default_value_t = Profile::Gonka)]
    profile: Profile,
    /// Nonces recomputed of each submission
    #[arg(long, default_value_t = DEFAULT_SAMPLE, value_name = "N")]
    pub(super) sample: usize,
    /// Seed of the sample; unpredictable by default
    #[arg(long, value_name = "S")]
    seed: Option<String>,
    /// A submission less probable than this is fraud
    #[arg(long, default_value_t = DEFAULT_FRAUD_THRESHOLD, value_name = "P", allow_hyphen_values = true)]
    fraud_threshold: f64,
    /// Model, where the document leaves it out
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) params: Option<String>,
    /// Block hash, where the document leaves it out
    #[arg(long, value_name = "HASH")]
    pub(super) block_hash: Option<String>,
    /// Public key, where the document leaves it out
    #[arg(long, value_name = "KEY")]
    pub(super) public_key: Option<String>,
    /// Radius to judge by, instead of the document's
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    r_target: Option<f64>,
    #[command(flatten)]
    pub(super) backend: BackendArgs,
}

#[derive(Serialize)]
struct Reports {
    profile: &'static str,
    verdict: &'static str,
    batches: Vec<Report>,
}

pub(super) fn run(args: &VerifyArgs, out: &Output, stop: &AtomicBool) -> Result<ExitCode, ProverError> {
    if args.sample == 0 {
        let expected = "at least 1".into();
        return Err(ProverError::Argument { what: "--sample", got: "0".into(), expected });
    }
    let seed = args.seed.clone().unwrap_or_else(|| format!("{:016x}", RandomState::new().hash_one(0_u8)));
    if args.profile == Profile::Exact {
        return super::exact::verify(args, &seed, out, stop);
    }
    let context = Context {
        block_hash: args.block_hash.as_deref().map(block_hash).transpose()?,
        public_key: args.public_key.as_deref().map(public_key).transpose()?,
        params: args.params.as_deref().map(params).transpose()?,
        r_target: args.r_target.map(TargetRadius::new).transpose()?,
    };
    let text = read_text(&args.file, MAX_JSON_BYTES as u64)?;
    let submissions = read_submissions(&args.file, &text, &context)?;
    let mut batches = Vec::new();
    // The submissions of a stage share block and model, and a model takes seconds to load.
    let mut loaded: Option<(&Submission, Box<dyn Backend>)> = None;
    for submission in &submissions {
        let is_same = |of: &Submission| {
            of.params == submission.params && of.batch.block_hash == submission.batch.block_hash
        };
        let mut backend = match loaded.take() {
            Some((of, backend)) if is_same(of) => backend,
            _ => open::one(&args.backend, &submission.params, &submission.batch.block_hash, stop)?,
        };
        let bar = bar("recomputing");
        let mut progress = advance(&bar, stop);
        batches.push(verify(
            submission,
            backend.as_mut(),
            args.sample,
            &seed,
            args.fraud_threshold,
            &mut progress,
        )?);
        bar.finish_and_clear();
        loaded = Some((submission, backend));
    }
    let is_fraud = batches.iter().any(|report| report.validated.verdict().fraud_detected);
    let verdict = if is_fraud { "fraud" } else { "honest" };
    let reports = Reports { profile: "gonka", verdict, batches };
    out.result(&reports, || reports.batches.iter().map(describe).collect::<Vec<_>>().join("\n\n"))?;
    Ok(ExitCode::from(u8::from(is_fraud)))
}

/// The verdict in words.
pub(super) fn describe(report: &Report) -> String {
    let (batch, rule, v) = (&report.validated, report.validated.rule(), report.validated.verdict());
    let verdict = if v.fraud_detected { "FRAUD" } else { "HONEST" };
    let mut text = format!(
        "{verdict}: {} of {} recomputed nonces are bad; an honest prover shows that many with probability {:.3e} \
         (fraud below {:e})\n",
        v.n_invalid,
        v.n_checked,
        v.probability_honest,
        rule.fraud_threshold(),
    );
    let _ = writeln!(text, "  key {}, block {}", batch.public_key(), batch.block_hash());
    let _ = writeln!(
        text,
        "  {} nonces claimed, {} recomputed on {} ({}), r_target {:?}",
        report.n_claimed,
        v.n_checked,
        report.backend,
        report.adapter,
        rule.r_target().get(),
    );
    if !report.sample_seed.is_empty() {
        let _ = writeln!(text, "  sample repeated with --seed {}", report.sample_seed);
    }
    if let Some(advice) = &report.advisory {
        let opinion = if advice.is_within_hardware_noise {
            "honest hardware's noise"
        } else {
            "more than honest hardware's noise"
        };
        let _ = writeln!(
            text,
            "  advisory, not part of the verdict: claims are {:.1e} rms from recomputed distances, {:.1e} at most: {opinion}",
            advice.rms_error, advice.max_error,
        );
        if advice.looks_like_wrong_context {
            let _ = writeln!(
                text,
                "  the recomputed distances centre on {:.4} as those of random points do: check block hash, key and model",
                advice.mean_recomputed,
            );
        }
    }
    text
}
