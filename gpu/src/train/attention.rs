//! Attention of a batch, forward and backward (SPEC §IV.4.3, §IV.5.5), recorded. Twin: core's `ops::attention`.

use super::kernels::attention::{Attention, Kept};
use super::kernels::product::{Place, Shape, Sides};
use super::kernels::rows::Units;
use super::kernels::{Exponent, Pass, Rows};
use crate::context::Gpu;
use crate::error::GpuError;

/// What attention needs room for, whatever the layer.
#[derive(Debug)]
pub struct Room {
    /// Scores, and gradients by shares: `[sequences, heads, context, stride]` i32.
    scores: wgpu::Buffer,
    /// `[rows, 2]` i32.
    row_tops: wgpu::Buffer,
    /// Gradients by scores.
    by_scores: Rows,
    /// `[4, rows, dim]` i32.
    sums: wgpu::Buffer,
    /// Shifts of rows, and of rows of scores.
    shifts: [wgpu::Buffer; 2],
    /// Exponents of sequences' sums, `[sequences, heads]` and `[sequences]`.
    tops: wgpu::Buffer,
}

impl Room {
    /// Takes the memory.
    #[must_use]
    pub fn new(gpu: &Gpu, shape: Attention) -> Self {
        let words = |label, n: usize| gpu.buffer(label, 4 * n as u64);
        let (rows, score_rows, stride) = (shape.rows(), shape.score_rows(), shape.stride());
        Self {
            scores: words("scores", score_rows * stride),
            row_tops: words("row tops", 2 * rows),
            by_scores: Rows::gradients(gpu, score_rows, stride),
            sums: words("sums", 4 * rows * shape.dim),
            shifts: [words("shifts", rows), words("shifts of scores", score_rows)],
            tops: words("tops", shape.sequences * (shape.heads + 1)),
        }
    }
}

impl Kept {
    /// Takes the memory.
    #[must_use]
    pub fn new(gpu: &Gpu, shape: Attention) -> Self {
        Self {
            qkv: Rows::int8(gpu, shape.rows(), 3 * shape.dim),
            joined: gpu.buffer("joined", 8 * shape.sequences as u64),
            shares: gpu.buffer("shares", (2 * shape.score_rows() * shape.stride()) as u64),
        }
    }
}

/// Where the products of attention find their sides.
#[derive(Clone, Copy, Debug)]
struct Places {
    shape: Attention,
    /// A head's queries; keys and values follow.
    query: Place,
    /// A head's scores, as values.
    scores: Place,
    /// A head's shares, or gradients by scores, in fours.
    shares: Place,
    /// A head's part of rows of the stream's width, in fours.
    head: Place,
}

impl Places {
    fn new(shape: Attention) -> Self {
        let Attention { context, dim, heads, .. } = shape;
        let (words, head, stride) = (dim / 4, shape.head_dim() / 4, shape.stride());
        let place = |row, head, sequence| Place { row, column: 1, head, sequence, first: 0 };
        Self {
            shape,
            query: place(3 * words, head, 3 * context * words),
            scores: place(stride, context * stride, heads * context * stride),
            shares: place(stride / 4, context * stride / 4, heads * context * stride / 4),
            head: place(words, head, context * words),
        }
    }

    /// Queries, keys or values: 0, 1, 2.
    fn of(&self, which: usize) -> Place {
        Place { first: which * self.shape.dim / 4, ..self.query }
    }

    /// A result `[context, head_dim]` of each head, in plane `plane` of rows of the stream's width.
    fn plane(&self, plane: usize) -> Place {
        let Place { row, head, sequence, .. } = self.head;
        let first = plane * self.shape.rows() * self.shape.dim;
        Place { row: 4 * row, column: 1, head: 4 * head, sequence: 4 * sequence, first }
    }

    /// A product for each head, `[rows, columns]` over k.
    fn product(&self, [rows, columns, k]: [usize; 3], a: Place, b: Place, out: Place) -> Shape {
        let Attention { sequences, heads, .. } = self.shape;
        Shape { k, rows, columns, heads, sequences, a, b, b_step: 1, out, shifts: [0, 0] }
    }

    /// Scores, or gradients by shares: rows of the first side by keys or values.
    fn scores(&self, a: Place, which: usize) -> Shape {
        let Attention { context, .. } = self.shape;
        self.product([context, context, self.shape.head_dim()], a, self.of(which), self.scores)
    }

