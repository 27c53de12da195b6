//! Four plots over the epochs: whose weight it is, what checking costs, what was found, and how the difficulty follows.

use plotters::coord::Shift;
use plotters::prelude::*;
use sphere_pow_network::simulate::{Row, Run};

/// Name, colour and values of a line.
pub(super) type Series<'a, R> = (&'static str, RGBColor, &'a dyn Fn(&R) -> f64);
pub(super) type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What runs from left to right: its name and value.
pub(super) type Axis<'a, R> = (&'static str, &'a dyn Fn(&R) -> f64);

/// Title, axis, unit and lines of a panel.
type Plot<'a, R> = (&'static str, Axis<'a, R>, &'static str, &'a [Series<'a, R>]);

pub(super) fn plot(run: &Run) -> Result<String, String> {
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, (1100, 760)).into_drawing_area();
        root.fill(&WHITE).map_err(|error| error.to_string())?;
        let panels = root.split_evenly((2, 2));
        let cheaters: f64 = run.groups.iter().skip(1).map(|group| group.power).sum();
        let first = run.rows.first().map_or(1.0, |row| row.win_rate);
        let percent =
            |part: u64, whole: u64| if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 };
        let epoch: Axis<'_, Row> = ("epoch", &|row| row.epoch as f64);
        let standing: Axis<'_, Row> = ("honest days of the mean honest host", &|row| row.standing);
        let plots: [Plot<'_, Row>; 4] = [
            (
                "Voting weight",
                epoch,
                "percent",
                &[
                    ("weight of false claims", RED, &|row| 100.0 * row.false_weight),
                    ("computing power of all groups", BLACK, &|_| 100.0 * cheaters),
                ],
            ),
            (
                "Cost of checking",
                standing,
                "percent of mining",
                &[("checking, percent of mining", BLUE, &|row| 100.0 * row.verification)],
            ),
            (
                "What was found",
                epoch,
                "percent",
                &[
                    ("false claims found", RED, &|row| {
                        percent(row.false_claims - row.missed, row.false_claims)
                    }),
                    ("true claims wronged", BLACK, &|row| {
                        percent(row.wronged, row.claims - row.false_claims)
                    }),
                ],
            ),
            (
                "Difficulty",
                epoch,
                "ratio",
                &[
                    ("wins for each one wanted", BLUE, &|row| row.against_goal),
                    ("chance to win, of the first Sprint's", BLACK, &|row| row.win_rate / first),
                ],
            ),
        ];
        for (panel, (title, axis, unit, series)) in panels.iter().zip(plots) {
            draw(panel, title, axis, (unit, series), &run.rows).map_err(|error| error.to_string())?;
        }
        root.present().map_err(|error| error.to_string())?;
    }
    Ok(text)
}

pub(super) fn draw<R>(
    panel: &Panel<'_>,
    title: &str,
    (across, x): Axis<'_, R>,
    (unit, series): (&str, &[Series<'_, R>]),
    rows: &[R],
) -> Result<(), Box<dyn std::error::Error>> {
    let values = series.iter().flat_map(|(_, _, value)| rows.iter().map(value));
    let top = values.fold(0.0, f64::max) * 1.1;
    let top = if top > 0.0 { top } else { 1.0 };
    let first = rows.iter().map(x).fold(f64::INFINITY, f64::min).min(1.0);
    let last = rows.iter().map(x).fold(first + 1.0, f64::max);
    let mut chart = ChartBuilder::on(panel)
        .caption(title, ("sans-serif", 17))
        .margin(10)
        .x_label_area_size(38)
        .y_label_area_size(52)
        .build_cartesian_2d(first..last, 0.0..top)?;
    chart.configure_mesh().light_line_style(TRANSPARENT).x_desc(across).y_desc(unit).draw()?;
    for (name, colour, value) in series {
        let colour = *colour;
        let points = rows.iter().map(|row| (x(row), value(row)));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(2)));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
    Ok(())
}
