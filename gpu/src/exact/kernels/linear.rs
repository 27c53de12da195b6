//! Host side of `shaders/exact/linear_dp4a.wgsl`, `linear_f32.wgsl` and `linear_coop.wgsl`: one interface.

use super::{assert_holds, u32_of};
use crate::error::GpuError;
use crate::kernel::{Access, Compiled, Kernel, members};
use crate::recorder::Recorder;
use serde::{Deserialize, Serialize};
use sphere_pow_core::exact::ops::Requant;
use sphere_pow_core::f16;
use std::fmt;
use std::str::FromStr;

/// The kernels differ in text and name only.
const fn kernel(name: &'static str, source: &'static str) -> Kernel {
    Kernel {
        name,
        entry_point: name,
        source,
        dims_bytes: size_of::<Dims>(),
        dims_members: members!(
            Dims; k_vecs, out_words, first_row, weight_first, first_column, leaves_as, shift
        ),
        buffers: &[Access::Read, Access::Read, Access::Write],
    }
}

/// See the kernel's file.
pub const DP4A: Kernel = kernel("linear_dp4a", sphere_pow_shaders::exact::LINEAR_DP4A);
/// See the kernel's file.
pub const DP4A_WIDE: Kernel = kernel("linear_dp4a_wide", sphere_pow_shaders::exact::LINEAR_DP4A_WIDE);
/// See the kernel's file.
pub const F32: Kernel = kernel("linear_f32", sphere_pow_shaders::exact::LINEAR_F32);
/// See the kernel's file.
pub const F32_WIDE: Kernel = kernel("linear_f32_wide", sphere_pow_shaders::exact::LINEAR_F32_WIDE);
/// See the kernel's file.
pub const COOP_8: Kernel = kernel("linear_coop", sphere_pow_shaders::exact::LINEAR_COOP_8);
/// See the kernel's file.
pub const COOP_16: Kernel = kernel("linear_coop", sphere_pow_shaders::exact::LINEAR_COOP_16);

/// `Dims` of the kernels.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Dims {
    /// Groups of 16 values in a row of `x` and of `weight`.
    pub k_vecs: u32,
    /// Words in a row of `out`.
    pub out_words: u32,
    /// First row of `x` and `out` that the dispatch takes.
    pub first_row: u32,
    /// vec4 of `weight` where the dispatch's first row begins.
    pub weight_first: u32,
    /// Column of `out` that this row makes.
    pub first_column: u32,
    /// 0: int8, 1: saturated int16, 2: i32.
    pub leaves_as: u32,
    /// Rounding shift before it leaves as int8 or int16.
    pub shift: u32,
}

/// How the operands of products lie in memory: what makes one writes it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operand {
    /// As they are.
    Int8,
    /// As matrix units take them.
    F16,
}

impl Operand {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Int8, Self::F16];

    /// Bytes of a value.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Int8 => 1,
            Self::F16 => 2,
        }
    }

    /// These values in memory.
    #[must_use]
    pub fn store(self, values: &[i8]) -> Vec<u8> {
        match self {
            Self::Int8 => bytemuck::cast_slice(values).to_vec(),
            Self::F16 => values.iter().flat_map(|x| f16::from_f32((*x).into()).to_le_bytes()).collect(),
        }
    }
}

/// How sums are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Packed dot products of int8.
    Dp4a,
    /// f32 multiplications and additions that cannot round.
    F32,
    /// Matrix units, f16 in and f32 out, by blocks of 8.
    Coop8,
    /// The same by blocks of 16.
    Coop16,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 4] = [Self::Dp4a, Self::F32, Self::Coop8, Self::Coop16];

    /// What it reads.
    #[must_use]
    pub const fn operand(self) -> Operand {
        match self {
            Self::Dp4a | Self::F32 => Operand::Int8,
            Self::Coop8 | Self::Coop16 => Operand::F16,
        }
    }

    /// The name on the command line and in the cache.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dp4a => "dp4a",
            Self::F32 => "f32",
            Self::Coop8 => "coop8",
            Self::Coop16 => "coop16",
        }
    }
}

