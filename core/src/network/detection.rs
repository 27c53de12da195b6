//! What a sample finds: the power of the network's binomial test, and of a check without tolerance (SPEC §III.8).
//!
//! Probabilities, in f64: they judge rules and decide nothing. The one decision, [`BinomialTest::flag_threshold`],
//! is a count.

use super::sample::MAX_SAMPLE;
use crate::gonka::verify::{DEFAULT_FRAUD_THRESHOLD, PROBABILITY_MISMATCH};
use crate::statistics::binomial_tail;
use alloc::vec::Vec;

/// The test that flags a batch when P(X >= bad nonces) < `fraud_threshold` for X ~ Binomial(sample, `mismatch`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinomialTest {
    mismatch: f64,
    fraud_threshold: f64,
}

impl BinomialTest {
    /// The network's: 5e-4 and 1e-7.
    pub const NETWORK: Self =
        Self { mismatch: PROBABILITY_MISMATCH, fraud_threshold: DEFAULT_FRAUD_THRESHOLD };

    /// A test; `None` unless both probabilities lie between 0 and 1, both excluded.
    #[must_use]
    pub fn new(mismatch: f64, fraud_threshold: f64) -> Option<Self> {
        let is_inside = |p: f64| p > 0.0 && p < 1.0;
        (is_inside(mismatch) && is_inside(fraud_threshold)).then_some(Self { mismatch, fraud_threshold })
    }

    /// The smallest number of bad nonces among `sample` that flags; `None` when no number does, SPEC §III.8.
    #[must_use]
    pub fn flag_threshold(&self, sample: u32) -> Option<u32> {
        let is_flagged = |bad: u32| tail(sample, bad, self.mismatch) < self.fraud_threshold;
        if !is_flagged(sample) {
            return None;
        }
        // The tail falls with the count: halve the range whose upper end flags and whose lower end does not.
        let (mut honest, mut flagged) = (0, sample);
        while flagged - honest > 1 {
            let middle = honest + (flagged - honest) / 2;
            if is_flagged(middle) {
                flagged = middle;
            } else {
                honest = middle;
            }
        }
        Some(flagged)
    }

    /// P(one validator flags) when each sampled nonce is bad with probability `bad`: of junk, what it is caught
    /// with; of honest hardware's mismatches, what it is wronged with.
    #[must_use]
    pub fn flag_probability(&self, sample: u32, bad: f64) -> f64 {
        self.flag_threshold(sample).map_or(0.0, |count| tail(sample, count, bad))
    }

    /// The share of bad nonces at which one validator flags with probability `flagged`; `None` when that is not
    /// between 0 and 1 or the sample never flags.
    #[must_use]
    pub fn bad_share_at(&self, sample: u32, flagged: f64) -> Option<f64> {
        let count = self.flag_threshold(sample)?;
        if !(flagged > 0.0 && flagged < 1.0) {
            return None;
        }
        let (mut low, mut high) = (0.0_f64, 1.0_f64);
        loop {
            let middle = f64::midpoint(low, high);
            if middle <= low || middle >= high {
                return Some(high);
            }
            if tail(sample, count, middle) < flagged {
                low = middle;
            } else {
                high = middle;
            }
        }
    }

    /// P(the vote rejects) when `validators` of equal weight draw their samples independently and all vote: when
    /// the valid ones are not above ⌊W/2⌋, SPEC §III.5.
    #[must_use]
    pub fn majority_probability(&self, validators: u32, sample: u32, bad: f64) -> f64 {
        tail(validators, validators.div_ceil(2), self.flag_probability(sample, bad))
    }

    /// One row for each sample size: the count that flags, and P(one validator flags) for each share of junk.
    ///
    /// # Shapes
    /// - `samples`: `[rows]`.
    /// - `shares`: `[columns]`.
    #[must_use]
    pub fn power_table(&self, samples: &[u32], shares: &[f64]) -> Vec<PowerRow> {
        let row = |sample: &u32| PowerRow {
            sample: *sample,
            flag_threshold: self.flag_threshold(*sample),
            flagged: shares.iter().map(|share| self.flag_probability(*sample, *share)).collect(),
        };
        samples.iter().map(row).collect()
    }
}

/// P(X >= k) for X ~ Binomial(n, p).
fn tail(n: u32, k: u32, p: f64) -> f64 {
    binomial_tail(u64::from(n), u64::from(k), p)
}

/// What one sample size finds.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct PowerRow {
    /// Nonces checked.
    pub sample: u32,
    /// Bad ones that flag.
    pub flag_threshold: Option<u32>,
    /// P(flag), `[columns]`.
    pub flagged: Vec<f64>,
}

