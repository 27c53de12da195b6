//! The forward pass of a batch (SPEC §IV.4), recorded.

use super::buffers::{Layer, Model, Sizes};
use super::kernels::product::{Shape, Sides};
use super::kernels::{Pass, Rows};
use crate::error::GpuError;

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
        pass.norm(&self.stream, &layer.x, &layer.first_norm, [rows, dim])?;
        self.linear(pass, &layer.x, number, rows)?;
        let sides = [&self.acc, &layer.x.exponents];
        pass.attention(sides, self.exponent(number), &self.room, &layer.attention, &layer.mixed, shape)?;
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
