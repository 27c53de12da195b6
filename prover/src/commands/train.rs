//! `sphere-pow train`: a run of lanes on this machine, round by round, and `open` and `check` of their segments.

mod arithmetic;
mod blobs;
mod burn;
mod check;
mod export;
mod float;
mod folder;
mod lanes;
mod machine;
pub(super) mod plot;

use crate::console::{Output, bar};
use crate::error::ProverError;
use crate::input;
use crate::signals::Stop;
use arithmetic::{Floats, Integers, Trainer};
use clap::{Args, Subcommand};
use folder::{Folder, Journal, Round};
use lanes::Lanes;
use machine::MachineArgs;
use sphere_pow_core::text::hex;
use sphere_pow_core::train::commit::read_delta;
use sphere_pow_core::train::float::FloatRun;
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::{Preset, Run, Text, nats};
use sphere_pow_cpu::threads::Threads;
use sphere_pow_cpu::train::TrainExecutor;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Most bytes of a text.
const MAX_TEXT_BYTES: usize = 1 << 28;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct TrainArgs {
    #[command(subcommand)]
    command: Option<TrainCommand>,
    /// What is learnt, byte by byte; its last twentieth is held out
    #[arg(required = true)]
    text: Option<PathBuf>,
    /// Folder of the run: started anew, it goes on after the last segment
    #[arg(long, default_value = "training", value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    of: RunArgs,
    /// What rounds' seeds are drawn from beside the root before them
    #[arg(long, default_value = "", value_name = "TEXT")]
    beacon: String,
    /// Make lanes' steps in floats: segments are then checked by a tolerance, not by equality
    #[arg(long, conflicts_with_all = ["backend", "adapter"])]
    float: bool,
    /// Rounds after which to stop, all by default
    #[arg(long, value_name = "N")]
    until: Option<u32>,
    #[command(flatten)]
    machine: MachineArgs,
}

/// Which run over a text.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct RunArgs {
    /// Model and schedule
    #[arg(long, default_value = Preset::Nano.name(), value_name = "NAME", value_parser = preset)]
    params: Preset,
    /// Another run of the same model and text: other first parameters, other batches
    #[arg(long, default_value_t = 0, value_name = "N")]
    run_seed: u32,
}

#[derive(Debug, Subcommand)]
enum TrainCommand {
    /// Open a segment of a lane of a round that is done
    Open(check::OpenArgs),
    /// Repeat a segment from its opening and give the verdict
    Check(check::CheckArgs),
    /// Write a checkpoint that other programs read (safetensors)
    Export(export::ExportArgs),
    /// Write what a file is verified by piece by piece, for any server of files that answers ranges
    Outboard(blobs::OutboardArgs),
    /// Fetch a file by ranges, each verified before it is kept
    Fetch(blobs::FetchArgs),
}

fn preset(name: &str) -> Result<Preset, String> {
    let names = Preset::ALL.map(Preset::name).join(", ");
    Preset::from_name(name).ok_or_else(|| format!("expected {names}"))
}

/// A run over a file.
fn read_run(text: &Path, of: RunArgs) -> Result<Run, ProverError> {
    let params = of.params.params().with_run_seed(of.run_seed);
    let bytes = input::bytes(text, MAX_TEXT_BYTES)?;
    let read = Text::new(&params, &bytes);
    let read =
        read.map_err(|error| ProverError::Training { what: input::name(text), reason: error.to_string() })?;
    Ok(Run::new(&params, read))
}

/// Threads, and what computes on them.
fn machine(threads: Option<NonZeroUsize>) -> Result<(Threads, TrainExecutor), ProverError> {
    let pool = Threads::new(threads).map_err(|error| ProverError::Cpu(error.into()))?;
    let reason =
        || ProverError::NoDevice { reason: "this CPU has no set of instructions that is known".into() };
    Ok((pool, TrainExecutor::new(None).ok_or_else(reason)?))
}

