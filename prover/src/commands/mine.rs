//! `sphere-pow mine`.

use super::display::Display;
use crate::console::{Output, warn};
use crate::error::{ErrorBody, ProverError};
use crate::input;
use crate::ledger::{Ledger, Progress, ROOTS, beside, is_stdout};
use crate::options::DeviceArgs;
use crate::profiles::{Machine, Visitor, with_profile};
use crate::rates::{Counts, Plausibility};
use crate::search::{Hunt, Job, Miners, Tally, Wins, mine};
use crate::session;
use crate::signals::Stop;
use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use sphere_pow_core::identity::{BlockHash, Nonce, NonceSequence, PublicKey};
use sphere_pow_core::profile::{EngineInfo, ProfileName};
use sphere_pow_core::verify::{Expectations, Given};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
pub(super) struct MineArgs {
    /// Rules to follow: the network's own scheme, or exact integers
    #[arg(long, default_value_t = ProfileName::Gonka)]
    profile: ProfileName,
    /// Model: a preset of the profile, see `sphere-pow devices`, or a JSON file
    #[arg(long, value_name = "NAME|FILE")]
    params: String,
    /// Hash of the block that starts the Sprint, as text: case matters
    #[arg(long, value_name = "HASH")]
    block_hash: String,
    /// Key of the host that mines, as text: case matters
    #[arg(long, value_name = "KEY")]
    public_key: String,
    /// gonka: height of the block, by which the network's radius is known; written into the proofs
    #[arg(long, value_name = "H", allow_hyphen_values = true)]
    block_height: Option<i64>,
    /// gonka: distance below which a nonce wins, the network's at that height by default
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    r_target: Option<f64>,
    /// Which of the host's nodes this is
    #[arg(long, default_value_t = 0, value_name = "N")]
    node_id: u64,
    /// How many nodes share the nonces
    #[arg(long, default_value_t = 1, value_name = "N")]
    node_count: u64,
    /// Stop after this many nonces
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Try only nonces above N, beside what the file says: after a file that is gone
    #[arg(long, value_name = "N")]
    after: Option<Nonce>,
    /// Stop after this long
    #[arg(long, value_name = "S", allow_hyphen_values = true)]
    seconds: Option<f64>,
    /// File that takes the proof batches, one JSON line each; a second run goes on where it ends. - is standard
    /// output, and the report then goes to standard error
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Move lines of the file that are no JSON to FILE.torn, and go on with the others
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    devices: DeviceArgs,
}

/// One device's share of the run.
#[derive(Serialize)]
struct DeviceSummary {
    #[serde(flatten)]
    info: EngineInfo,
    #[serde(flatten)]
    counts: Counts,
    #[serde(flatten)]
    checks: Checks,
    /// Why it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
}

/// What recomputing wins on the CPU found.
#[derive(Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checks {
    /// Wins of GPUs that were recomputed.
    n_checked: u64,
    /// False ones among them, which are not in the file.
    n_bad: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<R: Serialize> {
    profile: ProfileName,
    /// By group.
    devices: Vec<DeviceSummary>,
    /// What is no UTF-8 in the file's name is replaced.
    out: String,
    rule: R,
    probability: f64,
    /// Of this run.
    #[serde(flatten)]
    counts: Counts,
    #[serde(flatten)]
    checks: Checks,
    seconds: f64,
    /// Nonces tried a second.
    raw_rate: f64,
    /// Nonces won a second.
    valid_rate: f64,
    /// Nonces that should have been won a second.
    expected_rate: f64,
    #[serde(flatten)]
    plausibility: Plausibility,
    /// In the file, earlier runs included.
    total_tried: u64,
    /// In the file, earlier runs included.
    total_won: u64,
    /// The gravest of what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
}

pub(super) fn run(args: &MineArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let out = if is_stdout(&args.out) { out.beside_proofs() } else { *out };
    with_profile(args.profile, Mine { args, out, stop })
}

struct Mine<'a> {
    args: &'a MineArgs,
    out: Output,
    stop: &'a Stop,
}

