//! Stopping on request: Ctrl-C, SIGTERM and SIGHUP are heard in every phase.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a driver's call may take until the request is heard; a hung one would take for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether to stop.
#[derive(Debug, Default)]
pub struct Stop {
    is_asked: AtomicBool,
    is_heeded: AtomicBool,
}

impl Stop {
    /// Whether somebody asked to stop.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Relaxed)
    }

    /// From here on the request is looked for often, so that the process may end by itself.
    pub fn heed(&self) {
        self.is_heeded.store(true, Ordering::Relaxed);
    }

    /// Asks from within the process: work breaks off, the process goes on.
    pub fn halt(&self) {
        self.is_asked.store(true, Ordering::Relaxed);
    }

    /// What a signal does: the second ends the process, and so does the first where nobody looks for it. Every
    /// acknowledged line is on the disk already: ending here loses nothing but the summary.
    fn ask(&self) {
        if self.is_asked.swap(true, Ordering::Relaxed) || !self.is_heeded.load(Ordering::Relaxed) {
            exit("interrupted");
        }
        let _ = std::thread::Builder::new().spawn(|| {
            std::thread::sleep(PATIENCE);
            exit("a device does not answer; stopped without a summary");
        });
    }
}

fn exit(why: &str) -> ! {
    let _ = writeln!(std::io::stderr(), "error: {why}");
    std::process::exit(130);
}

/// Listens to the signals that end a process.
#[must_use]
pub fn listen() -> Arc<Stop> {
    let stop = Arc::new(Stop::default());
    if let Err(error) = on_signal(&stop) {
        tracing::warn!("signals will not be handled: {error}");
    }
    stop
}

#[cfg(unix)]
fn on_signal(stop: &Arc<Stop>) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut wanted = vec![SIGINT, SIGTERM];
    // Under nohup the terminal's end is not ours.
    if !is_ignored(SIGHUP) {
        wanted.push(SIGHUP);
    }
    let mut signals = signal_hook::iterator::Signals::new(wanted)?;
    let stop = Arc::clone(stop);
    std::thread::Builder::new().spawn(move || signals.forever().for_each(|_| stop.ask()))?;
    Ok(())
}

/// A file that may not grow gives an error to who writes it, as a disk that is full does, and does not end the process.
///
/// # Errors
/// The system's.
pub fn outlive_limits() -> std::io::Result<()> {
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
    Ok(())
}

/// Whether whoever started us had the signal ignored; only Linux says.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(not(unix))]
fn on_signal(stop: &Arc<Stop>) -> Result<(), ctrlc::Error> {
    let stop = Arc::clone(stop);
    ctrlc::set_handler(move || stop.ask())
}
