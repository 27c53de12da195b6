//! `sphere-pow network --scenario train-*`: hosts that train, as processes or in simulated time.

use super::super::train::plot::curve;
use super::NetworkArgs;
use super::processes::Playbook;
use crate::console::Output;
use crate::error::ProverError;
use crate::signals::Stop;
use serde::Serialize;
use sphere_pow_core::network::lanes::verdict::Outcome;
use sphere_pow_network::training::boxed::Simulated;
pub(super) use sphere_pow_network::training::boxed::{HostSettings, start_host};
use sphere_pow_network::training::replay::{Point, Replay};
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
    curve: Curve,
    /// The last block's hash.
    hash: String,
    /// How often a host was killed.
    kills: u32,
}

/// What the box has learnt, as this command finds by training its lanes again.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Curve {
    /// Loss of the first parameters on what is held out, nats a token.
    held_out: f64,
    rounds: Vec<Point>,
    /// Why it ends before the last round.
    #[serde(skip_serializing_if = "Option::is_none")]
    parted: Option<String>,
}

impl Curve {
    fn of(hosts: usize, rounds: u32, reports: &[RoundReport]) -> Result<Self, ProverError> {
        let mut replay = Replay::new(hosts, rounds).map_err(|error| ProverError::Cpu(error.into()))?;
        let mut curve = Self { held_out: replay.held_out(), rounds: Vec::new(), parted: None };
        for report in reports {
            match replay.advance(report) {
                Ok(point) => curve.rounds.extend(point),
                Err(parted) => {
                    curve.parted = Some(parted.to_string());
                    break;
                }
            }
        }
        Ok(curve)
    }

    fn svg(&self, title: &str) -> Result<String, ProverError> {
        let rounds: Vec<(f64, f64)> = self.rounds.iter().map(|point| (point.loss, point.held_out)).collect();
        Ok(curve(title, self.held_out, &rounds).map_err(std::io::Error::other)?)
    }
}

pub(super) fn run(
    args: &NetworkArgs,
    scenario: Scenario,
    out: &Output,
    stop: &Stop,
) -> Result<ExitCode, ProverError> {
    let wanted = u32::try_from(args.sprints).expect("checked to be 1000 at most");
    let simulated = Simulated { scenario, hosts: args.hosts, rounds: wanted, seed: args.seed, standing: 0 };
    let book = Playbook {
        name: scenario.name,
        first_odd: scenario.first_odd(args.hosts),
        events: scenario.events,
        dies_in: scenario.dies_in,
        is_late: scenario.is_late(),
        cuts_wires: scenario.cuts_wires(),
    };
    let (rounds, hash, kills) =
        super::play(args, &book, out, stop, describe, |on_round| simulated.play(on_round))?;
    let curve = Curve::of(args.hosts, wanted, &rounds)?;
    if let Some(file) = &args.svg {
        std::fs::write(file, curve.svg(scenario.name)?)
            .map_err(|source| ProverError::File { file: crate::input::name(file), source })?;
    }
    let (scenario, about, is_simulated) = (scenario.name, scenario.about, args.simulated);
    let root = rounds.last().and_then(|report| report.root.clone()).unwrap_or_default();
    let played = Played { scenario, about, is_simulated, rounds, curve, hash, kills };
    out.result(&played, || {
        let curve = &played.curve;
        let last = curve.rounds.last().map_or(curve.held_out, |point| point.held_out);
        let parted = curve.parted.as_ref().map_or(String::new(), |parted| format!("\n{parted}"));
        format!(
            "loss held out {:.4}, {last:.4} at the end{parted}\nall {} hosts agree, root {root}, block {}",
            curve.held_out, args.hosts, played.hash
        )
    })?;
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
            "  lane {number:<2} host {:<2} {} segments drawn by hosts {:?}: {outcome}{taken}",
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
            "  host {number:<2} weight {:>6}  paid {:>8}  held {:>8}  standing {}{notes}",
            host.weight, host.paid, host.held, host.standing
        );
    }
    text
}
