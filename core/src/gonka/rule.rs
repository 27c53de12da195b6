//! What a nonce must come to, and how many bad ones are honest (SPEC §I.7): [`Distance`], [`TargetRadius`], [`Rule`],
//! and the radii of the network's history.

use super::verify::PROBABILITY_MISMATCH;
use crate::statistics::binomial_tail;
use alloc::format;
use alloc::string::String;
use serde::Serialize;

/// A number that no rule or claim can have.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A distance is no length.
    #[error("distance {got} is not a finite number from 0 on")]
    Distance {
        /// Its value.
        got: f64,
    },
    /// A target radius decides nothing.
    #[error("r_target {got} is not a finite number above 0 and at most 2")]
    TargetRadius {
        /// Its value.
        got: f64,
    },
    /// A fraud threshold is no probability.
    #[error("fraud_threshold {got} is not a number from 0 to 1")]
    FraudThreshold {
        /// Its value.
        got: f64,
    },
}

/// A distance as claimed: a finite number from 0 on. One above 2 is no chord of the unit sphere, and so no winner.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Distance(f64);

impl Distance {
    /// Checks a distance.
    ///
    /// # Errors
    /// [`RuleError::Distance`] when NaN, infinite or negative.
    pub fn new(got: f64) -> Result<Self, RuleError> {
        if got >= 0.0 && got.is_finite() { Ok(Self(got)) } else { Err(RuleError::Distance { got }) }
    }

    /// The length.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// The distance below which a nonce has won: above 0, at most 2.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct TargetRadius(f64);

/// The height from which [`TargetRadius::DECEMBER_2025`] holds: that of the network's upgrade v0.2.6.
pub const DECEMBER_2025_HEIGHT: i64 = 1_820_000;

impl TargetRadius {
    /// At launch in August 2025: 5.06 % of nonces win at vocab 8196.
    pub const LAUNCH: Self = Self(1.401_356_466_045_817_3);
    /// From December 2025: 2.00 % win.
    pub const DECEMBER_2025: Self = Self(1.398_077);
    /// The largest chord: every nonce wins.
    pub const WHOLE: Self = Self(2.0);

    /// Checks a radius.
    ///
    /// # Errors
    /// [`RuleError::TargetRadius`] when NaN or outside (0, 2].
    pub fn new(got: f64) -> Result<Self, RuleError> {
        if got > 0.0 && got <= 2.0 { Ok(Self(got)) } else { Err(RuleError::TargetRadius { got }) }
    }

    /// The network's radius for a Sprint that starts at `height`.
    #[must_use]
    pub const fn at(height: i64) -> Self {
        if height < DECEMBER_2025_HEIGHT { Self::LAUNCH } else { Self::DECEMBER_2025 }
    }

    /// The length.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// Whether a nonce at `distance` has won: strictly below. NaN never has.
    #[must_use]
    pub fn is_won(self, distance: f64) -> bool {
        distance < self.0
    }

    /// The radius with its name, if it has one.
    #[must_use]
    pub fn words(self) -> String {
        let radius = self.0;
        if self == Self::LAUNCH {
            format!("radius {radius} (the network's at launch)")
        } else if self == Self::DECEMBER_2025 {
            format!("radius {radius} (the network's from December 2025)")
        } else if self == Self::WHOLE {
            format!("radius {radius} (every nonce wins)")
        } else {
            format!("radius {radius}")
        }
    }
}

/// What a validator holds claims against.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    pub(super) r_target: TargetRadius,
    pub(super) fraud_threshold: f64,
}

/// What the network says of recomputed nonces.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Binomial {
    /// P(X >= bad nonces) for X ~ Binomial(checked nonces, 5e-4).
    pub probability_honest: f64,
    /// Whether that is below the threshold.
    pub fraud_detected: bool,
}

