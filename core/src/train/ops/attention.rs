//! Causal attention of one sequence (SPEC §IV.4.3, §IV.5.5).

use super::softmax::shares;
use super::{ByShares, Largest, Mantissas, Quantise, Shares, Shift};
use crate::train::executor::Executor;
use crate::train::values::{ACTIVATION, GRADIENT, Rows, common, quantise, rs, top_exponent};
use alloc::vec;
use alloc::vec::Vec;

/// Most positions of a sequence.
const MAX_CONTEXT: usize = 1024;

/// Sizes of attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Positions of a sequence.
    pub context: usize,
    /// Width of all heads.
    pub dim: usize,
    /// Heads.
    pub heads: usize,
}

impl Shape {
    fn head_dim(self) -> usize {
        self.dim / self.heads
    }

    /// Scores are scaled by 2 to minus this: half of log2 of a head's width, rounded up.
    fn scale(self) -> i32 {
        self.head_dim().trailing_zeros().div_ceil(2).cast_signed()
    }
}

/// What the backward pass needs of a sequence.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Queries, keys, values: head after head `[heads, context, head_dim]`.
    query: Vec<i16>,
    key: Vec<i16>,
    value: Vec<i16>,
    query_exponents: Vec<i32>,
    key_exponent: i32,
    value_exponent: i32,
    /// `[heads, context, context]`, units of 2^-14.
    shares: Vec<i16>,
}

/// `values[row, first + c]` for the columns of one head after the other: `[heads, context, head_dim]`.
fn by_heads(values: &[i16], width: usize, first: usize, shape: Shape) -> Vec<i16> {
    let hd = shape.head_dim();
    let mut out = Vec::with_capacity(shape.context * shape.dim);
    for head in 0..shape.heads {
        for row in values.chunks_exact(width) {
            out.extend_from_slice(&row[first + head * hd..][..hd]);
        }
    }
    out
}

/// Attention of a sequence.
///
/// # Shapes
/// - `qkv`: `[context, 3 dim]` accumulators; row t in units of `2^exponents[t]`.
/// - `out`: `[context, dim]` within ±127, `out_exponents`: `[context]`. Overwritten.
pub fn attention<E: Executor>(
    executor: &E,
    shape: Shape,
    qkv: &[i32],
    exponents: &[i32],
    out: &mut [i16],
    out_exponents: &mut [i32],
) -> Kept {
    let Shape { context, dim, heads } = shape;
    let hd = shape.head_dim();
    let mut query = vec![0; context * dim];
    let mut kept = Kept::default();
    for ((row, e), query) in qkv.chunks_exact(3 * dim).zip(exponents).zip(query.chunks_exact_mut(dim)) {
        let op = Quantise { values: &row[..dim], exponent: *e, bits: ACTIVATION, out: query };
        kept.query_exponents.push(executor.run(op));
    }
    kept.query = by_heads(&query, dim, 0, shape);
    // Keys have one exponent in a sequence, and so have values: sums run over rows.
    let joined = |first: usize| {
        let rows = || qkv.chunks_exact(3 * dim).map(|row| &row[first..][..dim]).zip(exponents);
        let top = common(rows().map(|(row, e)| (executor.run(Largest(row)), *e)), ACTIVATION);
        let mut joined = vec![0; context * dim];
        for ((values, e), out) in rows().zip(joined.chunks_exact_mut(dim)) {
            executor.run(Mantissas { values, s: top - e, bits: ACTIVATION, out });
        }
        (by_heads(&joined, dim, 0, shape), top)
    };
    (kept.key, kept.key_exponent) = joined(dim);
    (kept.value, kept.value_exponent) = joined(2 * dim);
    kept.shares = vec![0; heads * context * context];
    let (mut scores, mut sums) = (vec![0; context * context], vec![0; context * hd]);
    let mut mixed = vec![0; context * dim];
    let shift = |e: &i32| 6 + shape.scale() - e - kept.key_exponent;
    let shifts: Vec<i32> = kept.query_exponents.iter().map(shift).collect();
    for head in 0..heads {
        let of = head * context * hd..(head + 1) * context * hd;
        executor.product(&kept.query[of.clone()], &kept.key[of.clone()], hd, &mut scores);
        let own = &mut kept.shares[head * context * context..][..context * context];
        executor.run(Shares { scores: &scores, context, shifts: &shifts, out: own });
        executor.through(own, &kept.value[of], hd, &mut sums);
        for (mixed, sums) in mixed.chunks_exact_mut(dim).zip(sums.chunks_exact(hd)) {
            mixed[head * hd..][..hd].copy_from_slice(sums);
        }
    }
    for ((out, e), mixed) in out.chunks_exact_mut(dim).zip(out_exponents).zip(mixed.chunks_exact(dim)) {
        let exponent = kept.value_exponent - 14;
        *e = executor.run(Quantise { values: mixed, exponent, bits: ACTIVATION, out });
    }
    kept
}

/// Shares of each position among those up to it; row t's scores are shifted by `shifts[t]`.
#[inline(always)]
pub(super) fn causal_shares(scores: &[i32], context: usize, shifts: &[i32], out: &mut [i16]) {
    let rows = scores.chunks_exact(context).zip(out.chunks_exact_mut(context)).zip(shifts).enumerate();
    for (t, ((scores, out), shift)) in rows {
        shares(&scores[..=t], *shift, &mut out[..=t]);
    }
}

