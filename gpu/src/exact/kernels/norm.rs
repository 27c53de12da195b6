//! Host side of `shaders/exact/norm.wgsl`.

use super::{Kernels, WORD_COST, assert_holds, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel, members};
use crate::recorder::Recorder;
use sphere_pow_core::exact::ops::log2_sqrt;

const fn kernel(source: &'static str) -> Kernel {
    Kernel {
        name: "norm",
        entry_point: "norm",
        source,
        dims_bytes: size_of::<Dims>(),
        dims_members: members!(Dims; quads, log2_root, first_row, first_position, positions, key_stride, key_first, key_weight),
        buffers: &[Access::Read, Access::Read, Access::Write, Access::Write],
    }
}

/// See the kernel's file: for each [`Operand`](super::linear::Operand) of products.
pub const KERNELS: [Kernel; 2] =
    [kernel(sphere_pow_shaders::exact::NORM), kernel(sphere_pow_shaders::exact::NORM_F16)];

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Groups of four values in a row.
    pub quads: u32,
    /// log2 of the square root of the width.
    pub log2_root: u32,
    /// First row of the dispatch.
    pub first_row: u32,
    /// Position of row 0.
    pub first_position: u32,
    /// Rows after which positions repeat.
    pub positions: u32,
    /// Groups of four values between the round keys of two nonces.
    pub key_stride: u32,
    /// The first group of the round's key within those of a nonce.
    pub key_first: u32,
    /// What the round key is multiplied by: 4, or 0 for none.
    pub key_weight: i32,
}

/// Sizes of one call.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Rows.
    pub rows: usize,
    /// Width, a power of 4 from 64 on.
    pub dim: usize,
    /// Row r has position `first_position + r % positions`, at most `dim / 4`, and is of nonce `r / positions`.
    pub first_position: usize,
    /// See there.
    pub positions: usize,
    /// Round keys of a nonce.
    pub rounds: usize,
    /// Which of them is added, if any is.
    pub round: Option<usize>,
}

/// Records the norm of each row and its turned copy for products.
///
/// # Shapes
/// - `x`, `out`: `[rows, dim]` i16; `keys`: `[nonces, rounds, dim]` i8; `lanes`: `[rows, dim]` as the
///   products' operand.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short or a position too large.
pub fn record(
    recorder: &mut Recorder<'_>,
    kernels: &Kernels,
    [x, keys, out, lanes]: [&wgpu::Buffer; 4],
    shape: Shape,
) -> Result<(), GpuError> {
    let Shape { rows, dim, first_position, positions, rounds, round } = shape;
    assert!(positions > 0 && first_position + positions <= dim / 4, "positions within a quarter of {dim}");
    assert!(round.is_none_or(|round| round < rounds), "{round:?} of {rounds} round keys");
    assert_holds(x, rows, dim * 2);
    assert_holds(keys, rows.div_ceil(positions) * rounds, dim);
    assert_holds(out, rows, dim * 2);
    assert_holds(lanes, rows, dim * kernels.operand.bytes());
    let quads = u32_of(dim / 4);
    recorder.split_rows(rows, f64::from(quads) * WORD_COST, |recorder, rows, cost| {
        let dims = Dims {
            quads,
            log2_root: log2_sqrt(dim),
            first_row: u32_of(rows.start),
            first_position: u32_of(first_position),
            positions: u32_of(positions),
            key_stride: quads * u32_of(rounds),
            key_first: quads * u32_of(round.unwrap_or(0)),
            key_weight: if round.is_some() { 4 } else { 0 },
        };
        let groups = [u32_of(rows.len()), 1];
        recorder.dispatch(&kernels.norm, bytemuck::bytes_of(&dims), &[x, keys, out, lanes], groups, cost)
    })
}
