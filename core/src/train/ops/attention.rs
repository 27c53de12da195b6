//! Causal attention of one sequence (SPEC §IV.4.3, §IV.5.5).

use super::softmax::shares;
use crate::train::executor::Executor;
use crate::train::values::{
    ACTIVATION, GRADIENT, Rows, common, largest, mantissa, quantise, rs, top_exponent,
};
use alloc::vec;
use alloc::vec::Vec;

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
        kept.query_exponents.push(quantise(&row[..dim], *e, ACTIVATION, query));
    }
    kept.query = by_heads(&query, dim, 0, shape);
    // Keys have one exponent in a sequence, and so have values: sums run over rows.
    let joined = |first: usize| {
        let rows = || qkv.chunks_exact(3 * dim).map(|row| &row[first..][..dim]).zip(exponents);
        let top = common(rows().map(|(row, e)| (largest(row), *e)), ACTIVATION);
        let mut joined = Vec::with_capacity(context * dim);
        for (row, e) in rows() {
            joined.extend(row.iter().map(|x| mantissa((*x).into(), top - e, ACTIVATION)));
        }
        (by_heads(&joined, dim, 0, shape), top)
    };
    (kept.key, kept.key_exponent) = joined(dim);
    (kept.value, kept.value_exponent) = joined(2 * dim);
    kept.shares = vec![0; heads * context * context];
    let (mut scores, mut sums) = (vec![0; context * context], vec![0; context * hd]);
    let mut mixed = vec![0; context * dim];
    for head in 0..heads {
        let of = head * context * hd..(head + 1) * context * hd;
        executor.product(&kept.query[of.clone()], &kept.key[of.clone()], hd, &mut scores);
        let own = &mut kept.shares[head * context * context..][..context * context];
        for (t, shares_of) in own.chunks_exact_mut(context).enumerate() {
            let shift = 6 + shape.scale() - kept.query_exponents[t] - kept.key_exponent;
            shares(&scores[t * context..][..=t], shift, &mut shares_of[..=t]);
        }
        executor.through(own, &kept.value[of], hd, &mut sums);
        for (mixed, sums) in mixed.chunks_exact_mut(dim).zip(sums.chunks_exact(hd)) {
            mixed[head * hd..][..hd].copy_from_slice(sums);
        }
    }
    for ((out, e), mixed) in out.chunks_exact_mut(dim).zip(out_exponents).zip(mixed.chunks_exact(dim)) {
        *e = quantise(mixed, kept.value_exponent - 14, ACTIVATION, out);
    }
    kept
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
    let mut aligned = Vec::with_capacity(g.len());
    for (row, e) in g.chunks_exact(dim).zip(exponents) {
        aligned.extend(row.iter().map(|x| rs((*x).into(), top - e) as i16));
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
        let mut row_wide = vec![0_i64; context];
        for t in 0..context {
            let (w, dp) = (&shares[t * context..][..=t], &dp[t * context..][..=t]);
            let mean: i64 = w.iter().zip(dp).map(|(w, dp)| i64::from(*w) * i64::from(*dp)).sum();
            let mean = rs(mean, 14);
            for ((x, w), dp) in row_wide.iter_mut().zip(w).zip(dp) {
                *x = i64::from(*w) * (i64::from(*dp) - mean);
            }
            let e = exponents[t] + kept.value_exponent - 14;
            let ds_row = &mut ds.values[t * context..][..=t];
            ds.exponents[t] = quantise(&row_wide[..=t], e, GRADIENT, ds_row);
        }
        let scale = shape.scale();
        executor.through(&ds.values, &kept.key[of.clone()], hd, &mut sums);
        put(0, &sums, 0, &|t| ds.exponents[t] + kept.key_exponent - scale);
        // Keys sum over queries, whose rows have exponents of their own.
        let unit = |t: usize| ds.exponents[t] + kept.query_exponents[t];
        let top_key = top_exponent(&ds, unit);
        let mut ds_aligned = ds.values.clone();
        for (t, row) in ds_aligned.chunks_exact_mut(context).enumerate() {
            row.iter_mut().for_each(|x| *x = rs((*x).into(), top_key - unit(t)) as i16);
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
        *out_e = common(parts().map(|(values, e)| (largest(values), e)), GRADIENT);
        for ((values, e), out) in parts().zip(out.chunks_exact_mut(hd)) {
            for (out, x) in out.iter_mut().zip(values) {
                *out = mantissa(*x, *out_e - e, GRADIENT);
            }
        }
    }
}
