//! `sphere-pow soundness`: the table, the JSON and the plot of the shortcut harness.

use super::output::{Output, advance, bar};
use super::{Profile, exact, params};
use crate::error::ProverError;
use crate::exact::search::win_probability;
use crate::soundness::{self, Row};
use clap::Args;
use plotters::prelude::*;
use serde::Serialize;
use sphere_pow_core::gonka::Params;
use sphere_pow_core::gonka::params::RawParams;
use sphere_pow_core::gonka::proof::TargetRadius;
use sphere_pow_core::soundness::SOUND_GAIN;
use sphere_pow_core::statistics::cap_probability;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

/// Logits of the network's models.
const NETWORK_VOCAB: u32 = 8196;

#[derive(Debug, Args)]
pub(super) struct SoundnessArgs {
    /// Rules to attack
    #[arg(long, value_enum)]
    profile: Profile,
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
struct Table {
    profile: &'static str,
    params: serde_json::Value,
    win_rate: f64,
    /// The largest gain that counts as sound.
    bound: f64,
    is_sound: bool,
    shortcuts: Vec<Row>,
}

/// The testnet's 32 layers, thin enough for the readable executor.
fn testnet_depth() -> Result<Params, ProverError> {
    Ok(Params::new(&RawParams {
        dim: 64,
        n_layers: 32,
        n_heads: 4,
        n_kv_heads: 4,
        vocab_size: 256,
        ffn_dim_multiplier: Some(1.0),
        multiple_of: 64,
        norm_eps: 1e-5,
        rope_theta: 10_000.0,
        use_scaled_rope: false,
        seq_len: 4,
    })?)
}

pub(super) fn run(args: &SoundnessArgs, out: &Output, stop: &AtomicBool) -> Result<ExitCode, ProverError> {
    if !(8..=1_000_000).contains(&args.nonces) {
        let expected = "8 to 1000000".into();
        return Err(ProverError::Argument { what: "--nonces", got: args.nonces.to_string(), expected });
    }
    let n = args.nonces as usize;
    let bar = bar("attacking");
    let progress = advance(&bar, stop);
    let (profile, sizes, win_rate, shortcuts) = match args.profile {
        Profile::Exact => {
            let params = exact::params(args.params.as_deref().unwrap_or("nano"))?;
            let rows = soundness::exact(&params, n, &progress)?;
            ("exact", serde_json::to_value(params.raw()), win_probability(&params), rows)
        }
        Profile::Gonka => {
            let params = args.params.as_deref().map_or_else(testnet_depth, params)?;
            // The network's rate at launch, whatever the width of the model measured.
            let win_rate = cap_probability(NETWORK_VOCAB, TargetRadius::LAUNCH.get());
            let rows = soundness::gonka(&params, win_rate, n, &progress)?;
            ("gonka", serde_json::to_value(params.raw()), win_rate, rows)
        }
    };
    bar.finish_and_clear();
    let params = sizes.expect("sizes are JSON");
    let is_sound = shortcuts.iter().all(|row| row.is_sound);
    let table = Table { profile, params, win_rate, bound: SOUND_GAIN, is_sound, shortcuts };
    if let Some(file) = &args.svg {
        plot(file, &table)?;
    }
    out.result(&table, || describe(&table))?;
    Ok(ExitCode::SUCCESS)
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
