//! Host side of `shaders/gonka/add.wgsl`.

use super::{KernelId, Kernels, WG, assert_holds, members, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel};
use crate::recorder::Recorder;

/// See the kernel's file.
pub const KERNEL: Kernel = Kernel {
    name: "add",
    entry_point: "add",
    source: sphere_pow_shaders::gonka::ADD,
    dims_bytes: size_of::<Dims>(),
    dims_members: members!(Dims; words, first_row),
    buffers: &[Access::Read, Access::Write],
};

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Words in a row.
    pub words: u32,
    /// First row of the dispatch.
    pub first_row: u32,
}

/// Cost of a word against a multiply and add of `linear` counted as 2: it waits for memory.
const WORD_COST: f64 = 40.0;

/// Records `x = f16(x + y)`.
///
/// # Shapes
/// - `y`, `x`: `[rows, stride]` f16.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short.
pub fn record(
    recorder: &mut Recorder<'_>,
    kernels: &Kernels,
    y: &wgpu::Buffer,
    x: &wgpu::Buffer,
    rows: usize,
    stride: usize,
) -> Result<(), GpuError> {
    [y, x].into_iter().for_each(|buffer| assert_holds(buffer, rows, stride));
    let words = u32_of(stride / 2);
    recorder.split_rows(rows, f64::from(words) * WORD_COST, |recorder, rows, cost| {
        let dims = Dims { words, first_row: u32_of(rows.start) };
        let groups = [words.div_ceil(WG), u32_of(rows.len())];
        recorder.dispatch(kernels.get(KernelId::Add), bytemuck::bytes_of(&dims), &[y, x], groups, cost)
    })
}
