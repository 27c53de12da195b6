//! `sphere-pow simulate`: a network of many hosts in one thread, as a table, JSON, CSV and a plot.

mod plot;
mod training;

use crate::console::{Output, bar};
use crate::error::ProverError;
use crate::input;
use crate::signals::Stop;
use clap::Args;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sphere_pow_network::simulate::{Row, Run, Scenario, ScenarioError, run as simulate};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Largest scenario file, in bytes.
const MAX_SCENARIO: usize = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// Rounds of training, in place of epochs of mining
    #[arg(long)]
    training: bool,
    /// What is simulated, in TOML; an honest network by default
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Number of hosts, before the scenario's
    #[arg(long, value_name = "N")]
    hosts: Option<u32>,
    /// Number of epochs, or of rounds of training, before the scenario's
    #[arg(long, value_name = "N")]
    epochs: Option<u64>,
    /// What all chance comes from, before the scenario's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print the scenario with all its numbers, and simulate nothing
    #[arg(long)]
    show: bool,
    /// File that takes a line for each epoch or round
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// File that takes the plots
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Something that is simulated.
trait Simulated: Default + Serialize + DeserializeOwned {
    /// What comes of it.
    type Run: Serialize;

    /// What options say, before the scenario's.
    fn choose(&mut self, args: &SimulateArgs);
    /// Checks all numbers.
    fn check(&self) -> Result<(), ScenarioError>;
    /// Rows in all.
    fn length(&self) -> u64;
    /// Simulates; `on_row` is told how many rows there are so far, a `false` ends it.
    fn simulate(&self, on_row: &mut dyn FnMut(u64) -> bool) -> Result<Self::Run, ScenarioError>;
    /// Whether it ended before the first row.
    fn is_empty(run: &Self::Run) -> bool;
    /// As CSV.
    fn csv(run: &Self::Run) -> String;
    /// As SVG.
    fn plot(run: &Self::Run) -> Result<String, String>;
    /// As a table.
    fn describe(run: &Self::Run) -> String;
}

pub(super) fn run(args: &SimulateArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    if args.training {
        run_of::<training::Scenario>(args, out, stop)
    } else {
        run_of::<Scenario>(args, out, stop)
    }
}

fn run_of<S: Simulated>(args: &SimulateArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    let mut scenario: S = read(args)?;
    scenario.choose(args);
    if args.show {
        scenario.check().map_err(refused)?;
        out.result(&scenario, || toml::to_string(&scenario).expect("a scenario is a table"))?;
        return Ok(ExitCode::SUCCESS);
    }
    claim_files(args)?;
    stop.heed();
    let bar = bar("simulating");
    bar.set_length(scenario.length());
    let result = scenario.simulate(&mut |rows| {
        bar.set_position(rows);
        !stop.is_asked()
    });
    bar.finish_and_clear();
    let run = result.map_err(refused)?;
    // What was simulated until then is a result.
    if S::is_empty(&run) {
        return Err(ProverError::Interrupted);
    }
    if let Some(file) = &args.csv {
        std::fs::write(file, S::csv(&run)).map_err(|error| written(file, &error))?;
    }
    if let Some(file) = &args.svg {
        let text = S::plot(&run).map_err(|reason| written(file, &reason))?;
        std::fs::write(file, text).map_err(|error| written(file, &error))?;
    }
    out.result(&run, || S::describe(&run))?;
    Ok(ExitCode::SUCCESS)
}

impl Simulated for Scenario {
    type Run = Run;

    fn choose(&mut self, args: &SimulateArgs) {
        self.hosts = args.hosts.unwrap_or(self.hosts);
        self.epochs = args.epochs.unwrap_or(self.epochs);
        self.seed = args.seed.unwrap_or(self.seed);
    }

    fn check(&self) -> Result<(), ScenarioError> {
        self.rules().map(|_| ())
    }

    fn length(&self) -> u64 {
        self.epochs
    }

    fn simulate(&self, on_row: &mut dyn FnMut(u64) -> bool) -> Result<Run, ScenarioError> {
        simulate(self, &mut |row| on_row(row.epoch))
    }

    fn is_empty(run: &Run) -> bool {
        run.rows.is_empty()
    }

    fn csv(run: &Run) -> String {
        csv(&COLUMNS, &run.rows)
    }

    fn plot(run: &Run) -> Result<String, String> {
        plot::plot(run)
    }

    fn describe(run: &Run) -> String {
        describe(run)
    }
}

/// Makes the files that results go to. Before the work: nobody wants to learn of a bad path an hour later.
fn claim_files(args: &SimulateArgs) -> Result<(), ProverError> {
    for file in [&args.csv, &args.svg].into_iter().flatten() {
        std::fs::write(file, "").map_err(|source| ProverError::File { file: input::name(file), source })?;
    }
    Ok(())
}

/// The scenario of the file, or the default one.
fn read<S: Default + DeserializeOwned>(args: &SimulateArgs) -> Result<S, ProverError> {
    let Some(path) = &args.scenario else { return Ok(S::default()) };
    let refused = |reason: &dyn std::fmt::Display| ProverError::Argument {
        what: "--scenario",
        got: input::name(path),
        expected: format!("a scenario in TOML: {reason}"),
    };
    let bytes = input::bytes(path, MAX_SCENARIO)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| refused(&error))?;
    toml::from_str(text).map_err(|error| refused(&error.message()))
}

