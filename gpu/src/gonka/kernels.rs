//! The host side of the kernels in `shaders/gonka/`, one module per kernel, all with the kernel's stem.
//!
//! A module holds the kernel's `Dims` as WGSL lays them out, its bindings in order, and a `record` function that
//! cuts the work into dispatches of bounded time.

use crate::context::Gpu;
use crate::error::GpuError;
use crate::kernel::{Compiled, Kernel};
pub(super) use crate::kernel::{WG, members, u32_of};
use linear::{Class, Leaves, Shape, Tile};

pub mod add;
pub mod attention;
pub mod linear;
pub mod linear_halves;
pub mod linear_matrix;
pub mod linear_wide;
pub mod narrow_all;
pub mod repack;
pub mod rms_norm;
pub mod rope;
pub mod take_last;
pub mod tile;
pub mod widen_all;

/// A kernel that is no product, with its override constants; a product's are its [`Tile`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the module of that name")]
pub enum KernelId {
    Repack,
    RmsNorm,
    Rope,
    Attention,
    Add,
    TakeLast,
    WidenAll,
    NarrowAll,
}

impl KernelId {
    /// Every kernel, in the order of the enum.
    pub const ALL: [Self; 8] = [
        Self::Repack,
        Self::RmsNorm,
        Self::Rope,
        Self::Attention,
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
            Self::Rope => &rope::KERNEL,
            Self::Attention => &attention::KERNEL,
            Self::Add => &add::KERNEL,
            Self::TakeLast => &take_last::KERNEL,
            Self::WidenAll => &widen_all::KERNEL,
            Self::NarrowAll => &narrow_all::KERNEL,
        }
    }

    /// Its override constants by name.
    #[must_use]
    pub fn constants(self, options: KernelOptions) -> Vec<(&'static str, f64)> {
        let mut constants = vec![("WG", f64::from(WG))];
        if !matches!(self, Self::Repack | Self::TakeLast) {
            constants.extend(options.native());
        }
        if self == Self::Attention {
            let positions = attention::positions(options.max_seq);
            let queries = attention::queries(positions);
            constants.extend([("MAX_SEQ", f64::from(positions)), ("QUERIES", f64::from(queries))]);
        }
        constants
    }
}

/// How kernels are compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelOptions {
    /// Keep wgpu's bounds checks in the kernels: slower, for tests.
    pub checked: bool,
    /// Unpack f16 by the driver's own instruction, which must have been found exact.
    pub native_unpack: bool,
    /// Round to f16 by the driver's own instruction, which must have been found to round to nearest even.
    pub native_pack: bool,
    /// Let products bring the next tile while one is multiplied; a software driver has no latency to hide.
    pub ahead: bool,
    /// Positions that attention must hold.
    pub max_seq: u32,
}

