//! `sphere-pow train export`: a checkpoint of a run as safetensors.

use super::super::commit::replace;
use super::arithmetic::{Floats, Integers, Trainer};
use super::check::{Wanted, before};
use super::folder::Folder;
use super::machine::Machine;
use super::{RunArgs, machine, read_run};
use crate::checkpoint::{CheckpointError, write_agreed, write_floats, write_integers, write_values};
use crate::console::Output;
use crate::error::ProverError;
use crate::input;
use crate::signals::Stop;
use clap::Args;
use serde::Serialize;
use sphere_pow_core::train::float::FloatRun;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The round before which the parameters were agreed, from 0; the number of rounds done gives the last
    round: u32,
    /// A lane, from 0: its state before --segment instead of what was agreed
    #[arg(long, value_name = "N", requires = "segment", conflicts_with = "values")]
    lane: Option<u32>,
    /// The segment, from 0
    #[arg(long, value_name = "N", requires = "lane")]
    segment: Option<u32>,
    /// What the run learns
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// Folder of the run
    #[arg(long, default_value = "training", value_name = "DIR")]
    dir: PathBuf,
    #[command(flatten)]
    of: RunArgs,
    /// The run's lanes are in floats
    #[arg(long)]
    float: bool,
    /// Parameters as F32 values, for other programs, instead of integers with the outer momentum
    #[arg(long)]
    values: bool,
    /// File that takes the checkpoint
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// CPU threads; all by default
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    round: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    segment: Option<u32>,
    bytes: usize,
}

pub(super) fn export(args: &ExportArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let run = read_run(&args.text, args.of)?;
    let (pool, executor) = machine(args.threads)?;
    let wanted = args.lane.zip(args.segment).map(|(lane, segment)| Wanted {
        dir: &args.dir,
        round: args.round,
        lane,
        segment,
    });
    let written = if args.float {
        let run = FloatRun::new(run);
        let trainer = Floats::new(&run, executor, stop)?;
        match &wanted {
            Some(wanted) => write_floats(&run, args.round, &before(wanted, &trainer, &pool, stop)?.state),
            None => agreed(args, &trainer)?,
        }
    } else {
        let trainer = Integers { run: &run, machine: Machine::cpu(executor, stop) };
        match &wanted {
            Some(wanted) => write_integers(&run, args.round, &before(wanted, &trainer, &pool, stop)?.state),
            None => agreed(args, &trainer)?,
        }
    };
    let bytes = written
        .map_err(|error| ProverError::Training { what: input::name(&args.out), reason: error.to_string() })?;
    replace(&args.out, |file| file.write_all(&bytes))?;
    let exported = Exported { round: args.round, lane: args.lane, segment: args.segment, bytes: bytes.len() };
    out.result(&exported, || format!("{} bytes\n{}", exported.bytes, input::name(&args.out)))?;
    Ok(ExitCode::SUCCESS)
}

/// What was agreed before the round, when the journal's root says so.
fn agreed<T: Trainer>(
    args: &ExportArgs,
    trainer: &T,
) -> Result<Result<Vec<u8>, CheckpointError>, ProverError> {
    let folder = Folder::new(&args.dir);
    let journal = folder.read_journal(trainer)?;
    let done = journal.rounds.len();
    let round = args.round as usize;
    if round > done {
        let expected = format!("{done} at most, the rounds that are done");
        return Err(ProverError::Argument { what: "round", got: round.to_string(), expected });
    }
    let params = trainer.run().params();
    let root = if round == 0 {
        sphere_pow_core::train::merge::Agreed::fresh(params, trainer.run().id()).root(trainer.id()).to_hex()
    } else {
        journal.rounds[round - 1].root.clone()
    };
    let agreed = folder.read_start(trainer, args.round, &root)?;
    let write = if args.values { write_values } else { write_agreed };
    Ok(write(params, trainer.id(), &agreed))
}