fn refused(error: ScenarioError) -> ProverError {
    match error {
        ScenarioError::Number { what, got, expected } => {
            ProverError::Argument { what, got, expected: expected.into() }
        }
        other => ProverError::Argument {
            what: "the scenario's rules",
            got: other.to_string(),
            expected: "rules that a network can follow".into(),
        },
    }
}

fn written(file: &Path, error: &dyn std::fmt::Display) -> ProverError {
    ProverError::Output(std::io::Error::other(format!("{}: {error}", file.display())))
}

/// A column of the CSV: the name of a row's field, and its value.
type Column<R> = (&'static str, fn(&R) -> String);

const COLUMNS: [Column<Row>; 13] = [
    ("epoch", |row| row.epoch.to_string()),
    ("claims", |row| row.claims.to_string()),
    ("false_claims", |row| row.false_claims.to_string()),
    ("missed", |row| row.missed.to_string()),
    ("wronged", |row| row.wronged.to_string()),
    ("false_weight", |row| row.false_weight.to_string()),
    ("verification", |row| row.verification.to_string()),
    ("checks_due", |row| row.checks_due.to_string()),
    ("checks_done", |row| row.checks_done.to_string()),
    ("standing", |row| row.standing.to_string()),
    ("win_rate", |row| row.win_rate.to_string()),
    ("r_target", |row| row.r_target.to_string()),
    ("against_goal", |row| row.against_goal.to_string()),
];

fn csv<R, const N: usize>(columns: &[Column<R>; N], rows: &[R]) -> String {
    let mut text = columns.map(|column| column.0).join(",") + "\n";
    for row in rows {
        text += &(columns.map(|column| column.1(row)).join(",") + "\n");
    }
    text
}

fn describe(run: &Run) -> String {
    let mut text = format!(
        "{:>6} {:>7} {:>7} {:>7} {:>8} {:>9} {:>9} {:>9} {:>11}\n",
        "epoch", "claims", "false", "missed", "wronged", "checking", "standing", "r_target", "wins/wanted"
    );
    // Some twenty lines of a long run, the first and the last among them.
    let every = run.rows.len().div_ceil(20).max(1);
    for (ix, row) in run.rows.iter().enumerate() {
        if ix % every != 0 && ix + 1 != run.rows.len() {
            continue;
        }
        let _ = writeln!(
            text,
            "{:>6} {:>7} {:>7} {:>7} {:>8} {:>7.2} % {:>9.1} {:>9.6} {:>11.3}",
            row.epoch,
            row.claims,
            row.false_claims,
            row.missed,
            row.wronged,
            100.0 * row.verification,
            row.standing,
            row.r_target,
            row.against_goal
        );
    }
    let _ = writeln!(
        text,
        "\n{:<16} {:>7} {:>8} {:>8} {:>8} {:>9} {:>9} {:>13} {:>7}",
        "group", "hosts", "power", "weight", "paid", "claims", "rejected", "caught after", "never"
    );
    for group in &run.groups {
        let caught = group.caught_after.map_or_else(|| "-".into(), |epochs| format!("{epochs:.2} epochs"));
        let _ = writeln!(
            text,
            "{:<16} {:>7} {:>6.2} % {:>6.2} % {:>6.2} % {:>9} {:>9} {:>13} {:>7}",
            group.name.escape_debug().to_string(),
            group.hosts,
            100.0 * group.power,
            100.0 * group.weight,
            100.0 * group.paid,
            group.claims,
            group.rejected,
            caught,
            group.never_caught
        );
    }
    let _ = writeln!(
        text,
        "\n{} messages taken, {} too late or out of place; last block {}",
        run.messages, run.refused, run.hash
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        let scenario = Scenario { hosts: 20, epochs: 3, ..Scenario::default() };
        simulate(&scenario, &mut |_| true).unwrap()
    }

    #[test]
    fn csv_has_the_columns_of_the_json() {
        let run = run();
        let text = csv(&COLUMNS, &run.rows);
        let mut lines = text.lines();
        let json = serde_json::to_value(&run.rows[0]).unwrap();
        let names: Vec<&str> = lines.next().unwrap().split(',').collect();
        assert_eq!(names.len(), json.as_object().unwrap().len());
        assert_eq!(text.lines().count(), 4);
        for (name, value) in names.into_iter().zip(lines.next().unwrap().split(',')) {
            assert_eq!(json[name].as_f64().unwrap(), value.parse::<f64>().unwrap(), "{name}");
        }
    }

    #[test]
    fn scenarios_survive_toml() {
        let text = r#"
            hosts = 50
            power = { pareto = { alpha = 1.5 } }
            [rules]
            seats = 4
            [[groups]]
            name = "skippers"
            share = 100
            strategy = { work = { skip = 500 }, voting = "cover" }
            coalition = 1
        "#;
        let scenario: Scenario = toml::from_str(text).unwrap();
        assert_eq!(scenario.rules.seats, 4);
        let again: Scenario = toml::from_str(&toml::to_string(&scenario).unwrap()).unwrap();
        assert_eq!(again, scenario);
        assert!(toml::from_str::<Scenario>("host = 50").is_err());
    }

    #[test]
    fn plots_show_each_series() {
        let svg = plot::plot(&run()).unwrap();
        for title in ["Voting weight", "Cost of checking", "What was found", "Difficulty"] {
            assert!(svg.contains(title), "{title}");
        }
        // A line for each series.
        assert!(svg.matches("<polyline").count() >= 7);
    }
}
