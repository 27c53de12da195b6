//! Host side of `shaders/train/product_dp4a.wgsl` and `product_f32.wgsl`: one interface.

use super::{Pass, kernel, u32_of};
use crate::error::GpuError;
use crate::kernel::{Kernel, assert_holds};

kernel!(
    /// Products by packed dot products.
    product_dp4a = PRODUCT_DP4A,
    {
        k: u32, rows: u32, columns: u32, row_tiles: u32, heads: u32,
        a_row: u32, a_head: u32, a_sequence: u32, a_first: u32,
        b_row: u32, b_head: u32, b_sequence: u32, b_first: u32, b_step: u32,
        out_row: u32, out_column: u32, out_head: u32, out_sequence: u32, out_first: u32,
        shift_head: u32, shift_sequence: u32,
    },
    [Read, Read, Read, Write]
);

/// See the kernel's file.
pub const DP4A: Kernel = product_dp4a::KERNEL;
/// See the kernel's file.
pub const F32: Kernel = Kernel {
    name: "product_f32",
    entry_point: "product_f32",
    source: sphere_pow_shaders::train::PRODUCT_F32,
    ..DP4A
};

/// Rows and columns of a workgroup's tile.
const TILE: usize = 32;

/// How sums are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Packed dot products of int8.
    Dp4a,
    /// f32 multiplications and additions that cannot round.
    F32,
}

impl Method {
    /// All methods.
    pub const ALL: [Self; 2] = [Self::Dp4a, Self::F32];

    /// The name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dp4a => "dp4a",
            Self::F32 => "f32",
        }
    }

    pub(super) const fn kernel(self) -> &'static Kernel {
        match self {
            Self::Dp4a => &DP4A,
            Self::F32 => &F32,
        }
    }
}

/// What the sides of a product are, and how they lie: a variant of the kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// int8 `[rows, k]` by int8 `[columns, k]`: forward.
    Forward,
    /// Gradients `[rows, k]` by int8 `[columns, k]`.
    Across,
    /// Gradients `[rows, k]` by int8 `[k, columns]`: back through a product.
    Through,
    /// Gradients `[k, rows]`, each row k shifted, by int8 `[k, columns]`: a sum over rows.
    Gradient,
}

impl Sides {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Forward, Self::Across, Self::Through, Self::Gradient];

    /// The name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Across => "across",
            Self::Through => "through",
            Self::Gradient => "gradient",
        }
    }

    pub(super) fn constants(self) -> Vec<(&'static str, f64)> {
        let flag = |is: bool| f64::from(u8::from(is));
        vec![
            ("IS_WIDE", flag(self != Self::Forward)),
            ("A_IS_DEEP", flag(self == Self::Gradient)),
            ("B_IS_DEEP", flag(matches!(self, Self::Through | Self::Gradient))),
        ]
    }
}

/// Where a side, or the result, lies in its buffer: distances in fours of values, those of a result in values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    /// To the next row of what is stored.
    pub row: usize,
    /// To the next column; of sides not used.
    pub column: usize,
    /// To the next head.
    pub head: usize,
    /// To the next sequence.
    pub sequence: usize,
    /// Where the first begins.
    pub first: usize,
}

/// Products of a number of batches.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Values of k, at most 1024.
    pub k: usize,
    /// Rows of a result.
    pub rows: usize,
    /// Columns of a result.
    pub columns: usize,
    /// Batches: heads of sequences.
    pub heads: usize,
    /// Sequences.
    pub sequences: usize,
    /// The first side.
    pub a: Place,
    /// The second side.
    pub b: Place,
    /// Words that a four of the second side takes: 2 where it is the upper half of gradients, or the lower, with first odd.
    pub b_step: usize,
    /// The result.
    pub out: Place,
    /// Shifts between two heads and two sequences.
    pub shifts: [usize; 2],
}

impl Shape {
    /// A single product of matrices that lie without gaps, `out` from its first value on.
    #[must_use]
    pub fn plain(sides: Sides, [rows, columns, k]: [usize; 3]) -> Self {
        let at = |row| Place { row, ..Place::default() };
        let a = if sides == Sides::Gradient { rows } else { k };
        let b = if matches!(sides, Sides::Through | Sides::Gradient) { columns } else { k };
        let out = Place { row: columns, column: 1, ..Place::default() };
        let (a, b) = (at(a / 4), at(b / 4));
        Self { k, rows, columns, heads: 1, sequences: 1, a, b, b_step: 1, out, shifts: [0, 0] }
    }

