//! How well a host has served, and who checks its work (SPEC §III.9).
//!
//! In exact decimals with the reference's rounding ([`super::decimal`]): no float decides.

use super::decimal::{Decimal, DecimalError};
use alloc::format;
use sha2::{Digest, Sha256};

/// Parameters of reputation and inference checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationRules {
    /// Average checks of a request at full traffic.
    pub min_average: Decimal,
    /// The average at half of full traffic.
    pub halfway_average: Decimal,
    /// The average at least traffic, and of a host without reputation.
    pub max_average: Decimal,
    /// F: requests an epoch from which on traffic is full.
    pub full_traffic: u64,
    /// K: requests an epoch up to which every request is checked as often as `max_average` says.
    pub least_traffic: u64,
    /// E_max: epochs to full reputation.
    pub epochs_to_max: u32,
    /// MPC: a share of missed requests up to this costs nothing.
    pub miss_cutoff: Decimal,
    /// MRP: what a missed epoch costs, in epochs.
    pub miss_penalty: Decimal,
}

impl ValidationRules {
    /// The network's.
    pub const NETWORK: Self = Self {
        min_average: Decimal::hundredths(1),
        halfway_average: Decimal::hundredths(5),
        max_average: Decimal::ONE,
        full_traffic: 10_000,
        least_traffic: 100,
        epochs_to_max: 30,
        miss_cutoff: Decimal::hundredths(1),
        miss_penalty: Decimal::ONE,
    };

    /// Reputation in hundredths, 0 to 100, SPEC §III.9.
    ///
    /// # Shapes
    /// - `missed`: share of requests missed, by epoch.
    ///
    /// # Errors
    /// [`DecimalError`] when `epochs_to_max` is 0 or a share has too many decimals.
    pub fn reputation(&self, epochs: u32, missed: &[Decimal]) -> Result<u8, DecimalError> {
        let epochs_to_max = Decimal::from(u64::from(self.epochs_to_max));
        // The reference adds up shares of a rounded 1/E_max and multiplies by E_max again.
        let one_epoch = Decimal::ONE.checked_div(epochs_to_max)?;
        let mut cost = Decimal::ZERO;
        for share in missed.iter().filter(|share| **share > self.miss_cutoff) {
            cost = cost.checked_add(share.checked_mul(one_epoch)?)?;
        }
        let cost = cost.checked_mul(self.miss_penalty)?.checked_mul(epochs_to_max)?;
        let counted = Decimal::from(u64::from(epochs)).checked_sub(cost)?;
        if counted > epochs_to_max {
            return Ok(100);
        }
        if counted <= Decimal::ZERO {
            return Ok(0);
        }
        let hundredths = counted.checked_div(epochs_to_max)?.checked_mul(Decimal::from(100))?;
        Ok(u8::try_from(hundredths.whole()).expect("at most 100, for counted is at most epochs_to_max"))
    }

    /// a(T): how often a request is checked on average, of a host with full reputation, SPEC §III.9.
    ///
    /// # Units
    /// `requests`: the larger of this and the last epoch's.
    ///
    /// # Errors
    /// [`DecimalError`] when full traffic is below 2 requests or an average has too many decimals.
    pub fn minimum_average(&self, requests: u64) -> Result<Decimal, DecimalError> {
        let halfway = self.full_traffic / 2;
        // A point `part` of `whole` on the way from one average to the other.
        let between = |from: Decimal, to: Decimal, part: u64, whole: u64| {
            let fraction = Decimal::from(part).checked_div(Decimal::from(whole))?;
            from.checked_add(to.checked_sub(from)?.checked_mul(fraction)?)
        };
        if requests >= self.full_traffic {
            Ok(self.min_average)
        } else if requests >= halfway {
            between(self.min_average, self.halfway_average, self.full_traffic - requests, halfway)
        } else if requests > self.least_traffic {
            let span = halfway - self.least_traffic;
            between(self.halfway_average, self.max_average, halfway - requests, span)
        } else {
            Ok(self.max_average)
        }
    }

