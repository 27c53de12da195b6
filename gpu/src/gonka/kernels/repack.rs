//! Host side of `shaders/gonka/repack.wgsl`.

use super::{KernelId, Kernels, WG, assert_holds, members, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel};
use crate::recorder::Recorder;
use std::ops::Range;

/// See the kernel's file.
pub const KERNEL: Kernel = Kernel {
    name: "repack",
    entry_point: "repack",
    source: sphere_pow_shaders::gonka::REPACK,
    dims_bytes: size_of::<Dims>(),
    dims_members: members!(Dims; rows, cols, vecs, first_row, run_first, run_end, source, first_place, skipped),
    buffers: &[Access::Read, Access::Write],
};

/// Bytes that the kernel may read beyond the last value of a run.
pub const SLACK_BYTES: u64 = 16;

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Rows of the tensor in the chunk.
    pub rows: u32,
    /// Columns of the tensor.
    pub cols: u32,
    /// Groups of 8 values in a row of the chunk.
    pub vecs: u32,
    /// First row of the dispatch.
    pub first_row: u32,
    /// First value of the run, counted in the chunk without padding.
    pub run_first: u32,
    /// One past its last value.
    pub run_end: u32,
    /// Where the run begins in the pool's chunk.
    pub source: u32,
    /// Row of the chunk that row 0 goes to.
    pub first_place: u32,
    /// Rows left out after every two.
    pub skipped: u32,
}

/// Where the rows of a tensor go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turns {
    /// One after the other.
    Alone,
    /// The first and second of every four.
    First,
    /// The third and fourth of every four.
    Second,
}

/// Sizes of a tensor chunk.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Rows of the tensor in the chunk.
    pub rows: usize,
    /// Columns of the tensor.
    pub cols: usize,
    /// Rows with padding, written as zeros.
    pub padded_rows: usize,
    /// Columns with padding, written as zeros.
    pub stride: usize,
    /// Whether another tensor has its rows between them.
    pub turns: Turns,
}

/// Cost of a group of 8 values, as in `add`.
const VEC_COST: f64 = 160.0;

/// Records the copy of one run into the chunk, and of zeros into the padding of the rows it touches; the last run
/// of a chunk zeroes the padding rows.
///
/// # Shapes
/// - `pool`: f16, values from `source` on are the run's, with [`SLACK_BYTES`] after the last.
/// - `chunk`: `[padded_rows, stride]` f16, and twice as many rows where there are turns.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short.
pub fn record(
    recorder: &mut Recorder<'_>,
    kernels: &Kernels,
    [pool, chunk]: [&wgpu::Buffer; 2],
    shape: Shape,
    run: Range<usize>,
    source: usize,
) -> Result<(), GpuError> {
    let Shape { rows, cols, padded_rows, stride, turns } = shape;
    assert!(
        stride.is_multiple_of(8) && cols <= stride && run.end <= rows * cols,
        "a run of [{rows}, {cols}]"
    );
    let (first_place, skipped) = match turns {
        Turns::Alone => (0, 0),
        Turns::First => (0, 2),
        Turns::Second => (2, 2),
    };
    assert!(skipped == 0 || padded_rows.is_multiple_of(2), "turns of two in {padded_rows} rows");
    assert_holds(chunk, if skipped == 0 { padded_rows } else { 2 * padded_rows }, stride);
    assert!(pool.size() >= 2 * (source + run.len()) as u64 + SLACK_BYTES, "a run beyond the pool's chunk");
    let vecs = u32_of(stride / 8);
    let first = run.start / cols;
    let end = if run.end == rows * cols { padded_rows } else { run.end.div_ceil(cols) };
    recorder.split_rows(end - first, f64::from(vecs) * VEC_COST, |recorder, part, cost| {
        let dims = Dims {
            rows: u32_of(rows),
            cols: u32_of(cols),
            vecs,
            first_row: u32_of(first + part.start),
            run_first: u32_of(run.start),
            run_end: u32_of(run.end),
            source: u32_of(source),
            first_place,
            skipped,
        };
        let groups = [vecs.div_ceil(WG), u32_of(part.len())];
        recorder.dispatch(
            kernels.get(KernelId::Repack),
            bytemuck::bytes_of(&dims),
            &[pool, chunk],
            groups,
            cost,
        )
    })
}