    /// Gradients by scores, a sum over queries, to that by keys.
    fn by_keys(&self) -> Shape {
        let Attention { context, heads, .. } = self.shape;
        let sizes = [context, self.shape.head_dim(), context];
        let shape = self.product(sizes, self.shares, self.of(0), self.plane(1));
        Shape { shifts: [context, heads * context], ..shape }
    }

    /// Gradients by what is mixed, a sum over queries by the upper (0) or the lower (1) half of shares, to that by values: its
    /// columns are positions, so that it is written turned.
    fn by_values(&self, half: usize) -> Shape {
        let Attention { context, .. } = self.shape;
        let sizes = [self.shape.head_dim(), context, context];
        let plane = self.plane(2 + half);
        let out = Place { row: plane.column, column: plane.row, ..plane };
        let shares = Place { first: half, ..self.shares };
        let shape = self.product(sizes, self.head, shares, out);
        Shape { b_step: 2, shifts: [0, context], ..shape }
    }

    /// Rows of shares, or of gradients by scores, through values or keys.
    fn through(&self, which: usize, plane: usize) -> Shape {
        let Attention { context, .. } = self.shape;
        let sizes = [context, self.shape.head_dim(), context];
        self.product(sizes, self.shares, self.of(which), self.plane(plane))
    }
}

impl Pass<'_, '_> {
    /// Attention of queries, keys and values `acc` `[rows, 3 dim]` i32, whose rows have `exponents` and that of `weight`. Overwrites
    /// `acc`.
    ///
    /// # Errors
    /// As [`crate::recorder::Recorder::dispatch`].
    ///
    /// # Panics
    /// When a buffer is too short.
    pub fn attention(
        &mut self,
        [acc, exponents]: [&wgpu::Buffer; 2],
        weight: Exponent<'_>,
        room: &Room,
        kept: &Kept,
        mixed: &Rows,
        shape: Attention,
    ) -> Result<(), GpuError> {
        let (places, qkv) = (Places::new(shape), &kept.qkv.values);
        self.queries_and_keys([acc, exponents, &room.row_tops], weight, kept, shape)?;
        self.product(Sides::Forward, [qkv, qkv, &room.scores], None, &places.scores(places.of(0), 1))?;
        self.shares(&room.scores, kept, shape)?;
        self.product(Sides::Through, [&kept.shares, qkv, acc], None, &places.through(2, 0))?;
        // The exponent of values is the second of a sequence's two.
        let (exponents, rows_of) = (&kept.joined, shape.context);
        let units = Units { exponents, first: 1, rows_of, step: 2, weight: None, plus: -14 };
        self.quantise(acc, units, false, mixed, [shape.rows(), shape.dim])
    }

    /// The gradient by queries, keys and values, `out` `[rows, 3 dim]`, from `g`, that by what was mixed.
    ///
    /// # Errors
    /// As [`crate::recorder::Recorder::dispatch`].
    ///
    /// # Panics
    /// When a buffer is too short.
    pub fn attention_backward(
        &mut self,
        g: &Rows,
        room: &Room,
        kept: &Kept,
        out: &Rows,
        shape: Attention,
    ) -> Result<(), GpuError> {
        let (places, qkv) = (Places::new(shape), &kept.qkv.values);
        let Attention { sequences, context, heads, .. } = shape;
        let Room { scores, by_scores: ds, sums, shifts: [shifts, score_shifts], tops, .. } = room;
        self.product(Sides::Across, [&g.values, qkv, scores], None, &places.scores(places.head, 2))?;
        self.by_shares([scores, &g.exponents], kept, ds, shape)?;
        self.product(Sides::Through, [&ds.values, qkv, sums], None, &places.through(1, 0))?;
        let (buffers, groups) = ([&ds.exponents, tops, score_shifts], [sequences * heads, context, heads]);
        self.align_rows(buffers, Some(&kept.qkv.exponents), 0, groups)?;
        let by_keys = places.by_keys();
        self.product(Sides::Gradient, [&ds.values, qkv, sums], Some(score_shifts), &by_keys)?;
        let buffers = [&g.exponents, tops, shifts];
        self.align_rows(buffers, None, sequences * heads, [sequences, context, 1])?;
        for half in [0, 1] {
            let by_values = places.by_values(half);
            self.product(Sides::Gradient, [&g.values, &kept.shares, sums], Some(shifts), &by_values)?;
        }
        self.join_qkv([sums, &ds.exponents, tops], kept, out, shape)
    }
}