    /// Whether a validator checks a request, SPEC §III.9.
    ///
    /// # Units
    /// `reputation`: the executor's, in hundredths; `requests`: as in [`Self::minimum_average`].
    ///
    /// # Errors
    /// [`DecimalError`] where a product of averages and powers has over 38 digits, which powers below 2^32 and
    /// averages of up to 6 decimals never reach.
    pub fn duty(
        &self,
        seed: i64,
        inference_id: &str,
        powers: Powers,
        reputation: u8,
        requests: u64,
    ) -> Result<Duty, DecimalError> {
        let draw = uniform(seed, inference_id)?;
        let Some(others) = powers.total.checked_sub(powers.executor).filter(|others| *others > 0) else {
            return Ok(Duty { probability: Decimal::ZERO, draw });
        };
        let range = self.max_average.checked_sub(self.minimum_average(requests)?)?;
        let wanted =
            self.max_average.checked_sub(range.checked_mul(Decimal::hundredths(u32::from(reputation)))?)?;
        let share =
            wanted.checked_mul(Decimal::from(powers.validator))?.checked_div(Decimal::from(others))?;
        Ok(Duty { probability: share.min(Decimal::ONE), draw })
    }
}

/// Voting powers that share out the duty to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Powers {
    /// Of all hosts.
    pub total: u64,
    /// Of the validator.
    pub validator: u64,
    /// Of the executor, which does not check itself.
    pub executor: u64,
}

/// What a validator owes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duty {
    /// The probability with which it checks.
    pub probability: Decimal,
    /// Its uniform draw for the request.
    pub draw: Decimal,
}

impl Duty {
    /// Whether it checks.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.draw < self.probability
    }
}

/// u: the first 8 bytes, big-endian, of SHA-256(`{seed}:{inference_id}`), divided by 2^64 - 1.
fn uniform(seed: i64, inference_id: &str) -> Result<Decimal, DecimalError> {
    let digest = Sha256::digest(format!("{seed}:{inference_id}"));
    let value = u64::from_be_bytes(*digest.first_chunk().expect("32 bytes"));
    Decimal::from(value).checked_div(Decimal::from(u64::MAX))
}

/// Days of honest work to full standing, and of absence that delete it.
pub const STANDING_DAYS: u32 = 30;

/// The design paper's reputation: honest days, kept through absence up to a month, lost by fraud (SPEC §III.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    honest_days: u32,
    absent_days: u32,
}

impl Standing {
    /// A day of honest work.
    pub fn work_honestly(&mut self) {
        self.honest_days = self.honest_days.saturating_add(1);
        self.absent_days = 0;
    }

    /// A day away.
    pub fn stay_away(&mut self) {
        self.absent_days = self.absent_days.saturating_add(1);
        if self.absent_days >= STANDING_DAYS {
            self.honest_days = 0;
        }
    }

    /// Proven fraud.
    pub fn lose(&mut self) {
        *self = Self::default();
    }

    /// Honest days that count.
    #[must_use]
    pub fn honest_days(&self) -> u32 {
        self.honest_days
    }

