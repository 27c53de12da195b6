//! Host side of the kernels that work on rows: `embed`, `norm`, `norm_backward`, `join_branch`, `add_gradients`,
//! `squared_relu`, `squared_relu_backward`, `quantise`, `cross_entropy`, `align_rows` and `embed_backward`.

use super::{Exponent, Pass, Rows, WG, WORD_COST, kernel, u32_of};
use crate::error::GpuError;
use crate::kernel::assert_holds;

kernel!(
    /// A token's row of the stream.
    embed = EMBED,
    { words: u32, context: u32, symbols_first: u32, positions_first: u32, end: u32 },
    [Read, Read, Write]
);
kernel!(
    /// Rows over their root mean square.
    norm = NORM,
    { words: u32, root: u32 },
    [Read, Write, Write, Write]
);
kernel!(
    /// Back through a norm.
    norm_backward = NORM_BACKWARD,
    { words: u32, log2_dim: u32 },
    [Read, Read, Read, Read, Read, Write, Write]
);
kernel!(
    /// A branch joins the stream.
    join_branch = JOIN_BRANCH,
    { words: u32, weight: u32, end: u32 },
    [Read, Read, Read, Write]
);
kernel!(
    /// Two gradients as one.
    add_gradients = ADD_GRADIENTS,
    { words: u32 },
    [Read, Read, Read, Write, Write]
);
kernel!(
    /// Squared ReLU.
    squared_relu = SQUARED_RELU,
    { words: u32, weight: u32 },
    [Read, Read, Read, Write, Write, Write, Write]
);
kernel!(
    /// Back through it.
    squared_relu_backward = SQUARED_RELU_BACKWARD,
    { words: u32 },
    [Read, Read, Read, Read, Write, Write]
);
kernel!(
    /// Rows to mantissas.
    quantise = QUANTISE,
    { words: u32, first: u32, rows_of: u32, step: u32, weight: u32, uses_weight: i32, plus: i32 },
    [Read, Read, Read, Write, Write]
);
kernel!(
    /// Loss and its gradient.
    cross_entropy = CROSS_ENTROPY,
    { words: u32, weight: u32, losses_first: u32 },
    [Read, Read, Read, Read, Read, Write, Write, Write]
);
kernel!(
    /// By how much rows are shifted to a common exponent.
    align_rows = ALIGN_ROWS,
    { rows: u32, heads: u32, uses_b: u32, tops_first: u32 },
    [Read, Read, Write, Write]
);
kernel!(
    /// Gradients of symbols and positions.
    embed_backward = EMBED_BACKWARD,
    { rows: u32, words: u32, context: u32, vocab: u32, symbols_first: u32, positions_first: u32 },
    [Read, Read, Read, Write]
);

/// Where the exponents of rows before they are quantised come from: row r has that at `first + r / rows_of * step`, that of
/// `weight`, and `plus`.
#[derive(Clone, Copy, Debug)]
pub struct Units<'a> {
    /// Exponents.
    pub exponents: &'a wgpu::Buffer,
    /// See above.
    pub first: usize,
    /// See above.
    pub rows_of: usize,
    /// See above.
    pub step: usize,
    /// Of an int8 copy.
    pub weight: Option<Exponent<'a>>,
    /// See above.
    pub plus: i32,
}

/// Sizes of what embeds: rows, width, positions, symbols, and the values of the tensors where symbols and positions begin.
#[derive(Clone, Copy, Debug)]
pub struct Embedding {
    /// Rows.
    pub rows: usize,
    /// Width.
    pub dim: usize,
    /// Positions.
    pub context: usize,
    /// Symbols.
    pub vocab: usize,
    /// Values of the tensors before symbols and positions.
    pub first: [usize; 2],
}

