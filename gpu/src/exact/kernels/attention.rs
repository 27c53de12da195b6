//! Host side of `shaders/exact/attention.wgsl`.

use super::{Kernels, assert_holds, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel, members};
use crate::recorder::Recorder;
use sphere_pow_core::exact::ops::{AttentionShape, log2_sqrt};

const fn kernel(source: &'static str) -> Kernel {
    Kernel {
        name: "attention",
        entry_point: "attention",
        source,
        dims_bytes: size_of::<Dims>(),
        dims_members: members!(Dims; tokens, queries, row_vecs, head_vecs, log2_root, block_queries, blocks, first_block),
        buffers: &[Access::Read, Access::Read, Access::Read, Access::Read, Access::Write],
    }
}

/// See the kernel's file: for each [`Operand`](super::linear::Operand) of products.
pub const KERNELS: [Kernel; 2] =
    [kernel(sphere_pow_shaders::exact::ATTENTION), kernel(sphere_pow_shaders::exact::ATTENTION_F16)];

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Positions of keys and values.
    pub tokens: u32,
    /// Queries of a nonce.
    pub queries: u32,
    /// vec4 in a row.
    pub row_vecs: u32,
    /// vec4 in a head's part of a row.
    pub head_vecs: u32,
    /// log2 of the square root of the head's width.
    pub log2_root: u32,
    /// Queries in a block.
    pub block_queries: u32,
    /// Blocks of a nonce.
    pub blocks: u32,
    /// First block of the dispatch, counted over all nonces.
    pub first_block: u32,
}

/// Shares that fit workgroup memory.
const SHARES: usize = 2048;
/// Queries of a block at most.
const BLOCK_QUERIES: usize = 64;
/// Cost of a multiplication and an addition here, in operations of `linear`.
const MULTIPLY_COST: f64 = 12.0;

/// Buffers of one call.
#[derive(Clone, Copy, Debug)]
pub struct Buffers<'a> {
    /// `[nonces * queries, dim]` i8.
    pub query: &'a wgpu::Buffer,
    /// `[nonces * tokens, dim]` i8.
    pub key: &'a wgpu::Buffer,
    /// `[nonces * tokens, dim]` i8.
    pub value: &'a wgpu::Buffer,
    /// `[nonces * queries, dim]` as the products' operand.
    pub out: &'a wgpu::Buffer,
}

/// Records the attention of `nonces` nonces of one shape.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short, or the shape is one that `Params` excludes.
pub fn record(
    recorder: &mut Recorder<'_>,
    kernels: &Kernels,
    buffers: Buffers<'_>,
    nonces: usize,
    shape: AttentionShape,
) -> Result<(), GpuError> {
    let AttentionShape { queries, tokens, heads, head_dim } = shape;
    assert!((1..=1024).contains(&tokens) && head_dim.is_multiple_of(16), "{shape:?}");
    let dim = heads * head_dim;
    let Buffers { query, key, value, out } = buffers;
    assert_holds(query, nonces * queries, dim);
    assert_holds(key, nonces * tokens, dim);
    assert_holds(value, nonces * tokens, dim);
    assert_holds(out, nonces * queries, dim * kernels.operand.bytes());
    let block_queries = (SHARES / tokens).min(BLOCK_QUERIES).min(queries);
    let blocks = queries.div_ceil(block_queries);
    let block_cost = MULTIPLY_COST * f64::from(u32_of(2 * block_queries * tokens * dim));
    recorder.split_rows(nonces * blocks, block_cost, |recorder, rows, cost| {
        let dims = Dims {
            tokens: u32_of(tokens),
            queries: u32_of(queries),
            row_vecs: u32_of(dim / 16),
            head_vecs: u32_of(head_dim / 16),
            log2_root: log2_sqrt(head_dim),
            block_queries: u32_of(block_queries),
            blocks: u32_of(blocks),
            first_block: u32_of(rows.start),
        };
        let all = [&kernels.exp2_table, query, key, value, out];
        let groups = [u32_of(heads), u32_of(rows.len())];
        recorder.dispatch(&kernels.attention, bytemuck::bytes_of(&dims), &all, groups, cost)
    })
}
