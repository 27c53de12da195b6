//! The backward pass of a batch (SPEC §IV.5) and the step it leads to, recorded.

use super::buffers::{Layer, Model, Sizes};
use super::kernels::product::{Shape, Sides};
use super::kernels::rows::Units;
use super::kernels::{Pass, Rows};
use crate::error::GpuError;

impl Model {
    /// The gradient of tensor `number` from gradients of its outputs and its inputs (SPEC §IV.5.1).
    fn weight_gradient(
        &self,
        pass: &mut Pass<'_, '_>,
        g: &Rows,
        x: &Rows,
        number: usize,
    ) -> Result<(), GpuError> {
        let (place, tensors, rows) = (self.layout.places[number], &self.tensors, self.sizes.batch);
        let shifts = &self.shifts;
        let buffers = [&g.exponents, &tensors.exponents, shifts];
        pass.align_rows(buffers, Some(&x.exponents), number, [1, rows, 1])?;
        let mut shape = Shape::plain(Sides::Gradient, [place.outputs, place.inputs, rows]);
        shape.out.first = place.first();
        let buffers = [&g.values, &x.values, &tensors.gradient.values];
        pass.product(Sides::Gradient, buffers, Some(shifts), &shape)
    }

    /// The gradient by the inputs of tensor `number`, from that by its outputs.
    fn through(&self, pass: &mut Pass<'_, '_>, g: &Rows, number: usize, out: &Rows) -> Result<(), GpuError> {
        let (place, rows) = (self.layout.places[number], self.sizes.batch);
        let mut shape = Shape::plain(Sides::Through, [rows, place.inputs, place.outputs]);
        shape.b.first = place.first() / 4;
        pass.product(Sides::Through, [&g.values, &self.tensors.copies, &self.acc], None, &shape)?;
        let weight = Some(self.exponent(number));
        let exponents = &g.exponents;
        let units = Units { exponents, first: 0, rows_of: 1, step: 1, weight, plus: 0 };
        pass.quantise(&self.acc, units, true, out, [rows, place.inputs])
    }

    /// Adds the gradient by a norm's input to that by the stream, from that by its result, which `passing[0]` holds; gives which
    /// of `by_stream` holds the sum.
    fn add_through_norm(
        &self,
        pass: &mut Pass<'_, '_>,
        y: &Rows,
        kept: &wgpu::Buffer,
        now: usize,
    ) -> Result<usize, GpuError> {
        let ([by_norm, by_input], shape) = (&self.passing, [self.sizes.batch, self.sizes.dim]);
        pass.norm_backward([by_norm, y, by_input], kept, shape)?;
        let Rows { values, exponents } = &self.by_stream[now];
        pass.add_gradients(by_input, [values, exponents, &self.by_stream[1 - now].exponents], shape)?;
        Ok(1 - now)
    }

    /// Records gradients of all tensors, after [`Self::forward`] of a whole batch.
    pub(super) fn backward(&self, pass: &mut Pass<'_, '_>) -> Result<(), GpuError> {
        let Sizes { dim, batch, .. } = self.sizes;
        let last = self.layout.places.len() - 1;
        self.weight_gradient(pass, &self.by_logits, &self.z, last)?;
        self.through(pass, &self.by_logits, last, &self.passing[0])?;
        let by_logits = [&self.passing[0], &self.z, &self.by_stream[0]];
        pass.norm_backward(by_logits, &self.last_norm, [batch, dim])?;
        let mut now = 0;
        for (ix, layer) in self.layers.iter().enumerate().rev() {
            now = self.feed_backward(pass, layer, 4 * ix + 4, now)?;
            now = self.attend_backward(pass, layer, 4 * ix + 2, now)?;
        }
        let (g, tensors) = (&self.by_stream[now], &self.tensors);
        for number in [0, 1] {
            let buffers = [&g.exponents, &tensors.exponents, &self.shifts];
            pass.align_rows(buffers, None, number, [1, batch, 1])?;
        }
        let buffers = [&self.tokens, &self.shifts, &tensors.gradient.values];
        pass.embed_backward(g, buffers, self.sizes.embedding(&self.layout, batch))
    }

    fn feed_backward(
        &self,
        pass: &mut Pass<'_, '_>,
        layer: &Layer,
        number: usize,
        now: usize,
    ) -> Result<usize, GpuError> {
        let Sizes { hidden, batch, .. } = self.sizes;
        let (g, [by_square, by_acc]) = (&self.by_stream[now], &self.by_hidden);
        self.weight_gradient(pass, g, &layer.f, number + 1)?;
        self.through(pass, g, number + 1, by_square)?;
        pass.squared_relu_backward([by_square, &layer.a, by_acc], [batch, hidden])?;
        self.weight_gradient(pass, by_acc, &layer.y, number)?;
        self.through(pass, by_acc, number, &self.passing[0])?;
        self.add_through_norm(pass, &layer.y, &layer.second_norm, now)
    }

    fn attend_backward(
        &self,
        pass: &mut Pass<'_, '_>,
        layer: &Layer,
        number: usize,
        now: usize,
    ) -> Result<usize, GpuError> {
        self.weight_gradient(pass, &self.by_stream[now], &layer.mixed, number + 1)?;
        self.through(pass, &self.by_stream[now], number + 1, &self.passing[0])?;
        let shape = self.sizes.attention(self.sizes.batch);
        pass.attention_backward(&self.passing[0], &self.room, &layer.attention, &self.by_qkv, shape)?;
        self.weight_gradient(pass, &self.by_qkv, &layer.x, number)?;
        self.through(pass, &self.by_qkv, number, &self.passing[0])?;
        self.add_through_norm(pass, &layer.x, &layer.first_norm, now)
    }
}
