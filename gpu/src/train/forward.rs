//! The forward pass of a batch (SPEC §IV.4), recorded.

use super::buffers::{Layer, Model, Sizes};
use super::kernels::attention::Attention;
use super::kernels::product::{Place, Shape, Sides};
use super::kernels::rows::Units;
use super::kernels::{Pass, Rows};
use crate::error::GpuError;

/// Where the products of attention find their sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    shape: Attention,
    /// A head's queries; keys and values follow.
    query: Place,
    /// A head's scores, as values.
    scores: Place,
    /// A head's shares, or gradients by scores, in fours.
    pub(super) shares: Place,
    /// A head's part of rows of the stream's width, in fours.
    pub(super) head: Place,
}

impl Places {
    pub(super) fn new(shape: Attention) -> Self {
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
    pub(super) fn of(&self, which: usize) -> Place {
        Place { first: which * self.shape.dim / 4, ..self.query }
    }

    /// A result `[context, head_dim]` of each head, in plane `plane` of rows of the stream's width.
    pub(super) fn plane(&self, plane: usize) -> Place {
        let Place { row, head, sequence, .. } = self.head;
        let first = plane * self.shape.rows() * self.shape.dim;
        Place { row: 4 * row, column: 1, head: 4 * head, sequence: 4 * sequence, first }
    }

    /// A product for each head, `[rows, columns]` over k.
    pub(super) fn product(&self, [rows, columns, k]: [usize; 3], a: Place, b: Place, out: Place) -> Shape {
        let Attention { sequences, heads, .. } = self.shape;
        Shape { k, rows, columns, heads, sequences, a, b, b_step: 1, out, shifts: [0, 0] }
    }

    /// Scores, or gradients by shares: rows of the first side by keys or values.
    pub(super) fn scores(&self, a: Place, which: usize) -> Shape {
        let Attention { context, .. } = self.shape;
        self.product([context, context, self.shape.head_dim()], a, self.of(which), self.scores)
    }

    /// Gradients by scores, a sum over queries, to that by keys.
    pub(super) fn by_keys(&self) -> Shape {
        let Attention { context, heads, .. } = self.shape;
        let sizes = [context, self.shape.head_dim(), context];
        let shape = self.product(sizes, self.shares, self.of(0), self.plane(1));
        Shape { shifts: [context, heads * context], ..shape }
    }

    /// Gradients by what is mixed, a sum over queries by the upper (0) or the lower (1) half of shares, to that by values: its
    /// columns are positions, so that it is written turned.
    pub(super) fn by_values(&self, half: usize) -> Shape {
        let Attention { context, .. } = self.shape;
        let sizes = [self.shape.head_dim(), context, context];
        let plane = self.plane(2 + half);
        let out = Place { row: plane.column, column: plane.row, ..plane };
        let shares = Place { first: half, ..self.shares };
        let shape = self.product(sizes, self.head, shares, out);
        Shape { b_step: 2, shifts: [0, context], ..shape }
    }

    /// Rows of shares, or of gradients by scores, through values or keys.
    pub(super) fn through(&self, which: usize, plane: usize) -> Shape {
        let Attention { context, .. } = self.shape;
        let sizes = [context, self.shape.head_dim(), context];
        self.product(sizes, self.shares, self.of(which), self.plane(plane))
    }
}

impl Model {
    /// `acc = x weightᵀ` by the int8 copy of tensor `number`.
    fn linear(&self, pass: &mut Pass<'_, '_>, x: &Rows, number: usize, rows: usize) -> Result<(), GpuError> {
        let place = self.layout.places[number];
        let mut shape = Shape::plain(Sides::Forward, [rows, place.outputs, place.inputs]);
        shape.b.first = place.first() / 4;
        pass.product(Sides::Forward, [&x.values, &self.tensors.copies, &self.acc], None, &shape)
    }

    /// Records the forward pass of `rows` tokens, and of the loss, whose rows go to step `step` of the losses.
    pub(super) fn forward(&self, pass: &mut Pass<'_, '_>, rows: usize, step: usize) -> Result<(), GpuError> {
        let Sizes { dim, vocab, batch, .. } = self.sizes;
        let embedding = self.sizes.embedding(&self.layout, rows);
        pass.embed([&self.tokens, &self.tensors.theta.values, &self.stream], embedding)?;
        for (number, layer) in (2..).step_by(4).zip(&self.layers) {
            self.attend(pass, layer, number, rows)?;
            self.feed(pass, layer, number + 2, rows)?;
        }
        pass.norm(&self.stream, &self.z, &self.last_norm, [rows, dim])?;
        let last = self.layout.places.len() - 1;
        self.linear(pass, &self.z, last, rows)?;
        let buffers = [&self.acc, &self.z.exponents, &self.targets, &self.losses];
        pass.cross_entropy(buffers, self.exponent(last), &self.by_logits, step * batch, [rows, vocab])
    }

    fn attend(
        &self,
        pass: &mut Pass<'_, '_>,
        layer: &Layer,
        number: usize,
        rows: usize,
    ) -> Result<(), GpuError> {
        let (dim, shape) = (self.sizes.dim, self.sizes.attention(rows));
        let (kept, places) = (&layer.attention, Places::new(shape));
        pass.norm(&self.stream, &layer.x, &layer.first_norm, [rows, dim])?;
        self.linear(pass, &layer.x, number, rows)?;
        let buffers = [&self.acc, &layer.x.exponents, &self.row_tops];
        pass.queries_and_keys(buffers, self.exponent(number), kept, shape)?;
        let qkv = &kept.qkv.values;
        pass.product(Sides::Forward, [qkv, qkv, &self.scores], None, &places.scores(places.of(0), 1))?;
        pass.shares(&self.scores, kept, shape)?;
        pass.product(Sides::Through, [&kept.shares, qkv, &self.acc], None, &places.through(2, 0))?;
        // The exponent of values is the second of a sequence's two.
        let (exponents, rows_of) = (&kept.joined, shape.context);
        let units = Units { exponents, first: 1, rows_of, step: 2, weight: None, plus: -14 };
        pass.quantise(&self.acc, units, false, &layer.mixed, [rows, dim])?;
        self.linear(pass, &layer.mixed, number + 1, rows)?;
        let buffers = [&self.acc, &layer.mixed.exponents, &self.stream];
        pass.join_branch(buffers, self.exponent(number + 1), [rows, dim])
    }

    fn feed(
        &self,
        pass: &mut Pass<'_, '_>,
        layer: &Layer,
        number: usize,
        rows: usize,
    ) -> Result<(), GpuError> {
        let Sizes { dim, hidden, .. } = self.sizes;
        pass.norm(&self.stream, &layer.y, &layer.second_norm, [rows, dim])?;
        self.linear(pass, &layer.y, number, rows)?;
        let (acc, outs) = ([&self.acc, &layer.y.exponents], [&layer.a, &layer.f]);
        pass.squared_relu(acc, self.exponent(number), outs, [rows, hidden])?;
        self.linear(pass, &layer.f, number + 1, rows)?;
        let buffers = [&self.acc, &layer.f.exponents, &self.stream];
        pass.join_branch(buffers, self.exponent(number + 1), [rows, dim])
    }
}
