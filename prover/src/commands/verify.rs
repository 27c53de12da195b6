//! `sphere-pow verify`.

use super::chain::FromChain;
use super::commit::MAX_COMMITMENT_BYTES;
use crate::clock::unix_seconds;
use crate::console::Output;
use crate::error::ProverError;
use crate::input;
use crate::options::{DeviceArgs, option_for};
use crate::profiles::{
    BatchVisitor, Machine, Meant, SubmissionVisitor, Visitor, transcripts, with_batch, with_profile,
    with_submission,
};
use crate::session::Session;
use crate::signals::Stop;
use clap::Args;
use serde_json::Value;
use sphere_pow_core::document::{self, Batch, Document, MAX_DOCUMENT_BYTES};
use sphere_pow_core::identity::PublicKey;
use sphere_pow_core::profile::{Model, ProfileName};
use sphere_pow_core::text::shown;
use sphere_pow_core::verify::{
    AnyReport, AnySubmission, Given, Plan, Report, Sample, SampleSize, Source, Submission, Unjudged, Verdict,
};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// What a miner, node, the chain or an explorer gave: a proof or many, as JSON, JSON lines or bytes; - is
    /// standard input
    file: PathBuf,
    /// Nonces recomputed of each submission, or all
    #[arg(long, default_value = "200", value_name = "N|all", value_parser = sample_size)]
    sample: SampleSize,
    /// Seed of the sample; random by default. A prover that can foresee it hides its junk where nobody looks
    #[arg(long, value_name = "S")]
    seed: Option<String>,
    /// Look where the network's validator of that key looks, at --block-height or the document's, by Go's Perm. Provers foresee
    /// that: for comparison, it confirms nothing
    #[arg(long, value_name = "KEY", conflicts_with = "seed")]
    validator: Option<String>,
    /// The one model that counts, instead of any preset
    #[arg(long, value_name = "NAME|FILE")]
    params: Option<String>,
    /// The block that is meant
    #[arg(long, value_name = "HASH")]
    block_hash: Option<String>,
    /// The host that is meant
    #[arg(long, value_name = "KEY")]
    public_key: Option<String>,
    /// The account that is meant, of a document with several
    #[arg(long, value_name = "ADDRESS")]
    participant: Option<String>,
    /// gonka: radius to judge by, instead of the network's
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    r_target: Option<f64>,
    /// gonka: height of the block, by which the network's radius is known
    #[arg(long, value_name = "H", allow_hyphen_values = true)]
    block_height: Option<i64>,
    /// gonka: a submission less probable than this is fraud, 1e-7 by default
    #[arg(long, value_name = "P", allow_hyphen_values = true)]
    fraud_threshold: Option<f64>,
    /// FILE is a commitment, and this what its host opened of it
    #[arg(long, value_name = "FILE")]
    openings: Option<PathBuf>,
    /// What drew the openings, instead of what they say themselves
    #[arg(long, value_name = "TEXT", requires = "openings")]
    beacon: Option<String>,
    /// How many openings there must be, instead of what they say themselves
    #[arg(long, value_name = "N", requires = "openings")]
    samples: Option<u32>,
    #[command(flatten)]
    from_chain: FromChain,
    #[command(flatten)]
    devices: DeviceArgs,
}

fn sample_size(text: &str) -> Result<SampleSize, String> {
    match text.parse() {
        _ if text == "all" => Ok(SampleSize::All),
        Ok(count) if count > 0 => Ok(SampleSize::Count(count)),
        _ => Err("expected a number from 1 on, or all".into()),
    }
}

pub(super) fn run(args: &VerifyArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    if let Some(openings) = &args.openings {
        return check_openings(args, openings, out, stop);
    }
    let document = read_document(&args.file)?;
    let mut given = Given {
        params: args.params.as_deref().map(|name| model(name, &document)).transpose()?,
        block_hash: args.block_hash.clone(),
        public_key: args.public_key.clone(),
        participant: args.participant.clone(),
        r_target: args.r_target,
        fraud_threshold: args.fraud_threshold,
        block_height: args.block_height,
    };
    let by_chain = args.from_chain.complete(&mut given)?;
    let plan = sphere_pow_core::verify::plan(document, &given)?;
    let (seed, source) = match &args.seed {
        Some(seed) => (seed.clone(), Source::Verifier),
        None => (random_seed()?, Source::Random),
    };
    let mut judge = Judge { session: Session::new(&args.devices, stop)?, args, seed, source };
    let reports = judge.all(&plan)?;
    let report = plan.conclude(reports, unix_seconds());
    out.result(&report, || describe(&report, &input::name(&args.file), by_chain.as_deref()))?;
    Ok(ExitCode::from(report.verdict.exit_code()))
}