impl Visitor for Mine<'_> {
    type Output = Result<ExitCode, ProverError>;
    fn visit<P: Machine>(self) -> Self::Output {
        let Self { args, out, stop } = self;
        let duration = args.seconds.map(seconds).transpose()?;
        let (node_id, node_count) = (args.node_id, args.node_count);
        let job = Job { node_id, node_count, count: args.count, duration, after: args.after };
        // Before the model is loaded: nobody wants to learn of a bad number a minute later.
        NonceSequence::new(args.node_id, args.node_count, 0, 1)?;
        args.devices.setup::<P>()?;
        let given = Given { r_target: args.r_target, block_height: args.block_height, ..Given::default() };
        let rule = P::mining_rule(&Expectations::<P>::new(&given)?.terms);
        let (block, key) = (BlockHash::new(&args.block_hash)?, PublicKey::new(&args.public_key)?);
        P::check_key(&key)?;
        for hint in [block.spelling_hint(), key.spelling_hint()].into_iter().flatten() {
            tracing::warn!("{hint}");
        }
        let params = input::model::<P::Params>(&args.params)?;
        let mut head = P::file_head(&params, &rule, &block, &key, args.block_height);
        head.insert("node_id".into(), args.node_id.into());
        head.insert("node_count".into(), args.node_count.into());
        let (mut ledger, mut before) = open(args, &args.out, head)?;
        if before.tried > 0 {
            let file = input::name(&args.out);
            tracing::info!("{file}: {} nonces tried before, going on after them", before.tried);
        }
        let mut miners = session::mining::<P>(&args.devices, &P::puzzle(&params, &block), stop)?;
        keep_roots(args, &mut miners, &mut ledger, &mut before)?;
        let infos: Vec<EngineInfo> = miners.devices.iter().map(|device| device.info().clone()).collect();
        let tallies: Vec<Tally> = miners.devices.iter().map(|_| Tally::default()).collect();
        let probability = P::win_rate(&params, &rule);
        let hunt = Hunt { key, rule };
        let display =
            Display { infos: &infos, tallies: &tallies, started: Instant::now(), probability, duration };
        let wins = (&mut ledger as &mut dyn Wins, &before);
        let results = display.during(|| mine(&job, &hunt, &mut miners, wins, &tallies, stop))?;
        let elapsed = display.started.elapsed();
        let summary = summary::<P>(
            args,
            &hunt,
            (probability, elapsed),
            (&results, ledger.counts()),
            (&infos, &tallies),
        );
        if let Some(worst) = &summary.error {
            warn(&format!("error: {}", worst.message));
        }
        out.result(&summary, || summary.describe())?;
        let code =
            results.iter().filter_map(|result| result.as_ref().err()).map(ProverError::exit_code).max();
        Ok(ExitCode::from(code.unwrap_or(0)))
    }
}

/// Opens a file of this run's head, its bad lines moved where that is asked for.
fn open(args: &MineArgs, path: &Path, head: Map<String, Value>) -> Result<(Ledger, Progress), ProverError> {
    if args.repair {
        Ledger::repair(path, &head)?;
    }
    Ok(Ledger::open(path, head)?)
}

/// Lets devices that can make transcripts do so, their roots in a file beside the proofs.
fn keep_roots<P: Machine>(
    args: &MineArgs,
    miners: &mut Miners<P>,
    ledger: &mut Ledger,
    before: &mut Progress,
) -> Result<(), ProverError> {
    let path = beside(&args.out, ROOTS);
    let is_file = !is_stdout(&args.out) && args.out.metadata().is_ok_and(|meta| meta.is_file());
    // Each is asked, not only the first that can.
    let keeps =
        is_file && miners.devices.iter_mut().map(|device| device.keep_roots()).fold(false, |a, b| a | b);
    if let Some(checker) = miners.checker.as_mut().filter(|_| keeps) {
        checker.keep_roots();
    }
    if keeps || (is_file && path.exists()) {
        let (roots, tried) = open(args, &path, ledger.head().clone())?;
        before.join(&tried);
        ledger.set_roots(roots);
    }
    Ok(())
}

