//! Host side of `shaders/shared/tiles.wgsl`: the sizes of tiles.

use super::KernelId;
use crate::device::DeviceInfo;

/// The part of the result that one workgroup makes, and by which kernel. Every tile gives the same bits.
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
}

impl Tile {
    /// Every tile.
    pub const ALL: [Self; 4] = [Self::Flat, Self::Square, Self::Wide, Self::Large];

    /// Those that a device may make products by, [`Self::Flat`] and others. What a software driver compiles it takes
    /// seconds for, and large results in few threads, of which it runs one at a time, suit it best.
    #[must_use]
    pub fn for_device(info: &DeviceInfo) -> &'static [Self] {
        if info.is_software() { &[Self::Flat, Self::Wide] } else { &Self::ALL }
    }

    /// Threads along columns and rows, steps of 4 by 4 results, and groups of 4 values of k in a tile.
    fn shape(self) -> ([u32; 2], u32, u32) {
        match self {
            Self::Flat => ([16, 4], 1, 8),
            Self::Square => ([16, 16], 1, 8),
            Self::Wide => ([8, 8], 2, 8),
            Self::Large => ([16, 16], 2, 4),
        }
    }

    /// Time per operation against the larger tiles: few rows share the reading of a weight.
    pub(super) fn cost(self) -> f64 {
        if self == Self::Flat { 2.5 } else { 1.0 }
    }

    pub(super) fn threads(self) -> [u32; 2] {
        self.shape().0
    }

    /// Rows of a tile.
    #[must_use]
    pub fn rows(self) -> usize {
        let ([_, y], steps, _) = self.shape();
        (4 * y * steps) as usize
    }

    /// Columns of a tile.
    #[must_use]
    pub fn columns(self) -> usize {
        let ([x, _], steps, _) = self.shape();
        (4 * x * steps) as usize
    }

    /// The kernel that makes it.
    #[must_use]
    pub fn kernel(self) -> KernelId {
        match self {
            Self::Flat => KernelId::LinearFlat,
            Self::Square => KernelId::LinearSquare,
            Self::Wide => KernelId::LinearWide,
            Self::Large => KernelId::LinearLarge,
        }
    }

    pub(super) fn constants(self, native: (&'static str, f64)) -> Vec<(&'static str, f64)> {
        let ([x, y], steps, k_quads) = self.shape();
        let sizes = [("WG_X", x), ("WG_Y", y), ("STEPS", steps), ("K_QUADS", k_quads)];
        std::iter::once(native).chain(sizes.map(|(name, size)| (name, f64::from(size)))).collect()
    }
}