/// Judges a commitment by what was opened of it.
fn check_openings(
    args: &VerifyArgs,
    openings: &Path,
    out: &Output,
    stop: &Stop,
) -> Result<ExitCode, ProverError> {
    let commitment = input::bytes(&args.file, MAX_COMMITMENT_BYTES)?;
    let mut file = input::open(openings)?;
    let meant = Meant {
        params: args.params.clone(),
        block_hash: args.block_hash.clone(),
        public_key: args.public_key.clone(),
        beacon: args.beacon.clone(),
        samples: args.samples,
    };
    stop.heed();
    let told = transcripts().check(&commitment, &mut file, &meant, &args.devices, stop)?;
    out.result(&told.value, || told.text.clone())?;
    Ok(ExitCode::from(told.exit_code))
}

/// The document of a file, or of standard input.
pub(super) fn read_document(file: &Path) -> Result<Document, ProverError> {
    let bytes = input::bytes(file, MAX_DOCUMENT_BYTES)?;
    document::read(&bytes).map_err(|source| ProverError::Document { file: input::name(file), source })
}

/// 128 bits as hex: nobody can foresee which claims are looked at.
fn random_seed() -> Result<String, ProverError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(ProverError::Random)?;
    Ok(sphere_pow_core::text::hex(&bytes))
}

/// The model of `--params` for core, which takes JSON of a preset's name or sizes: a file's sizes are read as the document's
/// profile has them.
pub(super) fn model(name: &str, document: &Document) -> Result<String, ProverError> {
    struct Name;
    impl BatchVisitor for Name {
        type Output = ProfileName;
        fn visit<P: Machine>(&mut self, _: &Batch<P>) -> ProfileName {
            P::NAME
        }
    }
    struct Read<'a>(&'a str);
    impl Visitor for Read<'_> {
        type Output = Result<String, ProverError>;
        fn visit<P: Machine>(self) -> Self::Output {
            if P::Params::from_name(self.0).is_some() {
                return Ok(Value::from(self.0).to_string());
            }
            input::model::<P::Params>(self.0).map(|params| params.to_string())
        }
    }
    match document.batches.first() {
        Some(first) => with_profile(with_batch(first, &mut Name), Read(name)),
        None => Ok(Value::from(name).to_string()),
    }
}

/// Recomputes what the plan says, one submission after the other.
struct Judge<'a> {
    session: Session<'a>,
    args: &'a VerifyArgs,
    seed: String,
    source: Source,
}

impl Judge<'_> {
    /// A report for each submission, in the plan's order. Those of one model and block are done in a row, so that
    /// each is loaded once.
    fn all(&mut self, plan: &Plan) -> Result<Vec<AnyReport>, ProverError> {
        let mut puzzles: BTreeMap<String, usize> = BTreeMap::new();
        let mut order: Vec<(usize, usize)> = Vec::new();
        for (ix, any) in plan.submissions.iter().enumerate() {
            let n = puzzles.len();
            order.push((*puzzles.entry(with_submission(any, &mut PuzzleName)).or_insert(n), ix));
        }
        order.sort_unstable();
        let mut reports: Vec<(usize, AnyReport)> = Vec::with_capacity(order.len());
        for (_, ix) in order {
            let any: &AnySubmission = &plan.submissions[ix];
            reports.push((ix, with_submission(any, self)?));
        }
        reports.sort_by_key(|(ix, _)| *ix);
        Ok(reports.into_iter().map(|(_, report)| report).collect())
    }
}

struct PuzzleName;

impl SubmissionVisitor for PuzzleName {
    type Output = String;
    fn visit<P: Machine>(&mut self, submission: &Submission<P>) -> String {
        format!("{} {} {}", P::NAME, submission.block_hash, submission.params)
    }
}

impl SubmissionVisitor for Judge<'_> {
    type Output = Result<AnyReport, ProverError>;
    fn visit<P: Machine>(&mut self, submission: &Submission<P>) -> Self::Output {
        let sample = match &self.args.validator {
            Some(validator) => network_sample(submission, validator, self.args)?,
            None => submission.sample(self.args.sample, &self.seed, self.source),
        };
        let Submission { params, block_hash, public_key, .. } = submission;
        let nonces = submission.sampled_nonces(&sample);
        let outcomes = self.session.outcomes::<P>((params, block_hash, public_key), &nonces)?;
        let info = self.session.device::<P>(params, block_hash)?.info().clone();
        Ok(P::any_report(submission.report(&sample, &outcomes, &info)))
    }
}

