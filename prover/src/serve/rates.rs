//! Rates over the last 10 s, 60 s and 15 min, from totals that are looked at once a second.

use crate::rates::Counts;
use serde::Serialize;
use std::collections::VecDeque;
use std::time::Duration;

/// What the windows are called, and how long they are.
pub(super) const WINDOWS: [(&str, Duration); 3] =
    [("10s", Duration::from_secs(10)), ("60s", Duration::from_secs(60)), ("15min", Duration::from_secs(900))];

/// Totals since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Totals {
    /// Nonces computed.
    pub(super) tried: u64,
    /// Nonces that won.
    pub(super) won: u64,
    /// Nonces that should have won, by the chance of each stage.
    pub(super) expected: f64,
    /// Nonces sent, those sent again counted again.
    pub(super) sent: u64,
    /// Nonces acknowledged.
    pub(super) acknowledged: u64,
}

impl Totals {
    /// Adds what devices did at a chance of `win_rate`.
    pub(super) fn add(&mut self, counts: Counts, win_rate: f64) {
        self.tried += counts.tried;
        self.won += counts.won;
        self.expected += as_f64(counts.tried) * win_rate;
    }
}

/// Nonces a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Rates {
    pub(super) raw: f64,
    pub(super) valid: f64,
    pub(super) expected: f64,
    pub(super) sent: f64,
    pub(super) acknowledged: f64,
}

/// Totals of the last quarter of an hour.
#[derive(Debug, Default)]
pub(super) struct History(VecDeque<(Duration, Totals)>);

impl History {
    /// Notes totals at a time, which never goes back.
    pub(super) fn note(&mut self, at: Duration, totals: Totals) {
        self.0.push_back((at, totals));
        let longest = WINDOWS[WINDOWS.len() - 1].1;
        // One that is older stays: the window begins between it and the next.
        while self.0.get(1).is_some_and(|(second, _)| at.saturating_sub(*second) >= longest) {
            self.0.pop_front();
        }
    }

    /// Rates over the last `window`, or over what there is of it.
    pub(super) fn rates(&self, window: Duration) -> Rates {
        let Some((now, last)) = self.0.back() else { return Rates::default() };
        let begin = self.0.iter().rev().find(|(at, _)| now.saturating_sub(*at) >= window);
        let Some((then, first)) = begin.or(self.0.front()) else { return Rates::default() };
        let seconds = now.saturating_sub(*then).as_secs_f64();
        if seconds <= 0.0 {
            return Rates::default();
        }
        let rate = |of: fn(&Totals) -> u64| as_f64(of(last).saturating_sub(of(first))) / seconds;
        Rates {
            raw: rate(|totals| totals.tried),
            valid: rate(|totals| totals.won),
            expected: (last.expected - first.expected) / seconds,
            sent: rate(|totals| totals.sent),
            acknowledged: rate(|totals| totals.acknowledged),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(tried: u64) -> Totals {
        let mut totals = Totals { acknowledged: tried / 4, ..Totals::default() };
        totals.add(Counts { tried, won: tried / 2 }, 0.5);
        totals
    }

    #[test]
    fn each_window_has_its_own_rate_and_what_is_older_is_forgotten() {
        let mut history = History::default();
        assert_eq!(history.rates(WINDOWS[0].1), Rates::default());
        // 100 a second, in the last ten seconds 200.
        let (mut tried, n) = (0, 2000);
        for second in 0..=n {
            history.note(Duration::from_secs(second), totals(tried));
            tried += if second < n - 10 { 100 } else { 200 };
        }
        let raw = WINDOWS.map(|(_, window)| history.rates(window).raw);
        assert_eq!(
            raw,
            [200.0, (50.0 * 100.0 + 10.0 * 200.0) / 60.0, (890.0 * 100.0 + 10.0 * 200.0) / 900.0]
        );
        let Rates { valid, expected, acknowledged, sent, .. } = history.rates(WINDOWS[0].1);
        assert_eq!([valid, expected, acknowledged, sent], [100.0, 100.0, 50.0, 0.0]);
        assert_eq!(history.0.len(), 901);
    }

    #[test]
    fn a_window_that_is_not_full_yet_is_as_long_as_there_is() {
        let mut history = History::default();
        history.note(Duration::from_secs(5), totals(0));
        assert_eq!(history.rates(WINDOWS[2].1).raw, 0.0);
        history.note(Duration::from_secs(7), totals(50));
        assert_eq!(WINDOWS.map(|(_, window)| history.rates(window).raw), [25.0; 3]);
    }
}