    /// The last index of a side that `along` rows of `across` values reach, plus 1.
    fn end(&self, place: &Place, along: usize, across: usize) -> usize {
        place.first
            + (self.heads - 1) * place.head
            + (self.sequences - 1) * place.sequence
            + (along - 1) * place.row
            + across
    }
}

impl Pass<'_, '_> {
    /// Records `out = a bᵀ` of each batch.
    ///
    /// # Shapes
    /// - `a`, `b`: as `sides` says, batch after batch as `shape` says. `out`: `[rows, columns]` i32.
    /// - `shifts`: by rows k of `a`, read for [`Sides::Gradient`] only.
    ///
    /// # Errors
    /// As [`crate::recorder::Recorder::dispatch`].
    ///
    /// # Panics
    /// When a buffer is too short.
    pub fn product(
        &mut self,
        sides: Sides,
        [a, b, out]: [&wgpu::Buffer; 3],
        shifts: Option<&wgpu::Buffer>,
        shape: &Shape,
    ) -> Result<(), GpuError> {
        let Shape { k, rows, columns, heads, sequences, .. } = *shape;
        assert!(
            (1..=1024).contains(&k) && rows > 0 && columns > 0 && heads > 0 && sequences > 0,
            "{shape:?}"
        );
        let is_wide = sides != Sides::Forward;
        let (a_along, a_across) = if sides == Sides::Gradient { (k, rows) } else { (rows, k) };
        let b_is_deep = matches!(sides, Sides::Through | Sides::Gradient);
        let (b_along, b_across) = if b_is_deep { (k, columns) } else { (columns, k) };
        let a_end = shape.end(&shape.a, a_along, a_across.div_ceil(4));
        assert_holds(a, a_end, if is_wide { 8 } else { 4 });
        // A first that is odd is a half, not a place.
        let b_place = Place { first: shape.b.first / shape.b_step, ..shape.b };
        assert_holds(b, shape.end(&b_place, b_along, b_across.div_ceil(4)), 4 * shape.b_step);
        let out_end = shape.end(&shape.out, rows, (columns - 1) * shape.out.column + 1);
        assert_holds(out, out_end, 4);
        let [shift_head, shift_sequence] = shape.shifts;
        if let (Sides::Gradient, Some(shifts)) = (sides, shifts) {
            assert_holds(shifts, (heads - 1) * shift_head + (sequences - 1) * shift_sequence + k, 4);
        }
        assert_eq!(shifts.is_some(), sides == Sides::Gradient, "{sides:?} and shifts");
        let row_tiles = rows.div_ceil(TILE);
        let n = u32_of;
        let dims = product_dp4a::Dims {
            k: n(k),
            rows: n(rows),
            columns: n(columns),
            row_tiles: n(row_tiles),
            heads: n(heads),
            a_row: n(shape.a.row),
            a_head: n(shape.a.head),
            a_sequence: n(shape.a.sequence),
            a_first: n(shape.a.first),
            b_row: n(shape.b.row),
            b_head: n(shape.b.head),
            b_sequence: n(shape.b.sequence),
            b_first: n(shape.b.first),
            b_step: n(shape.b_step),
            out_row: n(shape.out.row),
            out_column: n(shape.out.column),
            out_head: n(shape.out.head),
            out_sequence: n(shape.out.sequence),
            out_first: n(shape.out.first),
            shift_head: n(shift_head),
            shift_sequence: n(shift_sequence),
        };
        let tiles = [row_tiles * heads * sequences, columns.div_ceil(TILE)];
        let planes = if is_wide { 2.0 } else { 1.0 };
        let cost = planes * 2.0 * (tiles[0] * tiles[1] * TILE * TILE * k.next_multiple_of(TILE)) as f64;
        let name = format!("{} {}", self.kernels.method.name(), sides.name());
        let shifts = shifts.unwrap_or(&self.kernels.unread);
        self.dispatch(&name, &dims, &[a, b, shifts, out], tiles, cost)
    }
}
