//! The part of a product that one workgroup makes on matrix units, as `shaders/shared/matrix_operands.wgsl` brings its operands.

use super::device::{DeviceInfo, MatrixUnits};

/// Groups of 8 values that a thread brings of one operand, at most.
const MOST_PARTS: u32 = 4;
/// Groups of 8 values of k in a tile.
const TILE_PARTS: u32 = 4;
/// Bytes from one row of a tile to the next: 40 values.
const ROW_BYTES: usize = 80;

/// How a tile lies in workgroup memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As vectors of 4 values, two of which go together.
    Quads,
    /// As single values, from which alone Metal loads blocks.
    Halves,
}

/// The part of the result that one workgroup makes on matrix units: 8 by twice `column_pairs` blocks, a subgroup 4 by 2 of
/// them. Its bits are the device's own: units add in an order and with a rounding of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatrixTile {
    /// Rows and columns of a block: 8 or 16.
    pub block: u32,
    /// How the operands lie.
    pub form: Form,
    /// Threads of the largest subgroup.
    pub subgroup_threads: u32,
    /// Pairs of blocks along columns: 2 or 4.
    pub column_pairs: u32,
}

impl MatrixTile {
    /// Those of a device: none where it has no matrix units, or none that the kernel knows.
    #[must_use]
    pub fn for_device(info: &DeviceInfo) -> Vec<Self> {
        let Some(MatrixUnits { block, subgroup_threads }) = info.matrix_units else { return Vec::new() };
        let form = if info.backend == "metal" { Form::Halves } else { Form::Quads };
        let all = [4, 2].map(|column_pairs| Self { block, form, subgroup_threads, column_pairs });
        let fits = |tile: &Self| {
            tile.is_known()
                && tile.threads() <= info.limits.workgroup_threads
                && tile.workgroup_bytes() <= info.limits.workgroup_bytes as usize
        };
        all.into_iter().filter(fits).collect()
    }

    /// Whether there is a kernel of it whose threads each bring a whole number of them, and no more than they may.
    fn is_known(&self) -> bool {
        let whole = |rows: u32| {
            let parts = rows * TILE_PARTS;
            parts.is_multiple_of(self.threads()) && parts / self.threads() <= MOST_PARTS
        };
        matches!((self.block, self.form), (8, _) | (16, Form::Quads))
            && self.subgroup_threads.is_power_of_two()
            && whole(8 * self.block)
            && whole(2 * self.column_pairs * self.block)
    }

    /// Rows of a tile.
    #[must_use]
    pub fn rows(self) -> usize {
        8 * self.block as usize
    }

    /// Columns of a tile.
    #[must_use]
    pub fn columns(self) -> usize {
        2 * (self.column_pairs * self.block) as usize
    }

    /// Threads of a workgroup.
    #[must_use]
    pub fn threads(self) -> u32 {
        2 * self.column_pairs * self.subgroup_threads
    }

    /// Bytes of workgroup memory: both operands, and a block of f32 for each subgroup.
    #[must_use]
    pub fn workgroup_bytes(self) -> usize {
        let area = (self.block * self.block) as usize;
        (self.rows() + self.columns()) * ROW_BYTES + 2 * self.column_pairs as usize * area * 4
    }

    /// Override constants that are sizes.
    pub(crate) fn sizes(self) -> [(&'static str, u32); 2] {
        [("COLUMN_PAIRS", self.column_pairs), ("THREADS", self.threads())]
    }
}
