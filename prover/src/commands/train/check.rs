//! `sphere-pow train open` and `sphere-pow train check`.

use super::super::commit::replace;
use super::arithmetic::{Floats, Integers, Trainer};
use super::float;
use super::folder::{Folder, read_agreed, read_start};
use super::machine::MachineArgs;
use super::{RunArgs, hex, machine, read_run};
use crate::console::{Output, bar};
use crate::error::ProverError;
use crate::input;
use crate::signals::Stop;
use clap::Args;
use serde::Serialize;
use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::train::commit::tree;
use sphere_pow_core::train::float::{FloatOpening, FloatRun};
use sphere_pow_core::train::{Known, Lane, Opening, Report, State, Verdict};
use sphere_pow_cpu::threads::Threads;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bytes of an opening beside its state, and more.
pub(super) const MAX_HEAD_BYTES: usize = 1 << 16;

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
    #[command(flatten)]
    of: RunArgs,
    /// The run's lanes are in floats: open on a machine like the one that trained
    #[arg(long, conflicts_with_all = ["backend", "adapter"])]
    float: bool,
    /// File that takes the opening
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    machine: MachineArgs,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// What a trainer opened; of a float lane several segments, which are judged together
    #[arg(required = true)]
    pub(super) openings: Vec<PathBuf>,
    /// What the run learns
    #[arg(long, value_name = "FILE")]
    pub(super) text: PathBuf,
    #[command(flatten)]
    pub(super) of: RunArgs,
    /// The root that the lane committed to, instead of the opening's
    #[arg(long, value_name = "HEX", value_parser = hash)]
    root: Option<Hash>,
    /// The round's seed, instead of the opening's
    #[arg(long, value_name = "HEX", value_parser = hash)]
    seed: Option<Hash>,
    /// What was agreed before the round (start.bin, or what `export` made of it): a lane's first segment begins there
    #[arg(long, value_name = "FILE")]
    pub(super) start: Option<PathBuf>,
    /// The run's lanes are in floats: judge by a tolerance
    #[arg(long, conflicts_with_all = ["backend", "adapter"])]
    float: bool,
    /// The tolerance, instead of that calibrated for the model
    #[arg(long, value_name = "DISTANCE", requires = "float")]
    pub(super) tolerance: Option<f64>,
    #[command(flatten)]
    pub(super) machine: MachineArgs,
}

impl CheckArgs {
    /// What the verifier knows by itself, with the parameters that the round began with where --start gives them.
    pub(super) fn known<'a>(&self, theta: Option<&'a [i32]>) -> Known<'a> {
        Known { root: self.root, seed: self.seed.map(|seed| *seed.as_bytes()), theta }
    }
}

pub(super) fn hash(text: &str) -> Result<Hash, String> {
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

/// A segment of a round that is done, with the state before it.
pub(super) struct Place<S> {
    pub(super) lane: Lane,
    pub(super) leaves: Vec<Hash>,
    pub(super) state: S,
}

/// Steps of a lane.
fn steps<T: Trainer>(
    trainer: &T,
    pool: &Threads,
    place: &mut Place<T::State>,
    steps: std::ops::Range<u32>,
) -> Result<(), ProverError> {
    let (bar, count) = (bar("computing the state"), u64::from(steps.len() as u32));
    let mut done = 0;
    let mut on_step = || {
        done += 1;
        bar.set_position(1000 * done / count);
    };
    pool.install(|| trainer.steps(&place.lane, steps, &mut place.state, &mut on_step))?;
    bar.finish_and_clear();
    Ok(())
}

/// Whether the state is the one whose leaf the lane committed to.
fn is_committed<T: Trainer>(trainer: &T, place: &Place<T::State>, j: u32) -> bool {
    let bytes = trainer.bytes(&place.state);
    trainer.id().leaf(place.lane.round, place.lane.lane, j, &bytes) == place.leaves[j as usize]
}

/// Which segment of which run.
pub(super) struct Wanted<'a> {
    pub(super) dir: &'a Path,
    pub(super) round: u32,
    pub(super) lane: u32,
    pub(super) segment: u32,
}

