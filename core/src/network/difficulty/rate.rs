//! The cap probability of §I.5 in integers, and its inverse.

use super::{MAX_VOCAB, MIN_VOCAB};

/// Success rates of thresholds for one length of logits: P(c > 0 and c² >= threshold / 2^32) of the cosine c
/// between a random point of the unit sphere in R^vocab and a fixed one.
///
/// With t = threshold / 2^32 this is ½ (1 - I), I = I_t(½, (vocab - 1)/2), by the series
/// I = f √t (1 - t)^((vocab - 1)/2) Σ_n Π_{i<n} t (vocab + 2i)/(3 + 2i), f = 2 Γ(vocab/2) / (√π Γ((vocab - 1)/2)),
/// whose terms are all positive. Relative accuracy 1e-6 or better down to a rate of 2^-20.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapRates {
    vocab: u32,
    /// f, in units of 2^-56: at most 817 for the largest vocab.
    factor: u128,
}

/// (1 - t)^((vocab - 1)/2), in units of 2^-62, below which rates count as 0: a rate is at most half of it.
const VANISHING: u128 = 1 << (62 - 21);

impl CapRates {
    /// Rates for logits of length `vocab`; `None` outside [`MIN_VOCAB`] to [`MAX_VOCAB`].
    #[must_use]
    pub fn new(vocab: u32) -> Option<Self> {
        /// 2/π · 2^56, f of vocab 2; that of vocab 3 is 1.
        const TWO_OVER_PI: u128 = 45_873_289_113_781_269;
        if !(MIN_VOCAB..=MAX_VOCAB).contains(&vocab) {
            return None;
        }
        let (first, start) = if vocab.is_multiple_of(2) { (2, TWO_OVER_PI) } else { (3, 1 << 56) };
        let steps = (first..vocab).step_by(2).map(u128::from);
        let factor = steps.fold(start, |factor, vocab| factor * vocab / (vocab - 1));
        Some(Self { vocab, factor })
    }

    /// The success rate of a threshold, in units of 2^-64; 0 where it is far below 2^-20.
    #[must_use]
    pub fn rate(&self, threshold: u32) -> u64 {
        let (vocab, t) = (u128::from(self.vocab), u128::from(threshold));
        let rest = power((((1 << 32) - t) << 92).isqrt(), self.vocab - 1);
        if rest < VANISHING {
            return 0;
        }
        // √t · f, in units of 2^-60: at most 4.3, for vocab · t is at most 29.2 here.
        let root = ((t << 88).isqrt() * self.factor) >> 56;
        let front = (root * rest) >> 62;
        // The sum in units of 2^-60: at most 2^22, for front · sum is at most 1.
        let (mut sum, mut term) = (1_u128 << 60, 1_u128 << 60);
        for i in 0_u128.. {
            term = ((term * (t * (vocab + 2 * i))) >> 32) / (3 + 2 * i);
            if term == 0 {
                break;
            }
            sum += term;
        }
        let inside = ((front * sum) >> 60).min(1 << 60);
        // ½ (1 - I): 2^64 / 2 / 2^60.
        u64::try_from(((1 << 60) - inside) << 3).expect("at most 2^63")
    }

    /// The smallest threshold whose success rate is at most `rate`, in units of 2^-64.
    #[must_use]
    pub fn threshold(&self, rate: u64) -> u32 {
        let (mut above, mut within) = (0, u32::MAX);
        if self.rate(above) <= rate {
            return above;
        }
        while within - above > 1 {
            let middle = above + (within - above) / 2;
            if self.rate(middle) <= rate {
                within = middle;
            } else {
                above = middle;
            }
        }
        within
    }
}

/// base^exponent of a number up to 1, in units of 2^-62.
fn power(mut base: u128, mut exponent: u32) -> u128 {
    let mut result = 1 << 62;
    while exponent > 0 {
        if exponent % 2 == 1 {
            result = (result * base) >> 62;
        }
        base = (base * base) >> 62;
        exponent /= 2;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::super::{MAX_RATE, MIN_RATE};
    use super::*;
    use crate::statistics::cap_probability;

    #[expect(clippy::cast_precision_loss, reason = "a comparison in f64")]
    fn rate(vocab: u32, threshold: u32) -> f64 {
        CapRates::new(vocab).unwrap().rate(threshold) as f64 / 18_446_744_073_709_551_616.0
    }

    #[test]
    fn rates_are_the_cap_probability() {
        for vocab in [16, 17, 64, 255, 256, 1024, 4096, 8192, 8196, 65_536, MAX_VOCAB] {
            for step in 0..=100 {
                let z_squared = f64::from(step) * 0.25;
                let t = (z_squared / f64::from(vocab)).min(0.999_999);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2^32")]
                let threshold = (t * 4_294_967_296.0) as u32;
                let t = f64::from(threshold) / 4_294_967_296.0;
                let chord = libm::sqrt(2.0 - 2.0 * libm::sqrt(t));
                let (got, want) = (rate(vocab, threshold), cap_probability(vocab, chord));
                if want < 1.0 / 1_048_576.0 {
                    continue;
                }
                assert!(
                    (got / want - 1.0).abs() < 1e-6,
                    "vocab {vocab}, threshold {threshold}: {got} {want}"
                );
            }
        }
    }

    #[test]
    fn presets_of_the_exact_profile_have_their_rates() {
        for (vocab, threshold, want) in
            [(256, 39_535_115, 1.0 / 16.0), (1024, 19_442_515, 1.0 / 64.0), (4096, 4_863_555, 1.0 / 64.0)]
        {
            let got = rate(vocab, threshold);
            assert!((got / want - 1.0).abs() < 1e-6, "vocab {vocab}: {got}");
        }
    }

    #[test]
    fn thresholds_invert_rates() {
        for vocab in [16, 17, 256, 4096, 8196, MAX_VOCAB] {
            let rates = CapRates::new(vocab).unwrap();
            let mut rate = MAX_RATE;
            while rate >= MIN_RATE {
                let threshold = rates.threshold(rate);
                assert!(rates.rate(threshold) <= rate && rates.rate(threshold - 1) > rate, "{vocab} {rate}");
                rate -= rate / 3;
            }
        }
    }

    #[test]
    fn extremes_are_no_trap() {
        assert_eq!([CapRates::new(15), CapRates::new(MAX_VOCAB + 1)], [None, None]);
        for vocab in [16, 17, 8196, MAX_VOCAB] {
            let rates = CapRates::new(vocab).unwrap();
            assert_eq!(rates.rate(0), 1 << 63);
            assert!(rates.rate(1) < 1 << 63 && rates.rate(u32::MAX) < MIN_RATE);
            assert_eq!(rates.threshold(u64::MAX), 0);
        }
    }
}
