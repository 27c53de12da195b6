//! Host side of the kernels that work on whole tensors, all of them at once: `largest`, `copy_int8`, `plan_step`, `moments`
//! and `parameters`.

use super::{Pass, kernel, u32_of};
use crate::error::GpuError;
use crate::kernel::assert_holds;

kernel!(
    /// The largest value of each block.
    largest = LARGEST,
    { words: u32 },
    [Read, Write]
);
kernel!(
    /// int8 copies.
    copy_int8 = COPY_INT8,
    { most: u32, words: u32 },
    [Read, Read, Read, Write, Write]
);
kernel!(
    /// The grid of each tensor's step.
    plan_step = PLAN_STEP,
    { most: u32, grid: u32 },
    [Read, Read, Read, Read, Read, Write]
);
kernel!(
    /// Moments.
    moments = MOMENTS,
    { words: u32, grid: u32 },
    [Read, Read, Read, Write, Write, Write, Write]
);
kernel!(
    /// Parameters.
    parameters = PARAMETERS,
    { most: u32, words: u32, rate: i32, decay: i32 },
    [Read, Read, Read, Read, Read, Write, Write]
);

/// Values of a block: tensors are padded to whole ones by zeros.
pub const BLOCK: usize = 1024;
/// Bits of the moments' grid (SPEC §IV.6.1).
const GRID: u32 = 29;

/// Values of all tensors, `[blocks, BLOCK]` i32, and the largest of each block.
#[derive(Debug)]
pub struct Values {
    /// The values.
    pub values: wgpu::Buffer,
    /// `[blocks]` u32.
    pub tops: wgpu::Buffer,
}

impl Values {
    fn hold(&self, blocks: usize) {
        assert_holds(&self.values, blocks, 4 * BLOCK);
        assert_holds(&self.tops, blocks, 4);
    }
}

/// What steps change, and which tensor is where.
#[derive(Debug)]
pub struct Tensors {
    /// Blocks in all.
    pub blocks: usize,
    /// Blocks of the largest tensor.
    pub most: usize,
    /// Tensors.
    pub count: usize,
    /// `[blocks, 4]` u32: the first block of the block's tensor, its blocks, its number, 0.
    pub of_blocks: wgpu::Buffer,
    /// `[count, 2]` u32: a tensor's first block, and its blocks.
    pub of_tensors: wgpu::Buffer,
    /// Parameters.
    pub theta: Values,
    /// First moments.
    pub first: Values,
    /// Roots of the second moments.
    pub root: Values,
    /// Gradients.
    pub gradient: Values,
    /// `[count]` i32, exponents of gradients.
    pub exponents: wgpu::Buffer,
    /// `[count, 4]` i32: a tensor's exponent of moments, and what a step says of itself.
    pub steps: wgpu::Buffer,
    /// int8 copies, `[blocks, BLOCK]`.
    pub copies: wgpu::Buffer,
    /// `[blocks]` i32, the copies' exponents.
    pub copy_exponents: wgpu::Buffer,
}

impl Tensors {
    fn hold(&self) {
        [&self.theta, &self.first, &self.root, &self.gradient].iter().for_each(|v| v.hold(self.blocks));
        assert_holds(&self.of_blocks, self.blocks, 16);
        assert_holds(&self.of_tensors, self.count, 8);
        assert_holds(&self.exponents, self.count, 4);
        assert_holds(&self.steps, self.count, 16);
        assert_holds(&self.copies, self.blocks, BLOCK);
        assert_holds(&self.copy_exponents, self.blocks, 4);
    }
}

impl Pass<'_, '_> {
    /// The largest value of each block.
    ///
    /// # Errors
    /// As [`crate::recorder::Recorder::dispatch`], as all that follow.
    ///
    /// # Panics
    /// When a buffer is too short, as all that follow.
    pub fn largest(&mut self, of: &Values, blocks: usize) -> Result<(), GpuError> {
        of.hold(blocks);
        let dims = largest::Dims { words: u32_of(BLOCK / 4) };
        self.by_rows("largest", &dims, &[&of.values, &of.tops], blocks, BLOCK / 4)
    }

    /// The int8 copies of parameters, by the largest of each block.
    ///
    /// # Errors
    /// See [`Self::largest`].
    pub fn copy_int8(&mut self, tensors: &Tensors) -> Result<(), GpuError> {
        tensors.hold();
        let dims = copy_int8::Dims { most: u32_of(tensors.most), words: u32_of(BLOCK / 4) };
        let Tensors { theta, of_blocks, copies, copy_exponents, .. } = tensors;
        let buffers = [&theta.values, &theta.tops, of_blocks, copies, copy_exponents];
        self.by_rows("copy_int8", &dims, &buffers, tensors.blocks, BLOCK / 4)
    }

    /// A step of all tensors by their gradients, `rate` and `decay` in units of 2^-32; then their largest parameters are known.
    ///
    /// # Errors
    /// See [`Self::largest`].
    pub fn optimise(&mut self, tensors: &Tensors, rate: i32, decay: i32) -> Result<(), GpuError> {
        tensors.hold();
        let Tensors { of_blocks, of_tensors, theta, first, root, gradient, exponents, steps, .. } = tensors;
        let words = u32_of(BLOCK / 4);
        self.largest(gradient, tensors.blocks)?;
        let buffers = [of_tensors, &gradient.tops, &first.tops, &root.tops, exponents, steps];
        let dims = plan_step::Dims { most: u32_of(tensors.most), grid: GRID };
        self.by_rows("plan_step", &dims, &buffers, tensors.count, BLOCK / 4)?;
        let dims = moments::Dims { words, grid: GRID };
        let outs = [&first.values, &root.values, &first.tops, &root.tops];
        let buffers = [&[&gradient.values, of_blocks, steps][..], &outs].concat();
        // 29 rounds of a root.
        self.by_rows("moments", &dims, &buffers, tensors.blocks, 8 * BLOCK / 4)?;
        let dims = parameters::Dims { most: u32_of(tensors.most), words, rate, decay };
        let ins = [&first.values, &root.values, &root.tops, of_blocks, steps];
        let buffers = [&ins[..], &[&theta.values, &theta.tops]].concat();
        self.by_rows("parameters", &dims, &buffers, tensors.blocks, 4 * BLOCK / 4)
    }
}
