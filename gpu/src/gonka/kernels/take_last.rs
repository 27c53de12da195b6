//! Host side of `shaders/gonka/take_last.wgsl`.

use super::{KernelId, Kernels, WG, assert_holds, members, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel};
use crate::recorder::Recorder;

/// See the kernel's file.
pub const KERNEL: Kernel = Kernel {
    name: "take_last",
    entry_point: "take_last",
    source: sphere_pow_shaders::gonka::TAKE_LAST,
    dims_bytes: size_of::<Dims>(),
    dims_members: members!(Dims; words, seq_len, first_row),
    buffers: &[Access::Read, Access::Write],
};

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Words in a row.
    pub words: u32,
    /// Positions of a nonce.
    pub seq_len: u32,
    /// First row of `out` that the dispatch makes.
    pub first_row: u32,
}

/// Cost of a word, as in `add`.
const WORD_COST: f64 = 20.0;

/// Records the copy of every nonce's last row.
///
/// # Shapes
/// - `x`: `[nonces * seq_len, stride]` f16.
/// - `out`: `[nonces, stride]` f16.
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
    out: &wgpu::Buffer,
    [nonces, seq_len, stride]: [usize; 3],
) -> Result<(), GpuError> {
    assert_holds(x, nonces * seq_len, stride);
    assert_holds(out, nonces, stride);
    let words = u32_of(stride / 2);
    recorder.split_rows(nonces, f64::from(words) * WORD_COST, |recorder, rows, cost| {
        let dims = Dims { words, seq_len: u32_of(seq_len), first_row: u32_of(rows.start) };
        let groups = [words.div_ceil(WG), u32_of(rows.len())];
        recorder.dispatch(kernels.get(KernelId::TakeLast), bytemuck::bytes_of(&dims), &[x, out], groups, cost)
    })
}
