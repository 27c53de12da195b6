//! What a model and a batch take on the device.

use super::attention::Room;
use super::kernels::attention::{Attention, Kept};
use super::kernels::rows::Embedding;
use super::kernels::tensors::{BLOCK, Tensors, Values};
use super::kernels::{Exponent, Rows};
use super::layout::Layout;
use crate::context::Gpu;
use crate::device::DeviceInfo;
use crate::error::GpuError;
use sphere_pow_core::train::Params;

/// Sizes of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Layers.
    pub layers: usize,
    /// Width of the stream.
    pub dim: usize,
    /// Heads.
    pub heads: usize,
    /// Width of the feed-forward.
    pub hidden: usize,
    /// Positions of a sequence.
    pub context: usize,
    /// Symbols.
    pub vocab: usize,
    /// Tokens of a step.
    pub batch: usize,
    /// Steps between two looks at the losses.
    pub steps: usize,
}

impl Sizes {
    /// Those of a run.
    #[must_use]
    pub fn new(params: &Params) -> Self {
        let [layers, dim, heads, hidden, context, vocab, batch, ..] =
            params.words().map(|word| word as usize);
        Self { layers, dim, heads, hidden, context, vocab, batch, steps: params.segment() as usize }
    }

    /// Those of attention over `rows` tokens.
    #[must_use]
    pub fn attention(&self, rows: usize) -> Attention {
        let Self { dim, heads, context, .. } = *self;
        Attention { sequences: rows / context, context, dim, heads }
    }

    /// Those of what embeds `rows` tokens.
    #[must_use]
    pub fn embedding(&self, layout: &Layout, rows: usize) -> Embedding {
        let first = [layout.places[0].first(), layout.places[1].first()];
        Embedding { rows, dim: self.dim, context: self.context, vocab: self.vocab, first }
    }

    /// The widest row of a product's result.
    fn widest(&self) -> usize {
        (3 * self.dim).max(self.hidden).max(self.vocab)
    }

    /// Values of all scores of a batch.
    fn scores(&self) -> usize {
        self.heads * self.batch * self.context.next_multiple_of(4)
    }

    /// Bytes of the largest buffer.
    fn largest_bytes(&self, layout: &Layout) -> usize {
        let of_batch = [4 * self.widest(), 16 * self.dim, 4 * self.steps].map(|row| row * self.batch);
        of_batch.into_iter().fold((4 * BLOCK * layout.blocks).max(4 * self.scores()), usize::max)
    }

    /// Bytes of all buffers.
    fn all_bytes(&self, layout: &Layout) -> usize {
        let tensors = (4 * 4 + 1) * BLOCK * layout.blocks;
        let layer = self.batch * (6 * self.dim + 3 * self.hidden + 64) + 2 * self.scores();
        let passing = self.batch * (6 * self.widest() + 16 * self.dim + 20 * self.dim + 2 * self.hidden);
        tensors + self.layers * layer + passing + 8 * self.scores() + 4 * self.steps * self.batch
    }

    /// Whether a device can hold it.
    ///
    /// # Errors
    /// [`GpuError::Limit`] when a buffer is too large for it.
    pub fn check(&self, layout: &Layout, info: &DeviceInfo) -> Result<u64, GpuError> {
        let (needed, limit) = (self.largest_bytes(layout) as u64, info.limits.binding_bytes);
        if needed > limit {
            let what = "the largest buffer of training in bytes";
            return Err(GpuError::Limit { name: info.name.clone(), what, needed, limit });
        }
        Ok(self.all_bytes(layout) as u64)
    }
}

/// What a layer's forward pass leaves for the backward pass.
#[derive(Debug)]
pub struct Layer {
    /// The stream's norm, int8, and what the norm keeps.
    pub x: Rows,
    /// `[batch, 2]` i32.
    pub first_norm: wgpu::Buffer,
    /// Attention.
    pub attention: Kept,
    /// What attention gives, int8.
    pub mixed: Rows,
    /// The stream's norm before the feed-forward, int8.
    pub y: Rows,
    /// `[batch, 2]` i32.
    pub second_norm: wgpu::Buffer,
    /// Inputs of the squares, 14 bits.
    pub a: Rows,
    /// The squares, int8.
    pub f: Rows,
}

