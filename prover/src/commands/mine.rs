//! `sphere-pow mine`.

use super::output::{Output, spinner};
use super::{BackendArgs, Profile, PuzzleArgs, block_hash, open, params, public_key};
use crate::error::ProverError;
use crate::gonka::search::{GonkaSearcher, ledger_header};
use crate::ledger::{Ledger, Progress};
use crate::mine::{Job, Searcher, Tally, mine};
use crate::rates::{Counts, Plausibility};
use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use sphere_pow_core::gonka::Puzzle;
use sphere_pow_core::gonka::proof::TargetRadius;
use sphere_pow_core::identity::NonceSequence;
use sphere_pow_core::statistics::cap_probability;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
pub(super) struct MineArgs {
    #[command(flatten)]
    pub(super) puzzle: PuzzleArgs,
    /// Height of the block, written into the proofs
    #[arg(long, default_value_t = 0, value_name = "H")]
    block_height: i64,
    /// Distance below which a nonce wins, 1.4013564660458173 by default; the exact profile fixes its own
    #[arg(long, value_name = "R", allow_hyphen_values = true)]
    pub(super) r_target: Option<f64>,
    /// Which of the host's nodes this is
    #[arg(long, default_value_t = 0, value_name = "N")]
    node_id: u64,
    /// How many nodes share the nonces
    #[arg(long, default_value_t = 1, value_name = "N")]
    node_count: u64,
    /// Stop after this many nonces
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Stop after this long
    #[arg(long, value_name = "S", allow_hyphen_values = true)]
    seconds: Option<f64>,
    /// File that takes the proof batches, one JSON line each; a second run goes on where it ends
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    pub(super) backend: BackendArgs,
}

#[derive(Serialize)]
struct Summary<'a> {
    profile: &'static str,
    devices: &'a [String],
    out: &'a std::path::Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    r_target: Option<f64>,
    probability: f64,
    /// Of this run.
    #[serde(flatten)]
    counts: Counts,
    seconds: f64,
    /// Nonces tried a second.
    raw_rate: f64,
    /// Nonces won a second.
    valid_rate: f64,
    /// Nonces that should have been won a second.
    expected_rate: f64,
    #[serde(flatten)]
    plausibility: Plausibility,
    /// Of this file, earlier runs included.
    total_tried: u64,
    /// Of this file, earlier runs included.
    total_won: u64,
}

pub(super) fn run(args: &MineArgs, out: &Output, stop: &AtomicBool) -> Result<ExitCode, ProverError> {
    let duration = args.seconds.map(seconds).transpose()?;
    let job = Job { node_id: args.node_id, node_count: args.node_count, count: args.count, duration };
    // Before the model is loaded: nobody wants to learn of a bad number a minute later.
    NonceSequence::new(args.node_id, args.node_count, 0, 1)?;
    match args.puzzle.profile {
        Profile::Gonka => gonka(args, &job, out, stop),
        Profile::Exact => super::exact::mine(args, &job, out, stop),
    }
}

fn gonka(args: &MineArgs, job: &Job, out: &Output, stop: &AtomicBool) -> Result<ExitCode, ProverError> {
    let r_target = TargetRadius::new(args.r_target.unwrap_or(TargetRadius::LAUNCH.get()))?;
    let puzzle = Puzzle::new(&params(&args.puzzle.params)?, &block_hash(&args.puzzle.block_hash)?);
    let key = public_key(&args.puzzle.public_key)?;
    let (ledger, before) = open_ledger(args, ledger_header(&puzzle, &key, r_target, args.block_height))?;
    let backends = open::all(&args.backend, puzzle.params(), puzzle.block(), stop)?;
    let searcher = |backend| -> Box<dyn Searcher> {
        Box::new(GonkaSearcher { backend, puzzle: puzzle.clone(), key: key.clone(), r_target })
    };
    let searchers = backends.into_iter().map(searcher).collect();
    let probability = cap_probability(puzzle.params().vocab_u32(), r_target.get());
    let target = Target { profile: "gonka", r_target: Some(r_target.get()), probability };
    search(args, job, &target, searchers, (ledger, before), out, stop)
}

