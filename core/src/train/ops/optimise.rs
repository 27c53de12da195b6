//! One step of a tensor (SPEC §IV.6).

use crate::train::values::rs;
use alloc::vec::Vec;

/// Largest parameter, in units of 2^-22.
pub const LIMIT: i64 = 1 << 29;
/// Bits of the moments' grid.
const GRID: i32 = 29;

/// `sqrt(1 - (63/64)^t) / (1 - (7/8)^t)` in units of 2^-16, for t = 1 to `steps`.
#[must_use]
pub fn corrections(steps: u32) -> Vec<u32> {
    const ONE: u64 = 1 << 62;
    let (mut first, mut second) = (ONE, ONE);
    let next = |_| {
        first -= first >> 3;
        second -= second >> 6;
        (((ONE - second).isqrt() << 16) / ((ONE - first) >> 31)) as u32
    };
    (0..steps).map(next).collect()
}

/// Rate times correction, and decay, in units of 2^-32: rate in units of 2^-32, correction in units of 2^-16.
fn rates(rate: u32, correction: u32) -> [i64; 2] {
    [rs(i64::from(rate) * i64::from(correction), 16), (i64::from(rate) + 10) / 20]
}

/// How a step of a tensor goes: the common grid and all that is the same for each of its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    exponent: i32,
    moments: i32,
    gradient: i32,
    /// rate times correction, and decay, in units of 2^-32.
    rate: i64,
    decay: i64,
}

impl Step {
    /// A step of moments by a gradient, of each the length of its largest value in bits, 0 for zeros, and its exponent;
    /// rate in units of 2^-32, correction in units of 2^-16.
    #[must_use]
    pub fn new(moments: (i32, i32), gradient: (i32, i32), rate: u32, correction: u32) -> Self {
        let tops = [moments, gradient].into_iter().filter(|(length, _)| *length > 0);
        let top = tops.map(|(length, e)| length + e).max();
        let exponent = top.map_or(0, |top| top - GRID);
        Self {
            exponent,
            moments: exponent - moments.1,
            gradient: exponent - gradient.1,
            rate: if top.is_some() { rates(rate, correction)[0] } else { 0 },
            decay: rates(rate, correction)[1],
        }
    }

    /// Rate times correction, and decay, in units of 2^-32: those of a step that moves anything.
    #[must_use]
    pub fn rates(rate: u32, correction: u32) -> [i32; 2] {
        // A rate is 2^28 at most, a correction 2^16.
        rates(rate, correction).map(|x| x as i32)
    }

    /// The exponent that the moments get.
    #[must_use]
    pub fn exponent(&self) -> i32 {
        self.exponent
    }

    /// The moments of a part of a tensor; gives the largest root.
    ///
    /// # Shapes
    /// - `gradient`, `first`, `root`: `[n]`; the moments are changed.
    ///
    /// # Accuracy
    /// All within 2^29 on the grid, so that squares are within 2^58.
    #[inline(always)]
    pub fn moments(&self, gradient: &[i32], first: &mut [i32], root: &mut [i32]) -> i32 {
        let mut top = 0;
        for ((g, m), s) in gradient.iter().zip(first).zip(root) {
            let g = on_grid(*g, self.gradient);
            let m_old = on_grid(*m, self.moments);
            let s_old = on_grid(*s, self.moments);
            *m = (m_old + rs(g - m_old, 3)) as i32;
            let square = s_old * s_old;
            *s = root_of(square + ((g * g - square) >> 6));
            top = top.max(*s);
        }
        top
    }

    /// The parameters of a part of a tensor, by its moments and the tensor's largest root.
    ///
    /// # Shapes
    /// - `first`, `root`, `theta`: `[n]`; the parameters are changed.
    #[inline(always)]
    pub fn parameters(&self, top: i32, first: &[i32], root: &[i32], theta: &mut [i32]) {
        let floor = i64::from(top >> 20) + 1;
        for ((m, s), theta) in first.iter().zip(root).zip(theta) {
            let ratio = quotient(i64::from(*m) << 16, i64::from(*s) + floor).clamp(-(1 << 20), 1 << 20);
            let step = rs(ratio * self.rate, 26);
            let old = i64::from(*theta);
            *theta = (old - step - rs(old * self.decay, 32)).clamp(-LIMIT, LIMIT) as i32;
        }
    }
}

#[inline(always)]
fn on_grid(x: i32, s: i32) -> i64 {
    let limit = (1 << GRID) - 1;
    let x = i64::from(x);
    let x = if s > 0 { rs(x, s) } else { x << (-s).min(GRID) };
    x.clamp(-limit, limit)
}

/// `a / b` cut towards zero, |a| < 2^46 and 0 < b < 2^31, through a float that holds both: the rounded quotient is the
/// cut one, or above it by one in size.
#[inline(always)]
fn quotient(a: i64, b: i64) -> i64 {
    let size = a.abs();
    let q = (size as f64 / b as f64) as i64;
    let q = q - i64::from(q * b > size);
    if a < 0 { -q } else { q }
}

/// `floor(sqrt(x))`, 0 <= x < 2^58, through a float's root, which is off by one at most.
#[inline(always)]
fn root_of(x: i64) -> i32 {
    let root = libm::sqrt(x as f64) as i64;
    let root = root - i64::from(root * root > x);
    (root + i64::from((root + 1) * (root + 1) <= x)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_and_quotients_are_those_of_integers() {
        let mut x: u64 = 1;
        for _ in 0..200_000 {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let square = (x >> (6 + (x & 31))).cast_signed();
            assert_eq!(i64::from(root_of(square)), square.isqrt(), "{square}");
            let (a, b) = ((x >> 19).cast_signed(), (x.rotate_left(32) >> 33).cast_signed() + 1);
            assert_eq!((quotient(a, b), quotient(-a, b)), (a / b, -(a / b)), "{a} / {b}");
        }
        for root in [1_i64, 2, 94_906_265, 94_906_266, (1 << 29) - 1] {
            for square in [root * root - 1, root * root, root * root + 1] {
                assert_eq!(i64::from(root_of(square)), square.isqrt(), "{square}");
            }
        }
    }

    #[test]
    fn corrections_are_adams() {
        for (t, c) in corrections(64).into_iter().enumerate() {
            let t = t as i32 + 1;
            let want =
                libm::sqrt(1.0 - libm::pow(63.0 / 64.0, t.into())) / (1.0 - libm::pow(0.875, t.into()));
            assert!((f64::from(c) / 65_536.0 - want).abs() < 2e-5, "{t}");
        }
    }
}