/// The state before a segment, computed anew from what was agreed before the round.
pub(super) fn before<T: Trainer>(
    args: &Wanted<'_>,
    trainer: &T,
    pool: &Threads,
    stop: &Stop,
) -> Result<Place<T::State>, ProverError> {
    let (params, folder) = (trainer.run().params(), Folder::new(args.dir));
    let journal = folder.read_journal(trainer)?;
    let raw = params.raw();
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
    let seed = Hash::from_hex(&journal.rounds[args.round as usize].seed).map(|seed| *seed.as_bytes());
    let seed = seed.ok_or_else(|| wrong(args, "the journal's seed is no hash"))?;
    let agreed = read_agreed(&folder.start(args.round), params, args.round)?;
    let mut place = Place {
        lane: Lane { round: args.round, lane: args.lane, seed },
        leaves: folder.read_lane(params, args.round, args.lane)?,
        state: trainer.start(&agreed.theta),
    };
    stop.heed();
    steps(trainer, pool, &mut place, 0..args.segment * params.segment())?;
    if is_committed(trainer, &place, args.segment) {
        Ok(place)
    } else {
        Err(wrong(args, "the state computed from start.bin is not the one committed to"))
    }
}

fn wrong(args: &Wanted<'_>, reason: &str) -> ProverError {
    ProverError::Training { what: input::name(args.dir), reason: reason.into() }
}

pub(super) fn open(args: &OpenArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let run = read_run(&args.text, args.of)?;
    let segment = args.segment as usize;
    let wanted = Wanted { dir: &args.dir, round: args.round, lane: args.lane, segment: args.segment };
    let (bytes, root, seed) = if args.float {
        let (run, (pool, executor)) = (FloatRun::new(run), machine(args.machine.threads)?);
        let trainer = Floats::new(&run, executor, stop)?;
        let mut place = before(&wanted, &trainer, &pool, stop)?;
        let state = place.state.to_bytes();
        steps(&trainer, &pool, &mut place, run.run().segment(args.segment))?;
        if !is_committed(&trainer, &place, args.segment + 1) {
            return Err(wrong(&wanted, "the state after the segment is not the one committed to"));
        }
        let (lane, tree) = (place.lane, tree(run.id(), place.leaves));
        let (root, path, next_path) = (tree.root(), tree.path(segment), tree.path(segment + 1));
        let next = place.state.to_bytes();
        let opening = FloatOpening { lane, segment: args.segment, root, path, next_path, state, next };
        (opening.to_bytes(&run), root, lane.seed)
    } else {
        let (pool, machine) = args.machine.open(run.params(), stop)?;
        let trainer = Integers { run: &run, machine };
        let Place { lane, leaves, state } = before(&wanted, &trainer, &pool, stop)?;
        let (state, next, tree) = (state.to_bytes(), leaves[segment + 1], tree(run.id(), leaves));
        let (root, path, next_path) = (tree.root(), tree.path(segment), tree.path(segment + 1));
        let opening = Opening { lane, segment: args.segment, root, next, path, next_path, state };
        (opening.to_bytes(&run), root, lane.seed)
    };
    replace(&args.out, |file| file.write_all(&bytes))?;
    let opened = Opened {
        round: args.round,
        lane: args.lane,
        segment: args.segment,
        root: root.to_hex(),
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
    if args.float {
        return float::check(args, out, stop);
    }
    let run = read_run(&args.text, args.of)?;
    let (pool, machine) = args.machine.open(run.params(), stop)?;
    let [path] = &args.openings[..] else {
        let (what, got) = ("opening", format!("{} of them", args.openings.len()));
        return Err(ProverError::Argument { what, got, expected: "one, but for --float".into() });
    };
    let bytes = input::bytes(path, State::bytes_of(run.params()) + MAX_HEAD_BYTES)?;
    let opening = Opening::from_bytes(&run, &bytes);
    let what = || input::name(path);
    let opening =
        opening.map_err(|error| ProverError::Training { what: what(), reason: error.to_string() })?;
    let start = args
        .start
        .as_ref()
        .map(|path| read_start(path, run.params(), run.id(), opening.lane.round))
        .transpose()?;
    let known = args.known(start.as_ref().map(|agreed| &agreed.theta[..]));
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