pub(super) fn run(args: &TrainArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    match (&args.command, &args.text) {
        (Some(TrainCommand::Open(args)), _) => check::open(args, out, stop),
        (Some(TrainCommand::Check(args)), _) => check::check(args, out, stop),
        (Some(TrainCommand::Export(args)), _) => export::export(args, out, stop),
        (Some(TrainCommand::Outboard(args)), _) => blobs::make(args, out),
        (Some(TrainCommand::Fetch(args)), _) => blobs::get(args, out, stop),
        (None, Some(text)) => train(args, text, out, stop),
        (None, None) => unreachable!("clap asks for the text"),
    }
}

fn train(args: &TrainArgs, text: &Path, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let run = read_run(text, args.of)?;
    if args.float {
        let (run, (pool, executor)) = (FloatRun::new(run), machine(args.machine.threads)?);
        rounds(args, &Floats::new(&run, executor, stop)?, &pool, out, stop)
    } else {
        let (pool, machine) = args.machine.open(run.params(), stop)?;
        rounds(args, &Integers { run: &run, machine }, &pool, out, stop)
    }
}

fn rounds<T: Trainer>(
    args: &TrainArgs,
    trainer: &T,
    pool: &Threads,
    out: &Output,
    stop: &Stop,
) -> Result<ExitCode, ProverError> {
    let (run, id) = (trainer.run(), trainer.id());
    let (folder, raw) = (Folder::new(&args.dir), run.params().raw());
    stop.heed();
    let held_out = |agreed: &Agreed| pool.install(|| trainer.held_out(&agreed.theta));
    let (mut journal, mut agreed) = match folder.resume(trainer, args.of.params, &args.beacon)? {
        Some(found) => found,
        None => {
            let agreed = Agreed::fresh(run.params(), run.id());
            let journal = Journal::new(trainer, args.of.params, &args.beacon, &agreed, held_out(&agreed)?);
            folder.write_start(&agreed)?;
            folder.write_journal(&journal)?;
            (journal, agreed)
        }
    };
    let until = args.until.unwrap_or(raw.rounds).min(raw.rounds);
    let steps = u64::from(raw.lanes) * u64::from(raw.inner);
    let (began, mut trained) = (Instant::now(), 0);
    while agreed.round < until {
        let round_began = Instant::now();
        let seed = id.seed(agreed.round, &agreed.root(id), args.beacon.as_bytes());
        let bar = bar(&format!("round {} of {until}", agreed.round + 1));
        let lanes = Lanes { trainer, folder: &folder, agreed: &agreed, seed };
        let share = |done: u64| bar.set_position(1000 * done / steps);
        let done = pool.install(|| lanes.all(&share));
        bar.finish_and_clear();
        let (done, computed) = done?;
        trained += computed * u64::from(raw.batch);
        let deltas: Result<Vec<_>, _> =
            done.iter().map(|lane| read_delta(run.params(), &lane.delta)).collect();
        let next = agreed.merged(&deltas.expect("made by the same rules"));
        let tokens = (steps * u64::from(raw.batch)) as usize;
        let round = Round {
            round: agreed.round,
            seed: hex(&seed),
            loss: nats(done.iter().map(|lane| lane.loss).sum(), tokens),
            held_out: held_out(&next)?,
            root: next.root(id).to_hex(),
            seconds: round_began.elapsed().as_secs_f64(),
            lanes: folder.write_lanes(trainer, agreed.round, &done)?,
        };
        out.say(&format!(
            "round {:>3}  loss {:.4}  held out {:.4}  {:>6.1} s  root {}",
            round.round, round.loss, round.held_out, round.seconds, round.root
        ));
        journal.root.clone_from(&round.root);
        journal.rounds.push(round);
        folder.write_start(&next)?;
        folder.write_journal(&journal)?;
        folder.clear(agreed.round, raw.lanes);
        folder.write_plot(&plot::plot(&journal).map_err(std::io::Error::other)?)?;
        agreed = next;
    }
    let seconds = began.elapsed().as_secs_f64();
    journal.tokens_per_second = if trained > 0 { Some((trained as f64 / seconds).round()) } else { None };
    out.result(&journal, || {
        let rate = journal.tokens_per_second.map_or(String::new(), |rate| format!(", {rate} tokens/s"));
        let (run, root) = (&journal.run, &journal.root);
        format!(
            "run {run}: {} rounds done{rate}\nroot {root}\n{}",
            journal.rounds.len(),
            folder.plot().display()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
