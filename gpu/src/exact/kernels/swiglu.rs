//! Host side of `shaders/exact/swiglu.wgsl`.

use super::{Kernels, WG, WORD_COST, assert_holds, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel, members};
use crate::recorder::Recorder;

const fn kernel(source: &'static str) -> Kernel {
    Kernel {
        name: "swiglu",
        entry_point: "swiglu",
        source,
        dims_bytes: size_of::<Dims>(),
        dims_members: members!(Dims; first, end),
        buffers: &[Access::Read, Access::Read, Access::Read, Access::Write],
    }
}

/// See the kernel's file: for each [`Operand`](super::linear::Operand) of products.
pub const KERNELS: [Kernel; 2] =
    [kernel(sphere_pow_shaders::exact::SWIGLU), kernel(sphere_pow_shaders::exact::SWIGLU_F16)];

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// First word of the dispatch.
    pub first: u32,
    /// First word past the work.
    pub end: u32,
}

/// Records `out = swiglu(gate, up)`.
///
/// # Shapes
/// - `up`, `gate`: `[4 words]` i8; `out`: `[4 words]` as the products' operand.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short.
pub fn record(
    recorder: &mut Recorder<'_>,
    kernels: &Kernels,
    [up, gate, out]: [&wgpu::Buffer; 3],
    words: usize,
) -> Result<(), GpuError> {
    assert_holds(up, words, 4);
    assert_holds(gate, words, 4);
    assert_holds(out, words, 4 * kernels.operand.bytes());
    // Each thread takes four words.
    let per_group = 4 * WG;
    let (group_words, group_cost) = (per_group as usize, WORD_COST * f64::from(per_group));
    recorder.split_rows(words.div_ceil(group_words), group_cost, |recorder, groups, cost| {
        let dims = Dims { first: u32_of(groups.start * group_words), end: u32_of(words) };
        let buffers = [&kernels.silu_table, up, gate, out];
        let groups = [u32_of(groups.len()), 1];
        recorder.dispatch(&kernels.swiglu, bytemuck::bytes_of(&dims), &buffers, groups, cost)
    })
}
