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

    /// Asks to stop.
    pub fn ask(&self) {
        self.is_asked.store(true, Ordering::Relaxed);
    }
}

/// Listens to the signals that end a process.
#[must_use]
pub fn listen() -> Arc<Stop> {
    let stop = Arc::new(Stop::default());
    let on_signal = Arc::clone(&stop);
    let handler = ctrlc::set_handler(move || {
        // Every acknowledged line is on the disk already: ending here loses nothing but the summary.
        if on_signal.is_asked.swap(true, Ordering::Relaxed) || !on_signal.is_heeded.load(Ordering::Relaxed) {
            std::process::exit(130);
        }
        let _ = std::thread::Builder::new().spawn(|| {
            std::thread::sleep(PATIENCE);
            let _ = writeln!(std::io::stderr(), "error: a device does not answer; stopped without a summary");
            std::process::exit(130);
        });
    });
    if let Err(error) = handler {
        tracing::warn!("Ctrl-C will not be handled: {error}");
    }
    stop
}
