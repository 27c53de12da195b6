//! Host side of `shaders/gonka/narrow_all.wgsl`.

use super::{WG, assert_holds, members, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Compiled, Kernel};
use crate::recorder::Recorder;

/// See the kernel's file.
pub const KERNEL: Kernel = Kernel {
    name: "narrow_all",
    entry_point: "narrow_all",
    source: sphere_pow_shaders::gonka::NARROW_ALL,
    dims_bytes: size_of::<Dims>(),
    dims_members: members!(Dims; words),
    buffers: &[Access::Read, Access::Write],
};

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Pairs of values.
    pub words: u32,
}

/// Records the conversion of every f32 of `x`, given by its bits, to f16.
///
/// # Shapes
/// - `out`: `[words]` pairs of f16, `x`: `[words, 2]` f32.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short.
pub fn record(
    recorder: &mut Recorder<'_>,
    compiled: &Compiled,
    [x, out]: [&wgpu::Buffer; 2],
    words: usize,
) -> Result<(), GpuError> {
    assert_holds(x, 2 * words, 2);
    assert_holds(out, words, 2);
    let dims = Dims { words: u32_of(words) };
    let groups = [dims.words.div_ceil(WG), 1];
    recorder.dispatch(compiled, bytemuck::bytes_of(&dims), &[x, out], groups, 1.0)
}
