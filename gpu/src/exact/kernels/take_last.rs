//! Host side of `shaders/exact/take_last.wgsl`.

use super::{Kernels, WG, WORD_COST, assert_holds, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel, members};
use crate::recorder::Recorder;

/// See the kernel's file.
pub const KERNEL: Kernel = Kernel {
    name: "take_last",
    entry_point: "take_last",
    source: sphere_pow_shaders::exact::TAKE_LAST,
    dims_bytes: size_of::<Dims>(),
    dims_members: members!(Dims; tokens, words, first_nonce),
    buffers: &[Access::Read, Access::Write],
};

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Rows of a nonce.
    pub tokens: u32,
    /// Words in a row.
    pub words: u32,
    /// First nonce of the dispatch.
    pub first_nonce: u32,
}

/// Records the copy of the last of every `tokens` rows.
///
/// # Shapes
/// - `x`: `[nonces * tokens, words]` u32, `out`: `[nonces, words]` u32.
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
    [nonces, tokens, words]: [usize; 3],
) -> Result<(), GpuError> {
    assert_holds(x, nonces * tokens, words * 4);
    assert_holds(out, nonces, words * 4);
    let columns = u32_of(words).div_ceil(WG);
    recorder.split_rows(nonces, WORD_COST * f64::from(u32_of(words)), |recorder, nonces, cost| {
        let dims = Dims { tokens: u32_of(tokens), words: u32_of(words), first_nonce: u32_of(nonces.start) };
        let groups = [columns, u32_of(nonces.len())];
        recorder.dispatch(&kernels.take_last, bytemuck::bytes_of(&dims), &[x, out], groups, cost)
    })
}
