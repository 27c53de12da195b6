//! Causal attention.

use alloc::vec;
use half::f16;

/// Sizes that attention needs beside its slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Positions of a nonce.
    pub seq_len: usize,
    /// Query positions of a nonce: `seq_len`, or 1 for the last position only.
    pub queries: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads, a divisor of `heads`.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
}

/// Attends each query over the keys at and before its position, SPEC §I.4.
///
/// Rounded to f16 at: `q k`, its quotient by sqrt(head_dim), the softmax, and the weighted sum of values.
///
/// # Shapes
/// - `query`, `out`: `[nonces * queries, heads * head_dim]`; query i sits at position `seq_len - queries + i`.
/// - `key`, `value`: `[nonces * seq_len, kv_heads * head_dim]`.
///
/// # Panics
/// When the lengths do not fit.
pub fn attention(query: &[f16], key: &[f16], value: &[f16], shape: AttentionShape, out: &mut [f16]) {
    let AttentionShape { seq_len, queries, heads, kv_heads, head_dim } = shape;
    let (q_width, kv_width) = (heads * head_dim, kv_heads * head_dim);
    assert_eq!(query.len(), out.len(), "query and out are [nonces * queries, heads * head_dim]");
    #[expect(clippy::cast_precision_loss, reason = "head_dim is at most 2^15")]
    let root = libm::sqrtf(head_dim as f32);
    let mut weights = vec![0.0_f32; seq_len];
    for (row, (query, out)) in query.chunks_exact(q_width).zip(out.chunks_exact_mut(q_width)).enumerate() {
        let (nonce, position) = (row / queries, seq_len - queries + row % queries);
        let cached = |slice: &'_ [f16], t: usize, head: usize| -> usize {
            debug_assert!(slice.len() >= (nonce + 1) * seq_len * kv_width);
            (nonce * seq_len + t) * kv_width + head / (heads / kv_heads) * head_dim
        };
        for head in 0..heads {
            let q = &query[head * head_dim..][..head_dim];
            let weights = &mut weights[..=position];
            for (t, weight) in weights.iter_mut().enumerate() {
                let k = &key[cached(key, t, head)..][..head_dim];
                let score: f32 = q.iter().zip(k).map(|(q, k)| q.to_f32() * k.to_f32()).sum();
                *weight = f16::from_f32(f16::from_f32(score).to_f32() / root).to_f32();
            }
            softmax_to_f16(weights);
            for (d, out) in out[head * head_dim..][..head_dim].iter_mut().enumerate() {
                let at = |t| value[cached(value, t, head) + d].to_f32();
                let sum: f32 = weights.iter().enumerate().map(|(t, w)| w * at(t)).sum();
                *out = f16::from_f32(sum);
            }
        }
    }
}

/// Softmax in f32, each result rounded to f16.
fn softmax_to_f16(scores: &mut [f32]) {
    let max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = libm::expf(*score - max);
        sum += *score;
    }
    for score in scores {
        *score = f16::from_f32(*score / sum).to_f32();
    }
}