/// Opens the file, its lines to begin with `header` and the node's share of the nonces.
pub(super) fn open_ledger(
    args: &MineArgs,
    mut header: Map<String, Value>,
) -> Result<(Ledger, Progress), ProverError> {
    header.insert("node_id".into(), args.node_id.into());
    header.insert("node_count".into(), args.node_count.into());
    let (ledger, before) = Ledger::open(&args.out, header)?;
    if before.tried > 0 {
        tracing::info!("{}: {} nonces tried before, going on after them", args.out.display(), before.tried);
    }
    Ok((ledger, before))
}

/// What a nonce must reach.
pub(super) struct Target {
    pub(super) profile: &'static str,
    pub(super) r_target: Option<f64>,
    pub(super) probability: f64,
}

/// Runs the search and prints what came of it.
pub(super) fn search(
    args: &MineArgs,
    job: &Job,
    target: &Target,
    searchers: Vec<Box<dyn Searcher>>,
    (ledger, before): (Ledger, Progress),
    out: &Output,
    stop: &AtomicBool,
) -> Result<ExitCode, ProverError> {
    let devices: Vec<String> = searchers.iter().map(|searcher| searcher.info().adapter.clone()).collect();
    let probability = target.probability;
    let (tally, done, started) = (Tally::default(), AtomicBool::new(false), Instant::now());
    let result = std::thread::scope(|scope| {
        scope.spawn(|| watch(&tally, &done, started, probability));
        let result = mine(job, searchers, ledger, &before, &tally, stop);
        done.store(true, Ordering::Release);
        result
    });
    let elapsed = started.elapsed().as_secs_f64();
    let counts = tally.counts();
    let plausibility = counts.plausibility(probability);
    warn_if_alarming(&plausibility, counts);
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    let rate = |n: u64| n as f64 / elapsed.max(1e-9);
    let summary = Summary {
        profile: target.profile,
        devices: &devices,
        out: &args.out,
        r_target: target.r_target,
        probability,
        counts,
        seconds: elapsed,
        raw_rate: rate(counts.tried),
        valid_rate: rate(counts.won),
        expected_rate: plausibility.expected / elapsed.max(1e-9),
        plausibility,
        total_tried: before.tried + counts.tried,
        total_won: before.won + counts.won,
    };
    out.result(&summary, || summary.describe())?;
    result.map(|()| ExitCode::SUCCESS)
}

impl Summary<'_> {
    fn describe(&self) -> String {
        format!(
            "{} of {} nonces won in {:.1} s ({:.1} expected, {:+.1} sigma)\n\
             raw {:.3}/s, valid {:.3}/s, expected {:.3}/s on {}\n\
             {} holds {} proofs of {} nonces tried",
            self.counts.won,
            self.counts.tried,
            self.seconds,
            self.plausibility.expected,
            self.plausibility.sigma,
            self.raw_rate,
            self.valid_rate,
            self.expected_rate,
            self.devices.join(" and "),
            self.out.display(),
            self.total_won,
            self.total_tried,
        )
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

fn warn_if_alarming(plausibility: &Plausibility, counts: Counts) {
    if plausibility.is_alarming {
        tracing::warn!(
            "{} of {} nonces won where {:.1} were expected ({:+.1} sigma): wrong radius, or a device that computes wrongly",
            counts.won,
            counts.tried,
            plausibility.expected,
            plausibility.sigma
        );
    }
}

/// Keeps a line on the terminal up to date until `done`, and warns once when the counts become implausible.
fn watch(tally: &Tally, done: &AtomicBool, started: Instant, probability: f64) {
    let bar = spinner();
    let mut warned = false;
    while !done.load(Ordering::Acquire) {
        std::thread::sleep(Duration::from_millis(100));
        let counts = tally.counts();
        let plausibility = counts.plausibility(probability);
        let elapsed = started.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        let rate = |n: u64| n as f64 / elapsed.max(1e-9);
        bar.set_message(format!(
            "{} tried, {} won ({:.1} expected) in {elapsed:.0} s: raw {:.3}/s, valid {:.3}/s, expected {:.3}/s",
            counts.tried,
            counts.won,
            plausibility.expected,
            rate(counts.tried),
            rate(counts.won),
            rate(counts.tried) * probability,
        ));
        if plausibility.is_alarming && !warned {
            warned = true;
            bar.suspend(|| warn_if_alarming(&plausibility, counts));
        }
    }
    bar.finish_and_clear();
}
