//! How far two states of one segment lie apart, how far honest ones may, and what several segments say (SPEC §IV.10.2,
//! §IV.10.3).

use super::state::FloatState;
use crate::network::detection::BinomialTest;
use crate::train::params::Preset;
use alloc::vec::Vec;
use serde::Serialize;

/// Share of honest segments that may lie beyond a tolerance.
pub const MISMATCH: f64 = 1e-3;
/// A lane is fraud when honest segments lie beyond the tolerance so often with less than this probability.
pub const FRAUD_THRESHOLD: f64 = 1e-6;
/// Beyond this a segment is fraud by itself: no rounding moves a segment so far.
pub const FAR: f64 = 0.05;
/// A tolerance is so many times the distance that its calibration gave: for machines that took no part in it.
pub const MARGIN: f64 = 4.0;

/// How far a state that was committed to lies from the one that its steps repeated give.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Distance {
    /// Of the parameters, over how far the segment moved them: a segment that hardly moves is no nearer.
    pub movement: f64,
    /// Of the first moments, over their size.
    pub first: f64,
    /// Of the roots of the second moments, over their size.
    pub root: f64,
}

/// `|a - b| / |b|` by Euclid's norm; infinite when only b is zero, or something is no number.
fn relative(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut apart, mut size) = (0.0, 0.0);
    for (a, b) in pairs {
        apart += (a - b) * (a - b);
        size += b * b;
    }
    if apart == 0.0 {
        return 0.0;
    }
    let ratio = libm::sqrt(apart / size);
    if ratio.is_nan() { f64::INFINITY } else { ratio }
}

impl Distance {
    /// That of `claimed` from `repeated`, both made from `before`.
    ///
    /// # Panics
    /// When the states are of other lengths.
    #[must_use]
    pub fn of(before: &FloatState, claimed: &FloatState, repeated: &FloatState) -> Self {
        assert!(
            [claimed, repeated].iter().all(|state| state.theta.len() == before.theta.len()),
            "states of one run"
        );
        let pairs = |pick: fn(&FloatState) -> &[f32]| pick(claimed).iter().zip(pick(repeated));
        let both = |(a, b): (&f32, &f32)| (f64::from(*a), f64::from(*b));
        let moved = pairs(|state| &state.theta).zip(&before.theta).map(|((a, b), start)| {
            let start = f64::from(*start);
            (f64::from(*a) - start, f64::from(*b) - start)
        });
        let roots = pairs(|state| &state.second).map(both).map(|(a, b)| (libm::sqrt(a), libm::sqrt(b)));
        Self {
            movement: relative(moved),
            first: relative(pairs(|state| &state.first).map(both)),
            root: relative(roots),
        }
    }

    /// The largest of the three.
    #[must_use]
    pub fn largest(&self) -> f64 {
        self.movement.max(self.first).max(self.root)
    }
}

/// What one segment's distance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Nearness {
    /// Within the tolerance.
    Within,
    /// Beyond it, as an honest segment is once in a thousand.
    Beyond,
    /// Beyond what rounding does.
    Far,
}

/// What segments of one lane say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Judged {
    /// Segments checked.
    pub checked: u32,
    /// Of them beyond the tolerance, far ones too.
    pub beyond: u32,
    /// Of them far.
    pub far: u32,
    /// So many beyond are fraud; none when no number is, of so few.
    pub flag_threshold: Option<u32>,
}

impl Judged {
    /// Whether it is fraud: one that is far, or too many that are beyond.
    #[must_use]
    pub fn is_fraud(&self) -> bool {
        self.far > 0 || self.flag_threshold.is_some_and(|count| self.beyond >= count)
    }
}

/// A tolerance that was calibrated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    tau: f64,
    test: BinomialTest,
}

/// A tolerance that none is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the tolerance is {got}, expected above 0 and below {FAR}")]
pub struct ToleranceError {
    /// What it is.
    pub got: f64,
}

impl Tolerance {
    /// One of that distance.
    ///
    /// # Errors
    /// [`ToleranceError`] unless it lies between 0 and [`FAR`].
    pub fn new(tau: f64) -> Result<Self, ToleranceError> {
        let test = BinomialTest::new(MISMATCH, FRAUD_THRESHOLD);
        match test.filter(|_| tau > 0.0 && tau < FAR) {
            Some(test) => Ok(Self { tau, test }),
            None => Err(ToleranceError { got: tau }),
        }
    }

    /// That of a preset, as it was calibrated (SPEC §IV.10.2).
    #[must_use]
    pub fn of(preset: Preset) -> Self {
        let calibrated = match preset {
            Preset::Tiny => TINY,
            Preset::Nano => NANO,
        };
        Self::new(MARGIN * calibrated).expect("presets' tolerances are some, see the test")
    }

    /// The distance.
    #[must_use]
    pub fn tau(&self) -> f64 {
        self.tau
    }

    /// What a segment at that distance is.
    #[must_use]
    pub fn nearness(&self, distance: &Distance) -> Nearness {
        match distance.largest() {
            d if d <= self.tau => Nearness::Within,
            d if d <= FAR => Nearness::Beyond,
            _ => Nearness::Far,
        }
    }

    /// What segments of one lane say together: the binomial test of SPEC §I.7 over those beyond.
    #[must_use]
    pub fn judge(&self, distances: &[Distance]) -> Judged {
        let count = |is: fn(Nearness) -> bool| {
            let found = distances.iter().filter(|distance| is(self.nearness(distance))).count();
            u32::try_from(found).unwrap_or(u32::MAX)
        };
        let checked = count(|_| true);
        Judged {
            checked,
            beyond: count(|nearness| nearness != Nearness::Within),
            far: count(|nearness| nearness == Nearness::Far),
            flag_threshold: self.test.flag_threshold(checked),
        }
    }
}

