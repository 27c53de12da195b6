//! Causal attention.

use super::Run;
use super::math::{exp, round};
use super::product::product;
use crate::gonka::Activation;
use crate::gonka::kernels::{Isa, Job, LANES};
use sphere_pow_core::gonka::ops::AttentionShape;

/// Blocks of [`LANES`] queries that share one reading of keys and values.
const GROUP: usize = 8;

/// Attends each query over the keys at and before its position, SPEC §I.4.
///
/// # Shapes
/// - `query`, `output`: `[nonces * queries, heads * head_dim]`; query i sits at position `seq_len - queries + i`.
/// - `key`, `value`: `[nonces * seq_len, kv_heads * head_dim]`.
///
/// # Panics
/// When the shapes do not fit.
pub fn attention(
    run: &mut Run<'_>,
    query: &Activation,
    key: &Activation,
    value: &Activation,
    shape: AttentionShape,
    output: &mut Activation,
) {
    let (q_width, kv_width) = (shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim);
    let nonces = query.rows() / shape.queries;
    assert_eq!((query.width(), output.width()), (q_width, q_width), "queries are [rows, heads * head_dim]");
    assert_eq!((key.width(), value.width()), (kv_width, kv_width), "keys are [rows, kv_heads * head_dim]");
    assert_eq!((query.rows(), query.rows()), (nonces * shape.queries, output.rows()), "queries fit");
    assert_eq!((key.rows(), value.rows()), (nonces * shape.seq_len, key.rows()), "keys and values fit");
    let simd = run.simd;
    let lanes = output.lanes();
    let width = shape.heads / shape.kv_heads * shape.head_dim;
    let tasks = output.split_features(width).into_iter().enumerate().collect();
    let flops = attention_flops(shape, nonces) / shape.kv_heads as u64;
    run.tasks(flops, tasks, |(kv_head, out)| {
        simd.run(Heads { query, key, value, shape, kv_head, out, lanes });
    });
}

/// Floating-point operations of [`attention`], masked ones counted.
#[must_use]
pub fn attention_flops(shape: AttentionShape, nonces: usize) -> u64 {
    4 * (nonces * shape.queries * shape.seq_len) as u64 * (shape.heads * shape.head_dim) as u64
}

/// All query heads of one key and value head, all nonces.
struct Heads<'a> {
    query: &'a Activation,
    key: &'a Activation,
    value: &'a Activation,
    shape: AttentionShape,
    kv_head: usize,
    out: Vec<&'a mut [f32]>,
    lanes: usize,
}

/// A block of up to [`LANES`] queries of one head.
#[derive(Default)]
struct Block {
    /// `[head_dim, LANES]`.
    query: Vec<f32>,
    /// `[keys, LANES]`: scores, then weights.
    scores: Vec<f32>,
    /// `[head_dim, LANES]`.
    out: Vec<f32>,
}

impl Job for Heads<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let AttentionShape { queries, heads, kv_heads, .. } = self.shape;
        let per_group = heads / kv_heads;
        let mut blocks: Vec<Block> = Vec::new();
        for nonce in 0..self.query.rows() / queries {
            for head in 0..per_group {
                for first in (0..queries).step_by(GROUP * LANES) {
                    self.group::<I>(nonce, head, first, &mut blocks);
                }
            }
        }
    }
}

impl Heads<'_> {
    /// Up to [`GROUP`] blocks of queries from `first` on, of query head `head` of this group.
    #[inline(always)]
    fn group<I: Isa>(&mut self, nonce: usize, head: usize, first: usize, blocks: &mut Vec<Block>) {
        let AttentionShape { seq_len, queries, heads, kv_heads, head_dim } = self.shape;
        let end = queries.min(first + GROUP * LANES);
        let keys = seq_len - queries + end;
        let feature = (self.kv_head * (heads / kv_heads) + head) * head_dim;
        blocks.resize_with((end - first).div_ceil(LANES), Block::default);
        for (i, block) in blocks.iter_mut().enumerate() {
            let from = nonce * queries + first + i * LANES;
            let n = LANES.min(nonce * queries + end - from);
            block.query.clear();
            block.query.resize(head_dim * LANES, 0.0);
            for (d, lanes) in block.query.chunks_exact_mut(LANES).enumerate() {
                self.query.copy_column(feature + d, from..from + n, lanes);
            }
            block.scores.resize(keys * LANES, 0.0);
            block.out.resize(head_dim * LANES, 0.0);
        }
        let (first_key, kv_feature) = (nonce * seq_len, self.kv_head * head_dim);
        let mut panels: Vec<_> = blocks.iter_mut().map(|b| (&b.query[..], &mut b.scores[..])).collect();
        let fill = |t: usize, range: core::ops::Range<usize>, dst: &mut [f32]| {
            for (dst, d) in dst.iter_mut().zip(range) {
                *dst = self.key.at(first_key + t, kv_feature + d);
            }
        };
        product::<I>(keys, head_dim, fill, |_, _| (), &mut panels);
        #[expect(clippy::cast_precision_loss, reason = "head_dim is at most 2^16")]
        let root = (head_dim as f32).sqrt();
        for (i, block) in blocks.iter_mut().enumerate() {
            softmax(&mut block.scores, root, seq_len - queries + first + i * LANES);
        }
        let mut panels: Vec<_> = blocks.iter_mut().map(|b| (&b.scores[..], &mut b.out[..])).collect();
        let fill = |d: usize, range: core::ops::Range<usize>, dst: &mut [f32]| {
            self.value.copy_column(kv_feature + d, first_key + range.start..first_key + range.end, dst);
        };
        product::<I>(head_dim, keys, fill, |_, _| (), &mut panels);
        for query in first..end {
            let (block, lane) = (&blocks[(query - first) / LANES], (query - first) % LANES);
            let row = nonce * queries + query;
            let panel = &mut self.out[row / self.lanes][head * head_dim * self.lanes..];
            for d in 0..head_dim {
                panel[d * self.lanes + row % self.lanes] = block.out[d * LANES + lane];
            }
        }
    }
}

/// Softmax over keys, lane by lane: quotient by `root`, causal mask, f32 inside, rounded results.
///
/// # Shapes
/// - `scores`: `[keys, LANES]`; lane i sees keys up to `position + i`.
#[inline(always)]
fn softmax(scores: &mut [f32], root: f32, position: usize) {
    let scores = scores.as_chunks_mut::<LANES>().0;
    let (mut largest, mut sum) = ([f32::NEG_INFINITY; LANES], [0.0_f32; LANES]);
    // Lanes below this one do not see key t.
    let hidden = |t: usize| t.saturating_sub(position);
    for (t, scores) in scores.iter_mut().enumerate() {
        let hidden = hidden(t);
        for lane in 0..LANES {
            scores[lane] = round(scores[lane] / root);
            let seen = if lane < hidden { f32::NEG_INFINITY } else { scores[lane] };
            largest[lane] = if seen > largest[lane] { seen } else { largest[lane] };
        }
    }
    for (t, scores) in scores.iter_mut().enumerate() {
        let hidden = hidden(t);
        for lane in 0..LANES {
            let weight = exp(scores[lane] - largest[lane]);
            scores[lane] = if lane < hidden { 0.0 } else { weight };
            sum[lane] += scores[lane];
        }
    }
    for scores in scores.iter_mut() {
        for lane in 0..LANES {
            scores[lane] = round(scores[lane] / sum[lane]);
        }
    }
}
