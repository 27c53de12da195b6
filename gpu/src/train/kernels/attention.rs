//! Host side of the kernels of attention that are no products: `queries`, `keys`, `shares`, `by_shares` and `join_qkv`.

use super::{Exponent, Pass, Rows, kernel, u32_of};
use crate::error::GpuError;
use crate::kernel::assert_holds;

kernel!(
    /// Queries to int8.
    queries = QUERIES,
    { words: u32, weight: u32 },
    [Read, Read, Read, Write, Write, Write]
);
kernel!(
    /// Keys and values to int8.
    keys = KEYS,
    { words: u32, weight: u32, context: u32 },
    [Read, Read, Read, Read, Write, Write]
);
kernel!(
    /// Shares by scores.
    shares = SHARES,
    { context: u32, words: u32, heads: u32, shift: i32 },
    [Read, Read, Read, Read, Write]
);
kernel!(
    /// Back through shares.
    by_shares = BY_SHARES,
    { context: u32, words: u32, heads: u32 },
    [Read, Read, Read, Read, Write, Write]
);
kernel!(
    /// The gradient by queries, keys and values.
    join_qkv = JOIN_QKV,
    { context: u32, heads: u32, rows: u32, words: u32, head_words: u32, scale: i32 },
    [Read, Read, Read, Read, Write, Write]
);

/// Sizes of attention in a batch.
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    /// Sequences.
    pub sequences: usize,
    /// Positions of a sequence.
    pub context: usize,
    /// Width of all heads.
    pub dim: usize,
    /// Heads.
    pub heads: usize,
}

impl Attention {
    /// Rows of the batch.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.sequences * self.context
    }

    /// Width of a head.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.dim / self.heads
    }

    /// Values of a row of scores with their padding.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.context.next_multiple_of(4)
    }

    /// Rows of scores.
    #[must_use]
    pub fn score_rows(&self) -> usize {
        self.sequences * self.heads * self.context
    }

    /// Half of log2 of a head's width, rounded up.
    fn scale(&self) -> i32 {
        self.head_dim().trailing_zeros().div_ceil(2).cast_signed()
    }
}

/// What the forward pass leaves of attention.
#[derive(Debug)]
pub struct Kept {
    /// `[rows, 3 dim]` int8 queries, keys and values, with the exponents of queries.
    pub qkv: Rows,
    /// `[sequences, 2]` i32, exponents of keys and values.
    pub joined: wgpu::Buffer,
    /// `[sequences, heads, context, stride]`, 14 bits.
    pub shares: wgpu::Buffer,
}

impl Pass<'_, '_> {
    /// Queries, keys and values to int8 from `acc` `[rows, 3 dim]` i32, whose rows have `exponents` and that of `weight`; `tops`
    /// `[rows, 2]` i32 is scratch.
    ///
    /// # Errors
    /// As [`crate::recorder::Recorder::dispatch`], as all that follow.
    ///
    /// # Panics
    /// When a buffer is too short, as all that follow.
    pub fn queries_and_keys(
        &mut self,
        [acc, exponents, tops]: [&wgpu::Buffer; 3],
        weight: Exponent<'_>,
        kept: &Kept,
        shape: Attention,
    ) -> Result<(), GpuError> {
        let rows = shape.rows();
        assert_holds(acc, rows, 12 * shape.dim);
        assert_holds(exponents, rows, 4);
        assert_holds(tops, rows, 8);
        assert_holds(&kept.joined, shape.sequences, 8);
        kept.qkv.hold_int8(rows, 3 * shape.dim);
        let (words, weight_at) = (u32_of(shape.dim / 4), weight.hold());
        let dims = queries::Dims { words, weight: weight_at };
        let buffers = [acc, exponents, weight.of, &kept.qkv.values, &kept.qkv.exponents, tops];
        self.by_rows("queries", &dims, &buffers, rows, 3 * shape.dim / 4)?;
        let dims = keys::Dims { words, weight: weight_at, context: u32_of(shape.context) };
        let buffers = [acc, exponents, weight.of, tops, &kept.qkv.values, &kept.joined];
        self.by_rows("keys", &dims, &buffers, rows, shape.context + shape.dim / 2)
    }

