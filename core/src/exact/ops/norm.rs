//! Scaling of a row to root mean square 256.

use super::requantise::{log2_sqrt, rounding_shift};

/// Values beyond this count as this in norm: 4 standard deviations of the stream.
/// `4096 * 1023² = 4,286,582,784 < 2^32`, so the sum of squares fits u32 at every dim.
const CLAMP: i32 = 1023;

/// The factor that brings a row to root mean square 256, in units of 2^-16, SPEC §II.6.3.
///
/// With c the row clamped to ±1023 and d = dim: `floor(2^24 sqrt(d) / max(isqrt(Σ c²), 16 sqrt(d)))`. The lower
/// bound of 16 sqrt(d) keeps the factor at or below 2^20.
///
/// # Shapes
/// - `row`: `[dim]`, any values.
#[must_use]
pub fn scale_of(row: &[i32]) -> i32 {
    let shift = log2_sqrt(row.len());
    let squares: u32 = row.iter().map(|x| x.clamp(&-CLAMP, &CLAMP).unsigned_abs().pow(2)).sum();
    // dim <= 4096: the numerator is at most 2^30, the quotient at most 2^20.
    let scale = (1_u32 << (24 + shift)) / squares.isqrt().max(16 << shift);
    scale.cast_signed()
}

/// Scales each row to root mean square 256, SPEC §II.6.3: `(c scale + 2^15) >> 16`.
///
/// # Shapes
/// - `x`: `[rows, dim]` i32, any values; clamped to ±1023 first.
/// - `out`: `[rows, dim]` i32, |value| <= 16368: `(1023 * 2^20 + 2^15) >> 16`. Overwritten.
///
/// # Accuracy
/// Exact. `1023 * 2^20 + 2^15 = 1,072,726,016 < 2^31`.
pub fn norm(x: &[i32], dim: usize, out: &mut [i32]) {
    for (row, out) in x.chunks_exact(dim).zip(out.chunks_exact_mut(dim)) {
        let scale = scale_of(row);
        for (y, x) in out.iter_mut().zip(row) {
            *y = rounding_shift(x.clamp(&-CLAMP, &CLAMP) * scale, 16);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn every_accumulator_reaches_its_bound_without_overflow() {
        // Sum of squares at its largest.
        let row = vec![i32::MIN; 4096];
        let mut out = vec![0; 4096];
        norm(&row, 4096, &mut out);
        // isqrt(4096 * 1023²) = 64 * 1023; floor(2^30 / 65472) = 16400; (-1023 * 16400 + 2^15) >> 16 = -256.
        assert!(out.iter().all(|y| *y == -256));
        // The product at its largest: a single 1023 in 64 gives isqrt = 1023 and 2^27 / 1023; the smallest
        // divisor gives 2^20.
        assert_eq!(scale_of(&vec![16; 4096]), 1 << 20);
        assert_eq!(scale_of(&vec![0; 64]), 1 << 20);
        let mut row = vec![0; 4096];
        row[0] = i32::MAX;
        norm(&row, 4096, &mut out);
        assert_eq!(out[0], rounding_shift(1023 * (1 << 20), 16));
        assert_eq!(out[0], 16_368);
        assert!(out[1..].iter().all(|y| *y == 0));
    }
}
