//! Mantissas with powers of two (SPEC §IV.2): the only roundings that training has.

use alloc::vec::Vec;

/// Bits of an activation's mantissa, sign aside.
pub const ACTIVATION: u32 = 7;
/// Bits of a gradient's mantissa, sign aside: two int8 parts, `128 h + l`.
pub const GRADIENT: u32 = 14;

/// `x / 2^s` to the nearest, ties up; for negative s, `x 2^-s`, shifted by 24 at most (SPEC §IV.2).
///
/// `|x| < 2^62` for s > 0 and `|x| < 2^39` for s < 0.
#[inline(always)]
#[must_use]
pub fn rs(x: i64, s: i32) -> i64 {
    if s > 0 { if s > 62 { 0 } else { (x + (1 << (s - 1))) >> s } } else { x << (-s).min(24) }
}

/// Length of |x| in bits.
#[inline(always)]
#[must_use]
pub fn bits(x: u64) -> i32 {
    (64 - x.leading_zeros()).cast_signed()
}

/// `rs` of 32 bits, s > 0: the half that is added is the last bit that goes, so that no sum overflows, and vectors hold
/// twice as many.
#[inline(always)]
pub(super) fn rs32(x: i32, s: i32) -> i32 {
    (x >> s.min(31)) + ((x >> (s - 1).min(31)) & 1)
}

/// What a row holds.
pub trait Value: Copy + Into<i64> {
    /// Length in bits of the largest |x|.
    fn largest(values: &[Self]) -> i32;

    /// [`mantissa`] of each value.
    fn mantissas(values: &[Self], s: i32, bits: u32, out: &mut [i16]);
}

impl Value for i64 {
    #[inline(always)]
    fn largest(values: &[Self]) -> i32 {
        bits(values.iter().fold(0, |top, x| top | x.unsigned_abs()))
    }

    #[inline(always)]
    fn mantissas(values: &[Self], s: i32, bits: u32, out: &mut [i16]) {
        for (out, x) in out.iter_mut().zip(values) {
            *out = mantissa(*x, s, bits);
        }
    }
}

/// As i64, but within 32 bits where that is the same.
macro_rules! narrow {
    ($($type:ty)*) => { $(
        impl Value for $type {
            #[inline(always)]
            fn largest(values: &[Self]) -> i32 {
                bits(values.iter().fold(0_u32, |top, x| top | i32::from(*x).unsigned_abs()).into())
            }

            #[inline(always)]
            fn mantissas(values: &[Self], s: i32, bits: u32, out: &mut [i16]) {
                let limit = (1 << bits) - 1;
                for (out, x) in out.iter_mut().zip(values) {
                    *out = if s > 0 {
                        rs32((*x).into(), s).clamp(-limit, limit) as i16
                    } else {
                        mantissa((*x).into(), s, bits)
                    };
                }
            }
        }
    )* };
}
narrow!(i16 i32);

/// Length in bits of the largest |x|.
#[inline(always)]
pub fn largest<T: Value>(values: &[T]) -> i32 {
    T::largest(values)
}

/// `rs`, clamped to mantissas of `bits` bits.
#[inline(always)]
#[must_use]
pub fn mantissa(x: i64, s: i32, bits: u32) -> i16 {
    let limit = (1 << bits) - 1;
    rs(x, s).clamp(-limit, limit) as i16
}

/// A row to mantissas of `bits` bits (7, 11 or 14) with one exponent (SPEC §IV.2); gives the exponent, 0 for a row of
/// zeros.
///
/// # Shapes
/// - `values`: `[n]` in units of `2^exponent`; `out`: `[n]`, |out| < 2^bits. Overwritten.
#[inline(always)]
pub fn quantise<T: Value>(values: &[T], exponent: i32, bits: u32, out: &mut [i16]) -> i32 {
    let length = largest(values);
    if length == 0 {
        out.fill(0);
        return 0;
    }
    let shift = length - bits.cast_signed();
    T::mantissas(values, shift, bits, out);
    exponent + shift
}

