//! RMS norm of a row (SPEC §IV.4.1, §IV.5.2).

use crate::train::values::{ACTIVATION, GRADIENT, quantise, rs};

/// Bits of the mantissas that are squared: `2047² * 256 < 2^31`.
const SQUARED: u32 = 11;
/// Widest row.
const MAX_DIM: usize = 256;

/// What the backward pass needs of a row: its factor, `floor(2^25 sqrt(dim) / isqrt(Σ a²))`, and the exponent of a.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factor {
    /// The factor, at most 2^29.
    pub factor: i32,
    /// The exponent.
    pub exponent: i32,
}

/// A row of the stream over its root mean square, as int8; gives its exponent.
///
/// # Shapes
/// - `row`: `[dim]`, within ±2^28, dim a power of two up to 256; `out`: `[dim]` within ±127. Overwritten.
#[inline(always)]
pub fn norm(row: &[i32], out: &mut [i16]) -> (i32, Factor) {
    let mut a = [0; MAX_DIM];
    let a = &mut a[..row.len()];
    let exponent = quantise(row, 0, SQUARED, a);
    let squares: i32 = a.iter().map(|a| i32::from(*a) * i32::from(*a)).sum();
    let root = squares.isqrt().max(1);
    let factor = (((row.len() as u64) << 50).isqrt() / u64::from(root.unsigned_abs())) as i32;
    // |a| <= root, so that |a factor| <= 2^25 sqrt(dim) <= 2^29, and |y| <= 2^14.
    for a in a.iter_mut() {
        *a = ((i32::from(*a) * factor + (1 << 14)) >> 15) as i16;
    }
    (quantise(a, -10, ACTIVATION, out), Factor { factor, exponent })
}

/// Gradient of a row of the stream from that of its norm; gives its exponent.
///
/// # Shapes
/// - `g`: `[dim]` within ±16383, unit `2^e`; `y`: `[dim]`, what [`norm`] gave, unit `2^ey`.
/// - `out`: `[dim]` within ±16383. Overwritten.
///
/// # Accuracy
/// `Σ g y <= 16383 * 127 * 256 < 2^30`; the mean's part is within 2^27 and the product with the factor within 2^57.
#[inline(always)]
pub fn norm_backward(g: &[i16], e: i32, y: &[i16], ey: i32, kept: Factor, out: &mut [i16]) -> i32 {
    let dim = g.len();
    let sum: i32 = g.iter().zip(y).map(|(g, y)| i32::from(*g) * i32::from(*y)).sum();
    let shift = dim.trailing_zeros().cast_signed() - 2 * ey;
    let mut d = [0_i64; MAX_DIM];
    let d = &mut d[..dim];
    for ((d, g), y) in d.iter_mut().zip(g).zip(y) {
        let mean = rs(i64::from(sum) * i64::from(*y), shift);
        *d = i64::from(i32::from(*g) - mean as i32) * i64::from(kept.factor);
    }
    quantise(d, e - kept.exponent - 9, GRADIENT, out)
}
