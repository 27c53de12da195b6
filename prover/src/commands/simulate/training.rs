//! `sphere-pow simulate --training`: rounds of training by many hosts, counted instead of computed.

use super::plot::{Axis, Series, draw};
use super::{Column, SimulateArgs, Simulated, csv};
use plotters::prelude::*;
use sphere_pow_network::simulate::ScenarioError;
pub(super) use sphere_pow_network::simulate::training::Scenario;
use sphere_pow_network::simulate::training::{Escape, Row, Run, run as simulate};
use std::fmt::Write;

impl Simulated for Scenario {
    type Run = Run;

    fn choose(&mut self, args: &SimulateArgs) {
        self.hosts = args.hosts.unwrap_or(self.hosts);
        self.rounds = args.epochs.unwrap_or(self.rounds);
        self.seed = args.seed.unwrap_or(self.seed);
    }

    fn check(&self) -> Result<(), ScenarioError> {
        Scenario::check(self).map(|_| ())
    }

    fn length(&self) -> u64 {
        self.rounds
    }

    fn simulate(&self, on_row: &mut dyn FnMut(u64) -> bool) -> Result<Run, ScenarioError> {
        simulate(self, &mut |row| on_row(row.round))
    }

    fn is_empty(run: &Run) -> bool {
        run.rows.is_empty()
    }

    fn csv(run: &Run) -> String {
        csv(&COLUMNS, &run.rows)
    }

    fn plot(run: &Run) -> Result<String, String> {
        plot(run)
    }

    fn describe(run: &Run) -> String {
        describe(run)
    }
}

const COLUMNS: [Column<Row>; 13] = [
    ("round", |row| row.round.to_string()),
    ("accepted", |row| row.accepted.to_string()),
    ("released", |row| row.released.to_string()),
    ("false_lanes", |row| row.false_lanes.to_string()),
    ("caught", |row| row.caught.to_string()),
    ("caught_expected", |row| row.caught_expected.to_string()),
    ("missed", |row| row.missed.to_string()),
    ("wronged", |row| row.wronged.to_string()),
    ("checking", |row| row.checking.to_string()),
    ("checking_expected", |row| row.checking_expected.to_string()),
    ("minted", |row| row.minted.to_string()),
    ("forfeited", |row| row.forfeited.to_string()),
    ("standing", |row| row.standing.to_string()),
];

fn describe(run: &Run) -> String {
    let mut text = format!(
        "{:>6} {:>9} {:>9} {:>7} {:>7} {:>9} {:>7} {:>8} {:>9} {:>9}\n",
        "round",
        "accepted",
        "released",
        "false",
        "caught",
        "expected",
        "missed",
        "wronged",
        "checking",
        "standing"
    );
    // Some twenty lines of a long run, the first and the last among them.
    let every = run.rows.len().div_ceil(20).max(1);
    for (ix, row) in run.rows.iter().enumerate() {
        if ix % every != 0 && ix + 1 != run.rows.len() {
            continue;
        }
        let _ = writeln!(
            text,
            "{:>6} {:>9} {:>9} {:>7} {:>7} {:>9.1} {:>7} {:>8} {:>7.2} % {:>9.1}",
            row.round,
            row.accepted,
            row.released,
            row.false_lanes,
            row.caught,
            row.caught_expected,
            row.missed,
            row.wronged,
            100.0 * row.checking,
            row.standing
        );
    }
    let _ = writeln!(
        text,
        "\n{:<16} {:>7} {:>8} {:>9} {:>9} {:>11} {:>10} {:>9} {:>7}",
        "group", "hosts", "weight", "lanes", "caught", "expected", "deviations", "earned", "never"
    );
    for group in &run.groups {
        let _ = writeln!(
            text,
            "{:<16} {:>7} {:>6.2} % {:>9} {:>9} {:>11.1} {:>10.2} {:>7.2} % {:>7}",
            group.name.escape_debug().to_string(),
            group.hosts,
            100.0 * group.weight,
            group.lanes,
            group.caught,
            group.caught_expected,
            group.deviations,
            100.0 * group.earned,
            group.never_caught
        );
    }
    for group in run.groups.iter().filter(|group| !group.escapes.is_empty()) {
        let _ = writeln!(text, "\n{}, never caught after", group.name.escape_debug());
        for escape in group.escapes.iter().filter(|escape| is_round(escape)) {
            let (lanes, escaped, formula) = (escape.lanes, 100.0 * escape.escaped, 100.0 * escape.formula);
            let _ = writeln!(text, "{lanes:>6} lanes {escaped:>7.2} %, by the formula {formula:>7.2} %");
        }
    }
    let _ = writeln!(
        text,
        "\nchecking {:.3} % of training, expected {:.3} % ({:.2} deviations); rewards wait for {} own rounds\n\
         {} units minted: {} paid, {} held, {} forfeited",
        100.0 * run.checking,
        100.0 * run.checking_expected,
        run.checking_deviations,
        run.wait,
        run.minted,
        run.paid,
        run.held,
        run.forfeited
    );
    text
}

