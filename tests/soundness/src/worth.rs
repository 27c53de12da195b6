//! What a shortcut is worth to a cheater.
//!
//! A cheater screens nonces by a cheap score and does the full work on the promising ones only. Scores are
//! modelled as jointly normal, which cosines in many dimensions are to within a few percent of their tails; the
//! model's only parameter, the correlation, is measured with its confidence interval.

/// Two-sided 95 % of the normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;

/// P(Z > z) of a standard normal variable.
#[must_use]
pub fn normal_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The z with P(Z > z) = p, by bisection.
fn normal_tail_inverse(p: f64) -> f64 {
    let (mut low, mut high) = (-40.0_f64, 40.0_f64);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if normal_tail(middle) > p {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Running sums of score pairs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Samples {
    n: f64,
    sum: [f64; 2],
    squares: [f64; 2],
    product: f64,
}

impl Samples {
    /// Adds a nonce's cheap and honest score. Scores should be of order 1.
    pub fn push(&mut self, cheap: f64, honest: f64) {
        self.n += 1.0;
        for (ix, x) in [cheap, honest].into_iter().enumerate() {
            self.sum[ix] += x;
            self.squares[ix] += x * x;
        }
        self.product += cheap * honest;
    }

    /// Whether no pair was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n == 0.0
    }

    /// Pearson's correlation with its 95 % interval by Fisher's transformation.
    ///
    /// A score that never varies correlates with nothing: 0.
    #[must_use]
    pub fn correlation(&self) -> Correlation {
        let spread = |ix: usize| self.squares[ix] - self.sum[ix] * self.sum[ix] / self.n;
        let joint = self.product - self.sum[0] * self.sum[1] / self.n;
        let scale = libm::sqrt(spread(0) * spread(1));
        // Rounding may leave a trace of spread in a constant, and of size above 1 in a perfect correlation.
        let is_flat = self.n < 4.0 || (0..2).any(|ix| spread(ix) <= 1e-12 * self.squares[ix]);
        let estimate = if is_flat { 0.0 } else { (joint / scale).clamp(-1.0, 1.0) };
        let half_width = if self.n > 3.0 { Z_95 / libm::sqrt(self.n - 3.0) } else { f64::INFINITY };
        let z = libm::atanh(estimate);
        let bound = |z: f64| if z.is_infinite() { z.signum() } else { libm::tanh(z) };
        Correlation { n: self.n, estimate, low: bound(z - half_width), high: bound(z + half_width) }
    }
}

/// A measured correlation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correlation {
    /// Nonces measured.
    pub n: f64,
    /// The estimate, -1 to 1.
    pub estimate: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

/// What a cheater pays, in units of the full work of a nonce.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    /// The cheap score.
    pub cheap: f64,
    /// The part of the cheap score's work that the full work does not repeat.
    pub reused: f64,
}

/// The best gain and the share of nonces that get the full work there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gain {
    /// Wins per work against honest mining; 1 is no gain, below 1 a loss.
    pub gain: f64,
    /// P(score > s) at the best s.
    pub kept: f64,
}

/// The gain of screening: max over s of `P(win and score > s) / (cheap + (1 - reused) P(score > s)) / P(win)`.
///
/// Honest mining is always open to a cheater, but is not counted here: a gain below 1 says what the shortcut
/// itself is worth. With nothing reused and `s` at minus infinity this is `1 / (1 + cheap)`.
///
/// # Units
/// `correlation`: of cheap with honest scores, -1 to 1; negative ones are used with the sign turned.
/// `win_rate`: P(win), 0 to 1, both excluded.
#[must_use]
pub fn screening_gain(correlation: f64, price: Price, win_rate: f64) -> Gain {
    let full = 1.0 - price.reused;
    let rho = correlation.abs().min(1.0);
    let win_at = normal_tail_inverse(win_rate);
    let mut best = Gain { gain: 1.0 / (price.cheap + full), kept: 1.0 };
    // From keeping almost all to one in 10^9: beyond, the cheap work alone outweighs any win rate of use.
    for step in -400..=600 {
        let s = f64::from(step) / 100.0;
        let kept = normal_tail(s);
        let gain = joint_tail(rho, s, win_at) / win_rate / (price.cheap + full * kept);
        if gain > best.gain {
            best = Gain { gain, kept };
        }
    }
    best
}

