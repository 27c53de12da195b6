//! The command line: arguments in, text or JSON out.

mod bench;
mod demo;
mod devices;
mod distance;
mod exact;
mod exact_bench;
mod exact_demo;
mod mine;
mod open;
mod output;
mod r_target;
mod soundness;
mod verify;

use crate::error::ProverError;
use clap::{Args, Parser, Subcommand, ValueEnum};
use sphere_pow_core::gonka::Params;
use sphere_pow_core::identity::{BlockHash, PublicKey};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Mines and verifies transformer-based proofs of work on any GPU, or on the CPU.
#[derive(Debug, Parser)]
#[command(name = "sphere-pow", version, about, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print the result as JSON, one document on standard output
    #[arg(long, global = true)]
    json: bool,
}

const EXIT_CODES: &str = "Exit codes: 0 done, and honest; 1 fraud; 2 bad input; 3 machine trouble; \
130 interrupted before there was a result.\nLogs go to standard error; RUST_LOG=debug shows more.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Mine a small model on what is here, verify the result another way, and explain both
    Demo(demo::DemoArgs),
    /// List the devices, what they can mine, and why not
    Devices,
    /// Compute the distances of given nonces
    Distance(distance::DistanceArgs),
    /// Search for nonces that win, appending them to a file as proof batches
    Mine(mine::MineArgs),
    /// Recompute a sample of somebody's proofs and give the network's verdict
    Verify(verify::VerifyArgs),
    /// Convert between a radius and the chance to win
    RTarget(r_target::RTargetArgs),
    /// Measure what shortcuts gain: the harness behind "no shortcut pays"
    Soundness(soundness::SoundnessArgs),
    /// Measure pool generation, matrix products and whole nonces
    Bench(bench::BenchArgs),
}

/// Which puzzle.
#[derive(Debug, Args)]
struct PuzzleArgs {
    /// Rules to follow: the network's own scheme, or exact integers
    #[arg(long, value_enum, default_value_t = Profile::Gonka)]
    profile: Profile,
    /// Model: mainnet, testnet, default or dev-test; nano, standard or large with --profile exact; or a JSON file
    #[arg(long, value_name = "NAME|FILE")]
    params: String,
    /// Hash of the block that starts the Sprint
    #[arg(long, value_name = "HASH")]
    block_hash: String,
    /// Key of the host that mines
    #[arg(long, value_name = "KEY")]
    public_key: String,
}

/// On what to compute.
#[derive(Clone, Debug, Args)]
struct BackendArgs {
    /// auto takes a hardware GPU if there is one, else the CPU; gpu never falls back
    #[arg(long, value_enum, default_value_t = BackendChoice::Auto)]
    backend: BackendChoice,
    /// Adapter by index or part of its name, see `sphere-pow devices`; mine takes several
    #[arg(long, value_name = "NAME_OR_INDEX")]
    adapter: Vec<String>,
    /// CPU threads; all by default
    #[arg(long, value_name = "N")]
    threads: Option<std::num::NonZeroUsize>,
    /// Nonces computed at once; chosen from the memory by default
    #[arg(long, value_name = "N")]
    batch: Option<std::num::NonZeroUsize>,
    /// Most memory to take for the exact profile, of the device or of the CPU's; weights that do not fit are made
    /// as they are used
    #[arg(long, value_name = "MB")]
    memory: Option<std::num::NonZeroUsize>,
}

/// Whose rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// The network's own, to within hardware noise.
    Gonka,
    /// Integers end to end, the same bits everywhere.
    Exact,
}

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BackendChoice {
    /// A hardware GPU if there is one, else the CPU.
    Auto,
    /// A GPU or nothing.
    Gpu,
    /// The CPU.
    Cpu,
}

/// The model that `--params` names: a preset or a JSON file.
fn params(name: &str) -> Result<Params, ProverError> {
    if let Some(preset) = sphere_pow_core::gonka::Preset::from_name(name) {
        return Ok(preset.params());
    }
    let file = PathBuf::from(name);
    if !file.exists() {
        let expected = "mainnet, testnet, default, dev-test or a JSON file".into();
        return Err(ProverError::Argument { what: "--params", got: name.into(), expected });
    }
    Ok(Params::from_json(&read_text(&file, 1 << 20)?)?)
}

/// A file's text, refused above `limit` bytes before it is read.
fn read_text(file: &std::path::Path, limit: u64) -> Result<String, ProverError> {
    use std::io::Read;
    let error = |source| ProverError::Read { file: file.into(), source };
    let opened = std::fs::File::open(file).map_err(error)?;
    let mut text = String::new();
    opened.take(limit + 1).read_to_string(&mut text).map_err(error)?;
    if text.len() as u64 > limit {
        let expected = format!("a file of at most {limit} bytes");
        return Err(ProverError::Argument { what: "file", got: file.display().to_string(), expected });
    }
    Ok(text)
}

/// Brings a hash to the network's spelling and says so when that changed it or it is unusual.
fn block_hash(text: &str) -> Result<BlockHash, ProverError> {
    let hash = BlockHash::from_network(text)?;
    if hash.as_str() != text {
        tracing::warn!("block hash brought to the network's spelling: {hash}");
    } else if !hash.is_network_form() {
        tracing::warn!("block hash {hash} is not 64 hex digits, as the network's are; using it as given");
    }
    Ok(hash)
}

/// Brings a key to the network's spelling and says so when that changed it.
fn public_key(text: &str) -> Result<PublicKey, ProverError> {
    let key = PublicKey::from_network(text)?;
    if key.as_str() != text {
        tracing::warn!("public key brought to the network's spelling: {key}");
    }
    Ok(key)
}

/// Reads the arguments, runs the command, and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Printing help is no failure; clap knows which stream.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    output::start_logging();
    let stop = Arc::new(AtomicBool::new(false));
    let on_signal = Arc::clone(&stop);
    let handler = ctrlc::set_handler(move || {
        if on_signal.swap(true, Ordering::Relaxed) {
            // Asked twice: every acknowledged line is on the disk already.
            std::process::exit(130);
        }
    });
    if let Err(error) = handler {
        tracing::warn!("Ctrl-C will not be handled: {error}");
    }
    match run(&cli, &stop) {
        Ok(code) => code,
        Err(ProverError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(error) => {
            output::error(cli.json, &error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(cli: &Cli, stop: &AtomicBool) -> Result<ExitCode, ProverError> {
    let out = output::Output::new(cli.json);
    match &cli.command {
        Command::Demo(args) => demo::run(args, &out, stop),
        Command::Devices => devices::run(&out),
        Command::Distance(args) => distance::run(args, &out, stop),
        Command::Mine(args) => mine::run(args, &out, stop),
        Command::Verify(args) => verify::run(args, &out, stop),
        Command::RTarget(args) => r_target::run(args, &out),
        Command::Soundness(args) => soundness::run(args, &out, stop),
        Command::Bench(args) => bench::run(args, &out, stop),
    }
}
