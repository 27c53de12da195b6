//! Where text goes: results to standard output, everything else to standard error. No reader's absence panics.

use crate::error::ProverError;
use crate::signals::Stop;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal, Write};
use std::ops::ControlFlow;

/// Results as text or JSON.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
    /// Standard output belongs to the proofs.
    to_stderr: bool,
}

impl Output {
    /// To standard output.
    #[must_use]
    pub fn new(json: bool) -> Self {
        Self { json, to_stderr: false }
    }

    /// The same to standard error.
    #[must_use]
    pub fn beside_proofs(self) -> Self {
        Self { to_stderr: true, ..self }
    }

    /// Whether JSON is wanted.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints `value` when JSON is wanted, else the lines that `text` makes.
    ///
    /// # Errors
    /// [`ProverError::Output`], but not for a reader that has gone: what it did not want to read is no trouble.
    pub fn result(&self, value: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), ProverError> {
        let mut text = if self.json {
            serde_json::to_string(value).map_err(std::io::Error::from)?
        } else {
            text().trim_end().to_owned()
        };
        text.push('\n');
        let written =
            if self.to_stderr { print(std::io::stderr(), &text) } else { print(std::io::stdout(), &text) };
        match written {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Prints a line that only a person wants.
    pub fn say(&self, line: &str) {
        if !self.json {
            // A closed terminal must not stop the work.
            let _ = print(std::io::stdout(), &format!("{line}\n"));
        }
    }

    /// Prints an error the way the result would have been.
    pub fn error(&self, error: &ProverError) {
        if self.json {
            let value = serde_json::json!({ "error": error.body() });
            let _ = self.result(&value, String::new);
        }
        warn(&format!("error: {error}"));
    }
}

fn print(mut to: impl Write, text: &str) -> std::io::Result<()> {
    to.write_all(text.as_bytes())?;
    to.flush()
}

/// A line on standard error, where anybody reads it.
pub fn warn(line: &str) {
    let _ = print(std::io::stderr(), &format!("{line}\n"));
}

/// Standard error for the log: a log that cannot be written is no reason to stop.
struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let _ = std::io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Sends logs to standard error, at `RUST_LOG`'s level or `warn`.
pub fn start_logging() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,sphere_pow_prover=info,wgpu_hal=error,wgpu_core=error"));
    let wants_colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Log)
        .log_internal_errors(false)
        .with_ansi(wants_colour && std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}

/// A progress bar on a terminal, nothing elsewhere.
#[must_use]
pub fn bar(what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr_with_hz(5));
    let style = ProgressStyle::with_template("{msg} [{bar:30}] {percent:>3} % {elapsed} (ETA {eta})");
    bar.set_style(style.expect("the template is valid"));
    bar.set_message(what.to_owned());
    bar
}

/// A spinner whose message the caller keeps up to date.
#[must_use]
pub fn spinner() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is valid"));
    bar
}

/// Moves `bar` to a share and breaks when `stop` is set.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share for display")]
pub fn advance<'a>(bar: &'a ProgressBar, stop: &'a Stop) -> impl Fn(f32) -> ControlFlow<()> + Sync + 'a {
    move |share| {
        bar.set_position((share.clamp(0.0, 1.0) * 1000.0) as u64);
        if stop.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
