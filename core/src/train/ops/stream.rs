//! The residual stream, i32 in units of 2^-16 (SPEC §IV.4.2), and its gradient (§IV.5.3).

use crate::train::values::{GRADIENT, quantise, rs, rs32};

/// Largest value of the stream.
pub const LIMIT: i64 = 1 << 28;
/// Widest row.
const MAX_DIM: usize = 256;

/// A token's row: symbol and position, units of 2^-22, together.
///
/// # Shapes
/// - `symbol`, `position`, `out`: `[dim]`; `out` is overwritten.
#[inline(always)]
pub fn embed(symbol: &[i32], position: &[i32], out: &mut [i32]) {
    for ((out, a), b) in out.iter_mut().zip(symbol).zip(position) {
        *out = rs(i64::from(*a) + i64::from(*b), 6).clamp(-LIMIT, LIMIT) as i32;
    }
}

/// A branch joins: `stream + acc 2^e`, clamped.
///
/// # Shapes
/// - `acc`: `[dim]`, unit `2^e`; `stream`: `[dim]`, changed.
#[inline(always)]
pub fn add_branch(acc: &[i32], e: i32, stream: &mut [i32]) {
    let s = -16 - e;
    if s > 0 {
        // 2^28 + 2^30 fits 32 bits.
        for (stream, acc) in stream.iter_mut().zip(acc) {
            *stream = (*stream + rs32(*acc, s)).clamp(-(LIMIT as i32), LIMIT as i32);
        }
    } else {
        for (stream, acc) in stream.iter_mut().zip(acc) {
            *stream = (i64::from(*stream) + rs(i64::from(*acc), s)).clamp(-LIMIT, LIMIT) as i32;
        }
    }
}

/// Two gradients of a row, (mantissas, exponent), as one; gives its exponent.
///
/// # Shapes
/// - both and `out`: `[dim]`; `out` is overwritten.
#[inline(always)]
pub fn add_gradients(a: (&[i16], i32), b: (&[i16], i32), out: &mut [i16]) -> i32 {
    let live = [a, b].map(|(x, e)| x.iter().any(|x| *x != 0).then_some(e));
    let Some(top) = live.into_iter().flatten().max() else {
        out.fill(0);
        return 0;
    };
    let mut sums = [0_i32; MAX_DIM];
    let sums = &mut sums[..a.0.len()];
    for ((x, e), live) in [a, b].into_iter().zip(live) {
        if live.is_some() {
            for (sum, x) in sums.iter_mut().zip(x) {
                let x = i32::from(*x);
                *sum += if top > e { rs32(x, top - e) } else { x };
            }
        }
    }
    quantise(sums, top, GRADIENT, out)
}
