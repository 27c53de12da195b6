//! `sphere-pow soundness`: the table, the JSON and the plot of the shortcut harness.

use crate::console::{Output, advance, bar};
use crate::error::ProverError;
use crate::input;
use crate::profiles::{Machine, Shortcuts, Visitor, with_profile};
use crate::signals::Stop;
use clap::Args;
use plotters::prelude::*;
use serde::Serialize;
use sphere_pow_core::profile::ProfileName;
use sphere_pow_soundness::harness::Outcome;
use sphere_pow_soundness::worth::SOUND_GAIN;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct SoundnessArgs {
    /// Rules to attack
    #[arg(long)]
    profile: ProfileName,
    /// Model; by default nano, or for gonka the testnet's depth at a small width
    #[arg(long, value_name = "NAME|FILE")]
    params: Option<String>,
    /// Nonces measured for each shortcut, 32 times as many for the cheapest ones of the exact profile
    #[arg(long, value_name = "N", default_value_t = 512)]
    nonces: u32,
    /// File that takes the plot of cost against gain
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Table {
    profile: ProfileName,
    params: serde_json::Value,
    win_rate: f64,
    /// The largest gain that counts as sound.
    bound: f64,
    is_sound: bool,
    shortcuts: Vec<Row>,
}

/// What was found of one shortcut, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    shortcut: String,
    /// As a share of the honest work.
    cost: f64,
    /// The share of the honest work that the cheap score's work saves.
    reused: f64,
    nonces: usize,
    /// Of the cheap with the honest score.
    correlation: f64,
    correlation_interval: [f64; 2],
    /// Of screening by the cheap score; 1 is honest mining.
    gain: f64,
    gain_interval: [f64; 2],
    is_sound: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    true_digests: Option<usize>,
    /// Were the target known beforehand.
    #[serde(skip_serializing_if = "Option::is_none")]
    network_correlation: Option<f64>,
}

impl From<Outcome> for Row {
    fn from(outcome: Outcome) -> Self {
        let (worth, correlation) = (outcome.worth, outcome.worth.correlation);
        Self {
            shortcut: outcome.shortcut,
            cost: worth.price.cheap,
            reused: worth.price.reused,
            nonces: outcome.nonces,
            correlation: correlation.estimate,
            correlation_interval: [correlation.low, correlation.high],
            gain: worth.gain,
            gain_interval: [worth.gain_low, worth.gain_high],
            is_sound: worth.is_sound(),
            true_digests: outcome.true_digests,
            network_correlation: outcome.target_known.map(|worth| worth.correlation.estimate),
        }
    }
}

pub(super) fn run(args: &SoundnessArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    if !(8..=1_000_000).contains(&args.nonces) {
        let expected = "8 to 1000000".into();
        return Err(ProverError::Argument { what: "--nonces", got: args.nonces.to_string(), expected });
    }
    if let Some(file) = &args.svg {
        // Before the work: nobody wants to learn of a bad path an hour later.
        std::fs::write(file, "").map_err(|source| ProverError::File { file: input::name(file), source })?;
    }
    stop.heed();
    let table = with_profile(args.profile, Attack { args, stop })?;
    if let Some(file) = &args.svg {
        plot(file, &table)?;
    }
    out.result(&table, || describe(&table))?;
    Ok(ExitCode::SUCCESS)
}

struct Attack<'a> {
    args: &'a SoundnessArgs,
    stop: &'a Stop,
}

impl Visitor for Attack<'_> {
    type Output = Result<Table, ProverError>;
    fn visit<P: Machine>(self) -> Self::Output {
        let Self { args, stop } = self;
        let params = args.params.as_deref().map(input::model::<P::Params>).transpose()?;
        let bar = bar("attacking");
        let found = P::shortcuts(params, args.nonces as usize, &advance(&bar, stop));
        bar.finish_and_clear();
        let Shortcuts { params, win_rate, rows } = found?;
        let shortcuts: Vec<Row> = rows.into_iter().map(Row::from).collect();
        let is_sound = shortcuts.iter().all(|row| row.is_sound);
        Ok(Table { profile: P::NAME, params, win_rate, bound: SOUND_GAIN, is_sound, shortcuts })
    }
}

fn describe(table: &Table) -> String {
    let mut text = format!(
        "{:<55} {:>8} {:>7} {:>9} {:>19} {:>8} {:>18}\n",
        "shortcut", "cost", "nonces", "rho", "95 %", "gain", "95 %"
    );
    for row in &table.shortcuts {
        let ([rho_low, rho_high], [low, high]) = (row.correlation_interval, row.gain_interval);
        let _ = writeln!(
            text,
            "{:<55} {:>8.5} {:>7} {:>9.5} {:>19} {:>8.3} {:>18}{}",
            row.shortcut,
            row.cost,
            row.nonces,
            row.correlation,
            format!("{rho_low:.5}..{rho_high:.5}"),
            row.gain,
            format!("{low:.3}..{high:.3}"),
            if row.is_sound { "" } else { "  GAINS" },
        );
    }
    let verdict = if table.is_sound { "no shortcut" } else { "a shortcut" };
    let _ = writeln!(
        text,
        "{}: {verdict} may gain more than {} at 95 % (1 in {:.1} nonces wins)",
        table.profile,
        table.bound,
        1.0 / table.win_rate
    );
    text
}

/// Cost against gain, both logarithmic, with the bars of the intervals and the line of what counts as sound.
fn plot(file: &Path, table: &Table) -> Result<(), ProverError> {
    let io = |error: &dyn std::fmt::Display| {
        ProverError::Output(std::io::Error::other(format!("{}: {error}", file.display())))
    };
    let rows = &table.shortcuts;
    let least_cost = rows.iter().map(|row| row.cost).fold(0.1, f64::min) / 2.0;
    let most_gain = rows.iter().map(|row| row.gain_interval[1]).fold(2.0, f64::max) * 1.5;
    let least_gain = rows.iter().map(|row| row.gain_interval[0]).fold(0.5, f64::min).max(1e-3) / 1.5;
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (800, 500)).into_drawing_area();
        root.fill(&WHITE).map_err(|e| io(&e))?;
        let title = format!("Shortcuts of the {} profile: cost against gain, 95 % intervals", table.profile);
        let mut chart = ChartBuilder::on(&root)
            .caption(title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(60)
            .build_cartesian_2d((least_cost..1.2).log_scale(), (least_gain..most_gain).log_scale())
            .map_err(|e| io(&e))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("cost of the cheap score, as a share of the honest work")
            .y_desc("gain (1 = honest mining)")
            .draw()
            .map_err(|e| io(&e))?;
        let line = |y: f64| [(least_cost, y), (1.2, y)];
        chart.draw_series(LineSeries::new(line(1.0), BLACK.mix(0.4))).map_err(|e| io(&e))?;
        chart.draw_series(LineSeries::new(line(table.bound), RED.stroke_width(2))).map_err(|e| io(&e))?;
        for row in rows {
            let colour = if row.is_sound { BLUE } else { RED };
            let [low, high] = row.gain_interval.map(|gain| gain.max(least_gain));
            let bar = PathElement::new(vec![(row.cost, low), (row.cost, high)], colour.mix(0.6));
            chart.draw_series([bar]).map_err(|e| io(&e))?;
            let dot = Circle::new((row.cost, row.gain.max(least_gain)), 4, colour.filled());
            chart.draw_series([dot]).map_err(|e| io(&e))?;
        }
        root.present().map_err(|e| io(&e))?;
    }
    std::fs::write(file, text).map_err(|source| io(&source))
}