/// Gradient by scores from `dp`, that by shares: row t in units of `2^(exponents[t] + unit)` before it is quantised.
///
/// # Shapes
/// - `dp`, `shares`, `out`: `[context, context]`, shares 0 beyond each row's position; `exponents`: `[context]`. Overwritten.
#[inline(always)]
pub fn by_shares(dp: &[i32], shares: &[i16], unit: i32, exponents: &[i32], out: &mut Rows) {
    let context = out.width;
    let mut wide = [0_i64; MAX_CONTEXT];
    let rows = dp.chunks_exact(context).zip(shares.chunks_exact(context));
    let outs = out.values.chunks_exact_mut(context).zip(&mut out.exponents);
    for (t, (((dp, w), (out, out_e)), e)) in rows.zip(outs).zip(exponents).enumerate() {
        let (w, dp, wide) = (&w[..=t], &dp[..=t], &mut wide[..=t]);
        let mut mean = 0;
        for (w, dp) in w.iter().zip(dp) {
            mean += i64::from(*w) * i64::from(*dp);
        }
        // Shares sum to 2^14 and little more: the mean is within the largest of dp, 2^30, and a little.
        let mean = rs(mean, 14) as i32;
        for ((x, w), dp) in wide.iter_mut().zip(w).zip(dp) {
            *x = i64::from(*w) * i64::from(*dp - mean);
        }
        *out_e = quantise(wide, e + unit, GRADIENT, &mut out[..=t]);
    }
}

/// Gradient by queries, keys and values.
///
/// # Shapes
/// - `g`: `[context, dim]` within ±16383; row t in units of `2^exponents[t]`.
/// - `out`: `[context, 3 dim]` within ±16383, `out_exponents`: `[context]`. Overwritten.
///
/// # Accuracy
/// Shares of a row sum to 2^14 + context / 2 at most, so that sums of shares times `Σ g v <= 16383 * 127 * 256` are
/// within 2^44. Shares times gradients go through parts of 7 bits each.
pub fn attention_backward<E: Executor>(
    executor: &E,
    shape: Shape,
    g: &[i16],
    exponents: &[i32],
    kept: &Kept,
    out: &mut [i16],
    out_exponents: &mut [i32],
) {
    let Shape { context, dim, heads } = shape;
    let hd = shape.head_dim();
    let rows = Rows { width: dim, values: g.to_vec(), exponents: exponents.to_vec() };
    let top = top_exponent(&rows, |row| exponents[row]);
    let mut aligned = vec![0; g.len()];
    for ((values, e), out) in g.chunks_exact(dim).zip(exponents).zip(aligned.chunks_exact_mut(dim)) {
        executor.run(Shift { values, s: (top - e).max(0), out });
    }
    let (g, aligned) = (by_heads(g, dim, 0, shape), by_heads(&aligned, dim, 0, shape));
    // Queries, keys, values: [3, heads, context, head_dim], and the exponent of each head's row.
    let mut wide = vec![0_i64; 3 * context * dim];
    let mut units = vec![0; 3 * heads * context];
    let (mut dp, mut sums) = (vec![0; context * context], vec![0; context * hd]);
    for head in 0..heads {
        let of = head * context * hd..(head + 1) * context * hd;
        let shares = &kept.shares[head * context * context..][..context * context];
        let mut put = |which: usize, sums: &[i32], shift: u32, unit: &dyn Fn(usize) -> i32| {
            let at = (which * heads + head) * context;
            for (wide, sum) in wide[at * hd..].iter_mut().zip(sums) {
                *wide += i64::from(*sum) << shift;
            }
            for (t, slot) in units[at..][..context].iter_mut().enumerate() {
                *slot = unit(t);
            }
        };
        executor.product(&g[of.clone()], &kept.value[of.clone()], hd, &mut dp);
        let mut ds = Rows::zeros(context, context);
        executor.run(ByShares { dp: &dp, shares, unit: kept.value_exponent - 14, exponents, out: &mut ds });
        let scale = shape.scale();
        executor.through(&ds.values, &kept.key[of.clone()], hd, &mut sums);
        put(0, &sums, 0, &|t| ds.exponents[t] + kept.key_exponent - scale);
        // Keys sum over queries, whose rows have exponents of their own.
        let unit = |t: usize| ds.exponents[t] + kept.query_exponents[t];
        let top_key = top_exponent(&ds, unit);
        let mut ds_aligned = vec![0; context * context];
        for (t, out) in ds_aligned.chunks_exact_mut(context).enumerate() {
            executor.run(Shift { values: ds.row(t), s: (top_key - unit(t)).max(0), out });
        }
        executor.gradient(&ds_aligned, &kept.query[of.clone()], context, &mut sums);
        put(1, &sums, 0, &|_| top_key - scale);
        for (part, shift) in [(7, 7), (0, 0)] {
            let of_shares: Vec<i16> = shares.iter().map(|w| (*w >> part) & 127).collect();
            executor.gradient(&of_shares, &aligned[of.clone()], context, &mut sums);
            put(2, &sums, shift, &|_| top - 14);
        }
    }
    for (t, (out, out_e)) in out.chunks_exact_mut(3 * dim).zip(out_exponents).enumerate() {
        let parts = || {
            (0..3 * heads).map(|part| (&wide[(part * context + t) * hd..][..hd], units[part * context + t]))
        };
        *out_e = common(parts().map(|(values, e)| (executor.run(Largest(values)), e)), GRADIENT);
        for ((values, e), out) in parts().zip(out.chunks_exact_mut(hd)) {
            executor.run(Mantissas { values, s: *out_e - e, bits: GRADIENT, out });
        }
    }
}