/// What [`calibrate`] gave for `train-tiny` (DESIGN, "Lanes in floats").
const TINY: f64 = 2.1e-4;
/// What [`calibrate`] gave for `train-nano`.
const NANO: f64 = 1.2e-3;

/// Too few honest repeats to say how far one in a thousand lies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{got} honest repeats, expected {expected} or more")]
pub struct CalibrationError {
    /// How many there are.
    pub got: usize,
    /// How many it takes.
    pub expected: usize,
}

/// The distance that another honest repeat passes with probability [`MISMATCH`] at most, by honest ones that are
/// exchangeable with it, whatever their distribution: of n the `⌈(1 - p)(n + 1)⌉`-th smallest.
///
/// # Errors
/// [`CalibrationError`] for fewer than 999: their largest is passed more often.
pub fn calibrate(honest: &[Distance]) -> Result<f64, CalibrationError> {
    const ONE_IN: usize = 1000;
    let n = honest.len();
    // (1 - p)(n + 1) rounded up, in whole numbers.
    let rank = n + 1 - (n + 1) / ONE_IN;
    if rank > n {
        return Err(CalibrationError { got: n, expected: ONE_IN - 1 });
    }
    let mut sorted: Vec<f64> = honest.iter().map(Distance::largest).collect();
    sorted.sort_by(f64::total_cmp);
    Ok(sorted[rank - 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    fn state(theta: [f32; 2], first: [f32; 2], second: [f32; 2]) -> FloatState {
        FloatState { theta: theta.to_vec(), first: first.to_vec(), second: second.to_vec() }
    }

    fn at(distance: f64) -> Distance {
        Distance { movement: distance, first: 0.0, root: 0.0 }
    }

    #[test]
    fn distances_are_of_the_movement_not_of_the_size() {
        let before = state([100.0, 100.0], [0.0; 2], [0.0; 2]);
        let repeated = state([103.0, 104.0], [3.0, 4.0], [9.0, 16.0]);
        let claimed = state([103.0, 104.5], [3.0, 4.5], [9.0, 12.25]);
        let distance = Distance::of(&before, &claimed, &repeated);
        assert_eq!(distance, Distance { movement: 0.1, first: 0.1, root: 0.1 });
        assert_eq!(Distance::of(&before, &repeated, &repeated).largest(), 0.0);
        // Who does not move is as far as can be, and so is who moves where nothing moves.
        assert_eq!(Distance::of(&before, &before, &repeated).movement, 1.0);
        assert_eq!(Distance::of(&before, &repeated, &before).movement, f64::INFINITY);
        let none = state([f32::NAN, 0.0], [0.0; 2], [0.0; 2]);
        assert_eq!(Distance::of(&before, &none, &repeated).movement, f64::INFINITY);
    }

    #[test]
    fn moments_count_as_much_as_parameters() {
        let before = state([0.0; 2], [0.0; 2], [0.0; 2]);
        let honest = state([1.0; 2], [1.0; 2], [1.0; 2]);
        for changed in [
            FloatState { first: vec![1.0, -1.0], ..honest.clone() },
            FloatState { second: vec![0.0, 1.0], ..honest.clone() },
        ] {
            let distance = Distance::of(&before, &changed, &honest);
            assert!(distance.movement == 0.0 && distance.largest() > FAR, "{distance:?}");
        }
    }

    #[test]
    fn segments_beyond_are_fraud_when_there_are_too_many() {
        let tolerance = Tolerance::new(4e-3).expect("a tolerance");
        let judge = |beyond: usize, of: usize| {
            let mut distances = vec![at(1e-3); of];
            distances[..beyond].fill(at(0.01));
            tolerance.judge(&distances)
        };
        // The counts of the design: 16: 3, 64: 4, 256: 6 - by P(X >= k) < 1e-6 at 1e-3.
        assert_eq!([16, 64, 256].map(|n| judge(0, n).flag_threshold), [Some(3), Some(4), Some(6)]);
        assert!(!judge(3, 64).is_fraud() && judge(4, 64).is_fraud());
        assert_eq!(judge(1, 1).flag_threshold, None);
        assert!(!judge(1, 1).is_fraud() && !judge(0, 1).is_fraud());
        // One that is far is enough.
        let far = tolerance.judge(&[at(1e-3), at(0.2)]);
        assert!(far.is_fraud());
        assert_eq!((far.checked, far.beyond, far.far), (2, 1, 1));
        assert!(!tolerance.judge(&[]).is_fraud());
    }

    #[test]
    fn tolerances_lie_between_nothing_and_far() {
        for preset in Preset::ALL {
            assert!(Tolerance::of(preset).tau() > 0.0);
        }
        for got in [0.0, -1.0, FAR, f64::NAN, f64::INFINITY] {
            let error = Tolerance::new(got).expect_err("no tolerance").to_string();
            assert!(error.ends_with("expected above 0 and below 0.05"), "{error}");
        }
    }

    #[test]
    fn a_calibration_takes_a_thousand_repeats() {
        let honest: Vec<Distance> = (1..=1998).rev().map(|i| at(f64::from(i))).collect();
        assert_eq!(calibrate(&honest[..999]), Ok(1998.0));
        // Of 1998, rank 1999 - 1.
        assert_eq!(calibrate(&honest), Ok(1998.0));
        let more: Vec<Distance> = (1..=1999).map(|i| at(f64::from(i))).collect();
        assert_eq!(calibrate(&more), Ok(1998.0));
        let few = calibrate(&honest[..998]).expect_err("too few").to_string();
        assert_eq!(few, "998 honest repeats, expected 999 or more");
    }
}
