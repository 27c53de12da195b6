//! What a device has done so far.

use crate::error::ProverError;
use crate::rates::Counts;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a device has done, for display while it runs and for the report after it.
#[derive(Debug, Default)]
pub struct Tally {
    tried: AtomicU64,
    won: AtomicU64,
    checked: AtomicU64,
    bad: AtomicU64,
    /// When the last sign of life came, by [`now_ms`]; 0 before work and after it.
    seen_ms: AtomicU64,
    /// Why it was given up.
    given_up: OnceLock<GivenUp>,
}

/// Why a device was given up.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenUp {
    /// Whether what it won was false.
    pub is_wrong: bool,
    /// In words.
    pub why: String,
}

/// Milliseconds on a clock of this process's own, which has run for long when the process starts: none is 0.
fn now_ms() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed().as_millis();
    (1 << 40) + u64::try_from(elapsed).unwrap_or(u64::MAX >> 1)
}

impl Tally {
    /// Nonces acknowledged so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        // Won first: a reader between the two updates then never sees more won than tried.
        let won = self.won.load(Ordering::Acquire);
        Counts { tried: self.tried.load(Ordering::Acquire), won }
    }

    /// Wins that were recomputed on the CPU, and those of them that are false.
    #[must_use]
    pub fn checks(&self) -> (u64, u64) {
        let bad = self.bad.load(Ordering::Acquire);
        (self.checked.load(Ordering::Acquire), bad)
    }

    /// How long the device has given no sign of life; 0 while it does not work.
    #[must_use]
    pub fn silence(&self) -> Duration {
        match self.seen_ms.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            seen => Duration::from_millis(now_ms().saturating_sub(seen)),
        }
    }

    #[cfg(test)]
    pub(crate) fn pretend_silence(&self, silence: Duration) {
        let silence_ms = u64::try_from(silence.as_millis()).expect("short");
        self.seen_ms.store(now_ms() - silence_ms, Ordering::Relaxed);
    }

    /// Why the device was given up, once it was.
    #[must_use]
    pub fn given_up(&self) -> Option<&GivenUp> {
        self.given_up.get()
    }

    pub(super) fn give_up(&self, error: &ProverError) {
        let is_wrong = matches!(error, ProverError::WrongWins { .. });
        let _ = self.given_up.set(GivenUp { is_wrong, why: error.to_string() });
    }

    pub(super) fn sign_of_life(&self) {
        self.seen_ms.store(now_ms(), Ordering::Relaxed);
    }

    pub(super) fn rest(&self) {
        self.seen_ms.store(0, Ordering::Relaxed);
    }

    pub(super) fn add(&self, tried: u64, won: u64) {
        self.tried.fetch_add(tried, Ordering::Release);
        self.won.fetch_add(won, Ordering::Release);
    }

    pub(super) fn set_checks(&self, checked: u64, bad: u64) {
        self.checked.store(checked, Ordering::Release);
        self.bad.store(bad, Ordering::Release);
    }

    /// The sum over devices.
    #[must_use]
    pub fn total(tallies: &[Self]) -> Counts {
        tallies.iter().map(Self::counts).fold(Counts::default(), |sum, counts| Counts {
            tried: sum.tried + counts.tried,
            won: sum.won + counts.won,
        })
    }
}
