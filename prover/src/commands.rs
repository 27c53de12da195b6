//! The command line: arguments in, text or JSON out.

mod bench;
mod chain;
mod commit;
mod demo;
mod devices;
mod display;
mod distance;
mod doctor;
mod mine;
mod network;
mod open;
mod probe_units;
mod r_target;
mod serve;
mod simulate;
mod soundness;
mod top;
mod train;
mod verify;

use crate::console::{self, Output};
use crate::error::ProverError;
use crate::signals::{self, Stop};
use clap::parser::ValueSource;
use clap::{CommandFactory, Parser, Subcommand};
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

/// The command that [`crate::session`] starts before it opens a GPU with matrix units.
pub(crate) const PROBE: &str = "probe-matrix-units";

/// The command that `network` starts for each host.
const HOST: &str = "network-host";

/// A block that no network has, so that checksums compare between machines.
const BENCH_BLOCK_HASH: &str = "1FE7A8D3A96F8B5E4A4E0C5E9E2E6C8B7A1D2C3B4A5968778695A4B3C2D1E0F1";
/// A key that nobody has.
const BENCH_PUBLIC_KEY: &str = "02c1f5b1a0f3e2d4c5b6a79889706152433425161708f9eadbccbdaebf90a1b2c3";

/// Mines and verifies transformer-based proofs of work on any GPU, or on the CPU.
#[derive(Debug, Parser)]
#[command(name = "sphere-pow", version, about, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print the result, or the error, as JSON: one document on standard output
    #[arg(long, global = true)]
    json: bool,
}

const EXIT_CODES: &str = "Exit codes:
    0  done, and what was verified is honest
    1  fraud, or a commitment that its host did not open
    2  refused: bad input, or nothing in it that could be judged
    3  machine trouble: no device, no memory, a result or proof that could not be written
    4  unconfirmed: true, but by a model or radius that only the document names
    5  inconclusive: the sample is too small to tell
    6  incomplete: some parts could not be judged, none was found false
    7  serve: every device failed and was given up; started anew, it goes on with its stage
  130  interrupted before there was a result
Logs go to standard error; RUST_LOG=debug shows more.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Mine a small model on what is here, verify the result another way, and explain both
    Demo(demo::DemoArgs),
    /// List the devices, what they can mine, and why not
    Devices,
    /// Compute what given nonces, or those of a document, come to; no verdict
    Distance(distance::DistanceArgs),
    /// Search for nonces that win, appending them to a file as proof batches
    Mine(mine::MineArgs),
    /// Commit to all that was mined with transcripts, layer by layer (exact)
    Commit(commit::CommitArgs),
    /// Open the steps of a commitment that a beacon draws (exact)
    Open(open::OpenArgs),
    /// Recompute a sample of somebody's proofs and give the verdict
    Verify(verify::VerifyArgs),
    /// Confirm what proofs rest on, from a block that you trust: other blocks, model, radius, keys
    Chain(chain::ChainArgs),
    /// Mine and judge as a network's API node says over HTTP
    Serve(serve::ServeArgs),
    /// Watch a running service: rates, a row a device, what waits to be delivered
    Top(top::TopArgs),
    /// Try the service on this machine: mine, deliver and judge a block that no network has
    Doctor(doctor::DoctorArgs),
    /// Run a network in a box: hosts that mine, check, vote and agree on blocks, cheaters among them
    Network(network::NetworkArgs),
    /// Simulate a network of many hosts: what checking costs, who is caught when
    Simulate(simulate::SimulateArgs),
    /// Train a model in integers, round by round, so that anybody can repeat any segment to the bit
    Train(train::TrainArgs),
    /// Convert between a radius and the chance to win
    RTarget(r_target::RTargetArgs),
    /// Measure what shortcuts gain: the harness behind "no shortcut pays"
    Soundness(soundness::SoundnessArgs),
    /// Measure pool generation, matrix products and whole nonces
    Bench(bench::BenchArgs),
    /// Try a driver's matrix units, which may crash it: other commands start this
    #[command(name = PROBE, hide = true)]
    Probe(probe_units::ProbeArgs),
    /// Run one host of a box: `network` starts this
    #[command(name = HOST, hide = true)]
    Host(network::HostArgs),
}

/// Reads the arguments, runs the command, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let mut cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    if let Command::Serve(args) = &cli.command {
        cli = match with_settings(args) {
            Ok(Ok(cli)) => cli,
            Ok(Err(error)) => return usage(&error),
            Err(error) => {
                Output::new(cli.json).error(&error);
                return ExitCode::from(error.exit_code());
            }
        };
    }
    let out = Output::new(cli.json);
    let files = if let Command::Serve(args) = &cli.command { Some(&args.log) } else { None };
    if let Err(error) = console::start_logging(files) {
        out.error(&error);
        return ExitCode::from(error.exit_code());
    }
    let stop = signals::listen();
    // A bug of ours or of a driver is machine trouble too, and `--json` prints one document for it.
    let result = std::panic::catch_unwind(AssertUnwindSafe(|| run(&cli.command, &out, &stop)));
    let result = result.unwrap_or_else(|panic| Err(ProverError::panicked("sphere-pow", panic.as_ref())));
    result.unwrap_or_else(|error| {
        out.error(&error);
        ExitCode::from(error.exit_code())
    })
}

/// The command line again, with what the environment and a file say beside it.
fn with_settings(args: &serve::ServeArgs) -> Result<Result<Cli, clap::Error>, ProverError> {
    let matches = Cli::command().get_matches();
    let given = matches.subcommand().map(|(_, given)| given.clone()).unwrap_or_default();
    let is_given = |id: &str| given.value_source(id) == Some(ValueSource::CommandLine);
    // What is no Unicode is no option's value either, and is refused as such.
    let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let file = args.config.clone().or_else(serve::settings::file_in_environment);
    let more = serve::settings::arguments(file.as_deref(), variable, is_given)?;
    Ok(Cli::try_parse_from(std::env::args_os().chain(more.into_iter().map(Into::into))))
}

/// Help and version, or what is wrong with the arguments: also as JSON where that was asked for.
fn usage(error: &clap::Error) -> ExitCode {
    // Printing help is no failure; clap knows which stream.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let message = error.to_string();
        let message = message.trim().trim_start_matches("error: ");
        let value = serde_json::json!({ "error": { "code": "usage", "message": message } });
        let _ = Output::new(true).result(&value, String::new);
    }
    ExitCode::from(2)
}

fn run(command: &Command, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    match command {
        Command::Demo(args) => demo::run(args, out, stop),
        Command::Devices => devices::run(out),
        Command::Distance(args) => distance::run(args, out, stop),
        Command::Mine(args) => mine::run(args, out, stop),
        Command::Commit(args) => commit::run(args, out),
        Command::Open(args) => open::run(args, out, stop),
        Command::Verify(args) => verify::run(args, out, stop),
        Command::Serve(args) => serve::run(args, out, stop),
        Command::Top(args) => top::run(args, out, stop),
        Command::Doctor(args) => doctor::run(args, out, stop),
        Command::Network(args) => network::run(args, out, stop),
        Command::Host(args) => network::run_host(args, out, stop),
        Command::Simulate(args) => simulate::run(args, out, stop),
        Command::Chain(args) => chain::run(args, out),
        Command::Train(args) => train::run(args, out, stop),
        Command::RTarget(args) => r_target::run(args, out),
        Command::Soundness(args) => soundness::run(args, out, stop),
        Command::Bench(args) => bench::run(args, out, stop),
        Command::Probe(args) => probe_units::run(args),
    }
}
