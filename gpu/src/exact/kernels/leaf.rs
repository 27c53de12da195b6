//! Host side of `shaders/exact/leaf_chunks.wgsl` and `leaf_root.wgsl`: leaves of transcripts (SPEC §II.12.2).

use super::{WG, assert_holds, compile, key_words, u32_of};
use crate::context::Gpu;
use crate::error::GpuError;
use crate::kernel::{Access, Compiled, Kernel, members};
use crate::recorder::Recorder;
use sphere_pow_core::exact::stream::StreamKey;

/// See the kernel's file.
pub const CHUNKS: Kernel = Kernel {
    name: "leaf_chunks",
    entry_point: "leaf_chunks",
    source: sphere_pow_shaders::exact::LEAF_CHUNKS,
    dims_bytes: size_of::<ChunkDims>(),
    dims_members: members!(ChunkDims; key, state_vecs, chunks, first, end, out_first),
    buffers: &[Access::Read, Access::Write],
};

/// See the kernel's file.
pub const ROOT: Kernel = Kernel {
    name: "leaf_root",
    entry_point: "leaf_root",
    source: sphere_pow_shaders::exact::LEAF_ROOT,
    dims_bytes: size_of::<RootDims>(),
    dims_members: members!(RootDims; key, chunks, nonces, out_first),
    buffers: &[Access::Write, Access::Write],
};

/// `Dims` of [`CHUNKS`].
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct ChunkDims {
    /// The key's words.
    pub key: [[u32; 4]; 2],
    /// Pieces of 16 bytes of a state.
    pub state_vecs: u32,
    /// Chunks of a state.
    pub chunks: u32,
    /// First chunk of the dispatch.
    pub first: u32,
    /// First chunk past the work.
    pub end: u32,
    /// First vec4 of the output.
    pub out_first: u32,
    /// Zero.
    pub padding: [u32; 3],
}

/// `Dims` of [`ROOT`].
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct RootDims {
    /// The key's words.
    pub key: [[u32; 4]; 2],
    /// Chunks of a state.
    pub chunks: u32,
    /// Nonces.
    pub nonces: u32,
    /// First vec4 of the output.
    pub out_first: u32,
    /// Zero.
    pub padding: u32,
}

/// Bytes of a leaf, and of a chunk's chaining value.
pub const HASH_BYTES: usize = 32;
/// Bytes of a chunk of BLAKE3.
const CHUNK_BYTES: usize = 1024;
/// Cost of a compression: 56 quarter rounds of 14 operations, in the unit of the recorder.
const COMPRESSION_COST: f64 = 2000.0;

/// Chunks of a state of so many bytes.
#[must_use]
pub fn chunks_of(state_bytes: usize) -> usize {
    state_bytes.div_ceil(CHUNK_BYTES)
}

/// Both kernels, compiled.
#[derive(Debug)]
pub struct Leaves {
    chunks: Compiled,
    root: Compiled,
}

impl Leaves {
    /// Compiles them, with wgpu's bounds checks if `checked`.
    ///
    /// # Errors
    /// [`GpuError::Internal`] when the driver refuses one.
    pub async fn new(gpu: &Gpu, checked: bool) -> Result<Self, GpuError> {
        let [chunks, root] = compile(gpu, [&CHUNKS, &ROOT], checked).await?;
        Ok(Self { chunks, root })
    }

    /// Records `leaves[first..] = [nonces]`, the leaf of each nonce's state under `key`.
    ///
    /// # Shapes
    /// - `states`: `[nonces, state_bytes]`, `state_bytes` a multiple of 64.
    /// - `chaining`: `[nonces, chunks, 32]` bytes to work in.
    /// - `leaves`: 32 bytes each.
    ///
    /// # Errors
    /// As [`Recorder::dispatch`].
    ///
    /// # Panics
    /// When a buffer is too short, or a state is no whole blocks.
    pub fn record(
        &self,
        recorder: &mut Recorder<'_>,
        key: &StreamKey,
        [states, chaining, leaves]: [&wgpu::Buffer; 3],
        (nonces, state_bytes): (usize, usize),
        first: usize,
    ) -> Result<(), GpuError> {
        assert!(state_bytes > 0 && state_bytes.is_multiple_of(64), "a state of {state_bytes} bytes");
        let chunks = chunks_of(state_bytes);
        assert_holds(states, nonces, state_bytes);
        assert_holds(leaves, first + nonces, HASH_BYTES);
        let key = key_words(key);
        let out_first = u32_of(first * HASH_BYTES / 16);
        let (out, chunks_first) = if chunks == 1 { (leaves, out_first) } else { (chaining, 0) };
        assert_holds(out, nonces * chunks, HASH_BYTES);
        let (wg, total) = (WG as usize, nonces * chunks);
        let group_cost = COMPRESSION_COST * f64::from(WG) * 16.0;
        recorder.split_rows(total.div_ceil(wg), group_cost, |recorder, groups, cost| {
            let dims = ChunkDims {
                key,
                state_vecs: u32_of(state_bytes / 16),
                chunks: u32_of(chunks),
                first: u32_of(groups.start * wg),
                end: u32_of(total),
                out_first: chunks_first,
                padding: [0; 3],
            };
            let groups = [u32_of(groups.len()), 1];
            recorder.dispatch(&self.chunks, bytemuck::bytes_of(&dims), &[states, out], groups, cost)
        })?;
        if chunks == 1 {
            return Ok(());
        }
        let dims = RootDims { key, chunks: u32_of(chunks), nonces: u32_of(nonces), out_first, padding: 0 };
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let cost = COMPRESSION_COST * total as f64;
        let groups = [u32_of(nonces.div_ceil(wg)), 1];
        recorder.dispatch(&self.root, bytemuck::bytes_of(&dims), &[chaining, leaves], groups, cost)
    }
}
