//! Host side of `shaders/exact/embed.wgsl`.

use super::{Kernels, WG, WORD_COST, assert_holds, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel, members};
use crate::recorder::Recorder;

/// See the kernel's file.
pub const KERNEL: Kernel = Kernel {
    name: "embed",
    entry_point: "embed",
    source: sphere_pow_shaders::exact::EMBED,
    dims_bytes: size_of::<Dims>(),
    dims_members: members!(Dims; first, end),
    buffers: &[Access::Read, Access::Write],
};

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// First word of the dispatch.
    pub first: u32,
    /// First word past the work.
    pub end: u32,
}

/// Records `out = 16 x`.
///
/// # Shapes
/// - `x`: `[4 words]` i8, `out`: `[4 words]` i16.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short.
pub fn record(
    recorder: &mut Recorder<'_>,
    kernels: &Kernels,
    [x, out]: [&wgpu::Buffer; 2],
    words: usize,
) -> Result<(), GpuError> {
    assert_holds(x, words, 4);
    assert_holds(out, words, 8);
    let wg = WG as usize;
    let group_cost = WORD_COST * f64::from(WG);
    recorder.split_rows(words.div_ceil(wg), group_cost, |recorder, groups, cost| {
        let dims = Dims { first: u32_of(groups.start * wg), end: u32_of(words) };
        let groups = [u32_of(groups.len()), 1];
        recorder.dispatch(&kernels.embed, bytemuck::bytes_of(&dims), &[x, out], groups, cost)
    })
}
