//! `sphere-pow train open` and `sphere-pow train check`.

use super::super::commit::replace;
use super::folder::{Folder, read_agreed};
use super::machine::MachineArgs;
use super::{hex, preset, read_run};
use crate::console::{Output, bar};
use crate::error::ProverError;
use crate::input;
use crate::signals::Stop;
use clap::Args;
use serde::Serialize;
use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::train::commit::tree;
use sphere_pow_core::train::{Known, Lane, Opening, Preset, Report, State, Verdict};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Bytes of an opening beside its state, and more.
const MAX_HEAD_BYTES: usize = 1 << 16;

#[derive(Debug, Args)]
pub(super) struct OpenArgs {
    /// The round, from 0
    round: u32,
    /// The lane, from 0
    lane: u32,
    /// The segment, from 0
    segment: u32,
    /// What the run learns
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// Folder of the run
    #[arg(long, default_value = "training", value_name = "DIR")]
    dir: PathBuf,
    /// Model and schedule
    #[arg(long, default_value = Preset::Nano.name(), value_name = "NAME", value_parser = preset)]
    params: Preset,
    /// File that takes the opening
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    machine: MachineArgs,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// What a trainer opened
    opening: PathBuf,
    /// What the run learns
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// Model and schedule
    #[arg(long, default_value = Preset::Nano.name(), value_name = "NAME", value_parser = preset)]
    params: Preset,
    /// The root that the lane committed to, instead of the opening's
    #[arg(long, value_name = "HEX", value_parser = hash)]
    root: Option<Hash>,
    /// The round's seed, instead of the opening's
    #[arg(long, value_name = "HEX", value_parser = hash)]
    seed: Option<Hash>,
    /// What was agreed before the round (start.bin): a lane's first segment begins there
    #[arg(long, value_name = "FILE")]
    start: Option<PathBuf>,
    #[command(flatten)]
    machine: MachineArgs,
}

fn hash(text: &str) -> Result<Hash, String> {
    Hash::from_hex(text).ok_or_else(|| "expected 64 lower-case hex digits".into())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Opened {
    round: u32,
    lane: u32,
    segment: u32,
    root: String,
    seed: String,
    bytes: usize,
}

/// The state before a segment is computed anew, from what was agreed before the round.
pub(super) fn open(args: &OpenArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let run = read_run(&args.text, args.params)?;
    let (pool, machine) = args.machine.open(run.params(), stop)?;
    let folder = Folder::new(&args.dir);
    let journal = folder.read_journal(&run)?;
    let raw = run.params().raw();
    let places = [
        ("round", args.round, u32::try_from(journal.rounds.len()).unwrap_or(0)),
        ("lane", args.lane, raw.lanes),
        ("segment", args.segment, raw.segments),
    ];
    for (what, got, count) in places {
        if got >= count {
            let expected = format!("below {count}, the number that are there");
            return Err(ProverError::Argument { what, got: got.to_string(), expected });
        }
    }
    let done = &journal.rounds[args.round as usize];
    let seed = Hash::from_hex(&done.seed).map(|seed| *seed.as_bytes());
    let wrong = |reason: &str| ProverError::Training { what: input::name(&args.dir), reason: reason.into() };
    let seed = seed.ok_or_else(|| wrong("the journal's seed is no hash"))?;
    let before = folder.start(args.round);
    let agreed = read_agreed(&before, &run, args.round)?;
    let lane = Lane { round: args.round, lane: args.lane, seed };
    let leaves = folder.read_lane(&run, args.round, args.lane)?;
    stop.heed();
    let bar = bar("computing the state");
    let last = args.segment * run.params().segment();
    let mut state = State::start(run.params(), &agreed.theta);
    let mut done = 0;
    let mut on_step = || {
        done += 1;
        bar.set_position(1000 * done / u64::from(last));
    };
    pool.install(|| machine.steps(&run, &lane, 0..last, &mut state, &mut on_step))?;
    bar.finish_and_clear();
    let state = state.to_bytes();
    let segment = args.segment as usize;
    if run.id().leaf(lane.round, lane.lane, args.segment, &state) != leaves[segment] {
        return Err(wrong("the state computed from start.bin is not the one committed to"));
    }
    let tree = tree(run.id(), leaves.clone());
    let opening = Opening {
        lane,
        segment: args.segment,
        root: tree.root(),
        next: leaves[segment + 1],
        path: tree.path(segment),
        next_path: tree.path(segment + 1),
        state,
    };
    let bytes = opening.to_bytes(&run);
    replace(&args.out, |file| file.write_all(&bytes))?;
    let opened = Opened {
        round: args.round,
        lane: args.lane,
        segment: args.segment,
        root: opening.root.to_hex(),
        seed: hex(&seed),
        bytes: bytes.len(),
    };
    out.result(&opened, || {
        format!(
            "round {}, lane {}, segment {}: {} bytes\nroot {}\nseed {}\n{}",
            opened.round,
            opened.lane,
            opened.segment,
            opened.bytes,
            opened.root,
            opened.seed,
            input::name(&args.out)
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn check(args: &CheckArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let run = read_run(&args.text, args.params)?;
    let (pool, machine) = args.machine.open(run.params(), stop)?;
    let bytes = input::bytes(&args.opening, State::bytes_of(run.params()) + MAX_HEAD_BYTES)?;
    let opening = Opening::from_bytes(&run, &bytes);
    let what = || input::name(&args.opening);
    let opening =
        opening.map_err(|error| ProverError::Training { what: what(), reason: error.to_string() })?;
    let start = args.start.as_ref().map(|path| read_agreed(path, &run, opening.lane.round)).transpose()?;
    let known = Known {
        root: args.root,
        seed: args.seed.map(|seed| *seed.as_bytes()),
        theta: start.as_ref().map(|agreed| &agreed.theta[..]),
    };
    stop.heed();
    let (bar, steps) = (bar("repeating the segment"), run.params().segment());
    let mut done = 0;
    let mut on_step = || {
        done += 1;
        bar.set_position(1000 * done / u64::from(steps));
    };
    let verdict = pool.install(|| machine.check(&run, &opening, &known, &mut on_step));
    bar.finish_and_clear();
    let verdict = verdict?;
    let report = Report::new(&run, &opening, &known, verdict);
    out.result(&report, || describe(&report))?;
    Ok(ExitCode::from(match verdict {
        Verdict::Honest => 0,
        Verdict::Unconfirmed => 4,
        Verdict::Fraud | Verdict::Unopened => 1,
    }))
}

fn describe(report: &Report) -> String {
    let mut text = String::new();
    if !report.by_the_opening.is_empty() {
        let (named, options) = (report.by_the_opening.join(", "), report.by_the_opening.join(", --"));
        text = format!("by the opening's own {named}: say what you know with --{options}\n");
    }
    text + &format!("{}\nroot {}\nseed {}", report.summary, report.root, report.seed)
}
