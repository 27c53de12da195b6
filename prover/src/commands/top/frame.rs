//! One frame: the service, its rates, a row a device, what waits to be delivered.

use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table};
use serde_json::Value;

/// Windows of rates, by their names in the status.
const WINDOWS: [&str; 3] = ["10s", "60s", "15min"];
/// Of the two lines at the head.
const HEAD: u16 = 2;
/// Of the table of rates.
const RATES: u16 = 6;
/// Of what waits.
const OUTBOX: u16 = 4;

/// What is drawn.
pub(super) struct Frame<'a> {
    /// What the service said last, if it ever did.
    pub(super) status: Option<&'a Value>,
    /// Why it says nothing now.
    pub(super) error: Option<&'a str>,
}

impl Frame<'_> {
    /// Lines that show all of it.
    pub(super) fn height(&self) -> u16 {
        let devices = self.status.and_then(|status| status["devices"].as_array()).map_or(0, Vec::len);
        HEAD + RATES + OUTBOX + 3 + u16::try_from(devices).unwrap_or(100).clamp(1, 100)
    }
}

/// Draws it.
pub(super) fn draw(shown: &Frame<'_>, frame: &mut ratatui::Frame<'_>) {
    let parts =
        [Constraint::Length(HEAD), Constraint::Length(RATES), Constraint::Min(4), Constraint::Length(OUTBOX)];
    let [head, rates, devices, outbox]: [Rect; 4] = Layout::vertical(parts).areas(frame.area());
    let Some(status) = shown.status else {
        let words = shown.error.unwrap_or("asking the service");
        frame.render_widget(Paragraph::new(words.to_owned()), frame.area());
        return;
    };
    frame.render_widget(Paragraph::new(head_lines(status, shown.error)), head);
    frame.render_widget(rate_table(status), rates);
    frame.render_widget(device_table(status), devices);
    frame.render_widget(outbox_lines(status), outbox);
}

fn alarming() -> Style {
    Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or("-").to_owned()
}

/// A count in full, a number with as many digits as matter, `-` for what is not known.
fn number(value: &Value) -> String {
    match value.as_f64() {
        None => "-".into(),
        Some(_) if value.is_u64() => value.to_string(),
        Some(number) if number.abs() >= 100.0 => format!("{number:.0}"),
        Some(number) if number.abs() >= 10.0 => format!("{number:.1}"),
        Some(number) => format!("{number:.2}"),
    }
}

fn duration(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time for display")]
    let seconds = seconds.max(0.0) as u64;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    if hours > 0 { format!("{hours} h {minutes} min") } else { format!("{minutes} min {} s", seconds % 60) }
}

fn head_lines<'a>(status: &'a Value, error: Option<&'a str>) -> Vec<Line<'a>> {
    let pow = word(&status["pow"]["status"]);
    let paused = if status["isPaused"] == true { ", paused" } else { "" };
    let stage = &status["stage"];
    let stage = match stage["blockHash"].as_str() {
        // By characters: a hash is any text.
        Some(hash) => {
            let short: String = hash.chars().take(12).collect();
            format!("  {} block {short} at {}", word(&stage["profile"]), stage["blockHeight"])
        }
        None => String::new(),
    };
    let up = duration(status["uptimeSeconds"].as_f64().unwrap_or(0.0));
    let first =
        format!("{}  up {up}  {} {pow}{paused}{stage}", word(&status["version"]), word(&status["state"]));
    let trouble = error.map(|why| format!("no answer: {why}"));
    let trouble = trouble.or_else(|| status["error"].as_str().map(str::to_owned));
    let plausibility = &status["plausibility"];
    let second = match trouble {
        Some(why) => Line::styled(why, alarming()),
        None if plausibility["isAlarming"] == true => {
            let sigma = number(&plausibility["sigma"]);
            Line::styled(format!("wins are {sigma} sigma from what is expected"), alarming())
        }
        None => {
            Line::from(format!("wins are {} sigma from what is expected", number(&plausibility["sigma"])))
        }
    };
    vec![Line::styled(first, Modifier::BOLD), second]
}