/// `rs` of each value by s >= 0.
#[inline(always)]
pub(super) fn shift(values: &[i16], s: i32, out: &mut [i16]) {
    if s == 0 {
        out.copy_from_slice(values);
        return;
    }
    for (out, x) in out.iter_mut().zip(values) {
        // As rs32; a shift past the sign takes all.
        *out = (*x >> s.min(15)) + ((*x >> (s - 1).min(15)) & 1);
    }
}

/// The exponent that parts with exponents of their own get in common, 0 when all are zero (SPEC §IV.2).
///
/// `tops`: of each part, the length of its largest value in bits, and its exponent.
#[inline(always)]
pub fn common(tops: impl Iterator<Item = (i32, i32)>, bits: u32) -> i32 {
    let top = tops.filter(|(length, _)| *length > 0).map(|(length, e)| length + e).max();
    top.map_or(0, |top| top - bits.cast_signed())
}

/// Rows of mantissas, each with an exponent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Mantissas a row.
    pub width: usize,
    /// `[rows, width]`.
    pub values: Vec<i16>,
    /// `[rows]`.
    pub exponents: Vec<i32>,
}

impl Rows {
    /// Rows of zeros.
    #[must_use]
    pub fn zeros(rows: usize, width: usize) -> Self {
        Self { width, values: alloc::vec![0; rows * width], exponents: alloc::vec![0; rows] }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.exponents.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.exponents.is_empty()
    }

    /// Mantissas of one row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[i16] {
        &self.values[row * self.width..][..self.width]
    }
}

/// The largest of `exponents` among rows that are not zero, 0 when all are (SPEC §IV.2).
#[must_use]
pub fn top_exponent(rows: &Rows, exponents: impl Fn(usize) -> i32) -> i32 {
    let live = (0..rows.len()).filter(|row| rows.row(*row).iter().any(|x| *x != 0));
    live.map(exponents).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifts_round_to_the_nearest_and_are_total() {
        assert_eq!([-3, -2, -1, 1, 3].map(|x| rs(x, 1)), [-1, -1, 0, 1, 2]);
        assert_eq!((rs(i64::MAX >> 1, 63), rs(5, -2), rs(1, -90)), (0, 20, 1 << 24));
        assert_eq!(rs(-5, 0), -5);
    }

    #[test]
    fn narrow_values_round_as_wide_ones() {
        let mut x = 1_i32;
        let random = (0..200).map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            x >> (x & 31)
        });
        let values: Vec<i32> =
            random.chain([i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX - 1, i32::MAX]).collect();
        let wide: Vec<i64> = values.iter().copied().map(i64::from).collect();
        let (mut got, mut want) = (alloc::vec![0; values.len()], alloc::vec![0; values.len()]);
        for s in -30..70 {
            i32::mantissas(&values, s, 14, &mut got);
            i64::mantissas(&wide, s, 14, &mut want);
            assert_eq!(got, want, "shift {s}");
        }
        for n in 1..values.len() {
            assert_eq!(largest(&values[..n]), largest(&wide[..n]), "{n}");
        }
    }

    #[test]
    fn rows_keep_their_largest_value_at_full_length() {
        let mut out = [0; 3];
        assert_eq!(quantise(&[1_000_000_i32, -3, 0], -4, 7, &mut out), -4 + 13);
        assert_eq!(out, [122, 0, 0]);
        assert_eq!(quantise(&[255_i32, -255, 1], 0, 7, &mut out), 1);
        assert_eq!(out, [127, -127, 1]);
        assert_eq!(quantise(&[1_i32, 0, 0], 0, 14, &mut out), -13);
        assert_eq!(out, [8192, 0, 0]);
        assert_eq!(quantise(&[0_i32; 3], 9, 7, &mut out), 0);
        assert_eq!(out, [0; 3]);
    }
}
