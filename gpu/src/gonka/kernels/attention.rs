//! Host side of `shaders/gonka/attention.wgsl`.

use super::{KernelId, Kernels, assert_holds, members, u32_of};
use crate::device::WORKGROUP_BYTES;
use crate::error::GpuError;
use crate::kernel::{Access, Kernel};
use crate::recorder::Recorder;
use sphere_pow_core::gonka::ops::AttentionShape;

/// See the kernel's file.
pub const KERNEL: Kernel = Kernel {
    name: "attention",
    entry_point: "attention",
    source: sphere_pow_shaders::gonka::ATTENTION,
    dims_bytes: size_of::<Dims>(),
    dims_members: members!(Dims; seq_len, queries, group_heads, head_words, q_words, kv_words, blocks, first_block, root),
    buffers: &[Access::Read, Access::Read, Access::Read, Access::Write],
};

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Positions of a nonce.
    pub seq_len: u32,
    /// Query positions of a nonce.
    pub queries: u32,
    /// Query heads to a key and value head.
    pub group_heads: u32,
    /// Words in a head.
    pub head_words: u32,
    /// Words in a row of queries.
    pub q_words: u32,
    /// Words in a row of keys.
    pub kv_words: u32,
    /// Groups of queries of a nonce.
    pub blocks: u32,
    /// First group of the dispatch.
    pub first_block: u32,
    /// Square root of the head's width.
    pub root: f32,
}

/// Pairs of values in the kernel's tile.
const TILE_PAIRS: u32 = 1088;
/// Widest head whose tile has four rows.
pub const MAX_HEAD_DIM: usize = 2 * (TILE_PAIRS as usize / 4 - 1);

/// Queries of a workgroup whose memory holds `positions` for each: few enough to leave the least that devices have.
#[must_use]
pub fn queries(positions: u32) -> u32 {
    let fits = |queries: &u32| bytes(*queries, positions) <= u64::from(WORKGROUP_BYTES);
    [4, 2].into_iter().find(fits).unwrap_or(1)
}

fn bytes(queries: u32, positions: u32) -> u64 {
    u64::from(queries) * u64::from(positions) * 2 + u64::from(TILE_PAIRS) * 4 + u64::from(super::WG) * 4
}

/// Positions of the kernel for `seq_len`.
#[must_use]
pub fn positions(seq_len: u32) -> u32 {
    seq_len.max(1).next_multiple_of(4)
}

/// Bytes of workgroup memory for `seq_len`: scores of f16, a tile, and what threads add up.
#[must_use]
pub fn workgroup_bytes(seq_len: u32) -> u64 {
    let positions = positions(seq_len);
    bytes(queries(positions), positions)
}

/// Buffers of one call.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[nonces * queries, q_stride]` f16.
    pub query: &'a wgpu::Buffer,
    /// `[nonces * seq_len, kv_stride]` f16.
    pub key: &'a wgpu::Buffer,
    /// `[nonces * seq_len, kv_stride]` f16.
    pub value: &'a wgpu::Buffer,
    /// `[nonces * queries, q_stride]` f16.
    pub out: &'a wgpu::Buffer,
}

/// Cost of a multiply and add, against `linear`'s 2.
const MULTIPLY_ADD_COST: f64 = 8.0;

/// Records causal attention. The device must have been opened for `shape.seq_len`.
///
/// # Shapes
/// - as in [`Buffers`]; `strides` are those of queries and of keys.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short, or a head is wider than [`MAX_HEAD_DIM`].
pub fn record(
    recorder: &mut Recorder<'_>,
    kernels: &Kernels,
    buffers: Buffers<'_>,
    nonces: usize,
    shape: AttentionShape,
    [q_stride, kv_stride]: [usize; 2],
) -> Result<(), GpuError> {
    let AttentionShape { seq_len, queries, heads, kv_heads, head_dim } = shape;
    let Buffers { query, key, value, out } = buffers;
    assert!(head_dim <= MAX_HEAD_DIM, "heads of {head_dim}");
    let rows = nonces * queries;
    let group_queries = kernels.queries_of_attention();
    let blocks = queries.div_ceil(group_queries);
    [query, out].into_iter().for_each(|buffer| assert_holds(buffer, rows, q_stride));
    [key, value].into_iter().for_each(|buffer| assert_holds(buffer, nonces * seq_len, kv_stride));
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^24")]
    let (root, block_cost) = (
        (head_dim as f32).sqrt(),
        (group_queries * heads * head_dim * seq_len) as f64 * 2.0 * MULTIPLY_ADD_COST,
    );
    recorder.split_rows(nonces * blocks, block_cost, |recorder, part, cost| {
        let dims = Dims {
            seq_len: u32_of(seq_len),
            queries: u32_of(queries),
            group_heads: u32_of(heads / kv_heads),
            head_words: u32_of(head_dim / 2),
            q_words: u32_of(q_stride / 2),
            kv_words: u32_of(kv_stride / 2),
            blocks: u32_of(blocks),
            first_block: u32_of(part.start),
            root,
        };
        let groups = [u32_of(heads), u32_of(part.len())];
        let buffers = [query, key, value, out];
        recorder.dispatch(kernels.get(KernelId::Attention), bytemuck::bytes_of(&dims), &buffers, groups, cost)
    })
}