impl Embedding {
    fn hold(&self, tokens: &wgpu::Buffer, tensors: &wgpu::Buffer) {
        assert_holds(tokens, self.rows, 4);
        assert_holds(tensors, self.first[0] + self.vocab * self.dim, 4);
        assert_holds(tensors, self.first[1] + self.context * self.dim, 4);
    }
}

impl Pass<'_, '_> {
    /// Records a kernel with a thread for each four values.
    fn by_words<D: bytemuck::Pod>(
        &mut self,
        name: &str,
        dims: &D,
        buffers: &[&wgpu::Buffer],
        words: usize,
    ) -> Result<(), GpuError> {
        self.dispatch(name, dims, buffers, [words.div_ceil(WG as usize), 1], WORD_COST * words as f64)
    }

    /// The stream `[rows, dim]` i32 of `tokens` `[rows]` u32, each below vocab.
    ///
    /// # Errors
    /// As [`crate::recorder::Recorder::dispatch`], as all that follow.
    ///
    /// # Panics
    /// When a buffer is too short, as all that follow.
    pub fn embed(
        &mut self,
        [tokens, theta, out]: [&wgpu::Buffer; 3],
        shape: Embedding,
    ) -> Result<(), GpuError> {
        let Embedding { rows, dim, context, first, .. } = shape;
        shape.hold(tokens, theta);
        assert_holds(out, rows, 4 * dim);
        let words = rows * dim / 4;
        let [symbols_first, positions_first] = first.map(|first| u32_of(first / 4));
        let (end, context) = (u32_of(words), u32_of(context));
        let dims = embed::Dims { words: u32_of(dim / 4), context, symbols_first, positions_first, end };
        self.by_words("embed", &dims, &[tokens, theta, out], words)
    }

    /// `out` int8 and `kept` `[rows, 2]` i32 of `x` `[rows, dim]` i32.
    ///
    /// # Errors
    /// See [`Self::embed`].
    pub fn norm(
        &mut self,
        x: &wgpu::Buffer,
        out: &Rows,
        kept: &wgpu::Buffer,
        [rows, dim]: [usize; 2],
    ) -> Result<(), GpuError> {
        assert_holds(x, rows, 4 * dim);
        assert_holds(kept, rows, 8);
        out.hold_int8(rows, dim);
        let root = ((dim as u64) << 50).isqrt();
        let dims = norm::Dims { words: u32_of(dim / 4), root: u32::try_from(root).expect("2^29 at most") };
        self.by_rows("norm", &dims, &[x, &out.values, &out.exponents, kept], rows, dim / 4)
    }

    /// The gradient by what went into a norm from `g`, that by `y`.
    ///
    /// # Errors
    /// See [`Self::embed`].
    pub fn norm_backward(
        &mut self,
        [g, y, out]: [&Rows; 3],
        kept: &wgpu::Buffer,
        [rows, dim]: [usize; 2],
    ) -> Result<(), GpuError> {
        g.hold_gradients(rows, dim);
        y.hold_int8(rows, dim);
        out.hold_gradients(rows, dim);
        assert_holds(kept, rows, 8);
        let dims = norm_backward::Dims { words: u32_of(dim / 4), log2_dim: dim.trailing_zeros() };
        let buffers = [&g.values, &g.exponents, &y.values, &y.exponents, kept, &out.values, &out.exponents];
        self.by_rows("norm_backward", &dims, &buffers, rows, dim / 4)
    }

    /// `stream` `[rows, dim]` i32 plus `acc`, whose rows have `exponents` and that of `weight`.
    ///
    /// # Errors
    /// See [`Self::embed`].
    pub fn join_branch(
        &mut self,
        [acc, exponents, stream]: [&wgpu::Buffer; 3],
        weight: Exponent<'_>,
        [rows, dim]: [usize; 2],
    ) -> Result<(), GpuError> {
        [acc, stream].iter().for_each(|buffer| assert_holds(buffer, rows, 4 * dim));
        assert_holds(exponents, rows, 4);
        let words = rows * dim / 4;
        let dims = join_branch::Dims { words: u32_of(dim / 4), weight: weight.hold(), end: u32_of(words) };
        self.by_words("join_branch", &dims, &[acc, exponents, weight.of, stream], words)
    }

