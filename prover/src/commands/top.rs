//! `sphere-pow top`: a running service as its operator sees it.

mod frame;

use crate::console::Output;
use crate::error::ProverError;
use crate::serve::operator;
use crate::signals::Stop;
use clap::Args;
use frame::{Frame, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use serde_json::Value;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often keys and signals are looked at.
const TICK: Duration = Duration::from_millis(100);
/// A frame without a terminal is as wide as this unless COLUMNS says otherwise.
const WIDTH: u16 = 120;

#[derive(Debug, Args)]
pub(super) struct TopArgs {
    /// Where the service's --admin-listen is
    #[arg(default_value = "127.0.0.1:8081", value_name = "ADDR:PORT")]
    address: SocketAddr,
    /// How often it is asked
    #[arg(long, default_value_t = 1, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
    /// Print one frame as text and end, or with --json what the service says
    #[arg(long)]
    once: bool,
}

pub(super) fn run(args: &TopArgs, out: &Output, stop: &Stop) -> Result<ExitCode, ProverError> {
    stop.heed();
    if args.once {
        let status = operator::status(args.address)?;
        let width = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).unwrap_or(WIDTH);
        out.result(&status, || text(&Frame { status: Some(&status), error: None }, width))?;
        return Ok(ExitCode::SUCCESS);
    }
    if !std::io::stdout().is_terminal() {
        let (got, expected) = ("no terminal".to_owned(), "--once where nobody looks".into());
        return Err(ProverError::Argument { what: "standard output", got, expected });
    }
    let mut terminal = ratatui::try_init()?;
    let watched = watch(args, &mut terminal, stop);
    ratatui::restore();
    watched.map(|()| ExitCode::SUCCESS)
}

/// Draws until somebody has seen enough.
fn watch(args: &TopArgs, terminal: &mut ratatui::DefaultTerminal, stop: &Stop) -> Result<(), ProverError> {
    let every = Duration::from_secs(args.every);
    let (mut status, mut asked): (Option<Value>, Option<Instant>) = (None, None);
    let mut error = None;
    while !stop.is_asked() {
        if asked.is_none_or(|at| at.elapsed() >= every) {
            asked = Some(Instant::now());
            // What was last known stays in sight.
            match operator::status(args.address) {
                Ok(now) => (status, error) = (Some(now), None),
                Err(why) => error = Some(why.to_string()),
            }
        }
        let shown = Frame { status: status.as_ref(), error: error.as_deref() };
        terminal.draw(|frame| draw(&shown, frame))?;
        if event::poll(TICK)?
            && let Event::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
        {
            let is_break = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
            if is_break || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
                break;
            }
        }
    }
    Ok(())
}

/// A frame as plain text.
fn text(frame: &Frame<'_>, width: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width.clamp(40, 400), frame.height()))
        .unwrap_or_else(|never| match never {});
    terminal.draw(|area| draw(frame, area)).unwrap_or_else(|never| match never {});
    let buffer = terminal.backend().buffer();
    let rows = buffer.content().chunks(usize::from(buffer.area.width));
    let lines =
        rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned());
    lines.collect::<Vec<String>>().join("\n")
}

#[cfg(test)]
mod tests;
