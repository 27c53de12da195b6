//! Host side of `shaders/exact/stream.wgsl`.

use super::linear::Operand;
use super::{Kernels, WG, assert_holds, key_words, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel, members};
use crate::recorder::Recorder;
use sphere_pow_core::exact::stream::StreamKey;

const fn kernel(source: &'static str) -> Kernel {
    Kernel {
        name: "stream",
        entry_point: "stream",
        source,
        dims_bytes: size_of::<Dims>(),
        dims_members: members!(Dims; key, counter, first_stream, blocks_per_stream, first_block, end_block, out_first, padding),
        buffers: &[Access::Read, Access::Read, Access::Write],
    }
}

/// See the kernel's file: as each [`Operand`].
pub const KERNELS: [Kernel; 2] =
    [kernel(sphere_pow_shaders::exact::STREAM), kernel(sphere_pow_shaders::exact::STREAM_F16)];

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// The key's words.
    pub key: [[u32; 4]; 2],
    /// Block counter of each stream's first block, low word first.
    pub counter: [u32; 2],
    /// Place of the first stream's number.
    pub first_stream: u32,
    /// Blocks of each stream.
    pub blocks_per_stream: u32,
    /// First block of the dispatch.
    pub first_block: u32,
    /// First block past the work.
    pub end_block: u32,
    /// First vec4 of the output.
    pub out_first: u32,
    /// Zero.
    pub padding: u32,
}

/// Values of a ChaCha20 block.
pub const BLOCK: usize = 64;
/// Cost of a block: 80 quarter rounds of 12 operations and 64 look-ups, in the unit of the recorder.
pub const BLOCK_COST: f64 = 4000.0;

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Place in `streams` of the first stream's number.
    pub first_stream: usize,
    /// Streams.
    pub streams: usize,
    /// Block of 64 values of each stream to begin at.
    pub first_block: u64,
    /// Blocks of each.
    pub blocks: usize,
    /// First block of the output.
    pub out_block: usize,
    /// How values are stored.
    pub stored: Operand,
}

/// Records `out[out_block..] = [streams, blocks, 64]` values of the normal table.
///
/// # Shapes
/// - `streams`: stream numbers as u64.
/// - `out`: as `shape.stored`, which is int8 or the kernels' own operand.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short.
pub fn record(
    recorder: &mut Recorder<'_>,
    kernels: &Kernels,
    key: &StreamKey,
    [streams, out]: [&wgpu::Buffer; 2],
    shape: Shape,
) -> Result<(), GpuError> {
    let total = shape.streams * shape.blocks;
    assert_holds(streams, shape.first_stream + shape.streams, 8);
    let block_bytes = BLOCK * shape.stored.bytes();
    assert_holds(out, shape.out_block + total, block_bytes);
    let (kernel, table) = kernels.stream(shape.stored);
    let wg = WG as usize;
    let group_cost = BLOCK_COST * f64::from(WG);
    recorder.split_rows(total.div_ceil(wg), group_cost, |recorder, groups, cost| {
        let (low, high) = (shape.first_block & 0xffff_ffff, shape.first_block >> 32);
        let dims = Dims {
            key: key_words(key),
            counter: [low, high].map(|word| u32::try_from(word).expect("32 bits")),
            first_stream: u32_of(shape.first_stream),
            blocks_per_stream: u32_of(shape.blocks),
            first_block: u32_of(groups.start * wg),
            end_block: u32_of(total),
            out_first: u32_of(shape.out_block * (block_bytes / 16)),
            padding: 0,
        };
        let buffers = [table, streams, out];
        let groups = [u32_of(groups.len()), 1];
        recorder.dispatch(kernel, bytemuck::bytes_of(&dims), &buffers, groups, cost)
    })
}