    /// Shares by `scores`, `[sequences, heads, context, stride]` i32.
    ///
    /// # Errors
    /// See [`Self::queries_and_keys`].
    pub fn shares(&mut self, scores: &wgpu::Buffer, kept: &Kept, shape: Attention) -> Result<(), GpuError> {
        let (rows, stride) = (shape.score_rows(), shape.stride());
        assert_holds(scores, rows, 4 * stride);
        assert_holds(&kept.shares, rows, 2 * stride);
        assert_holds(&kept.qkv.exponents, shape.rows(), 4);
        assert_holds(&kept.joined, shape.sequences, 8);
        let [context, words, heads] = [shape.context, stride / 4, shape.heads].map(u32_of);
        let dims = shares::Dims { context, words, heads, shift: 6 + shape.scale() };
        let table = &self.kernels.exp2_table;
        let buffers = [table, scores, &kept.qkv.exponents, &kept.joined, &kept.shares];
        self.by_rows("shares", &dims, &buffers, rows, stride / 4)
    }

    /// The gradient by scores from `dp`, that by shares, where the gradient by what was mixed has `exponents`.
    ///
    /// # Shapes
    /// - `dp`: `[sequences, heads, context, stride]` i32; `exponents`: `[rows]`; `out`: as `dp`, gradients.
    ///
    /// # Errors
    /// See [`Self::queries_and_keys`].
    pub fn by_shares(
        &mut self,
        [dp, exponents]: [&wgpu::Buffer; 2],
        kept: &Kept,
        out: &Rows,
        shape: Attention,
    ) -> Result<(), GpuError> {
        let (rows, stride) = (shape.score_rows(), shape.stride());
        assert_holds(dp, rows, 4 * stride);
        assert_holds(&kept.shares, rows, 2 * stride);
        assert_holds(exponents, shape.rows(), 4);
        assert_holds(&kept.joined, shape.sequences, 8);
        out.hold_gradients(rows, stride);
        let [context, words, heads] = [shape.context, stride / 4, shape.heads].map(u32_of);
        let dims = by_shares::Dims { context, words, heads };
        let buffers = [dp, &kept.shares, exponents, &kept.joined, &out.values, &out.exponents];
        self.by_rows("by_shares", &dims, &buffers, rows, stride / 4)
    }

    /// The gradient by queries, keys and values, from its parts.
    ///
    /// # Shapes
    /// - `sums`: `[4, rows, dim]` i32, of queries, keys, and of values by the upper and the lower half of shares.
    /// - `exponents`: `[sequences, heads, context]`, of the gradient by scores; `tops`: `[sequences, heads]` and then
    ///   `[sequences]`, those of the sums of keys and of values. `out`: `[rows, 3 dim]` gradients.
    ///
    /// # Errors
    /// See [`Self::queries_and_keys`].
    pub fn join_qkv(
        &mut self,
        [sums, exponents, tops]: [&wgpu::Buffer; 3],
        kept: &Kept,
        out: &Rows,
        shape: Attention,
    ) -> Result<(), GpuError> {
        let Attention { sequences, context, dim, heads } = shape;
        let rows = shape.rows();
        assert_holds(sums, rows, 16 * dim);
        assert_holds(exponents, shape.score_rows(), 4);
        assert_holds(tops, sequences * (heads + 1), 4);
        assert_holds(&kept.joined, sequences, 8);
        out.hold_gradients(rows, 3 * dim);
        let dims = join_qkv::Dims {
            context: u32_of(context),
            heads: u32_of(heads),
            rows: u32_of(rows),
            words: u32_of(dim / 4),
            head_words: u32_of(shape.head_dim() / 4),
            scale: shape.scale(),
        };
        let buffers = [sums, exponents, tops, &kept.joined, &out.values, &out.exponents];
        self.by_rows("join_qkv", &dims, &buffers, rows, 3 * dim / 4)
    }
}