/// A method of no such name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no kernel is called {0:?}; there are dp4a, f32, coop8 and coop16")]
pub struct UnknownMethod(String);

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|m| m.name() == text).ok_or_else(|| UnknownMethod(text.to_owned()))
    }
}

/// A method and the part of the result that one workgroup makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// How sums are made.
    pub method: Method,
    /// Threads along columns; for matrix units all threads.
    pub wg_x: u32,
    /// Threads along rows; for matrix units 1.
    pub wg_y: u32,
    /// Steps of 4 rows and of 4 columns per thread, 1 or 2; for matrix units pairs of blocks along columns, 2 or 4.
    pub steps: u32,
    /// Groups of 16 values of k that a tile holds; for matrix units 2.
    pub k_vecs: u32,
    /// How far loading runs ahead of multiplying, as `shaders/shared/tiles.wgsl` has it; for matrix units 1.
    pub ahead: u32,
}

impl Variant {
    /// The kernel.
    #[must_use]
    pub const fn kernel(self) -> &'static Kernel {
        match (self.method, self.steps) {
            (Method::Dp4a, 1) => &DP4A,
            (Method::Dp4a, _) => &DP4A_WIDE,
            (Method::F32, 1) => &F32,
            (Method::F32, _) => &F32_WIDE,
            (Method::Coop8, _) => &COOP_8,
            (Method::Coop16, _) => &COOP_16,
        }
    }

    /// Rows of a tile.
    #[must_use]
    pub const fn rows(self) -> usize {
        match self.method {
            Method::Dp4a | Method::F32 => 4 * (self.steps * self.wg_y) as usize,
            Method::Coop8 => 64,
            Method::Coop16 => 128,
        }
    }

    /// Columns of a tile.
    #[must_use]
    pub const fn columns(self) -> usize {
        match self.method {
            Method::Dp4a | Method::F32 => 4 * (self.steps * self.wg_x) as usize,
            Method::Coop8 => 16 * self.steps as usize,
            Method::Coop16 => 32 * self.steps as usize,
        }
    }

    /// Threads of a workgroup.
    #[must_use]
    pub const fn threads(self) -> u32 {
        self.wg_x * self.wg_y
    }

    /// Bytes of workgroup memory.
    #[must_use]
    pub const fn workgroup_bytes(self) -> usize {
        let tiles = if self.ahead == 2 { 2 } else { 1 };
        let values = tiles * (self.rows() + self.columns()) * 16 * self.k_vecs as usize;
        match self.method {
            Method::Dp4a => values,
            Method::F32 => 4 * values,
            // Rows of 40 f16, and a block of f32 for each subgroup.
            Method::Coop8 => (self.rows() + self.columns()) * 40 * 2 + 2 * self.steps as usize * 64 * 4,
            Method::Coop16 => (self.rows() + self.columns()) * 40 * 2 + 2 * self.steps as usize * 256 * 4,
        }
    }

    /// The override constants.
    #[must_use]
    pub fn constants(self) -> Vec<(&'static str, f64)> {
        match self.method {
            Method::Dp4a | Method::F32 => {
                // 16 values are four words of dp4a.
                let k_quads = if self.method == Method::Dp4a { self.k_vecs } else { 4 * self.k_vecs };
                let sizes = [
                    ("WG_X", self.wg_x),
                    ("WG_Y", self.wg_y),
                    ("STEPS", self.steps),
                    ("K_QUADS", k_quads),
                    ("AHEAD", self.ahead),
                ];
                sizes.map(|(name, size)| (name, f64::from(size))).to_vec()
            }
            Method::Coop8 | Method::Coop16 => {
                let sizes = [("COLUMN_PAIRS", self.steps), ("THREADS", self.threads())];
                sizes.map(|(name, size)| (name, f64::from(size))).to_vec()
            }
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}x{}", self.method.name(), self.rows(), self.columns())?;
        write!(f, " by {} threads, k {}", self.threads(), 16 * self.k_vecs)?;
        match self.ahead {
            0 => write!(f, " and no prefetch"),
            1 => Ok(()),
            stages => write!(f, " in {stages} stages"),
        }
    }
}