/// 1, 2, 5, 10, 20, 50 and so on.
fn is_round(escape: &Escape) -> bool {
    let mut lanes = escape.lanes;
    while lanes.is_multiple_of(10) && lanes > 0 {
        lanes /= 10;
    }
    matches!(lanes, 1 | 2 | 5)
}

/// Four plots over the rounds: what was found, what checking costs, where rewards went, and who escapes.
fn plot(run: &Run) -> Result<String, String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (1100, 760)).into_drawing_area();
        root.fill(&WHITE).map_err(|error| error.to_string())?;
        let panels = root.split_evenly((2, 2));
        let round: Axis<'_, Row> = ("round", &|row| row.round as f64);
        let plots: [(&str, &str, &[Series<'_, Row>]); 3] = [
            (
                "False lanes",
                "lanes",
                &[
                    ("caught", RED, &|row| row.caught as f64),
                    ("expected", BLACK, &|row| row.caught_expected),
                    ("missed", BLUE, &|row| row.missed as f64),
                ],
            ),
            (
                "Cost of checking",
                "percent of training",
                &[
                    ("checking", BLUE, &|row| 100.0 * row.checking),
                    ("expected", BLACK, &|row| 100.0 * row.checking_expected),
                ],
            ),
            (
                "Rewards",
                "units",
                &[
                    ("minted", BLUE, &|row| row.minted as f64),
                    ("forfeited", RED, &|row| row.forfeited as f64),
                ],
            ),
        ];
        for (panel, (title, unit, series)) in panels.iter().zip(plots) {
            draw(panel, title, round, (unit, series), &run.rows).map_err(|error| error.to_string())?;
        }
        let lanes: Axis<'_, Escape> = ("lanes trained", &|escape| escape.lanes as f64);
        let escapes: [Series<'_, Escape>; 2] = [
            ("never caught", RED, &|escape| 100.0 * escape.escaped),
            ("by the formula", BLACK, &|escape| 100.0 * escape.formula),
        ];
        // Of the first group that fakes.
        let first = run.groups.iter().map(|group| &group.escapes).find(|escapes| !escapes.is_empty());
        let rows = first.map_or(&[][..], |escapes| escapes);
        draw(&panels[3], "Escapes", lanes, ("percent of hosts", &escapes), rows)
            .map_err(|error| error.to_string())?;
        root.present().map_err(|error| error.to_string())?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Run {
        let text = r#"
            hosts = 100
            rounds = 6
            [rules]
            lanes = 40
            [[groups]]
            name = "fakers"
            share = 200
            fakes = 250
        "#;
        let scenario: Scenario = toml::from_str(text).unwrap();
        let again: Scenario = toml::from_str(&toml::to_string(&scenario).unwrap()).unwrap();
        assert_eq!(again, scenario);
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
        for (name, value) in names.into_iter().zip(lines.next().unwrap().split(',')) {
            assert_eq!(json[name].as_f64().unwrap(), value.parse::<f64>().unwrap(), "{name}");
        }
    }

    #[test]
    fn plots_show_each_series() {
        let svg = plot(&run()).unwrap();
        for title in ["False lanes", "Cost of checking", "Rewards", "Escapes"] {
            assert!(svg.contains(title), "{title}");
        }
        assert!(svg.matches("<polyline").count() >= 9);
    }
}