/// A model with its state, and room for a batch.
#[derive(Debug)]
pub struct Model {
    /// Sizes.
    pub sizes: Sizes,
    /// Where tensors lie.
    pub layout: Layout,
    /// The state, gradients and copies.
    pub tensors: Tensors,
    /// `[batch]` u32.
    pub tokens: wgpu::Buffer,
    /// `[batch]` u32: what follows each token.
    pub targets: wgpu::Buffer,
    /// `[steps, batch]` i32.
    pub losses: wgpu::Buffer,
    /// `[batch, dim]` i32.
    pub stream: wgpu::Buffer,
    /// Results of products, `[batch, widest]` i32.
    pub acc: wgpu::Buffer,
    /// For attention.
    pub room: Room,
    /// Layers.
    pub layers: Vec<Layer>,
    /// The last norm, int8.
    pub z: Rows,
    /// `[batch, 2]` i32.
    pub last_norm: wgpu::Buffer,
    /// Gradients by logits.
    pub by_logits: Rows,
    /// Gradients by the stream: the same mantissas, with exponents in turn in two places.
    pub by_stream: [Rows; 2],
    /// Gradients of `[batch, dim]` on their way.
    pub passing: [Rows; 2],
    /// Gradients of `[batch, hidden]` on their way.
    pub by_hidden: [Rows; 2],
    /// Gradients by queries, keys and values.
    pub by_qkv: Rows,
    /// Shifts of rows, `[batch]` i32.
    pub shifts: wgpu::Buffer,
}

impl Model {
    /// Takes the memory.
    #[must_use]
    pub fn new(gpu: &Gpu, sizes: Sizes, layout: Layout) -> Self {
        let Sizes { dim, hidden, vocab, batch, .. } = sizes;
        let words = |label, n: usize| gpu.buffer(label, 4 * n as u64);
        let int8 = |width| Rows::int8(gpu, batch, width);
        let gradients = |width| Rows::gradients(gpu, batch, width);
        let kept = |label| words(label, 2 * batch);
        let attention = sizes.attention(batch);
        let layers = (0..sizes.layers).map(|_| Layer {
            x: int8(dim),
            first_norm: kept("first norm"),
            attention: Kept::new(gpu, attention),
            mixed: int8(dim),
            y: int8(dim),
            second_norm: kept("second norm"),
            a: gradients(hidden),
            f: int8(hidden),
        });
        let by_stream = gradients(dim);
        let again = Rows { values: by_stream.values.clone(), exponents: words("exponents", batch) };
        Self {
            layers: layers.collect(),
            tensors: tensors(gpu, &layout),
            tokens: words("tokens", batch),
            targets: words("targets", batch),
            losses: words("losses", sizes.steps * batch),
            stream: words("stream", batch * dim),
            acc: words("acc", batch * sizes.widest()),
            room: Room::new(gpu, attention),
            z: int8(dim),
            last_norm: kept("last norm"),
            by_logits: gradients(vocab),
            by_stream: [by_stream, again],
            passing: [(); 2].map(|()| gradients(dim)),
            by_hidden: [(); 2].map(|()| gradients(hidden)),
            by_qkv: gradients(3 * dim),
            shifts: words("shifts", batch),
            sizes,
            layout,
        }
    }

    /// Exponent of a tensor's int8 copy.
    pub(super) fn exponent(&self, number: usize) -> Exponent<'_> {
        Exponent { of: &self.tensors.copy_exponents, at: self.layout.places[number].block }
    }
}

/// Takes the memory of tensors.
#[must_use]
pub fn tensors(gpu: &Gpu, layout: &Layout) -> Tensors {
    let (blocks, count) = (layout.blocks, layout.places.len());
    let table = |label, bytes: &[u8]| {
        let buffer = gpu.buffer(label, bytes.len() as u64);
        gpu.write(&buffer, 0, bytes);
        buffer
    };
    let values = |label| Values {
        values: gpu.buffer(label, (4 * BLOCK * blocks) as u64),
        tops: gpu.buffer("largest", 4 * blocks as u64),
    };
    Tensors {
        blocks,
        most: layout.places.iter().map(|place| place.blocks).max().unwrap_or(0),
        count,
        of_blocks: table("tensors of blocks", bytemuck::cast_slice(&layout.of_blocks())),
        of_tensors: table("tensors", bytemuck::cast_slice(&layout.of_tensors())),
        theta: values("theta"),
        first: values("first moments"),
        root: values("roots"),
        gradient: values("gradient"),
        exponents: gpu.buffer("gradients' exponents", 4 * count as u64),
        steps: gpu.buffer("steps", 16 * count as u64),
        copies: gpu.buffer("copies", (BLOCK * blocks) as u64),
        copy_exponents: gpu.buffer("copies' exponents", 4 * blocks as u64),
    }
}