impl Rule {
    /// Joins a radius and a threshold.
    ///
    /// # Errors
    /// [`RuleError::FraudThreshold`] when `fraud_threshold` is outside 0..=1.
    pub fn new(r_target: TargetRadius, fraud_threshold: f64) -> Result<Self, RuleError> {
        if (0.0..=1.0).contains(&fraud_threshold) {
            Ok(Self { r_target, fraud_threshold })
        } else {
            Err(RuleError::FraudThreshold { got: fraud_threshold })
        }
    }

    /// The radius.
    #[must_use]
    pub fn r_target(&self) -> TargetRadius {
        self.r_target
    }

    /// The threshold.
    #[must_use]
    pub fn fraud_threshold(&self) -> f64 {
        self.fraud_threshold
    }

    /// Whether a claim is bad, SPEC §I.7: its recomputed distance is above the radius or not a number, or the claimed
    /// one is not below it.
    #[must_use]
    pub fn is_bad(&self, claimed: Distance, recomputed: f64) -> bool {
        recomputed.is_nan() || recomputed > self.r_target.get() || !self.r_target.is_won(claimed.get())
    }

    /// Whether `n_bad` of `n_checked` are honest, SPEC §I.7. No nonces: honest.
    #[must_use]
    pub fn binomial(&self, n_checked: usize, n_bad: usize) -> Binomial {
        let probability_honest = binomial_tail(n_checked as u64, n_bad as u64, PROBABILITY_MISMATCH);
        Binomial { probability_honest, fraud_detected: probability_honest < self.fraud_threshold }
    }

    /// Whether so many nonces would convict anybody, were all of them bad.
    #[must_use]
    pub fn can_convict(&self, n_checked: usize) -> bool {
        self.binomial(n_checked, n_checked).fraud_detected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        Rule::new(TargetRadius::LAUNCH, super::super::verify::DEFAULT_FRAUD_THRESHOLD).expect("valid")
    }

    #[test]
    fn five_bad_of_two_hundred_are_fraud_and_four_are_not() {
        for (n, first_flagged) in [(10, 3), (20, 4), (50, 4), (100, 5), (200, 5), (500, 7), (1000, 8)] {
            assert!(!rule().binomial(n, first_flagged - 1).fraud_detected, "{n}");
            assert!(rule().binomial(n, first_flagged).fraud_detected, "{n}");
        }
        assert!(!rule().binomial(0, 0).fraud_detected);
        assert_eq!([1, 2, 3].map(|n| rule().can_convict(n)), [false, false, true]);
    }

    #[test]
    fn nan_and_claims_at_the_radius_are_bad_and_the_radius_itself_is_good() {
        let r = TargetRadius::LAUNCH.get();
        let bad = |claim, own| rule().is_bad(Distance::new(claim).expect("a length"), own);
        assert_eq!([bad(1.4, f64::NAN), bad(1.4, r), bad(r, 1.0), bad(2.5, 1.0)], [true, false, true, true]);
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        for bad in [f64::NAN, 0.0, -1.0, 2.000_001, 10.0, f64::INFINITY] {
            assert!(TargetRadius::new(bad).is_err(), "{bad}");
        }
        for bad in [f64::NAN, f64::INFINITY, -1e-9] {
            assert!(Distance::new(bad).is_err(), "{bad}");
        }
        assert!(Rule::new(TargetRadius::LAUNCH, f64::NAN).is_err());
        assert!(TargetRadius::LAUNCH.is_won(TargetRadius::LAUNCH.get().next_down()));
        assert!(
            !TargetRadius::LAUNCH.is_won(TargetRadius::LAUNCH.get())
                && !TargetRadius::LAUNCH.is_won(f64::NAN)
        );
    }

    #[test]
    fn the_radius_falls_at_the_height_of_the_upgrade() {
        assert_eq!(TargetRadius::at(DECEMBER_2025_HEIGHT - 1), TargetRadius::LAUNCH);
        assert_eq!(TargetRadius::at(DECEMBER_2025_HEIGHT), TargetRadius::DECEMBER_2025);
    }
}
