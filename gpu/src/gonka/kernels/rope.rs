//! Host side of `shaders/gonka/rope.wgsl`.

use super::{KernelId, Kernels, WG, assert_holds, members, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel};
use crate::recorder::Recorder;

/// See the kernel's file.
pub const KERNEL: Kernel = Kernel {
    name: "rope",
    entry_point: "rope",
    source: sphere_pow_shaders::gonka::ROPE,
    dims_bytes: size_of::<Dims>(),
    dims_members: members!(Dims; words, used_words, pairs, first_row, first_position, positions),
    buffers: &[Access::Read, Access::Write],
};

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Words in a row.
    pub words: u32,
    /// Words that hold heads.
    pub used_words: u32,
    /// Words in a head.
    pub pairs: u32,
    /// First row of the dispatch.
    pub first_row: u32,
    /// Position of row 0.
    pub first_position: u32,
    /// Positions after which they begin anew.
    pub positions: u32,
}

/// Sizes of one call.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Rows.
    pub rows: usize,
    /// Columns that hold heads.
    pub width: usize,
    /// Columns with padding.
    pub stride: usize,
    /// Pairs in a head.
    pub pairs: usize,
    /// Row r sits at position `first_position + r % positions`.
    pub first_position: usize,
    /// As above.
    pub positions: usize,
}

/// Cost of a word, as in `add`.
const WORD_COST: f64 = 40.0;

/// Records the rotation of `x` in place.
///
/// # Shapes
/// - `table`: `[first_position + positions, pairs]` pairs of f16, cosine and sine.
/// - `x`: `[rows, stride]` f16.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short.
pub fn record(
    recorder: &mut Recorder<'_>,
    kernels: &Kernels,
    table: &wgpu::Buffer,
    x: &wgpu::Buffer,
    shape: Shape,
) -> Result<(), GpuError> {
    let Shape { rows, width, stride, pairs, first_position, positions } = shape;
    assert_holds(x, rows, stride);
    assert_holds(table, first_position + positions, 2 * pairs);
    let used_words = u32_of(width / 2);
    recorder.split_rows(rows, f64::from(used_words) * WORD_COST, |recorder, rows, cost| {
        let dims = Dims {
            words: u32_of(stride / 2),
            used_words,
            pairs: u32_of(pairs),
            first_row: u32_of(rows.start),
            first_position: u32_of(first_position),
            positions: u32_of(positions),
        };
        let groups = [used_words.div_ceil(WG), u32_of(rows.len())];
        recorder.dispatch(kernels.get(KernelId::Rope), bytemuck::bytes_of(&dims), &[table, x], groups, cost)
    })
}
