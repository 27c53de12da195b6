//! The curve of a run: loss by rounds.

use super::folder::Journal;
use plotters::prelude::*;

/// Loss of the steps and of what is held out over the rounds, as SVG.
pub(super) fn plot(journal: &Journal) -> Result<String, String> {
    let rounds: Vec<(f64, f64)> = journal.rounds.iter().map(|round| (round.loss, round.held_out)).collect();
    curve(&journal.params, journal.held_out, &rounds)
}

/// The same of any run: `first` is the loss held out before the first round, `rounds` have the steps' and that held out.
pub(in crate::commands) fn curve(title: &str, first: f64, rounds: &[(f64, f64)]) -> Result<String, String> {
    draw(title, first, rounds).map_err(|error| error.to_string())
}

fn draw(title: &str, first: f64, rounds: &[(f64, f64)]) -> Result<String, Box<dyn std::error::Error>> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (800, 480)).into_drawing_area();
        root.fill(&WHITE)?;
        let numbered = || (0_u32..).map(f64::from).zip(rounds);
        let held_out = std::iter::once((0.0, first))
            .chain(numbered().map(|(round, (_, held_out))| (round + 1.0, *held_out)));
        let held_out: Vec<(f64, f64)> = held_out.collect();
        let steps: Vec<(f64, f64)> = numbered().map(|(round, (loss, _))| (round + 0.5, *loss)).collect();
        let values = || held_out.iter().chain(&steps).map(|point| point.1);
        let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
        let last = (rounds.len() as f64).max(1.0);
        let mut chart = ChartBuilder::on(&root)
            .caption(format!("{title}: loss, nats a token"), ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..last, (low - 0.1).max(0.0)..high + 0.1)?;
        chart.configure_mesh().light_line_style(TRANSPARENT).x_desc("rounds").y_desc("nats").draw()?;
        for (name, colour, points) in
            [("held out", RED, held_out), ("mean of the round's steps", BLUE, steps)]
        {
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        chart.configure_series_labels().border_style(BLACK.mix(0.3)).background_style(WHITE).draw()?;
        root.present()?;
    }
    Ok(text)
}