fn summary<P: Machine>(
    args: &MineArgs,
    hunt: &Hunt<P>,
    (probability, elapsed): (f64, Duration),
    (results, in_file): (&[Result<(), ProverError>], Counts),
    (infos, tallies): (&[EngineInfo], &[Tally]),
) -> Summary<P::Rule> {
    let seconds = elapsed.as_secs_f64();
    let counts = Tally::total(tallies);
    let plausibility = counts.plausibility(probability);
    plausibility.warn_if_alarming(counts);
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    let rate = |n: u64| n as f64 / seconds.max(1e-9);
    let devices = infos.iter().zip(tallies).zip(results).map(|((info, tally), result)| {
        let (n_checked, n_bad) = tally.checks();
        DeviceSummary {
            info: info.clone(),
            counts: tally.counts(),
            checks: Checks { n_checked, n_bad },
            error: result.as_ref().err().map(ProverError::body),
        }
    });
    let devices: Vec<DeviceSummary> = devices.collect();
    let sum = |of: fn(&Checks) -> u64| devices.iter().map(|device| of(&device.checks)).sum();
    let checks = Checks { n_checked: sum(|checks| checks.n_checked), n_bad: sum(|checks| checks.n_bad) };
    let worst =
        results.iter().filter_map(|result| result.as_ref().err()).max_by_key(|error| error.exit_code());
    Summary {
        profile: P::NAME,
        devices,
        out: args.out.to_string_lossy().into_owned(),
        rule: hunt.rule.clone(),
        probability,
        counts,
        checks,
        seconds,
        raw_rate: rate(counts.tried),
        valid_rate: rate(counts.won),
        expected_rate: plausibility.expected / seconds.max(1e-9),
        plausibility,
        total_tried: in_file.tried,
        total_won: in_file.won,
        error: worst.map(ProverError::body),
    }
}

impl<R: Serialize> Summary<R> {
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    fn describe(&self) -> String {
        let names: Vec<&str> = self.devices.iter().map(|device| device.info.device.as_str()).collect();
        let mut text = format!(
            "{} of {} nonces won in {:.1} s ({:.1} expected, {:+.1} sigma)\n\
             raw {:.3}/s, valid {:.3}/s, expected {:.3}/s on {}\n",
            self.counts.won,
            self.counts.tried,
            self.seconds,
            self.plausibility.expected,
            self.plausibility.sigma,
            self.raw_rate,
            self.valid_rate,
            self.expected_rate,
            names.join(" and "),
        );
        for (group, device) in self.devices.iter().enumerate() {
            if let Some(error) = &device.error {
                let Counts { tried, won } = device.counts;
                let name = &device.info.device;
                text.push_str(&format!(
                    "device {group} ({name}) was given up after {won} of {tried}: {}\n",
                    error.message
                ));
            }
        }
        if self.devices.iter().any(|device| device.info.engine == "gpu") {
            let Checks { n_checked, n_bad } = self.checks;
            let share =
                if self.counts.won == 0 { 0.0 } else { n_checked as f64 / (self.counts.won + n_bad) as f64 };
            text.push_str(&format!(
                "{n_checked} wins recomputed on the CPU ({:.0} %), {n_bad} of them false\n",
                100.0 * share.min(1.0)
            ));
        }
        let out = input::name(std::path::Path::new(&self.out));
        match &self.error {
            None => text.push_str(&format!(
                "{out} got {} proofs of {} nonces tried",
                self.total_won, self.total_tried
            )),
            Some(_) => text
                .push_str(&format!("{} proofs of this run were written before the error", self.counts.won)),
        }
        text
    }
}

fn seconds(value: f64) -> Result<Duration, ProverError> {
    Duration::try_from_secs_f64(value).ok().filter(|d| !d.is_zero() && d.as_secs() < 1 << 32).ok_or_else(
        || {
            let expected = "a number of seconds above 0 and below 2^32".into();
            ProverError::Argument { what: "--seconds", got: format!("{value:?}"), expected }
        },
    )
}
