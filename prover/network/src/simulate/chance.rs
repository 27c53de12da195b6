//! Chance: distributions whose draws have the same bits on every machine, in a browser too.
//!
//! Kept libraries of distributions take logarithms and powers from the platform, where they differ in the last digit;
//! here they come from `libm`, as everything of the rules does.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sphere_pow_core::gonka::rng::Ziggurat;

/// A stream of draws.
pub(super) struct Chance(ChaCha8Rng);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// True in so many of a thousand cases.
    pub(super) fn is(&mut self, thousandths: u32) -> bool {
        self.0.next_u32() % 1000 < thousandths
    }

    /// From 0 to below 1.
    pub(super) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// e^N of a normal N.
    pub(super) fn log_normal(&mut self, mean: f64, deviation: f64) -> f64 {
        libm::exp(mean + deviation * self.normal())
    }

    fn normal(&mut self) -> f64 {
        Ziggurat::new().draw(|| self.0.next_u64())
    }

    /// Of the power law P(above x) = (x / least)^-alpha.
    pub(super) fn pareto(&mut self, least: f64, alpha: f64) -> f64 {
        least * libm::pow(1.0 - self.uniform(), -1.0 / alpha)
    }

    /// How often something happens that happens `mean` times on average.
    ///
    /// # Source
    /// Small means count uniform draws (Knuth); others reject transformed ones (Hörmann 1993, PTRS),
    /// and above 1e8, where that loses its digits, the law is normal to a part in ten thousand.
    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        if mean < 10.0 {
            let end = libm::exp(-mean);
            let (mut count, mut product) = (0, self.uniform());
            while product > end {
                count += 1;
                product *= self.uniform();
            }
            return count;
        }
        let (root, log_mean) = (libm::sqrt(mean), libm::log(mean));
        if mean > 1e8 {
            return libm::round(mean + root * self.normal()) as u64;
        }
        let b = 0.931 + 2.53 * root;
        let a = -0.059 + 0.02483 * b;
        let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
        let immediate = 0.9277 - 3.6224 / (b - 2.0);
        loop {
            let (u, v) = (self.uniform() - 0.5, self.uniform());
            let us = 0.5 - u.abs();
            let k = libm::floor((2.0 * a / us + b) * u + mean + 0.43);
            if us >= 0.07 && v <= immediate {
                return k as u64;
            }
            if k < 0.0 || (us < 0.013 && v > us) {
                continue;
            }
            let hat = libm::log(v) + libm::log(inverse_alpha) - libm::log(a / (us * us) + b);
            if hat <= k * log_mean - mean - libm::lgamma(k + 1.0) {
                return k as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    /// Mean and variance of many draws.
    fn moments(draws: u32, mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let values: Vec<f64> = (0..draws).map(|_| draw()).collect();
        let mean = values.iter().sum::<f64>() / f64::from(draws);
        let square = |value: &f64| (value - mean) * (value - mean);
        (mean, values.iter().map(square).sum::<f64>() / f64::from(draws))
    }

    #[test]
    fn counts_have_mean_and_variance_of_a_poisson_law() {
        for mean in [0.3, 5.0, 9.99, 10.01, 60.0, 2e4, 1e15] {
            let mut chance = Chance::new(7);
            let (got, variance) = moments(40_000, || chance.poisson(mean) as f64);
            // Five standard deviations of each: mean / draws, and (mean + 2 mean²) / draws.
            assert!((got - mean).abs() < 5.0 * (mean / 4e4).sqrt(), "{mean}: {got}");
            let spread = ((mean + 2.0 * mean * mean) / 4e4).sqrt();
            assert!((variance - mean).abs() < 5.0 * spread, "{mean}: {variance}");
        }
    }

    #[test]
    fn small_counts_come_as_often_as_the_law_says() {
        // At a mean of 12: P(0..=7), P(8..=15), P(16..).
        let (mut chance, mut seen) = (Chance::new(3), [0_u32; 3]);
        for _ in 0..100_000 {
            seen[(chance.poisson(12.0) as usize / 8).min(2)] += 1;
        }
        for (count, wanted) in seen.into_iter().zip([8950.0, 75_490.0, 15_560.0]) {
            assert!((f64::from(count) - wanted).abs() < 5.0 * f64::sqrt(wanted), "{seen:?}");
        }
    }

    #[test]
    fn powers_and_delays_have_their_medians() {
        let mut chance = Chance::new(5);
        let mut counts = [0_usize; 2];
        for _ in 0..40_000 {
            // 2 is the median of both.
            counts[0] += usize::from(chance.log_normal(f64::ln(2.0), 1.3) < 2.0);
            counts[1] += usize::from(chance.pareto(2.0 * 0.5_f64.powf(1.0 / 1.5), 1.5) < 2.0);
        }
        assert!(counts.iter().all(|count| count.abs_diff(20_000) < 500), "{counts:?}");
    }

    #[test]
    fn draws_have_their_bits() {
        let mut chance = Chance::new(1);
        let floats = [chance.uniform(), chance.log_normal(5.7, 0.8), chance.pareto(0.5, 1.2)];
        let counts = [chance.poisson(3.0), chance.poisson(900.0), chance.poisson(1e6)];
        assert_eq!(
            (floats.map(f64::to_bits), counts),
            (
                [4_600_922_157_057_517_826, 4_648_597_817_344_156_212, 4_607_476_678_148_580_056],
                [2, 897, 1_001_324]
            )
        );
    }
}
