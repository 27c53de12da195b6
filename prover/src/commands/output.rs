//! Where text goes: results to standard output, everything else to standard error.

use crate::error::ProverError;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Results as text or JSON.
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints `value` when JSON is wanted, else the lines that `text` makes.
    pub(super) fn result(
        &self,
        value: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), ProverError> {
        let mut out = std::io::stdout().lock();
        if self.json {
            serde_json::to_writer(&mut out, value).map_err(std::io::Error::from)?;
            writeln!(out)?;
        } else {
            writeln!(out, "{}", text().trim_end())?;
        }
        out.flush()?;
        Ok(())
    }

    /// Prints a line that only a person wants.
    pub(super) fn say(&self, line: &str) {
        if !self.json {
            // A closed terminal must not stop the work.
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    }
}

/// Sends logs to standard error, at `RUST_LOG`'s level or `warn`.
pub(super) fn start_logging() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,sphere_pow_prover=info,wgpu_hal=error,wgpu_core=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_target(false)
        .without_time()
        .init();
}

/// Prints an error the way the result would have been.
pub(super) fn error(json: bool, error: &ProverError) {
    if json {
        let value = serde_json::json!({"error": error.to_string(), "exit_code": error.exit_code()});
        let _ = writeln!(std::io::stdout(), "{value}");
    }
    let _ = writeln!(std::io::stderr(), "error: {error}");
}

/// A progress bar on a terminal, nothing elsewhere.
pub(super) fn bar(what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(1000), ProgressDrawTarget::stderr_with_hz(5));
    let style = ProgressStyle::with_template("{msg} [{bar:30}] {percent:>3} % {elapsed} (ETA {eta})");
    bar.set_style(style.expect("the template is valid"));
    bar.set_message(what.to_owned());
    bar
}

/// A spinner whose message the caller keeps up to date.
pub(super) fn spinner() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is valid"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Moves `bar` to a share and breaks when `stop` is set.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share for display")]
pub(super) fn advance<'a>(
    bar: &'a ProgressBar,
    stop: &'a AtomicBool,
) -> impl Fn(f32) -> ControlFlow<()> + Sync + 'a {
    move |share| {
        bar.set_position((share.clamp(0.0, 1.0) * 1000.0) as u64);
        if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
