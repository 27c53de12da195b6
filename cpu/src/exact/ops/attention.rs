//! Attention of every query over all positions: two small matrix products and powers of 2 between them.

use crate::exact::activations::{Operand, OperandRows, Panels};
use crate::exact::kernels::{DEPTH_STEP, EXP2_HIGH, EXP2_LOW, Isa, Job, PANEL, QUAD, WIDE_BIAS};
use crate::exact::run::{Run, Scratch};
use core::sync::atomic::Ordering;
use sphere_pow_core::exact::ops::{AttentionShape, log2_sqrt, rounding_shift};

/// Queries of one task, all heads: enough to be worth laying keys and values out.
const QUERIES: usize = 64;
/// Queries of one tile.
const ROWS: usize = 8;
/// Widest head.
const MAX_HEAD_DIM: usize = 64;

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
                        let [a, b, c, d] = *from;
                        *to = biased_quad(a, b, c, d);
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
        let step = head_dim.min(PANEL);
        let zeros = [0; MAX_HEAD_DIM];
        for from in (0..head_dim).step_by(step) {
            let at = head * head_dim + from;
            // Four positions of a part of the head; those beyond the last are 0.
            for position in (0..tokens).step_by(QUAD) {
                let mut rows = [&zeros[..step]; QUAD];
                for (i, values) in rows.iter_mut().enumerate().take(tokens - position) {
                    let row = self.nonce * tokens + position + i;
                    *values = &self.value.part(at / PANEL, row..row + 1)[at % PANEL..][..step];
                }
                let [a, b, c, d] = rows;
                let quads = &mut self.scratch.values[from * depth + position * PANEL..][..step * QUAD];
                for (d_ix, quad) in quads.as_chunks_mut::<QUAD>().0.iter_mut().enumerate() {
                    *quad = biased_quad(a[d_ix], b[d_ix], c[d_ix], d[d_ix]);
                }
            }
        }
    }

    /// One head of at most [`ROWS`] queries.
    #[inline(always)]
    fn attend<I: Isa>(&mut self, head: usize, row: usize) {
        let AttentionShape { tokens, head_dim, .. } = self.shape;
        let (padded, n) = (self.padded_tokens(), ROWS.min(self.out.len() - row));
        let scratch = &mut *self.scratch;
        // Queries first; then shares take their place, once scores are there.
        scratch.rows.resize(ROWS * padded.max(head_dim));
        scratch.scores.resize(ROWS * padded);
        let mut sums = [0; ROWS];
        for (i, sum) in sums.iter_mut().enumerate() {
            // Rows beyond the last are the last again.
            let query = self.first + (row + i).min(self.out.len() - 1);
            for (from, part) in head_parts(self.query, head, head_dim, query) {
                scratch.rows[i * head_dim + from..][..part.len()].copy_from_slice(part);
            }
            // At most 64 * 127.
            *sum = scratch.rows[i * head_dim..][..head_dim].iter().map(|x| i32::from(*x)).sum();
        }
        let mut acc = [[0; PANEL]; ROWS];
        let queries = rows_of(&scratch.rows, head_dim);
        for (panel_ix, panel) in scratch.panel.chunks_exact(PANEL * head_dim).enumerate() {
            I::tile::<ROWS, true>(panel, queries, sums, &mut acc);
            for (i, acc) in acc.iter().enumerate() {
                scratch.scores[i * padded + panel_ix * PANEL..][..PANEL].copy_from_slice(acc);
            }
        }
        let sums = attention_shares::<I>(scratch, tokens, padded, head_dim);
        let shares = rows_of(&scratch.rows, padded);
        for (panel_ix, panel) in scratch.values.chunks_exact(PANEL * padded).enumerate() {
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

/// Four values with the bias, which is their top bit.
#[inline(always)]
fn biased_quad(a: i8, b: i8, c: i8, d: i8) -> [u8; QUAD] {
    let word = |x: i8, at: u32| u32::from(x.cast_unsigned()) << at;
    let quad = word(a, 0) | word(b, 8) | word(c, 16) | word(d, 24);
    (quad ^ u32::from_le_bytes([WIDE_BIAS; QUAD])).to_le_bytes()
}

/// The first [`ROWS`] rows of `len`. A loop, not `from_fn`, which would leave its closure compiled for the baseline.
#[inline(always)]
fn rows_of(rows: &[i8], len: usize) -> [&[i8]; ROWS] {
    let mut out = [&[][..]; ROWS];
    for (i, out) in out.iter_mut().enumerate() {
        *out = &rows[i * len..][..len];
    }
    out
}

/// Core's `attention_weights` for [`ROWS`] rows of scores, with the same bounds; gives their sums.
///
/// # Shapes
/// - `scratch.scores`: `[ROWS, padded]`, of which `[ROWS, tokens]` are scores. Rubbish afterwards.
/// - `scratch.rows`: `[ROWS, padded]`, the shares; 0 beyond `tokens`. Overwritten.
#[inline(always)]
fn attention_shares<I: Isa>(
    scratch: &mut Scratch,
    tokens: usize,
    padded: usize,
    head_dim: usize,
) -> [i32; ROWS] {
    let Scratch { rows, scores, low, high, octaves, .. } = scratch;
    let shift = log2_sqrt(head_dim);
    let len = ROWS * padded;
    low.resize(len);
    high.resize(len);
    octaves.resize(len);
    for row in 0..ROWS {
        let at = row * padded..row * padded + tokens;
        let scores = &scores[at.clone()];
        let best = scores.iter().copied().max().unwrap_or(0);
        for ((score, low), octaves) in scores.iter().zip(&mut low[at.clone()]).zip(&mut octaves[at]) {
            // Below 2^18 (core's bounds): the best score is at most 2,064,512 above, in units of 2^2 or 2^3.
            let below = ((best - *score) >> shift).cast_unsigned();
            // 2^14 >> 15 is 0: 15 octaves and more below the best share nothing.
            (*low, *octaves) = (below as u8, (below >> 8).min(15) as u8);
        }
    }
    high.copy_from_slice(low);
    EXP2_LOW.apply::<I::Words>(low);
    EXP2_HIGH.apply::<I::Words>(high);
    // A loop, not `from_fn`, which would leave its closure compiled for the baseline.
    let mut totals = [0; ROWS];
    for (row, total) in totals.iter_mut().enumerate() {
        let at = row * padded..row * padded + tokens;
        let powers = &mut scores[at.clone()];
        let mut sum = 0;
        let bytes = low[at.clone()].iter().zip(&high[at.clone()]).zip(&octaves[at]);
        for (power, ((low, high), octaves)) in powers.iter_mut().zip(bytes) {
            *power = i32::from(u16::from_le_bytes([*low, *high])) >> octaves;
            sum += *power;
        }
        let inverse = (127 << 23) / sum.max(1);
        let (shares, rest) = rows[row * padded..][..padded].split_at_mut(tokens);
        rest.fill(0);
        for (share, power) in shares.iter_mut().zip(powers) {
            // At most 127: power * inverse <= 127 * 2^23.
            let value = rounding_shift(*power * inverse, 23);
            *share = value as i8;
            *total += value;
        }
    }
    totals
}

// What the layouts above rest on.
const _: () = assert!(MAX_HEAD_DIM.is_multiple_of(PANEL) && PANEL.is_multiple_of(DEPTH_STEP));
