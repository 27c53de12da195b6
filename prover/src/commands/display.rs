//! What is shown while devices mine, and what is said when one of them falls silent.

use crate::console::{spinner, warn};
use crate::search::Tally;
use sphere_pow_core::profile::EngineInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A device gives a sign of life after each submit, some tens of milliseconds; a CPU after some layers.
const SILENCE: Duration = Duration::from_secs(60);
/// What devices may take to end once the time is over.
const PATIENCE: Duration = Duration::from_secs(30);

/// Mining as it is watched.
pub(super) struct Display<'a> {
    /// `[devices]`.
    pub(super) infos: &'a [EngineInfo],
    /// `[devices]`.
    pub(super) tallies: &'a [Tally],
    /// When mining began.
    pub(super) started: Instant,
    /// The share of nonces that should win.
    pub(super) probability: f64,
    /// When it is to end.
    pub(super) duration: Option<Duration>,
}

impl Display<'_> {
    /// Runs `work` while a line on the terminal is kept up to date.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Set also when `work` panics: whoever waits for the watcher would else wait for ever.
        struct Done<'a>(&'a AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Release);
            }
        }
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _done = Done(&done);
            // Where there is no thread left for the display, there is none.
            let _ = std::thread::Builder::new().spawn_scoped(scope, || self.watch(&done));
            work()
        })
    }

    /// Keeps the line up to date until `done`, warns once when the counts become implausible and once for each device
    /// that falls silent, and ends the process when a silent one outstays the time.
    fn watch(&self, done: &AtomicBool) {
        let bar = spinner();
        let mut warned = false;
        let mut silent = vec![false; self.tallies.len()];
        while !done.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(100));
            let counts = Tally::total(self.tallies);
            let plausibility = counts.plausibility(self.probability);
            let elapsed = self.started.elapsed();
            let seconds = elapsed.as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
            let rate = |n: u64| n as f64 / seconds.max(1e-9);
            bar.set_message(format!(
                "{} tried, {} won ({:.1} expected) in {seconds:.0} s: raw {:.3}/s, valid {:.3}/s, expected {:.3}/s",
                counts.tried,
                counts.won,
                plausibility.expected,
                rate(counts.tried),
                rate(counts.won),
                rate(counts.tried) * self.probability,
            ));
            bar.tick();
            if plausibility.is_alarming && !warned {
                warned = true;
                bar.suspend(|| plausibility.warn_if_alarming(counts));
            }
            for (name, gone) in self.newly_silent(&mut silent) {
                bar.suspend(|| tracing::warn!("{name} has not answered for {} s", gone.as_secs()));
            }
            let is_late = self.duration.is_some_and(|duration| elapsed > duration + PATIENCE);
            let hung: Vec<&str> = self.silent_for(PATIENCE).map(|(ix, _)| self.name(ix)).collect();
            if is_late && !hung.is_empty() {
                warn(&format!("error: {} does not answer; stopped without a summary", hung.join(" and ")));
                std::process::exit(3);
            }
        }
        bar.finish_and_clear();
    }

    fn name(&self, ix: usize) -> &str {
        self.infos.get(ix).map_or("a device", |info| info.device.as_str())
    }

    fn silent_for(&self, least: Duration) -> impl Iterator<Item = (usize, Duration)> {
        let silences = self.tallies.iter().map(Tally::silence).enumerate();
        silences.filter(move |(_, silence)| *silence >= least)
    }

    /// Devices that fell silent since the last look.
    fn newly_silent(&self, known: &mut [bool]) -> Vec<(&str, Duration)> {
        let now: Vec<(usize, Duration)> = self.silent_for(SILENCE).collect();
        let new = now
            .iter()
            .filter(|(ix, _)| !known[*ix])
            .map(|(ix, silence)| (self.name(*ix), *silence))
            .collect();
        for (ix, known) in known.iter_mut().enumerate() {
            *known = now.iter().any(|(silent, _)| *silent == ix);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_falls_silent_is_named_once() {
        let info = |name: &str| EngineInfo { engine: "gpu", device: name.into() };
        let (infos, tallies) = ([info("A"), info("B")], [Tally::default(), Tally::default()]);
        let display = Display {
            infos: &infos,
            tallies: &tallies,
            started: Instant::now(),
            probability: 0.1,
            duration: None,
        };
        let mut silent = vec![false; 2];
        assert!(
            display.newly_silent(&mut silent).is_empty(),
            "a device that does not work yet is not silent"
        );
        tallies[1].pretend_silence(SILENCE);
        let names: Vec<&str> = display.newly_silent(&mut silent).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["B"]);
        assert!(display.newly_silent(&mut silent).is_empty(), "once is enough");
        assert_eq!(display.silent_for(PATIENCE).count(), 1);
    }
}