/// Nonces a second of all devices together.
fn rate_table(status: &Value) -> Table<'_> {
    let kinds = ["raw", "valid", "expected", "sent", "acknowledged"];
    let rows = WINDOWS.map(|window| {
        let rates = &status["rates"][window];
        let cells = std::iter::once(window.to_owned()).chain(kinds.map(|kind| number(&rates[kind])));
        Row::new(cells.map(Cell::from))
    });
    let totals = &status["totals"];
    let total = ["tried", "won", "expected", "sent", "acknowledged"].map(|kind| number(&totals[kind]));
    let total = Row::new(std::iter::once("total".to_owned()).chain(total).map(Cell::from));
    let head = Row::new(["", "raw", "valid", "expected", "sent", "acked"]).style(Modifier::BOLD);
    let widths = [Constraint::Length(8), Constraint::Fill(1), Constraint::Fill(1), Constraint::Fill(1)];
    let widths = widths.into_iter().chain([Constraint::Fill(1); 2]);
    let block = Block::new().borders(Borders::TOP).title(" nonces a second ");
    Table::new(rows.into_iter().chain([total]), widths).header(head).block(block)
}

fn device_table(status: &Value) -> Table<'_> {
    let devices = status["devices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let rows = devices.iter().enumerate().map(|(ix, device)| {
        let count = |name: &str| device[name].as_u64().unwrap_or(0);
        let errors = count("nBad") + count("resets") + count("memoryRefusals");
        let state = word(&device["state"]);
        let is_well = state == "working" && errors == 0;
        let mut cells = vec![ix.to_string(), word(&device["device"]), state];
        cells.extend(WINDOWS.map(|window| number(&device["rates"][window])));
        cells.extend([count("won").to_string(), errors.to_string()]);
        cells.extend([number(&device["temperatureC"]), number(&device["powerW"])]);
        let row = Row::new(cells.into_iter().map(Cell::from));
        if is_well { row } else { row.style(alarming()) }
    });
    let names = ["#", "device", "state", "10 s", "60 s", "15 min", "wins", "errors", "C", "W"];
    let widths = [2, 0, 11, 8, 8, 8, 9, 6, 5, 6];
    let widths = widths.map(|width| if width == 0 { Constraint::Fill(1) } else { Constraint::Length(width) });
    let block = Block::new().borders(Borders::TOP).title(" devices ");
    Table::new(rows, widths).header(Row::new(names).style(Modifier::BOLD)).block(block)
}

/// What waits to be delivered, and what became of what was sent.
fn outbox_lines(status: &Value) -> Paragraph<'_> {
    let (waiting, callbacks, totals) = (&status["waiting"], &status["callbacks"], &status["totals"]);
    let waits = format!(
        "waiting: {} wins, {} callbacks, {} batches to judge; given up: {}",
        number(&waiting["wins"]),
        number(&waiting["parcels"]),
        number(&waiting["batches"]),
        number(&waiting["givenUp"]),
    );
    let sent = format!(
        "callbacks: {} sent, {} failed, {} put on retry, {} given up; verdicts: {}",
        number(&callbacks["sent"]),
        number(&callbacks["failed"]),
        number(&callbacks["putOnRetry"]),
        number(&callbacks["givenUp"]),
        number(&callbacks["verdicts"]),
    );
    let expected = format!(
        "nonces: {} expected, {} won, {} acknowledged",
        number(&totals["expected"]),
        number(&totals["won"]),
        number(&totals["acknowledged"]),
    );
    let block = Block::new().borders(Borders::TOP).title(" outbox ");
    Paragraph::new(vec![Line::from(waits), Line::from(sent), Line::from(expected)]).block(block)
}