/// A variant ready to run; a clone is the same pipeline.
#[derive(Clone, Debug)]
pub struct Linear {
    /// Which one.
    pub variant: Variant,
    /// Its pipeline.
    pub compiled: Compiled,
}

/// Sizes of one call.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Rows that count; the buffers hold whole tiles of them.
    pub rows: usize,
    /// Inputs: a multiple of 64.
    pub k: usize,
    /// Outputs with padding to whole tiles.
    pub columns: usize,
    /// Value of the weight buffer where the first output's row begins, a multiple of 16.
    pub weight_first: usize,
    /// Column of `out` that this row makes.
    pub first_column: usize,
    /// Columns of `out` with padding.
    pub out_stride: usize,
    /// How the sums leave: as i8, saturated i16 or i32.
    pub requant: Requant,
}

impl Shape {
    fn leaves_as(&self) -> (u32, usize) {
        match self.requant {
            Requant::Int8 => (0, 1),
            Requant::Branch => (1, 2),
            Requant::Raw => (2, 4),
        }
    }
}

/// Records `out[.., first_column..] = requant(x weightᵀ)`, tile by tile within the budget of a dispatch.
///
/// # Shapes
/// - `x`: `[rows, k]` and `weight`: `[columns, k]` from `weight_first`, as the variant's [`Operand`]; rows and columns in whole tiles.
/// - `out`: `[rows, out_stride]` i8, i16 or i32.
///
/// # Errors
/// As [`Recorder::dispatch`].
///
/// # Panics
/// When a buffer is too short or a size is not in whole tiles.
pub fn record(
    recorder: &mut Recorder<'_>,
    linear: &Linear,
    [x, weight, out]: [&wgpu::Buffer; 3],
    shape: Shape,
) -> Result<(), GpuError> {
    let Shape { rows, k, columns, weight_first, first_column, out_stride, requant } = shape;
    let (tile_rows, tile_columns) = (linear.variant.rows(), linear.variant.columns());
    let padded_rows = rows.next_multiple_of(tile_rows);
    let (leaves_as, value_bytes) = shape.leaves_as();
    assert!(k.is_multiple_of(64) && k <= 16_384 && weight_first.is_multiple_of(16), "{shape:?}");
    assert!(columns.is_multiple_of(tile_columns) && first_column.is_multiple_of(4), "{shape:?}");
    assert!(first_column + columns <= out_stride && out_stride.is_multiple_of(4), "{shape:?}");
    let operand_bytes = linear.variant.method.operand().bytes();
    assert_holds(x, padded_rows, k * operand_bytes);
    assert_holds(weight, weight_first + columns * k, operand_bytes);
    assert_holds(out, padded_rows, out_stride * value_bytes);
    let (row_tiles, column_tiles) = (padded_rows / tile_rows, columns / tile_columns);
    let tile_cost = 2.0 * f64::from(u32_of(tile_rows * tile_columns * k));
    let mut column = 0;
    while column < column_tiles {
        let some_rows = tile_cost * f64::from(u32_of(row_tiles));
        let columns = recorder.affordable(some_rows).clamp(1, column_tiles - column);
        let mut row = 0;
        while row < row_tiles {
            let row_cost = tile_cost * f64::from(u32_of(columns));
            let rows = recorder.affordable(row_cost).clamp(1, row_tiles - row);
            let dims = Dims {
                k_vecs: u32_of(k / 16),
                out_words: u32_of(out_stride * value_bytes / 4),
                first_row: u32_of(row * tile_rows),
                weight_first: u32_of((weight_first + column * tile_columns * k) / 16),
                first_column: u32_of(first_column + column * tile_columns),
                leaves_as,
                shift: requant.shift(k).unwrap_or(0),
            };
            let groups = [u32_of(rows), u32_of(columns)];
            let cost = row_cost * f64::from(u32_of(rows));
            let buffers = [x, weight, out];
            recorder.dispatch(&linear.compiled, bytemuck::bytes_of(&dims), &buffers, groups, cost)?;
            row += rows;
        }
        column += columns;
    }
    Ok(())
}
