//! Attention of every query over all positions: two small matrix products and powers of 2 between them.

use crate::exact::activations::{Operand, OperandRows, Panels};
use crate::exact::kernels::{DEPTH_STEP, Isa, Job, PANEL, QUAD, WIDE_BIAS};
use crate::exact::run::{Run, Scratch};
use core::sync::atomic::Ordering;
use sphere_pow_core::exact::ops::{AttentionShape, log2_sqrt, rounding_shift};
use sphere_pow_core::exact::tables::EXP2;

/// Queries of one task, all heads: enough to be worth laying keys and values out.
const QUERIES: usize = 64;
/// Queries of one tile.
const ROWS: usize = 8;
/// Widest head.
const MAX_HEAD_DIM: usize = 64;

/// [`EXP2`] with entries as wide as what is made of them.
static POWERS: [i32; 256] = {
    let mut powers = [0; 256];
    let mut i = 0;
    while i < 256 {
        powers[i] = EXP2[i] as i32;
        i += 1;
    }
    powers
};

/// Attention of a batch, SPEC §II.6.6.
///
/// # Shapes
/// - `query`: `[nonces * queries, dim]`; `key`, `value`: `[nonces * tokens, dim]`; all within ±127.
/// - `out`: `[nonces * queries, dim]`. Overwritten.
pub(crate) fn attention(
    run: &mut Run<'_>,
    [query, key, value]: [&Panels<i8>; 3],
    shape: AttentionShape,
    out: &mut Operand,
) {
    out.reshape(query.rows(), query.width());
    // Tasks keep to one nonce: its queries are cut evenly.
    let per_task = shape.queries.div_ceil(shape.queries.div_ceil(QUERIES));
    let mut tasks = Vec::new();
    for (nonce, mut out) in out.chunks_mut(shape.queries).enumerate() {
        while out.len() > 0 {
            let first = nonce * shape.queries + shape.queries - out.len();
            tasks.push((nonce, first, out.split_off_front(per_task)));
        }
    }
    let (kernels, done) = (run.kernels, run.done);
    run.tasks(tasks, |(nonce, first, out), scratch| {
        let ops = 4 * (out.len() * shape.tokens * query.width()) as u64;
        kernels.run(Attention { query, key, value, shape, nonce, first, out, scratch });
        done.fetch_add(ops, Ordering::Relaxed);
    });
}

/// Some queries of one nonce.
struct Attention<'a> {
    query: &'a Panels<i8>,
    key: &'a Panels<i8>,
    value: &'a Panels<i8>,
    shape: AttentionShape,
    nonce: usize,
    /// First row of `query`, all of whose rows from there on as `out` has are worked on.
    first: usize,
    out: OperandRows<'a>,
    scratch: &'a mut Scratch,
}

impl Job for Attention<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        for head in 0..self.shape.heads {
            self.lay_out_keys(head);
            self.lay_out_values(head);
            for row in (0..self.out.len()).step_by(ROWS) {
                self.attend::<I>(head, row);
            }
        }
        for row in 0..self.out.len() {
            self.out.sum_up(row);
        }
    }
}

/// `[rows, width]` of a head, where panels are as wide or wider, or narrower.
#[inline(always)]
fn head_parts(
    of: &Panels<i8>,
    head: usize,
    head_dim: usize,
    row: usize,
) -> impl Iterator<Item = (usize, &[i8])> {
    let step = head_dim.min(PANEL);
    (0..head_dim).step_by(step).map(move |from| {
        let at = head * head_dim + from;
        (from, &of.part(at / PANEL, row..row + 1)[at % PANEL..][..step])
    })
}