    /// `sum`, with `exponents` before, plus `a`; the sum's exponents go to `out_exponents`.
    ///
    /// # Errors
    /// See [`Self::embed`].
    pub fn add_gradients(
        &mut self,
        a: &Rows,
        [sum, exponents, out_exponents]: [&wgpu::Buffer; 3],
        [rows, dim]: [usize; 2],
    ) -> Result<(), GpuError> {
        a.hold_gradients(rows, dim);
        assert_holds(sum, rows, 2 * dim);
        [exponents, out_exponents].iter().for_each(|buffer| assert_holds(buffer, rows, 4));
        let dims = add_gradients::Dims { words: u32_of(dim / 4) };
        let buffers = [&a.values, &a.exponents, exponents, sum, out_exponents];
        self.by_rows("add_gradients", &dims, &buffers, rows, dim / 4)
    }

    /// `a`, 14 bits, and `out`, int8, of `acc` `[rows, hidden]` i32, whose rows have `exponents` and that of `weight`.
    ///
    /// # Errors
    /// See [`Self::embed`].
    pub fn squared_relu(
        &mut self,
        [acc, exponents]: [&wgpu::Buffer; 2],
        weight: Exponent<'_>,
        [a, out]: [&Rows; 2],
        [rows, hidden]: [usize; 2],
    ) -> Result<(), GpuError> {
        assert_holds(acc, rows, 4 * hidden);
        assert_holds(exponents, rows, 4);
        a.hold_gradients(rows, hidden);
        out.hold_int8(rows, hidden);
        let dims = squared_relu::Dims { words: u32_of(hidden / 4), weight: weight.hold() };
        let outs = [&a.values, &out.values, &a.exponents, &out.exponents];
        let buffers = [&[acc, exponents, weight.of][..], &outs].concat();
        self.by_rows("squared_relu", &dims, &buffers, rows, hidden / 4)
    }

    /// The gradient by what went into a squared ReLU from `g`, that by its result.
    ///
    /// # Errors
    /// See [`Self::embed`].
    pub fn squared_relu_backward(
        &mut self,
        rows_of: [&Rows; 3],
        [rows, hidden]: [usize; 2],
    ) -> Result<(), GpuError> {
        rows_of.iter().for_each(|part| part.hold_gradients(rows, hidden));
        let [g, a, out] = rows_of;
        let dims = squared_relu_backward::Dims { words: u32_of(hidden / 4) };
        let buffers = [&g.values, &g.exponents, &a.values, &a.exponents, &out.values, &out.exponents];
        self.by_rows("squared_relu_backward", &dims, &buffers, rows, hidden / 4)
    }

    /// `acc` `[rows, width]` i32 as gradients, or as int8.
    ///
    /// # Errors
    /// See [`Self::embed`].
    pub fn quantise(
        &mut self,
        acc: &wgpu::Buffer,
        units: Units<'_>,
        is_gradient: bool,
        out: &Rows,
        [rows, width]: [usize; 2],
    ) -> Result<(), GpuError> {
        assert_holds(acc, rows, 4 * width);
        assert_holds(units.exponents, units.first + (rows - 1) / units.rows_of * units.step + 1, 4);
        if is_gradient {
            out.hold_gradients(rows, width);
        } else {
            out.hold_int8(rows, width);
        }
        let dims = quantise::Dims {
            words: u32_of(width / 4),
            first: u32_of(units.first),
            rows_of: u32_of(units.rows_of),
            step: u32_of(units.step),
            weight: units.weight.map_or(0, Exponent::hold),
            uses_weight: units.weight.is_some().into(),
            plus: units.plus,
        };
        let weights = units.weight.map_or(&self.kernels.unread, |weight| weight.of);
        let buffers = [acc, units.exponents, weights, &out.values, &out.exponents];
        self.by_rows(if is_gradient { "quantise 14" } else { "quantise 7" }, &dims, &buffers, rows, width / 4)
    }

