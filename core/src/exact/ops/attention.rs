//! Attention of every query over all positions, with weights that are negative powers of 2.

use super::linear::dot;
use super::requantise::{clamp_int8, log2_sqrt, rounding_shift};
use crate::exact::tables::EXP2;
use alloc::{vec, vec::Vec};

/// Sizes of one nonce's attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Queries.
    pub queries: usize,
    /// Keys and values, at most 1024.
    pub tokens: usize,
    /// Heads.
    pub heads: usize,
    /// Width of a head, 16 or 64.
    pub head_dim: usize,
}

/// Shares 127 out among positions by their scores, SPEC §II.6.6: each 1/256 octave below the best score is
/// `2^log2_sqrt(head_dim)` units of score.
///
/// # Shapes
/// - `scores`: `[tokens]`, |score| <= 127² head_dim = 1,032,256.
/// - `weights`: `[tokens]` i8, 0 to 127, of sum <= 254. Overwritten.
///
/// # Accuracy
/// Exact. Best minus score <= 2,064,512; p <= 2^14 with sum <= 1024 * 2^14 = 2^24; `127 * 2^23 < 2^30`;
/// p inverse <= 127 * 2^23. A weight w = round(y) is at most 2y for y >= 1/2 and 0 below, and the y sum to at
/// most 127, so the weights sum to at most 254.
pub fn attention_weights(scores: &[i32], head_dim: usize, weights: &mut [i8]) {
    let best = scores.iter().copied().max().unwrap_or(0);
    let power = |score: i32| {
        let octaves = ((best - score) >> log2_sqrt(head_dim)).cast_unsigned();
        // 2^14 >> 15 is 0: 15 octaves and more below the best share nothing.
        i32::from(EXP2[(octaves & 255) as usize]) >> (octaves >> 8).min(15)
    };
    let sum: i32 = scores.iter().map(|score| power(*score)).sum();
    let inverse = (127 << 23) / sum.max(1);
    for (weight, score) in weights.iter_mut().zip(scores) {
        *weight = clamp_int8(rounding_shift(power(*score) * inverse, 23));
    }
}

/// Attention of one nonce, SPEC §II.6.6: `out = clamp8(rounding_shift(Σ weight value, 7))` head by head.
///
/// # Shapes
/// - `query`: `[queries, heads * head_dim]` i8 within ±127.
/// - `key`, `value`: `[tokens, heads * head_dim]` i8 within ±127.
/// - `out`: `[queries, heads * head_dim]` i8 within ±127. Overwritten.
///
/// # Accuracy
/// Exact. |Σ weight value| <= 254 * 127 = 32,258.
pub fn attention(query: &[i8], key: &[i8], value: &[i8], shape: AttentionShape, out: &mut [i8]) {
    let AttentionShape { queries, tokens, heads, head_dim } = shape;
    let dim = heads * head_dim;
    assert_eq!((query.len(), out.len()), (queries * dim, queries * dim), "query and out are [queries, dim]");
    assert_eq!((key.len(), value.len()), (tokens * dim, tokens * dim), "key and value are [tokens, dim]");
    let (mut scores, mut weights) = (vec![0; tokens], vec![0; tokens]);
    for query_ix in 0..queries {
        for head in (0..dim).step_by(head_dim) {
            let of = |x: &[i8], row: usize| -> Vec<i8> { x[row * dim + head..][..head_dim].to_vec() };
            let q = of(query, query_ix);
            for (row, score) in scores.iter_mut().enumerate() {
                *score = dot(&q, &key[row * dim + head..][..head_dim]);
            }
            attention_weights(&scores, head_dim, &mut weights);
            let mut sums = vec![0; head_dim];
            for (row, weight) in weights.iter().enumerate() {
                for (sum, v) in sums.iter_mut().zip(&value[row * dim + head..][..head_dim]) {
                    *sum += i32::from(*weight) * i32::from(*v);
                }
            }
            for (out, sum) in out[query_ix * dim + head..].iter_mut().zip(sums) {
                *out = clamp_int8(rounding_shift(sum, 7));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_of_scores_and_sums_fit() {
        // One key against, 1023 for the query: the widest difference and the largest sum of powers.
        let shape = AttentionShape { queries: 1, tokens: 1024, heads: 1, head_dim: 64 };
        let mut key = vec![127; 1024 * 64];
        key[..64].fill(-127);
        let mut out = vec![0; 64];
        attention(&[127; 64], &key, &[-127; 1024 * 64], shape, &mut out);
        // 1023 shares of 127/1023 each round to nothing: flat attention over 255 positions and more is silent.
        assert!(out.iter().all(|x| *x == 0));
        // 254 equal shares of exactly one half round up to 1 each: the largest sum of weights.
        let mut weights = vec![0; 254];
        attention_weights(&[0; 254], 64, &mut weights);
        let shape = AttentionShape { tokens: 254, ..shape };
        attention(&[0; 64], &[0; 254 * 64], &[-127; 254 * 64], shape, &mut out);
        let sum: i32 = weights.iter().map(|w| i32::from(*w)).sum();
        assert!(sum <= 254);
        assert!(out.iter().all(|x| i32::from(*x) == ((-127 * sum + 64) >> 7).max(-127)));
        attention_weights(&[-1_032_256, 1_032_256], 64, &mut weights[..2]);
        assert_eq!(weights[..2], [0, 127]);
    }
}