/// What a validator of the network looks at.
fn network_sample<P: Machine>(
    submission: &Submission<P>,
    validator: &str,
    args: &VerifyArgs,
) -> Result<Sample, ProverError> {
    let wrong = |got: String, expected: &str| ProverError::Argument {
        what: "--validator",
        got,
        expected: expected.to_owned(),
    };
    let height = args.block_height.or(submission.block_height).and_then(|height| u64::try_from(height).ok());
    let Some(height) = height else {
        return Err(wrong(validator.to_owned(), "beside --block-height, which the document does not say"));
    };
    let sample = submission.network_sample(&PublicKey::new(validator)?, height, args.sample);
    sample.map_err(|error| wrong(error.to_string(), "fewer nonces"))
}

/// How core calls the place of what is the whole document.
const WHOLE: &str = "the document";

/// The verdict first, then what it rests on.
fn describe(report: &Report, file: &str, by_chain: Option<&str>) -> String {
    let mut text = String::new();
    let (n, n_unjudged) = (report.submissions.len(), report.unjudged.len());
    let is_single = n == 1 && n_unjudged == 0;
    if n > 0 && !is_single {
        text = headline(report);
    }
    for (ix, any) in report.submissions.iter().enumerate() {
        if is_single {
            text.push_str(any.summary());
        } else {
            let _ = write!(text, "proof {} of {n}: {}", ix + 1, any.summary());
        }
        text.push('\n');
    }
    if let Some(by_chain) = by_chain {
        let _ = writeln!(text, "{by_chain}");
    }
    for part in &report.unjudged {
        text.push_str(&unjudged(part, if n == 0 { "REFUSED" } else { "NOT JUDGED" }, file));
    }
    if let Some(torn) = report.torn {
        let _ = writeln!(text, "line {} is cut off after {} bytes and was left out", torn.line, torn.bytes);
    }
    for (ix, any) in report.submissions.iter().enumerate() {
        if !is_single {
            let _ = writeln!(text, "\nproof {} of {n}", ix + 1);
        }
        details(&mut text, any, file);
    }
    text
}

fn headline(report: &Report) -> String {
    let count = |verdict: Verdict| report.submissions.iter().filter(|any| any.verdict() == verdict).count();
    let verdicts = [Verdict::Fraud, Verdict::Unconfirmed, Verdict::Inconclusive, Verdict::Honest];
    let mut parts: Vec<String> = verdicts
        .into_iter()
        .filter(|verdict| count(*verdict) > 0)
        .map(|verdict| format!("{} {}", count(verdict), verdict.word().to_lowercase()))
        .collect();
    if !report.unjudged.is_empty() {
        parts.push(format!("{} could not be judged", report.unjudged.len()));
    }
    let word = serde_json::to_value(report.verdict).unwrap_or_default();
    let word = word.as_str().unwrap_or_default().to_uppercase();
    let n = report.submissions.len();
    format!("{word}: {n} proof{}: {}\n", if n == 1 { "" } else { "s" }, parts.join(", "))
}

fn unjudged(part: &Unjudged, word: &str, file: &str) -> String {
    let Unjudged { place, participant, code, message } = part;
    let of = participant.as_ref().map(|name| format!(" of {}", shown(name))).unwrap_or_default();
    let advice = option_for(code).map(|option| format!(" ({option})")).unwrap_or_default();
    let place = if place == WHOLE { file } else { place };
    format!("{word}: {place}{of}: {message}{advice}\n")
}

/// What the verdict rests on, from the report's JSON: the same for every profile.
fn details(text: &mut String, any: &AnyReport, file: &str) {
    let value = serde_json::to_value(any).unwrap_or_default();
    let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let _ = writeln!(
        text,
        "  profile {}, key {}, block {}",
        word("profile"),
        word("publicKey"),
        word("blockHash")
    );
    let engine = &value["engine"];
    let (kind, device) = (engine["engine"].as_str(), engine["device"].as_str());
    let _ = writeln!(
        text,
        "  {} of {} claims recomputed on {} ({}), {}",
        value["nChecked"],
        value["nClaimed"],
        kind.unwrap_or_default(),
        device.unwrap_or_default(),
        if word("place") == WHOLE { file.to_owned() } else { word("place") }
    );
    if let Some(participant) = value["participant"].as_str() {
        let _ = writeln!(text, "  participant {}", shown(participant));
    }
    if let Some(seed) = value["sampleSeed"].as_str() {
        let _ = writeln!(text, "  sample repeated with --seed {seed}");
    }
    let advice = &value["evidence"]["advisory"];
    if let Some(within) = advice["isWithinHardwareNoise"].as_bool() {
        let size = |name: &str| advice[name].as_f64().map_or("none".into(), |error| format!("{error:.1e}"));
        let _ = writeln!(
            text,
            "  advisory, not part of the verdict: claims are {} rms from recomputed distances, {} at most: {}",
            size("rmsError"),
            size("maxError"),
            if within { "honest hardware's noise" } else { "more than honest hardware's noise" }
        );
    }
    for hint in value["hints"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let _ = writeln!(text, "  hint: {hint}");
    }
}
