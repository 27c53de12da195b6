//! How much work a dispatch and a submit may hold on this device, learnt from how long submits take.
//!
//! Work is counted in the operations of `linear` (a multiply and add is 2); other kernels give their cost in the
//! same unit. Drivers reset devices whose work takes seconds (2 s on Windows, less on laptops), so everything
//! starts small and grows by what was measured.

use std::time::Duration;

/// What a dispatch should take at most.
const DISPATCH: Duration = Duration::from_millis(40);
/// What a submit should take at most.
const SUBMIT: Duration = Duration::from_millis(120);
/// Slower than any device worth using, in operations per second.
const FIRST_RATE: f64 = 1e8;
/// Shorter submits say little about the rate: they are mostly overhead.
const TELLING: Duration = Duration::from_millis(20);
/// How much faster than before a device is believed to be after one submit.
const GROWTH: f64 = 4.0;

/// The learnt rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Pace {
    rate: f64,
    longest_submit: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(FIRST_RATE)
    }
}

impl Pace {
    /// Begins with a rate measured elsewhere.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self { rate, longest_submit: Duration::ZERO }
    }

    /// Operations per second, as far as known.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The longest that a submit took.
    #[must_use]
    pub fn longest_submit(&self) -> Duration {
        self.longest_submit
    }

    /// Most operations in a dispatch.
    #[must_use]
    pub fn dispatch_budget(&self) -> f64 {
        self.rate * DISPATCH.as_secs_f64()
    }

    /// Most operations in a submit.
    #[must_use]
    pub fn submit_budget(&self) -> f64 {
        self.rate * SUBMIT.as_secs_f64()
    }

    /// Learns that a submit of `cost` operations took `time`.
    pub fn observe(&mut self, cost: f64, time: Duration) {
        self.longest_submit = self.longest_submit.max(time);
        let measured = cost / time.as_secs_f64().max(1e-9);
        if measured > self.rate {
            self.rate = measured.min(self.rate * GROWTH);
        } else if time >= TELLING {
            self.rate = measured.max(self.rate / GROWTH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device of `rate` that needs `overhead` per submit.
    fn run(rate: f64, overhead: Duration, pace: &mut Pace) -> Duration {
        let cost = pace.submit_budget();
        let time = Duration::from_secs_f64(cost / rate) + overhead;
        pace.observe(cost, time);
        time
    }

    #[test]
    fn submits_of_fast_and_slow_devices_settle_below_a_quarter_second() {
        for rate in [5e7, 1e9, 1e12, 2e14] {
            let mut pace = Pace::default();
            let longest = (0..40).map(|_| run(rate, Duration::from_micros(300), &mut pace)).max();
            assert!(longest.expect("submits") < Duration::from_millis(600), "{rate:e}: {longest:?}");
            let settled = run(rate, Duration::from_micros(300), &mut pace);
            assert!(settled < Duration::from_millis(250), "{rate:e}: {settled:?}");
            assert!(settled > Duration::from_millis(60), "{rate:e}: {settled:?}");
        }
    }

    #[test]
    fn a_device_that_slows_down_gets_less() {
        let mut pace = Pace::default();
        for _ in 0..40 {
            run(1e12, Duration::ZERO, &mut pace);
        }
        for _ in 0..4 {
            run(1e11, Duration::ZERO, &mut pace);
        }
        assert!(run(1e11, Duration::ZERO, &mut pace) < Duration::from_millis(250));
    }
}
