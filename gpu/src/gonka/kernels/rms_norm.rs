//! Host side of `shaders/gonka/rms_norm.wgsl`.

use super::{KernelId, Kernels, assert_holds, members, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel};
use crate::recorder::Recorder;

/// See the kernel's file.
pub const KERNEL: Kernel = Kernel {
    name: "rms_norm",
    entry_point: "rms_norm",
    source: sphere_pow_shaders::gonka::RMS_NORM,
    dims_bytes: size_of::<Dims>(),
    dims_members: members!(Dims; dim, words, first_row, eps),
    buffers: &[Access::Read, Access::Read, Access::Write],
};

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Columns that count.
    pub dim: u32,
    /// Words in a row.
    pub words: u32,
    /// First row of the dispatch.
    pub first_row: u32,
    /// Added to the mean square.
    pub eps: f32,
}

/// Sizes of one call.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Rows.
    pub rows: usize,
    /// Columns that count.
    pub dim: usize,
    /// Columns with padding.
    pub stride: usize,
    /// Added to the mean square.
    pub eps: f32,
}

/// Cost of a word, as in `add`.
const WORD_COST: f64 = 60.0;

/// Records the norm of each row.
///
/// # Shapes
/// - `x`, `out`: `[rows, stride]` f16.
/// - `weight`: `[stride]` f16.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short.
pub fn record(
    recorder: &mut Recorder<'_>,
    kernels: &Kernels,
    x: &wgpu::Buffer,
    weight: &wgpu::Buffer,
    out: &wgpu::Buffer,
    shape: Shape,
) -> Result<(), GpuError> {
    let Shape { rows, dim, stride, eps } = shape;
    assert_holds(x, rows, stride);
    assert_holds(weight, 1, stride);
    assert_holds(out, rows, stride);
    let words = u32_of(stride / 2);
    recorder.split_rows(rows, f64::from(words) * WORD_COST, |recorder, rows, cost| {
        let dims = Dims { dim: u32_of(dim), words, first_row: u32_of(rows.start), eps };
        let groups = [u32_of(rows.len()), 1];
        recorder.dispatch(
            kernels.get(KernelId::RmsNorm),
            bytemuck::bytes_of(&dims),
            &[x, weight, out],
            groups,
            cost,
        )
    })
}
