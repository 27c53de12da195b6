//! `sphere-pow network`: a network in a box. Hosts mine, cheat, check, vote and agree on blocks: as processes on this
//! machine, or in one thread and simulated time.

mod file;
mod host;
mod limits;
mod plan;
mod processes;
mod told;
mod training;
mod wires;

pub(super) use host::{HostArgs, run as run_host};

use crate::console::{Output, bar};
use crate::error::ProverError;
use crate::input;
use crate::signals::Stop;
use clap::Args;
use processes::{Playbook, Processes};
use serde::Serialize;
use sphere_pow_consensus::MAX_TRANSACTION_BYTES;
use sphere_pow_core::exact::Params;
use sphere_pow_core::profile::ProfileName;
use sphere_pow_network::boxed::{BoxError, Simulated};
use sphere_pow_network::exact::openings_bytes;
use sphere_pow_network::ledger::Outcome;
use sphere_pow_network::report::SprintReport;
use sphere_pow_network::scenario::Scenario;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use told::Told;

/// Most hosts of a box: they share one machine.
const MAX_HOSTS: usize = 64;

#[derive(Debug, Args)]
pub(super) struct NetworkArgs {
    /// Number of hosts, 4 to 64
    #[arg(long, default_value_t = 5, value_name = "N")]
    hosts: usize,
    /// What happens: a name, of which `list` prints all, or a TOML file
    #[arg(long, default_value = "honest", value_name = "NAME|FILE")]
    scenario: String,
    /// Rules of the work: a profile whose work can be opened layer by layer
    #[arg(long, default_value_t = ProfileName::Exact)]
    profile: ProfileName,
    /// Model: a preset of the profile, or a JSON file
    #[arg(long, default_value = "nano", value_name = "NAME|FILE")]
    params: String,
    /// Sprints, or rounds of training, until the end
    #[arg(long, default_value_t = 3, value_name = "N")]
    sprints: u64,
    /// All hosts in one thread, by discrete events; equal seeds give equal blocks
    #[arg(long)]
    simulated: bool,
    /// What keys and chance come from
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Simulated: nonces of each host in a Sprint
    #[arg(long, default_value_t = 8, value_name = "N")]
    nonces: u64,
    /// Processes: milliseconds between a decision and the next block
    #[arg(long, default_value_t = 150, value_name = "MS")]
    pause: u64,
    /// Processes: kill a host, another one each time, and start it again, so many times
    #[arg(long, default_value_t = 0, value_name = "N")]
    kills: u32,
    /// Training: file for a plot of the loss, as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Processes: folder for the hosts' blocks and keys, kept; a temporary one by default
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

/// What came of a box.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Played {
    scenario: &'static str,
    about: &'static str,
    is_simulated: bool,
    /// What all hosts agree on.
    sprints: Vec<SprintReport>,
    /// The last block's hash.
    hash: String,
    /// How often a host was killed.
    kills: u32,
}