impl Attention<'_> {
    /// Positions, rounded up to whole panels.
    fn padded_tokens(&self) -> usize {
        self.shape.tokens.next_multiple_of(PANEL)
    }

    /// `[tokens / PANEL, head_dim / QUAD, PANEL, QUAD]`: panels whose outputs are positions. What lies beyond
    /// the last position is 0.
    #[inline(always)]
    fn lay_out_keys(&mut self, head: usize) {
        let (tokens, head_dim) = (self.shape.tokens, self.shape.head_dim);
        self.scratch.panel.resize(self.padded_tokens() * head_dim);
        let panels = self.scratch.panel.chunks_exact_mut(PANEL * head_dim);
        for (panel_ix, panel) in panels.enumerate() {
            let (quads, _) = panel.as_chunks_mut::<QUAD>();
            for lane in 0..PANEL {
                let position = panel_ix * PANEL + lane;
                if position >= tokens {
                    quads[lane..].iter_mut().step_by(PANEL).for_each(|quad| *quad = [WIDE_BIAS; QUAD]);
                    continue;
                }
                for (from, part) in head_parts(self.key, head, head_dim, self.nonce * tokens + position) {
                    let to = quads[from / QUAD * PANEL + lane..].iter_mut().step_by(PANEL);
                    for (to, from) in to.zip(part.as_chunks::<QUAD>().0) {
                        *to = from.map(|x| x.cast_unsigned() ^ WIDE_BIAS);
                    }
                }
            }
        }
    }

    /// `[head_dim / PANEL, tokens / QUAD, PANEL, QUAD]`: panels whose outputs are features.
    #[inline(always)]
    fn lay_out_values(&mut self, head: usize) {
        let (tokens, head_dim) = (self.shape.tokens, self.shape.head_dim);
        let depth = self.padded_tokens();
        self.scratch.values.resize(head_dim.next_multiple_of(PANEL) * depth);
        self.scratch.values.fill(WIDE_BIAS);
        for position in (0..tokens).step_by(QUAD) {
            let n = QUAD.min(tokens - position);
            for i in 0..n {
                let row = self.nonce * tokens + position + i;
                for (from, part) in head_parts(self.value, head, head_dim, row) {
                    let at = from / PANEL * PANEL * depth + position * PANEL + from % PANEL * QUAD + i;
                    for (to, from) in self.scratch.values[at..].iter_mut().step_by(QUAD).zip(part) {
                        *to = from.cast_unsigned() ^ WIDE_BIAS;
                    }
                }
            }
        }
    }

    /// One head of at most [`ROWS`] queries.
    #[inline(always)]
    fn attend<I: Isa>(&mut self, head: usize, row: usize) {
        let AttentionShape { tokens, head_dim, .. } = self.shape;
        let (padded, n) = (self.padded_tokens(), ROWS.min(self.out.len() - row));
        let Scratch { panel, values, rows, wide, .. } = &mut *self.scratch;
        // Queries first; then shares take their place, once scores are there.
        rows.resize(ROWS * padded.max(head_dim));
        wide.resize(ROWS * padded);
        let mut sums = [0; ROWS];
        for i in 0..ROWS {
            // Rows beyond the last are the first again.
            let query = self.first + row + if i < n { i } else { 0 };
            for (from, part) in head_parts(self.query, head, head_dim, query) {
                rows[i * head_dim + from..][..part.len()].copy_from_slice(part);
            }
            // At most 64 * 127.
            sums[i] = rows[i * head_dim..][..head_dim].iter().map(|x| i32::from(*x)).sum();
        }
        let mut acc = [[0; PANEL]; ROWS];
        let queries: [&[i8]; ROWS] = core::array::from_fn(|i| &rows[i * head_dim..][..head_dim]);
        for (panel_ix, panel) in panel.chunks_exact(PANEL * head_dim).enumerate() {
            I::tile::<ROWS, true>(panel, queries, sums, &mut acc);
            for (i, acc) in acc.iter().enumerate() {
                wide[i * padded + panel_ix * PANEL..][..PANEL].copy_from_slice(acc);
            }
        }
        for i in 0..n {
            let (scores, shares) = (&mut wide[i * padded..][..padded], &mut rows[i * padded..][..padded]);
            sums[i] = attention_shares(&mut scores[..tokens], head_dim, &mut shares[..tokens]);
            shares[tokens..].fill(0);
        }
        debug_assert!(padded.is_multiple_of(DEPTH_STEP));
        let shares: [&[i8]; ROWS] = core::array::from_fn(|i| &rows[i * padded..][..padded]);
        for (panel_ix, panel) in values.chunks_exact(PANEL * padded).enumerate() {
            I::tile::<ROWS, true>(panel, shares, sums, &mut acc);
            let from = panel_ix * PANEL;
            let width = PANEL.min(head_dim - from);
            for (i, acc) in acc[..n].iter().enumerate() {
                let out = &mut self.out.row_mut(row + i)[head * head_dim + from..][..width];
                for (out, acc) in out.iter_mut().zip(acc) {
                    // |acc| <= 254 * 127.
                    *out = rounding_shift(*acc, 7).clamp(-127, 127) as i8;
                }
            }
        }
    }
}

/// Core's `attention_weights`, with the same bounds; gives their sum.
///
/// # Shapes
/// - `scores`: `[tokens]`. Rubbish afterwards.
/// - `shares`: `[tokens]`. Overwritten.
#[inline(always)]
fn attention_shares(scores: &mut [i32], head_dim: usize, shares: &mut [i8]) -> i32 {
    let best = scores.iter().copied().max().unwrap_or(0);
    let shift = log2_sqrt(head_dim);
    let mut sum = 0;
    for score in scores.iter_mut() {
        let octaves = ((best - *score) >> shift).cast_unsigned();
        // 2^14 >> 15 is 0: 15 octaves and more below the best share nothing.
        *score = POWERS[(octaves & 255) as usize] >> (octaves >> 8).min(15);
        sum += *score;
    }
    let inverse = (127 << 23) / sum.max(1);
    let mut total = 0;
    for (share, power) in shares.iter_mut().zip(scores) {
        // At most 127: power * inverse <= 127 * 2^23.
        let value = rounding_shift(*power * inverse, 23);
        *share = value as i8;
        total += value;
    }
    total
}

// What the layouts above rest on.
const _: () = assert!(MAX_HEAD_DIM.is_multiple_of(PANEL) && PANEL.is_multiple_of(16));
