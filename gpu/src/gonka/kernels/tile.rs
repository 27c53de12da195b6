//! Host side of `shaders/shared/tiles.wgsl`: the tiles of products.

use super::linear::Leaves;
use super::linear_matrix::MatrixTile;
use super::{KernelOptions, linear, linear_halves, linear_wide};
use crate::context::Gpu;
use crate::device::DeviceInfo;
use crate::kernel::Kernel;

/// The part of the result that one workgroup makes, and by which kernel. Every tile but [`Self::Matrix`] gives the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tile {
    /// 16 rows by 64 columns: for few rows.
    Flat,
    /// 64 rows by 64 columns.
    Square,
    /// 64 rows by 64 columns in few threads: `linear_wide`.
    Wide,
    /// 128 rows by 128 columns: `linear_wide`.
    Large,
    /// [`Self::Large`] with two tiles of its operands in workgroup memory: one is filled while the other is read.
    Staged,
    /// 128 rows by 128 columns, the operands f16 until they are multiplied: `linear_halves`.
    Halves,
    /// By matrix units: `linear_matrix`.
    Matrix(MatrixTile),
}

/// How a tile without matrix units is made.
struct Plain {
    /// Threads along columns and rows.
    threads: [u32; 2],
    /// Steps of 4 by 4 results.
    steps: u32,
    /// Groups of 4 values of k in a tile.
    k_quads: u32,
    /// `AHEAD` of the kernel, where the device has latency to hide.
    ahead: u32,
}

impl Plain {
    /// Elements of the operands in workgroup memory, in fours.
    fn quads(&self) -> u32 {
        let [x, y] = self.threads;
        self.ahead * 4 * self.k_quads * (x + y) * self.steps
    }
}

impl Tile {
    /// Every tile that computes with f32 alone, as every device can.
    pub const PLAIN: [Self; 5] = [Self::Flat, Self::Square, Self::Wide, Self::Large, Self::Staged];

    /// Those that a device may make products by, [`Self::Flat`] and others. What a software driver compiles it takes
    /// seconds for, and large results in few threads, of which it runs one at a time, suit it best.
    #[must_use]
    pub fn for_device(gpu: &Gpu) -> Vec<Self> {
        let info = gpu.info();
        let plain: &[Self] = if info.is_software() { &[Self::Flat, Self::Wide] } else { &Self::PLAIN };
        let halves = (gpu.has_f16() && !info.is_software()).then_some(Self::Halves);
        let all = plain.iter().copied().chain(halves).filter(|tile| tile.fits(info));
        all.chain(Self::on_matrix_units(info)).collect()
    }

    /// Those on the matrix units of a device.
    pub fn on_matrix_units(info: &DeviceInfo) -> impl Iterator<Item = Self> {
        MatrixTile::for_device(info).into_iter().map(Self::Matrix)
    }

    /// Whether a device has the workgroup memory.
    #[must_use]
    pub fn fits(self, info: &DeviceInfo) -> bool {
        self.workgroup_bytes() <= info.limits.workgroup_bytes as usize
    }

    /// Bytes of workgroup memory.
    #[must_use]
    pub fn workgroup_bytes(self) -> usize {
        let quad_bytes = if self == Self::Halves { 8 } else { 16 };
        let plain = |plain: Plain| (quad_bytes * plain.quads()) as usize;
        self.plain().map_or_else(MatrixTile::workgroup_bytes, plain)
    }

    /// Whether a driver may refuse its kernel, or get it wrong, without being unusable: what it takes is optional.
    #[must_use]
    pub fn may_be_refused(self) -> bool {
        matches!(self, Self::Halves | Self::Matrix(_))
    }

    fn plain(self) -> Result<Plain, MatrixTile> {
        let (threads, steps, k_quads, ahead) = match self {
            Self::Flat => ([16, 4], 1, 8, 1),
            Self::Square => ([16, 16], 1, 8, 1),
            Self::Wide => ([8, 8], 2, 8, 1),
            Self::Large => ([16, 16], 2, 4, 1),
            Self::Staged => ([16, 16], 2, 4, 2),
            Self::Halves => ([16, 16], 2, 8, 1),
            Self::Matrix(tile) => return Err(tile),
        };
        Ok(Plain { threads, steps, k_quads, ahead })
    }

    /// Time per operation against the larger tiles: few rows share the reading of a weight.
    pub(super) fn cost(self) -> f64 {
        if self == Self::Flat { 2.5 } else { 1.0 }
    }

    /// Threads of a workgroup along x and y.
    #[must_use]
    pub fn threads(self) -> [u32; 2] {
        self.plain().map_or_else(|tile| [tile.threads(), 1], |plain| plain.threads)
    }

    /// Rows of a tile.
    #[must_use]
    pub fn rows(self) -> usize {
        let rows = |Plain { threads: [_, y], steps, .. }| (4 * y * steps) as usize;
        self.plain().map_or_else(MatrixTile::rows, rows)
    }

    /// Columns of a tile.
    #[must_use]
    pub fn columns(self) -> usize {
        let columns = |Plain { threads: [x, _], steps, .. }| (4 * x * steps) as usize;
        self.plain().map_or_else(MatrixTile::columns, columns)
    }

    /// The kernel that makes it.
    #[must_use]
    pub fn kernel(self, leaves: Leaves) -> &'static Kernel {
        match (self, leaves) {
            (Self::Flat | Self::Square, Leaves::Sums) => &linear::KERNEL,
            (Self::Flat | Self::Square, Leaves::Gated) => &linear::GATED,
            (Self::Wide | Self::Large | Self::Staged, Leaves::Sums) => &linear_wide::KERNEL,
            (Self::Wide | Self::Large | Self::Staged, Leaves::Gated) => &linear_wide::GATED,
            (Self::Halves, Leaves::Sums) => &linear_halves::KERNEL,
            (Self::Halves, Leaves::Gated) => &linear_halves::GATED,
            (Self::Matrix(tile), _) => tile.kernel(leaves),
        }
    }

    /// The kernel's override constants.
    #[must_use]
    pub fn constants(self, options: KernelOptions) -> Vec<(&'static str, f64)> {
        let number = |(name, size)| (name, f64::from(size));
        match self.plain() {
            Ok(Plain { threads: [x, y], steps, k_quads, ahead }) => {
                let ahead = if options.ahead { ahead } else { 0 };
                let sizes =
                    [("WG_X", x), ("WG_Y", y), ("STEPS", steps), ("K_QUADS", k_quads), ("AHEAD", ahead)];
                options.native().into_iter().chain(sizes.map(number)).collect()
            }
            Err(tile) => options.native().into_iter().chain(tile.sizes().map(number)).collect(),
        }
    }
}
