//! The host side of the kernels in `shaders/gonka/`, one module per kernel, all with the kernel's stem.
//!
//! A module holds the kernel's `Dims` as WGSL lays them out, its bindings in order, and a `record` function that
//! cuts the work into dispatches of bounded time.

use crate::context::Gpu;
use crate::error::GpuError;
use crate::kernel::{Compiled, Kernel};
pub(super) use crate::kernel::{WG, members, u32_of};
use linear::Tile;

pub mod add;
pub mod attention;
pub mod linear;
pub mod linear_wide;
pub mod narrow_all;
pub mod repack;
pub mod rms_norm;
pub mod rope;
pub mod swiglu;
pub mod take_last;
pub mod tile;
pub mod widen_all;

/// A kernel with its override constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the module of that name")]
pub enum KernelId {
    Repack,
    RmsNorm,
    /// [`linear`] by tiles of [`Tile::Flat`].
    LinearFlat,
    /// [`linear`] by tiles of [`Tile::Square`].
    LinearSquare,
    /// [`linear_wide`] by tiles of [`Tile::Wide`].
    LinearWide,
    /// [`linear_wide`] by tiles of [`Tile::Large`].
    LinearLarge,
    Rope,
    Attention,
    Swiglu,
    Add,
    TakeLast,
    WidenAll,
    NarrowAll,
}

impl KernelId {
    /// Every kernel, in the order of the enum.
    pub const ALL: [Self; 13] = [
        Self::Repack,
        Self::RmsNorm,
        Self::LinearFlat,
        Self::LinearSquare,
        Self::LinearWide,
        Self::LinearLarge,
        Self::Rope,
        Self::Attention,
        Self::Swiglu,
        Self::Add,
        Self::TakeLast,
        Self::WidenAll,
        Self::NarrowAll,
    ];

    /// The kernel behind it.
    #[must_use]
    pub fn kernel(self) -> &'static Kernel {
        match self {
            Self::Repack => &repack::KERNEL,
            Self::RmsNorm => &rms_norm::KERNEL,
            Self::LinearFlat | Self::LinearSquare => &linear::KERNEL,
            Self::LinearWide | Self::LinearLarge => &linear_wide::KERNEL,
            Self::Rope => &rope::KERNEL,
            Self::Attention => &attention::KERNEL,
            Self::Swiglu => &swiglu::KERNEL,
            Self::Add => &add::KERNEL,
            Self::TakeLast => &take_last::KERNEL,
            Self::WidenAll => &widen_all::KERNEL,
            Self::NarrowAll => &narrow_all::KERNEL,
        }
    }

    /// Its override constants by name.
    #[must_use]
    pub fn constants(self, options: KernelOptions) -> Vec<(&'static str, f64)> {
        let native = ("NATIVE_UNPACK", f64::from(u8::from(options.native_unpack)));
        let wg = ("WG", f64::from(WG));
        if let Some(tile) = self.tile() {
            return tile.constants(native);
        }
        match self {
            Self::Repack | Self::TakeLast => vec![wg],
            Self::Attention => vec![wg, native, ("MAX_SEQ", f64::from(options.max_seq.max(1)))],
            _ => vec![wg, native],
        }
    }

    /// Threads of a workgroup along x and y.
    #[must_use]
    pub fn workgroup_size(self) -> [u32; 2] {
        self.tile().map_or([WG, 1], Tile::threads)
    }

    fn tile(self) -> Option<Tile> {
        Tile::ALL.into_iter().find(|tile| tile.kernel() == self)
    }
}

/// How kernels are compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelOptions {
    /// Keep wgpu's bounds checks in the kernels: slower, for tests.
    pub checked: bool,
    /// Unpack f16 by the driver's own instruction, which must have been found exact.
    pub native_unpack: bool,
    /// Positions that attention must hold.
    pub max_seq: u32,
}

/// The kernels of a device, compiled, and which tile products are made by.
#[derive(Debug)]
pub struct Kernels {
    /// In the order of [`KernelId`]; `None` for what no op of a model runs.
    compiled: Vec<Option<Compiled>>,
    tiles: &'static [Tile],
    tile: Tile,
}

impl Kernels {
    /// Compiles the kernels of a model, of those of products the ones of `tiles`: [`Tile::Flat`] and at least one more.
    ///
    /// # Errors
    /// [`GpuError::Internal`] when the driver refuses one.
    ///
    /// # Panics
    /// When `tiles` are fewer.
    pub async fn new(gpu: &Gpu, options: KernelOptions, tiles: &'static [Tile]) -> Result<Self, GpuError> {
        assert!(tiles.contains(&Tile::Flat), "few rows have their tile among {tiles:?}");
        let tile = tiles.iter().find(|tile| **tile != Tile::Flat).expect("a tile for many rows");
        // The first serves the test by which it is found how the others are compiled.
        let wanted =
            |id: &KernelId| *id != KernelId::WidenAll && id.tile().is_none_or(|tile| tiles.contains(&tile));
        let ids: Vec<KernelId> = KernelId::ALL.into_iter().filter(wanted).collect();
        let jobs: Vec<_> = ids.iter().map(|id| (id.kernel(), id.constants(options))).collect();
        let mut compiled = KernelId::ALL.map(|_| None);
        for (id, one) in ids.into_iter().zip(gpu.compile_kernels(&jobs, options.checked).await) {
            compiled[id as usize] = Some(one?);
        }
        gpu.check(0)?;
        Ok(Self { compiled: compiled.into(), tiles, tile: *tile })
    }

    /// Those products can be made by.
    #[must_use]
    pub fn tiles(&self) -> &'static [Tile] {
        self.tiles
    }

    /// The `linear` tile for that many rows.
    #[must_use]
    pub fn tile_for(&self, rows: usize) -> Tile {
        if rows <= Tile::Flat.rows() { Tile::Flat } else { self.tile }
    }

    /// Chooses the tile for more rows than [`Tile::Flat`] has.
    ///
    /// # Panics
    /// When it is none of [`Self::tiles`].
    pub fn set_tile(&mut self, tile: Tile) {
        assert!(self.tiles.contains(&tile), "{tile:?} is none of {:?}", self.tiles);
        self.tile = tile;
    }

    fn get(&self, id: KernelId) -> &Compiled {
        self.compiled[id as usize].as_ref().expect("products are made by the tiles compiled")
    }
}

/// Asserts that `buffer` holds `[rows, stride]` f16 values.
///
/// # Panics
/// When it is too short: the kernels would run over its end.
fn assert_holds(buffer: &wgpu::Buffer, rows: usize, stride: usize) {
    crate::kernel::assert_holds(buffer, rows, stride * 2);
}
