//! Rates and their plausibility: raw, valid and expected, and the alarm when they part.

use serde::Serialize;

/// How far the share of won nonces may leave what the radius predicts, in standard deviations.
pub const ALARM_SIGMA: f64 = 4.0;

/// Counts of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Nonces tried.
    pub tried: u64,
    /// Nonces won.
    pub won: u64,
}

/// What counts mean at a given chance to win.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plausibility {
    /// Nonces that should have won.
    pub expected: f64,
    /// How far the won ones are from that, in standard deviations; 0 before anything was tried.
    pub sigma: f64,
    /// Whether that is beyond [`ALARM_SIGMA`] either way: a wrong kernel, a wrong radius, broken hardware.
    pub is_alarming: bool,
}

impl Plausibility {
    /// Warns when what it is of is alarming.
    pub fn warn_if_alarming(&self, counts: Counts) {
        if self.is_alarming {
            tracing::warn!(
                "{} of {} nonces won where {:.1} were expected ({:+.1} sigma): wrong radius, or a device that computes \
                 wrongly",
                counts.won,
                counts.tried,
                self.expected,
                self.sigma
            );
        }
    }
}

impl Counts {
    /// Compares with a chance to win of `probability`.
    ///
    /// The normal approximation misleads for a handful of expected wins, so the alarm also asks that the exact
    /// binomial tail be as improbable as 4 sigma are.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn plausibility(&self, probability: f64) -> Plausibility {
        let (tried, won) = (self.tried as f64, self.won as f64);
        let expected = tried * probability;
        let deviation = (expected * (1.0 - probability)).sqrt();
        let sigma = if deviation > 0.0 { (won - expected) / deviation } else { 0.0 };
        let tail = |k, p| sphere_pow_core::statistics::binomial_tail(self.tried, k, p);
        let one_sided = if won >= expected {
            tail(self.won, probability)
        } else {
            tail(self.tried - self.won, 1.0 - probability)
        };
        // 3.2e-5: one tail of the normal distribution beyond 4 standard deviations.
        Plausibility { expected, sigma, is_alarming: sigma.abs() > ALARM_SIGMA && one_sided < 3.2e-5 }
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn honest_counts_raise_no_alarm_and_wrong_ones_do() {
        let at = |tried, won| Counts { tried, won }.plausibility(0.0506);
        assert!(!at(0, 0).is_alarming);
        assert!(!at(1, 1).is_alarming);
        assert!(!at(10_000, 506).is_alarming);
        assert!(!at(10_000, 570).is_alarming);
        assert!(at(10_000, 620).is_alarming);
        assert!(at(10_000, 400).is_alarming);
        assert!(at(1_000, 0).is_alarming);
        assert!(at(100, 100).is_alarming);
        // 4.1 sigma by the normal approximation, yet no wonder: 2 wins where 0.17 were expected.
        assert!(!Counts { tried: 8, won: 2 }.plausibility(0.02).is_alarming);
    }
}