    /// How often this host's work is checked: 1 - 0.99 · min(days, 30) / 30, at least `floor`.
    ///
    /// # Units
    /// `floor`: what traffic sets, [`ValidationRules::minimum_average`].
    #[must_use]
    pub fn check_probability(&self, floor: Decimal) -> Decimal {
        let days = self.honest_days.min(STANDING_DAYS);
        // 0.99 / 30 = 0.033.
        let thousandths = i128::from(1000 - 33 * days);
        Decimal::new(thousandths, 3).expect("3 decimals").max(floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: ValidationRules = ValidationRules::NETWORK;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn misses_cost_epochs() {
        let reputation = |epochs, missed: &[&str]| {
            let missed: alloc::vec::Vec<_> = missed.iter().map(|share| d(share)).collect();
            RULES.reputation(epochs, &missed).unwrap()
        };
        assert_eq!([0, 10, 15, 20, 30, 31].map(|epochs| reputation(epochs, &[])), [0, 33, 50, 66, 100, 100]);
        // Up to a hundredth missed costs nothing; half an epoch is half a thirtieth.
        assert_eq!(reputation(30, &["0.01"]), 100);
        assert_eq!(reputation(30, &["0.5"]), 98);
        assert_eq!(reputation(30, &["1", "1", "1"]), 90);
        assert_eq!(reputation(2, &["1", "1"]), 0);
        // What a miss costs is a parameter: with two, five missed epochs cost ten.
        let strict = ValidationRules { miss_penalty: d("2"), ..RULES };
        assert_eq!(strict.reputation(30, &[Decimal::ONE; 5]).unwrap(), 66);
    }

    #[test]
    fn traffic_sets_the_floor() {
        let floor = |requests| RULES.minimum_average(requests).unwrap();
        let table = [
            (0, "1"),
            (100, "1"),
            (2550, "0.525"),
            (3775, "0.2875"),
            (5000, "0.05"),
            (6250, "0.04"),
            (7500, "0.03"),
            (10_000, "0.01"),
            (u64::MAX, "0.01"),
        ];
        for (requests, average) in table {
            assert_eq!(floor(requests), d(average), "{requests} requests");
        }
    }

    #[test]
    fn a_validator_owes_its_share_of_the_others_power() {
        let probability = |total, validator, executor, reputation| {
            let powers = Powers { total, validator, executor };
            RULES.duty(1, "id", powers, reputation, 10_000).unwrap().probability
        };
        assert_eq!(probability(100, 50, 0, 0), d("0.5"));
        assert_eq!(probability(100, 45, 10, 100), d("0.005"));
        assert_eq!(probability(100, 50, 50, 50), d("0.505"));
        assert_eq!(probability(51, 1, 50, 0), Decimal::ONE);
        let even = Duty { probability: d("0.5"), draw: d("0.5") };
        assert!(!even.is_due() && Duty { draw: d("0.4999"), ..even }.is_due());
        // More power than all others together is cut to certainty; without others nobody checks.
        assert_eq!(probability(100, 90, 50, 0), Decimal::ONE);
        assert_eq!([probability(50, 20, 50, 0), probability(50, 20, 60, 0)], [Decimal::ZERO; 2]);
    }

    #[test]
    fn rules_that_divide_by_zero_or_overflow_are_errors() {
        let none = ValidationRules { epochs_to_max: 0, ..RULES };
        assert_eq!(none.reputation(1, &[]), Err(DecimalError::DivisionByZero));
        let idle = ValidationRules { full_traffic: 1, ..RULES };
        assert_eq!(idle.minimum_average(0), Err(DecimalError::DivisionByZero));
        let fine = Decimal::new(1, 38).unwrap();
        let overflow = ValidationRules { min_average: fine, ..RULES };
        let powers = Powers { total: 100, validator: 50, executor: 0 };
        assert!(matches!(overflow.duty(1, "id", powers, 50, 20_000), Err(DecimalError::Overflow { .. })));
    }

    #[test]
    fn standing_grows_rests_fades_and_falls() {
        let mut standing = Standing::default();
        let floor = Decimal::hundredths(1);
        assert_eq!(standing.check_probability(floor), Decimal::ONE);
        (0..10).for_each(|_| standing.work_honestly());
        assert_eq!(standing.check_probability(floor), d("0.67"));
        // Absence costs nothing for 29 days, and work starts the count again.
        (0..29).for_each(|_| standing.stay_away());
        standing.work_honestly();
        (0..29).for_each(|_| standing.stay_away());
        assert_eq!(standing.honest_days(), 11);
        standing.stay_away();
        assert_eq!(standing.honest_days(), 0);
        (0..40).for_each(|_| standing.work_honestly());
        assert_eq!(standing.check_probability(floor), floor);
        assert_eq!(standing.check_probability(d("0.05")), d("0.05"));
        standing.lose();
        assert_eq!(standing, Standing::default());
    }
}
