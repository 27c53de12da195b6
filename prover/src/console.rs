//! Where text goes: results to standard output, everything else to standard error. No reader's absence panics.

use crate::error::ProverError;
use crate::signals::Stop;
use clap::{Args, ValueEnum};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

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

/// How a log file's lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// A JSON object a line, for programs.
    Json,
}

/// When a new log file is begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogRotation {
    /// Never.
    Never,
    /// Every hour, by UTC.
    Hourly,
    /// Every day, by UTC.
    #[default]
    Daily,
}

/// A log in files, beside standard error.
#[derive(Clone, Debug, Args)]
pub struct LogArgs {
    /// File that takes the log beside standard error; the date is put behind its name when it rotates
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// How the file's lines are written
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
    /// When a new file is begun
    #[arg(long, value_enum, default_value_t)]
    log_rotation: LogRotation,
    /// How many files are kept when it rotates
    #[arg(long, default_value_t = 7, value_name = "N")]
    log_keep: usize,
}

impl LogArgs {
    /// The files, opened.
    fn open(&self) -> Result<Option<RollingFileAppender>, ProverError> {
        let Some(path) = &self.log_file else { return Ok(None) };
        let wrong = |expected: String| {
            Err(ProverError::Argument { what: "--log-file", got: path.display().to_string(), expected })
        };
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return wrong("the name of a file".into());
        };
        let rotation = match self.log_rotation {
            LogRotation::Never => Rotation::NEVER,
            LogRotation::Hourly => Rotation::HOURLY,
            LogRotation::Daily => Rotation::DAILY,
        };
        let files = RollingFileAppender::builder().rotation(rotation).filename_prefix(name);
        let files = files.max_log_files(self.log_keep.max(1));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // The appender makes it too, but first complains of what it does not find.
        if let Err(error) = std::fs::create_dir_all(folder) {
            return wrong(format!("a file in a folder that can be made ({error})"));
        }
        match files.build(folder) {
            Ok(files) => Ok(Some(files)),
            Err(error) => wrong(format!("a file that can be written ({error})")),
        }
    }
}

/// What is logged without `RUST_LOG`: libraries that warn of what they handle say errors only.
const QUIET: &str = "warn,sphere_pow_prover=info,wgpu_hal=error,wgpu_core=error,arc_malachitebft_core_consensus=error,\
                     arc_malachitebft_core_driver=error,arc_malachitebft_core_votekeeper=error";

/// Sends logs to standard error, at `RUST_LOG`'s level or `warn`, and to files where these are wanted.
///
/// # Errors
/// [`ProverError::Argument`] for files that cannot be had; logs then go to standard error.
pub fn start_logging(files: Option<&LogArgs>) -> Result<(), ProverError> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(QUIET));
    let wants_colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let own = fmt::layer()
        .with_writer(|| Log)
        .log_internal_errors(false)
        .with_ansi(wants_colour && std::io::stderr().is_terminal())
        .with_target(false)
        .without_time();
    let (to, result) = match files.map_or(Ok(None), LogArgs::open) {
        Ok(to) => (to, Ok(())),
        Err(error) => (None, Err(error)),
    };
    let is_json = files.is_some_and(|files| files.log_format == LogFormat::Json);
    let (json, text) = if is_json { (to, None) } else { (None, to) };
    // A log that cannot be written is no reason to stop.
    let text = text.map(|to| fmt::layer().with_ansi(false).log_internal_errors(false).with_writer(to));
    let json =
        json.map(|to| fmt::layer().json().flatten_event(true).log_internal_errors(false).with_writer(to));
    tracing_subscriber::registry().with(filter).with(own).with(text).with(json).init();
    result
}

/// A progress bar on a terminal, nothing elsewhere. Several at once stand below each other.
#[must_use]
pub fn bar(what: &str) -> ProgressBar {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    let bars = BARS.get_or_init(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(5)));
    let bar = bars.add(ProgressBar::new(1000));
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