/// P(a sample of different claims out of `total`, drawn after all were fixed, holds none of the `bad` ones): what
/// a check without tolerance misses, SPEC §III.8.
///
/// `None` when `bad` or `sample` is above `total`, or `sample` above [`MAX_SAMPLE`].
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a ratio of counts, good to 2^-53")]
pub fn miss_probability(total: u64, bad: u64, sample: u64) -> Option<f64> {
    if bad > total || sample > total.min(MAX_SAMPLE) {
        return None;
    }
    // C(total - bad, sample) / C(total, sample), the same with bad and sample swapped: take the fewer factors.
    let (few, many) = if bad < sample { (bad, sample) } else { (sample, bad) };
    let factor = |ix: u64| (total - many).saturating_sub(ix) as f64 / (total - ix) as f64;
    Some((0..few).map(factor).product())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: BinomialTest = BinomialTest::NETWORK;

    fn close(got: f64, want: f64, relative: f64) {
        assert!((got - want).abs() <= relative * want, "got {got:e}, want {want:e}");
    }

    #[test]
    fn counts_that_flag_are_those_of_the_table() {
        let table = [(10, 3), (20, 4), (50, 4), (100, 5), (200, 5), (500, 7), (1000, 8)];
        for (sample, count) in table {
            assert_eq!(TEST.flag_threshold(sample), Some(count), "sample {sample}");
        }
        close(tail(200, 5, PROBABILITY_MISMATCH), 7.3e-8, 0.01);
        // Two of two have probability 2.5e-7, three of three 1.25e-10.
        assert_eq!([0, 1, 2, 3].map(|n| TEST.flag_threshold(n)), [None, None, None, Some(3)]);
        assert!(TEST.flag_threshold(u32::MAX).is_some());
    }

    #[test]
    fn counts_agree_with_the_verdict_they_replace() {
        for sample in (1..300).chain([1000, 5000, 100_000]) {
            let flags = |bad| tail(sample, bad, PROBABILITY_MISMATCH) < DEFAULT_FRAUD_THRESHOLD;
            match TEST.flag_threshold(sample) {
                Some(count) => assert!(flags(count) && !flags(count - 1), "sample {sample}"),
                None => assert!(!flags(sample), "sample {sample}"),
            }
        }
    }

    #[test]
    fn junk_is_caught_as_often_as_the_table_says() {
        let shares = [0.001, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.1];
        let wanted = [2.2e-6, 0.0035, 0.052, 0.37, 0.72, 0.90, 0.974, 0.99999];
        let rows = TEST.power_table(&[200], &shares);
        for (got, want) in rows[0].flagged.iter().zip(wanted) {
            close(*got, want, 0.02);
        }
    }

    #[test]
    fn honest_hardware_is_wronged_as_rarely_as_the_table_says() {
        let table = [(1e-7, 0.053), (1e-6, 0.085), (1e-5, 0.14), (1e-4, 0.22), (1e-3, 0.37), (1e-2, 0.64)];
        for (flagged, percent) in table {
            close(TEST.bad_share_at(200, flagged).unwrap() * 100.0, percent, 0.03);
        }
        assert_eq!(TEST.bad_share_at(200, 1.0), None);
        assert_eq!(TEST.bad_share_at(2, 0.5), None);
    }

    #[test]
    fn a_majority_lets_inflation_of_two_and_a_third_percent_pass() {
        close(TEST.bad_share_at(200, 0.5).unwrap(), 0.023, 0.02);
        // At the share where one flags half the time an odd number of validators does too, and more see sharper.
        let even = TEST.bad_share_at(200, 0.5).unwrap();
        close(TEST.majority_probability(1, 200, even), 0.5, 1e-6);
        close(TEST.majority_probability(101, 200, even), 0.5, 1e-6);
        assert!(TEST.majority_probability(101, 200, 0.03) > 0.999);
        assert!(TEST.majority_probability(101, 200, 0.018) < 0.001);
        // Two of two: one that flags is enough, for a half is no majority.
        let one = TEST.flag_probability(200, 0.02);
        close(TEST.majority_probability(2, 200, 0.02), 1.0 - (1.0 - one) * (1.0 - one), 1e-9);
    }

    #[test]
    fn a_check_without_tolerance_misses_as_draws_without_return_do() {
        let miss = |total, bad, sample| miss_probability(total, bad, sample).unwrap();
        close(miss(10, 3, 2), (7.0 * 6.0) / (10.0 * 9.0), 1e-12);
        close(miss(10, 2, 3), (7.0 * 6.0) / (10.0 * 9.0), 1e-12);
        assert_eq!([miss(10, 0, 5), miss(10, 5, 0), miss(10, 6, 5)], [1.0, 1.0, 0.0]);
        // Never above the bound of §II.10, (1 - f)^m, and near it for many claims.
        let (many, bound) = (miss(1_000_000, 10_000, 200), libm::pow(0.99, 200.0));
        assert!(many <= bound && many > 0.97 * bound);
        assert_eq!([miss_probability(5, 6, 1), miss_probability(5, 1, 6)], [None, None]);
        assert_eq!(miss_probability(u64::MAX, u64::MAX, MAX_SAMPLE + 1), None);
    }

    #[test]
    fn tests_with_senseless_probabilities_are_refused() {
        for (mismatch, threshold) in [(0.0, 0.1), (1.0, 0.1), (0.1, 0.0), (0.1, 1.0), (f64::NAN, 0.1)] {
            assert_eq!(BinomialTest::new(mismatch, threshold), None);
        }
        assert_eq!(BinomialTest::new(5e-4, 1e-7), Some(TEST));
    }
}
