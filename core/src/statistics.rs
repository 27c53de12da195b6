//! The two distributions that decide: where random points fall on a sphere, and how many bad nonces an honest
//! prover shows.
//!
//! Both are the regularised incomplete beta function, which is evaluated here by its continued fraction
//! (Numerical Recipes, 3rd edition, §6.4, modified Lentz). Relative accuracy 1e-9 or better, checked against
//! `tests/vectors/binomial.json` and closed forms.

/// Regularised incomplete beta I_x(a, b) for a, b > 0 and 0 <= x <= 1; `y` is `1 - x`, given apart because
/// its caller knows it without cancellation.
fn regularised_beta(x: f64, y: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    let ln_front =
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * libm::log(x) + b * libm::log(y);
    let front = libm::exp(ln_front);
    // The fraction converges fast on this side of the mean only; the other side is its mirror image.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(y, b, a) / b
    }
}

fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    // Converges in O(sqrt(max(a, b))) steps: a few hundred for the largest arguments met.
    const MAX_STEPS: u32 = 100_000;
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..MAX_STEPS {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        let factor = d * c;
        fraction *= factor;
        if (factor - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// P(distance < r) of a random point of the unit sphere in `n` dimensions to a fixed one, SPEC §I.5.
///
/// `1/2 I_{1-c²}((n-1)/2, 1/2)` with `c = 1 - r²/2` for r <= sqrt 2, its complement beyond.
///
/// # Units
/// `r` is a chord length, 0 to 2; smaller and larger values give 0 and 1, NaN gives NaN.
#[must_use]
pub fn cap_probability(n: u32, r: f64) -> f64 {
    if r.is_nan() || n < 2 {
        return f64::NAN;
    }
    if r <= 0.0 {
        return 0.0;
    }
    if r >= 2.0 {
        return 1.0;
    }
    let c = 1.0 - r * r / 2.0;
    // 1 - c² = r² (1 - r²/4), without cancellation near the poles.
    let half = 0.5 * regularised_beta(r * r * (1.0 - r * r / 4.0), c * c, (f64::from(n) - 1.0) / 2.0, 0.5);
    if c >= 0.0 { half } else { 1.0 - half }
}

/// The chord length within which a random point falls with probability `p`: the inverse of
/// [`cap_probability`], by bisection to the last bit.
///
/// Returns `None` when `p` is outside (0, 1) or `n` is below 2.
#[must_use]
pub fn cap_radius(n: u32, p: f64) -> Option<f64> {
    if n < 2 || !(p > 0.0 && p < 1.0) {
        return None;
    }
    let (mut low, mut high) = (0.0_f64, 2.0_f64);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return Some(high);
        }
        if cap_probability(n, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// P(X >= k) for X ~ Binomial(n, p), one-sided, SPEC §I.7.
///
/// `I_p(k, n - k + 1)`; 1 for k = 0, and 0 where k > n or the value is below f64's range.
#[must_use]
pub fn binomial_tail(n: u64, k: u64, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n {
        return 0.0;
    }
    // Counts come from batches in memory, far below 2^53.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    let (a, b) = (k as f64, (n - k) as f64 + 1.0);
    regularised_beta(p, 1.0 - p, a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64, relative: f64) {
        assert!((got - want).abs() <= relative * want.abs(), "got {got:e}, want {want:e}");
    }

    #[test]
    fn cap_probability_matches_closed_forms() {
        for r in [0.1, 0.5, 1.0, 1.3, 1.7, 1.99] {
            // Archimedes: on the sphere in three dimensions a cap's share is its height over 2.
            close(cap_probability(3, r), r * r / 4.0, 1e-13);
            // On the circle it is the angle over pi.
            close(cap_probability(2, r), 2.0 * libm::asin(r / 2.0) / core::f64::consts::PI, 1e-12);
        }
        close(cap_probability(8196, core::f64::consts::SQRT_2), 0.5, 1e-9);
    }

    #[test]
    fn launch_and_december_radii_have_the_published_rates() {
        // SPEC §I.5: 5.06 % and 2.00 %.
        close(cap_probability(8196, 1.401_356_466_045_817_3), 0.0506, 2e-3);
        close(cap_probability(8196, 1.398_077), 0.02, 2e-3);
    }

    #[test]
    fn radius_inverts_probability() {
        for n in [2, 3, 128, 8192, 8196, 65536] {
            for p in [1e-12, 1e-6, 0.01, 0.0506, 0.5, 0.93] {
                close(cap_probability(n, cap_radius(n, p).unwrap()), p, 1e-8);
            }
        }
        assert_eq!(cap_radius(8196, 0.0), None);
        assert_eq!(cap_radius(8196, f64::NAN), None);
    }

    #[test]
    fn binomial_tail_matches_the_direct_sum() {
        for (n, p) in [(1_u32, 0.3), (20, 5e-4), (50, 0.2), (60, 0.9)] {
            for k in 0..=n {
                let mut sum = 0.0;
                for i in k..=n {
                    let mut term = 1.0;
                    for j in 0..i {
                        term *= f64::from(n - j) / f64::from(i - j) * p;
                    }
                    sum += term * libm::pow(1.0 - p, f64::from(n - i));
                }
                close(binomial_tail(u64::from(n), u64::from(k), p), sum, 1e-10);
            }
        }
        assert_eq!(binomial_tail(5, 6, 0.1), 0.0);
    }
}