    /// The gradient of the loss by logits `acc` `[rows, vocab]` i32, whose rows have `exponents` and that of `weight`, and
    /// the loss of each row, to `losses` from `losses_first` on. `targets`: `[rows]` u32, each below vocab.
    ///
    /// # Errors
    /// See [`Self::embed`].
    pub fn cross_entropy(
        &mut self,
        [acc, exponents, targets, losses]: [&wgpu::Buffer; 4],
        weight: Exponent<'_>,
        g: &Rows,
        losses_first: usize,
        [rows, vocab]: [usize; 2],
    ) -> Result<(), GpuError> {
        assert_holds(acc, rows, 4 * vocab);
        [exponents, targets].iter().for_each(|buffer| assert_holds(buffer, rows, 4));
        assert_holds(losses, losses_first + rows, 4);
        g.hold_gradients(rows, vocab);
        let (words, losses_first) = (u32_of(vocab / 4), u32_of(losses_first));
        let dims = cross_entropy::Dims { words, weight: weight.hold(), losses_first };
        let ins = [&self.kernels.exp2_table, acc, exponents, weight.of, targets];
        let buffers = [&ins[..], &[&g.values, &g.exponents, losses]].concat();
        self.by_rows("cross_entropy", &dims, &buffers, rows, vocab / 4)
    }

    /// Of each group of rows the largest exponent `a + b`, to `tops` from `tops_first` on, and what each row is to be
    /// shifted by.
    ///
    /// # Shapes
    /// - `a`, `shifts`: `[groups, rows]` i32, `a` as gradients have it; `b`: `[groups / heads, rows]` i32 where it is there.
    ///
    /// # Errors
    /// See [`Self::embed`].
    pub fn align_rows(
        &mut self,
        [a, tops, shifts]: [&wgpu::Buffer; 3],
        b: Option<&wgpu::Buffer>,
        tops_first: usize,
        [groups, rows, heads]: [usize; 3],
    ) -> Result<(), GpuError> {
        [a, shifts].iter().for_each(|buffer| assert_holds(buffer, groups * rows, 4));
        b.iter().for_each(|b| assert_holds(b, groups / heads * rows, 4));
        assert_holds(tops, tops_first + groups, 4);
        let (uses_b, tops_first) = (b.is_some().into(), u32_of(tops_first));
        let dims = align_rows::Dims { rows: u32_of(rows), heads: u32_of(heads), uses_b, tops_first };
        let buffers = [a, b.unwrap_or(&self.kernels.unread), tops, shifts];
        self.by_rows("align_rows", &dims, &buffers, groups, rows)
    }

    /// The gradients of symbols and of positions, into `out` of the tensors' layout, from `g`, shifted by `shifts`.
    ///
    /// # Errors
    /// See [`Self::embed`].
    pub fn embed_backward(
        &mut self,
        g: &Rows,
        [tokens, shifts, out]: [&wgpu::Buffer; 3],
        shape: Embedding,
    ) -> Result<(), GpuError> {
        let Embedding { rows, dim, context, vocab, first } = shape;
        g.hold_gradients(rows, dim);
        shape.hold(tokens, out);
        assert_holds(shifts, rows, 4);
        let [symbols_first, positions_first] = first.map(|first| u32_of(first / 4));
        let [rows, words] = [rows, dim / 4].map(u32_of);
        let [context, vocab] = [context, vocab].map(u32_of);
        let dims = embed_backward::Dims { rows, words, context, vocab, symbols_first, positions_first };
        let groups = (vocab + context) as usize;
        self.by_rows("embed_backward", &dims, &[tokens, &g.values, shifts, out], groups, rows as usize)
    }
}
