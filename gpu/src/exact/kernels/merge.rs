//! Host side of `shaders/exact/merge.wgsl`.

use super::{Kernels, WORD_COST, assert_holds, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel, members};
use crate::recorder::Recorder;
use sphere_pow_core::exact::ops::log2_sqrt;

/// See the kernel's file.
pub const KERNEL: Kernel = Kernel {
    name: "merge",
    entry_point: "merge",
    source: sphere_pow_shaders::exact::MERGE,
    dims_bytes: size_of::<Dims>(),
    dims_members: members!(Dims; quads, log2_root, first_row),
    buffers: &[Access::Read, Access::Read, Access::Write],
};

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Groups of four values in a row.
    pub quads: u32,
    /// log2 of the square root of the width.
    pub log2_root: u32,
    /// First row of the dispatch.
    pub first_row: u32,
}

/// Records `out = half of normed + norm(branch)`.
///
/// # Shapes
/// - all: `[rows, dim]` i16, `dim` a power of 4 from 64 on.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short.
pub fn record(
    recorder: &mut Recorder<'_>,
    kernels: &Kernels,
    buffers: [&wgpu::Buffer; 3],
    rows: usize,
    dim: usize,
) -> Result<(), GpuError> {
    buffers.iter().for_each(|buffer| assert_holds(buffer, rows, dim * 2));
    let quads = u32_of(dim / 4);
    recorder.split_rows(rows, f64::from(quads) * WORD_COST, |recorder, rows, cost| {
        let dims = Dims { quads, log2_root: log2_sqrt(dim), first_row: u32_of(rows.start) };
        let groups = [u32_of(rows.len()), 1];
        recorder.dispatch(&kernels.merge, bytemuck::bytes_of(&dims), &buffers, groups, cost)
    })
}
