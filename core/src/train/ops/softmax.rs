//! Softmax by powers of two (SPEC §IV.4.5), and the loss (§IV.4.6).

use crate::exact::tables::EXP2;
use crate::train::values::rs;

/// `2^14 log2 e`.
const LOG2E: i64 = 23_637;
/// From here on, in 1/256 octaves, a power is 0.
const NOTHING: i64 = 15 * 256;

/// Shares of 2^14 by scores, at most 16383 each; gives the sum of powers, from 2^14 to 2^24.
///
/// One octave of share is `2^(6 + shift) / log2 e` units of score: `shift` takes in the scores' exponent.
///
/// # Shapes
/// - `scores`: `[n]`, n at most 1024, differing by 2^24 at most; `out`: `[n]`. Overwritten.
#[inline(always)]
pub fn shares(scores: &[i32], shift: i32, out: &mut [i16]) -> i32 {
    let best = scores.iter().copied().max().unwrap_or(0);
    let mut sum = 0;
    for (out, score) in out.iter_mut().zip(scores) {
        let z = octaves(best, *score, shift);
        // 2^14 is no i16 trouble: it fits.
        let power = if z < NOTHING { i32::from(EXP2[(z & 255) as usize]) >> (z >> 8) } else { 0 };
        sum += power;
        *out = power as i16;
    }
    let inverse = (1 << 30) / sum.max(1);
    for out in out.iter_mut() {
        *out = ((i32::from(*out) * inverse + (1 << 15)) >> 16).min(16_383) as i16;
    }
    sum
}

/// 1/256 octaves by which a score lies below the best.
#[inline(always)]
fn octaves(best: i32, score: i32, shift: i32) -> i64 {
    rs(i64::from(best - score) * LOG2E, shift)
}

/// Gradient of a row's loss by its logits, unit 2^-14, and the loss in units of 2^-16 octaves.
///
/// # Shapes
/// - `acc`: `[vocab]`, unit `2^e`; `g`: `[vocab]` within ±16383. Overwritten.
#[inline(always)]
pub fn cross_entropy(acc: &[i32], e: i32, target: usize, g: &mut [i16]) -> i64 {
    let sum = shares(acc, 6 - e, g);
    g[target] = (g[target] - 16_384).max(-16_383);
    let best = acc.iter().copied().max().unwrap_or(0);
    let below = octaves(best, acc[target], 6 - e).min(1 << 20);
    below * 256 + log2(sum.unsigned_abs()) - (14 << 16)
}

/// log2 of x >= 1 in units of 2^-16, cut.
fn log2(x: u32) -> i64 {
    let whole = x.max(1).ilog2();
    let mut y = (u64::from(x) << 30) >> whole;
    let mut out = i64::from(whole) << 16;
    for bit in (0..16).rev() {
        y = (y * y) >> 30;
        if y >= 2 << 30 {
            y >>= 1;
            out += 1 << bit;
        }
    }
    out
}
