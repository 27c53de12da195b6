//! `sphere-pow network --scenario train-*`: hosts that train, as processes or in simulated time.

use super::NetworkArgs;
use super::processes::Playbook;
use crate::console::Output;
use crate::error::ProverError;
use crate::signals::Stop;
use serde::Serialize;
use sphere_pow_core::network::lanes::verdict::Outcome;
use sphere_pow_network::training::boxed::Simulated;
pub(super) use sphere_pow_network::training::boxed::{HostSettings, start_host};
use sphere_pow_network::training::report::RoundReport;
pub(super) use sphere_pow_network::training::scenario::Scenario;
use std::fmt::Write;
use std::process::ExitCode;

/// What came of a box that trains.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Played {
    scenario: &'static str,
    about: &'static str,
    is_simulated: bool,
    /// What all hosts agree on, attempt by attempt.
    rounds: Vec<RoundReport>,
    /// The last block's hash.
    hash: String,
    /// How often a host was killed.
    kills: u32,
}

pub(super) fn run(
    args: &NetworkArgs,
    scenario: Scenario,
    out: &Output,
    stop: &Stop,
) -> Result<ExitCode, ProverError> {
    let wanted = u32::try_from(args.sprints).expect("checked to be 1000 at most");
    let simulated = Simulated { scenario, hosts: args.hosts, rounds: wanted, seed: args.seed, standing: 0 };
    let (name, events, cuts_wires) = (scenario.name, scenario.events, scenario.cuts_wires());
    let book = Playbook { name, events, is_late: false, cuts_wires };
    let (rounds, hash, kills) =
        super::play(args, &book, out, stop, describe, |on_round| simulated.play(on_round))?;
    let (scenario, about, is_simulated) = (scenario.name, scenario.about, args.simulated);
    let root = rounds.last().and_then(|report| report.root.clone()).unwrap_or_default();
    let played = Played { scenario, about, is_simulated, rounds, hash, kills };
    out.result(&played, || format!("all {} hosts agree, root {root}, block {}", args.hosts, played.hash))?;
    Ok(ExitCode::SUCCESS)
}

fn describe(report: &RoundReport) -> String {
    let root = report.root.as_deref().unwrap_or("none: the round is repeated");
    let mut text = format!("round {}, block {}: root {root}\n", report.round + 1, report.height);
    for (number, lane) in report.lanes.iter().enumerate() {
        let outcome = match lane.outcome {
            Outcome::Accepted => "accepted",
            Outcome::Cleared => "accused, and cleared by all",
            Outcome::Convicted => "convicted by all",
            Outcome::Void => "committed to two things",
            Outcome::Missing => "not committed in time",
            Outcome::Unheld => "its delta cannot be had",
            Outcome::Withheld => "not shown",
            Outcome::Unchecked => "checked by nobody",
            Outcome::Undecided => "accused, and not decided",
        };
        let taken = if lane.holder == lane.first_holder {
            String::new()
        } else {
            format!(", taken over from host {}", lane.first_holder)
        };
        let _ = writeln!(
            text,
            "  lane {number:<2} host {:<2} {} segments repeated by hosts {:?}: {outcome}{taken}",
            lane.holder,
            lane.drawn.len(),
            lane.checkers
        );
    }
    for (number, host) in (0_u32..).zip(&report.hosts) {
        let mut notes = String::new();
        if report.at_fault.contains(&number) {
            notes += "  lost what it held";
        }
        if report.dissenting.contains(&number) {
            notes += "  merged to another root";
        }
        let _ = writeln!(
            text,
            "  host {number:<2} paid {:>8}  held {:>8}  standing {}{notes}",
            host.paid, host.held, host.standing
        );
    }
    text
}