pub(super) fn run(args: &NetworkArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    if args.scenario == "list" {
        let mining = Scenario::ALL.iter().map(|scenario| (scenario.name, scenario.about));
        let all: Vec<_> = mining
            .chain(training::Scenario::ALL.iter().map(|scenario| (scenario.name, scenario.about)))
            .collect();
        out.result(&all.iter().copied().collect::<std::collections::BTreeMap<_, _>>(), || {
            all.iter().fold(String::new(), |text, (name, about)| text + &format!("{name:<22} {about}\n"))
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(scenario) = training::Scenario::named(&args.scenario) {
        check_box(args)?;
        return training::run(args, scenario, out, stop);
    }
    // What hosts as processes are told: the name, or what the file says now.
    let (scenario, told) = match named(&args.scenario) {
        Ok(scenario) => (scenario, scenario.name),
        Err(_) if Path::new(&args.scenario).is_file() => {
            let read = file::read(Path::new(&args.scenario), args.hosts)?;
            (read.scenario, read.text)
        }
        Err(error) => return Err(error),
    };
    let params = check(args)?;
    if let Some(file) = &args.svg {
        return refuse("--svg", input::name(file), "a scenario of training with it, such as train-honest");
    }
    let (hosts, nonces, seed) = (args.hosts, args.nonces, args.seed);
    let simulated = Simulated { scenario, hosts, params, nonces, sprints: args.sprints, seed };
    let book = Playbook {
        name: told,
        first_odd: args.hosts - 1,
        dies_in: None,
        events: scenario.events,
        is_late: scenario.is_late(),
        cuts_wires: scenario.cuts_wires(),
    };
    let (sprints, hash, kills) =
        play(args, &book, out, stop, describe, |on_sprint| simulated.play(on_sprint))?;
    let played = Played {
        scenario: scenario.name,
        about: scenario.about,
        is_simulated: args.simulated,
        sprints,
        hash,
        kills,
    };
    out.result(&played, || {
        let times = if kills == 1 { "once".into() } else { format!("{kills} times") };
        let killed = if kills == 0 { String::new() } else { format!(", hosts killed {times}") };
        format!("all {} hosts agree, block {}{killed}", args.hosts, played.hash)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Plays a box and says each report as it comes. All of them, the last block's hash, and how often a host was killed.
fn play<R: Told + Clone>(
    args: &NetworkArgs,
    book: &Playbook,
    out: &Output,
    stop: &Stop,
    describe: impl Fn(&R) -> String,
    simulated: impl FnOnce(&mut dyn FnMut(&R) -> bool) -> Result<String, BoxError>,
) -> Result<(Vec<R>, String, u32), ProverError> {
    stop.heed();
    let mut reports = Vec::new();
    let bar = bar("the box");
    let mut on_report = |report: &R| {
        bar.suspend(|| out.say(describe(report).trim_end()));
        bar.set_position(1000 * report.done() / args.sprints.max(1));
        reports.push(report.clone());
        !stop.is_asked()
    };
    let (hash, kills) = if args.simulated {
        (simulated(&mut on_report).map_err(broken)?, 0)
    } else {
        Processes::start(args, book)?.play(args, book, stop, &mut on_report)?
    };
    bar.finish_and_clear();
    Ok((reports, hash, kills))
}

fn named(name: &str) -> Result<Scenario, ProverError> {
    Scenario::named(name).ok_or_else(|| {
        let training = training::Scenario::ALL.iter().map(|scenario| scenario.name);
        let names: Vec<&str> = Scenario::ALL.iter().map(|scenario| scenario.name).chain(training).collect();
        let names = names.join(", ");
        ProverError::Argument {
            what: "--scenario",
            got: name.into(),
            expected: format!("a file, or one of {names}"),
        }
    })
}

fn refuse<T>(what: &'static str, got: String, expected: &str) -> Result<T, ProverError> {
    Err(ProverError::Argument { what, got, expected: expected.into() })
}

/// What has to be right whatever hosts do.
fn check_box(args: &NetworkArgs) -> Result<(), ProverError> {
    if !(4..=MAX_HOSTS).contains(&args.hosts) {
        return refuse("--hosts", args.hosts.to_string(), "4 to 64");
    }
    if !(1..=1000).contains(&args.sprints) {
        return refuse("--sprints", args.sprints.to_string(), "1 to 1000");
    }
    if !(1..=10_000).contains(&args.nonces) {
        return refuse("--nonces", args.nonces.to_string(), "1 to 10000");
    }
    if !(10..=600_000).contains(&args.pause) {
        return refuse("--pause", args.pause.to_string(), "10 to 600000 milliseconds");
    }
    if args.simulated && args.kills > 0 {
        return refuse("--kills", args.kills.to_string(), "0 with --simulated: scenario crash kills there");
    }
    Ok(())
}

fn check(args: &NetworkArgs) -> Result<Params, ProverError> {
    check_box(args)?;
    if args.profile != sphere_pow_network::exact::PROFILE {
        return refuse(
            "--profile",
            args.profile.to_string(),
            "a profile whose work can be opened layer by layer: exact",
        );
    }
    let params = input::model::<Params>(&args.params)?;
    let bytes = openings_bytes(&params);
    if bytes > MAX_TRANSACTION_BYTES {
        let expected =
            format!("a model whose openings ({bytes} bytes) fit a message of {MAX_TRANSACTION_BYTES}");
        return refuse("--params", args.params.clone(), &expected);
    }
    Ok(params)
}

fn broken(error: BoxError) -> ProverError {
    match error {
        BoxError::Interrupted => ProverError::Interrupted,
        other => ProverError::Network { reason: other.to_string() },
    }
}

fn describe(report: &SprintReport) -> String {
    let mut text = format!(
        "Sprint {}, block {} {}: {} of {} checks done\n",
        report.sprint, report.height, report.hash, report.checks_done, report.checks_due
    );
    for (number, host) in report.hosts.iter().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let mut notes = vec![match host.outcome {
            None => "claimed nothing",
            Some(Outcome::Accepted) => "accepted",
            Some(Outcome::Cleared) => "accused, and cleared by all",
            Some(Outcome::Convicted) => "convicted by all",
            Some(Outcome::Withheld) => "did not show what was drawn",
            Some(Outcome::Void) => "claimed two things",
        }];
        let lists = [
            (&report.withheld_reveals, "did not reveal its secret"),
            (&report.recovered, "the others recovered it"),
            (&report.false_dealers, "dealt its secret falsely"),
            (&report.false_accusers, "accused falsely"),
            (&report.equivocators, "voted for two blocks"),
        ];
        notes.extend(lists.iter().filter(|(list, _)| list.contains(&number)).map(|(_, note)| *note));
        let count = host.count.map_or_else(|| "-".into(), |count| count.to_string());
        let _ = writeln!(
            text,
            "  host {number:<2} {count:>7} nonces  power {:>7}  paid {:>8}  {}",
            host.power,
            host.paid,
            notes.join(", ")
        );
    }
    text
}

/// How long a box of processes may go without a block before it counts as stuck: a height of slow machines many times
/// over.
fn patience(args: &NetworkArgs) -> Duration {
    Duration::from_millis(args.pause).saturating_mul(100).max(Duration::from_secs(120))
}
