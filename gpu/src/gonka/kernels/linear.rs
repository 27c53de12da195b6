//! Host side of `shaders/gonka/linear.wgsl`.

pub use super::tile::Tile;
use super::{Kernels, assert_holds, members, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Kernel};
use crate::recorder::Recorder;

/// A kernel of products; they differ in name and text.
pub(super) const fn kernel(name: &'static str, source: &'static str) -> Kernel {
    Kernel {
        name,
        entry_point: name,
        source,
        dims_bytes: size_of::<Dims>(),
        dims_members: members!(Dims; k_quads, out_quads, first_row, first_weight, chunk_column),
        buffers: &[Access::Read, Access::Read, Access::Write],
    }
}

/// See the kernel's file.
pub const KERNEL: Kernel = kernel("linear", sphere_pow_shaders::gonka::LINEAR);
/// See the kernel's file.
pub const GATED: Kernel = kernel("linear", sphere_pow_shaders::gonka::LINEAR_GATED);

/// `Dims` of the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Groups of 4 values in a row of `x` and of `weight`.
    pub k_quads: u32,
    /// Groups of 4 values in a row of `out`.
    pub out_quads: u32,
    /// First row of `x` and `out` that the dispatch takes.
    pub first_row: u32,
    /// First row of `weight` that the dispatch takes.
    pub first_weight: u32,
    /// Column of `out` that row 0 of `weight` makes.
    pub chunk_column: u32,
}

/// What a product leaves of its sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// Each, as a column.
    Sums,
    /// `f16(f16(silu(gate)) * up)` of every two gates and two ups: the weight has two rows of `w1` and the same two of `w3`
    /// by turns.
    Gated,
}

impl Leaves {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Sums, Self::Gated];

    /// Columns that so many rows of weight make.
    #[must_use]
    pub fn columns(self, weight_rows: usize) -> usize {
        match self {
            Self::Sums => weight_rows,
            Self::Gated => weight_rows / 2,
        }
    }
}

/// Sizes of one call.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Rows that count; the buffers hold whole tiles of them.
    pub rows: usize,
    /// Columns of `x` and `weight` with padding.
    pub k: usize,
    /// Rows of `weight` in this chunk with padding, of both tensors where there are two.
    pub weight_rows: usize,
    /// Column of `out` that the chunk's first row makes.
    pub chunk_column: usize,
    /// Columns of `out` with padding.
    pub out_stride: usize,
    /// What goes to `out`.
    pub leaves: Leaves,
}

/// Products by what makes one tile or another fastest for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// By `w1` and `w3` together: many columns.
    Gated,
    /// More inputs than outputs, as by `w2`: few columns, long sums.
    Deep,
    /// The others, as by `wq` and `wo`.
    Square,
}

impl Class {
    /// All.
    pub const ALL: [Self; 3] = [Self::Gated, Self::Deep, Self::Square];
}

impl Shape {
    /// What kind of product it is.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.leaves {
            Leaves::Gated => Class::Gated,
            Leaves::Sums if self.k > self.out_stride => Class::Deep,
            Leaves::Sums => Class::Square,
        }
    }
}

/// Records `out[.., chunk_column..] = x weightᵀ`, or what is left of it, tile by tile within the budget of a dispatch.
///
/// # Shapes
/// - `x`: `[rows, k]`, `weight`: `[weight_rows, k]`, `out`: `[rows, out_stride]`, all f16, rows in whole tiles.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short, a size is not in whole tiles, or `kernels` lack the tile.
pub fn record(
    recorder: &mut Recorder<'_>,
    kernels: &Kernels,
    tile: Tile,
    [x, weight, out]: [&wgpu::Buffer; 3],
    shape: Shape,
) -> Result<(), GpuError> {
    let Shape { rows, k, weight_rows, chunk_column, out_stride, leaves } = shape;
    let (tile_rows, tile_columns) = (tile.rows(), tile.columns());
    let padded_rows = rows.next_multiple_of(tile_rows);
    assert!(
        k.is_multiple_of(32) && weight_rows.is_multiple_of(tile_columns),
        "whole tiles of [{weight_rows}, {k}]"
    );
    assert!(
        chunk_column + leaves.columns(weight_rows) <= out_stride && out_stride.is_multiple_of(4),
        "columns fit {out_stride}"
    );
    assert_holds(x, padded_rows, k);
    assert_holds(weight, weight_rows, k);
    assert_holds(out, padded_rows, out_stride);
    let (row_tiles, column_tiles) = (padded_rows / tile_rows, weight_rows / tile_columns);
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let tile_cost = (2 * tile_rows * tile_columns * k) as f64 * tile.cost();
    let mut column = 0;
    while column < column_tiles {
        let columns = recorder.affordable(tile_cost * row_tiles as f64).clamp(1, column_tiles - column);
        let mut row = 0;
        while row < row_tiles {
            let rows = recorder.affordable(tile_cost * columns as f64).clamp(1, row_tiles - row);
            let dims = Dims {
                k_quads: u32_of(k / 4),
                out_quads: u32_of(out_stride / 4),
                first_row: u32_of(row * tile_rows),
                first_weight: u32_of(column * tile_columns),
                chunk_column: u32_of(chunk_column),
            };
            let groups = [u32_of(rows), u32_of(columns)];
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let cost = tile_cost * (columns * rows) as f64;
            recorder.dispatch(
                kernels.linear(tile, leaves),
                bytemuck::bytes_of(&dims),
                &[x, weight, out],
                groups,
                cost,
            )?;
            row += rows;
        }
        column += columns;
    }
    Ok(())
}
