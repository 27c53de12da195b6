//! Host side of `shaders/gonka/add.wgsl`.

use super::{KernelId, Kernels, members, swiglu};
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

/// `Dims` of the kernel: those of [`swiglu`].
pub type Dims = swiglu::Dims;

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
    swiglu::record_by_words(recorder, kernels, KernelId::Add, [y, x], rows, stride)
}