impl KernelOptions {
    /// The override constants of every kernel that reads or writes f16.
    fn native(self) -> [(&'static str, f64); 2] {
        let flag = |is_set: bool| f64::from(u8::from(is_set));
        [("NATIVE_UNPACK", flag(self.native_unpack)), ("NATIVE_PACK", flag(self.native_pack))]
    }
}

/// The kernels of a device, compiled, and which tiles products are made by.
#[derive(Debug)]
pub struct Kernels {
    options: KernelOptions,
    /// In the order of [`KernelId`]; `None` for what no op of a model runs.
    compiled: Vec<Option<Compiled>>,
    /// Products that leave their sums, [`Tile::Flat`] among them.
    linears: Vec<(Tile, Compiled)>,
    /// Gated ones, of which a device needs two.
    gated: Vec<(Tile, Compiled)>,
    /// For more rows than [`Tile::Flat`] has, by [`Class`].
    chosen: [Tile; 3],
}

impl Kernels {
    /// Compiles the kernels of a model, of those of products the ones of `tiles`, [`Tile::Flat`] among them, by which all
    /// are made until [`Self::choose`]. One that may be refused, and is, is left out.
    ///
    /// # Errors
    /// [`GpuError::Internal`] when the driver refuses another.
    ///
    /// # Panics
    /// When `tiles` lack the flat one.
    pub async fn new(gpu: &Gpu, options: KernelOptions, tiles: &[Tile]) -> Result<Self, GpuError> {
        assert!(tiles.contains(&Tile::Flat), "few rows have their tile among {tiles:?}");
        // These serve the tests by which it is found how the others are compiled.
        let is_wanted = |id: &KernelId| !matches!(id, KernelId::WidenAll | KernelId::NarrowAll);
        let ids: Vec<KernelId> = KernelId::ALL.into_iter().filter(is_wanted).collect();
        let plain = ids.iter().map(|id| (id.kernel(), id.constants(options)));
        let products = tiles.iter().map(|tile| (tile.kernel(Leaves::Sums), tile.constants(options)));
        let gated = [(Tile::Flat.kernel(Leaves::Gated), Tile::Flat.constants(options))];
        let jobs: Vec<_> = plain.chain(gated).chain(products).collect();
        let mut results = gpu.compile_kernels(&jobs, options.checked).await.into_iter();
        let mut compiled = KernelId::ALL.map(|_| None);
        for (id, one) in ids.into_iter().zip(results.by_ref()) {
            compiled[id as usize] = Some(one?);
        }
        let gated = vec![(Tile::Flat, results.next().expect("as many results as jobs")?)];
        let mut linears = Vec::new();
        for (tile, one) in tiles.iter().zip(results) {
            match one {
                Ok(one) => linears.push((*tile, one)),
                Err(GpuError::Internal { reason, .. }) if tile.may_be_refused() => {
                    tracing::warn!("{}: {tile:?} is not used: {reason}", gpu.info().name);
                }
                Err(error) => return Err(error),
            }
        }
        gpu.check(0)?;
        Ok(Self { options, compiled: compiled.into(), linears, gated, chosen: [Tile::Flat; 3] })
    }

    /// Those products can be made by.
    pub fn tiles(&self) -> impl Iterator<Item = Tile> + '_ {
        self.linears.iter().map(|(tile, _)| *tile)
    }

    /// The tile of a product.
    #[must_use]
    pub fn tile_for(&self, shape: &Shape) -> Tile {
        if shape.rows <= Tile::Flat.rows() { Tile::Flat } else { self.chosen[shape.class() as usize] }
    }

    /// The tiles chosen, by [`Class`].
    #[must_use]
    pub fn chosen(&self) -> [Tile; 3] {
        self.chosen
    }

    /// Chooses the tiles for more rows than [`Tile::Flat`] has, by [`Class`], and compiles what they lack.
    ///
    /// # Errors
    /// [`GpuError::Internal`] when the driver refuses a gated kernel; those before stay.
    ///
    /// # Panics
    /// When one is none of [`Self::tiles`].
    pub async fn choose(&mut self, gpu: &Gpu, tiles: [Tile; 3]) -> Result<(), GpuError> {
        for tile in tiles {
            assert!(self.tiles().any(|one| one == tile), "{tile:?} is none of {:?}", self.linears);
        }
        let gated = tiles[Class::Gated as usize];
        if self.gated.iter().all(|(one, _)| *one != gated) {
            let (kernel, constants) = (gated.kernel(Leaves::Gated), gated.constants(self.options));
            let compiled = gpu.compile_kernel(kernel, &constants, self.options.checked).await?;
            self.gated.push((gated, compiled));
        }
        self.chosen = tiles;
        Ok(())
    }

    fn queries_of_attention(&self) -> usize {
        attention::queries(attention::positions(self.options.max_seq)) as usize
    }

    fn get(&self, id: KernelId) -> &Compiled {
        self.compiled[id as usize].as_ref().expect("ops run what is compiled")
    }

    fn linear(&self, tile: Tile, leaves: Leaves) -> &Compiled {
        let all = if leaves == Leaves::Sums { &self.linears } else { &self.gated };
        &all.iter().find(|(one, _)| *one == tile).expect("products are made by the tiles compiled").1
    }
}

/// Asserts that `buffer` holds `[rows, stride]` f16 values.
///
/// # Panics
/// When it is too short: the kernels would run over its end.
fn assert_holds(buffer: &wgpu::Buffer, rows: usize, stride: usize) {
    crate::kernel::assert_holds(buffer, rows, stride * 2);
}