/// P(S > s and T > t) of standard normal variables with correlation `rho`.
fn joint_tail(rho: f64, s: f64, t: f64) -> f64 {
    let rest = libm::sqrt(1.0 - rho * rho);
    if rest < 1e-9 {
        return normal_tail(s.max(t));
    }
    // Integral over T from t, by Simpson's rule on 10 standard deviations.
    let (n, width) = (400_u32, 10.0 / 400.0);
    let density = |x: f64| libm::exp(-0.5 * x * x) / libm::sqrt(2.0 * std::f64::consts::PI);
    let value = |ix: u32| {
        let x = t + f64::from(ix) * width;
        density(x) * normal_tail((s - rho * x) / rest)
    };
    let inner: f64 = (1..n).map(|ix| value(ix) * if ix % 2 == 1 { 4.0 } else { 2.0 }).sum();
    (value(0) + inner + value(n)) * width / 3.0
}

/// A shortcut's price, correlation and gain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worth {
    /// What it costs.
    pub price: Price,
    /// How well its score foretells the honest one.
    pub correlation: Correlation,
    /// The gain at the estimated correlation.
    pub gain: f64,
    /// Lower end of the gain's 95 % interval.
    pub gain_low: f64,
    /// Upper end of the gain's 95 % interval: above 1.05 the profile is not shown to be sound.
    pub gain_high: f64,
}

/// Largest gain of a shortcut at 95 % confidence that still counts as sound.
pub const SOUND_GAIN: f64 = 1.05;

impl Worth {
    /// Joins what was measured.
    #[must_use]
    pub fn new(price: Price, correlation: Correlation, win_rate: f64) -> Self {
        let gain = |rho: f64| screening_gain(rho, price, win_rate).gain;
        let Correlation { estimate, low, high, .. } = correlation;
        let nearest_zero = if low <= 0.0 && high >= 0.0 { 0.0 } else { low.abs().min(high.abs()) };
        let (gain_low, gain_high) = (gain(nearest_zero), gain(low.abs().max(high.abs())));
        Self { price, correlation, gain: gain(estimate), gain_low, gain_high }
    }

    /// Whether no gain above [`SOUND_GAIN`] is left within the 95 % interval.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.gain_high <= SOUND_GAIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not {b}");
    }

    #[test]
    fn joint_tails_have_their_closed_forms() {
        close(joint_tail(0.0, 0.5, 1.0), normal_tail(0.5) * normal_tail(1.0), 1e-9);
        // P(both above 0) = 1/4 + asin(rho) / 2 pi.
        close(joint_tail(0.5, 0.0, 0.0), 1.0 / 3.0, 1e-9);
        close(joint_tail(1.0, 0.0, 1.0), normal_tail(1.0), 1e-12);
        close(normal_tail(normal_tail_inverse(0.02)), 0.02, 1e-12);
    }

    #[test]
    fn a_free_oracle_gains_one_over_the_win_rate_and_a_useless_one_nothing() {
        let free = Price { cheap: 0.0, reused: 0.0 };
        close(screening_gain(1.0, free, 0.05).gain, 20.0, 0.5);
        close(screening_gain(0.0, free, 0.05).gain, 1.0, 1e-9);
        let dear = Price { cheap: 1.0, reused: 0.0 };
        assert!(screening_gain(0.5, dear, 0.05).gain < 0.7);
        let prefix = Price { cheap: 0.975, reused: 0.975 };
        let gain = screening_gain(0.2, prefix, 1.0 / 64.0).gain;
        assert!((1.0..1.01).contains(&gain), "{gain}");
    }

    #[test]
    fn correlations_find_what_was_put_in() {
        let mut samples = Samples::default();
        let mut x = 1_u32;
        let mut uniform = || {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(x >> 8) / 16_777_216.0 - 0.5
        };
        for _ in 0..20_000 {
            let (a, b) = (uniform(), uniform());
            samples.push(a, 0.6 * a + 0.8 * b);
        }
        let correlation = samples.correlation();
        assert!(correlation.low < 0.6 && 0.6 < correlation.high && correlation.high - correlation.low < 0.03);
        let mut flat = Samples::default();
        (0..100).for_each(|ix| flat.push(0.25, f64::from(ix)));
        close(flat.correlation().estimate, 0.0, 0.0);
        let mut same = Samples::default();
        (0..100).for_each(|ix| same.push(f64::from(ix), f64::from(ix)));
        close(same.correlation().high, 1.0, 1e-9);
    }
}
