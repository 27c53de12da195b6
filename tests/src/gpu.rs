//! What the GPU tests share.

use pollster::block_on;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::rng::NumpyRng;
use sphere_pow_core::gonka::seed::Seed;
use sphere_pow_gpu::context::Gpu;
use sphere_pow_gpu::device::MatrixUnits;
use sphere_pow_gpu::gonka::kernels::linear::Tile;
use sphere_pow_gpu::gonka::kernels::linear_matrix::{Form, MatrixTile};
use sphere_pow_gpu::gonka::kernels::{KernelOptions, Kernels};
use sphere_pow_gpu::gonka::layout::{TILE, stride};
use sphere_pow_gpu::pace::Pace;
use sphere_pow_gpu::recorder::Recorder;
use sphere_pow_gpu::{DeviceInfo, DeviceSelector, GpuError};
use std::ops::ControlFlow;
use std::sync::OnceLock;

/// The adapter under test: `SPHERE_POW_ADAPTER` (an index or a part of a name), else the best there is.
///
/// # Panics
/// When there is none, or none with matrix units where `SPHERE_POW_MATRIX_UNITS` wants them: a test must fail then, never
/// skip.
#[must_use]
pub fn adapter() -> DeviceInfo {
    let selector = std::env::var("SPHERE_POW_ADAPTER").map_or(DeviceSelector::Best, |text| {
        text.parse().unwrap_or_else(|never: std::convert::Infallible| match never {})
    });
    let info =
        block_on(selector.find()).unwrap_or_else(|error| panic!("the GPU tests need an adapter: {error}"));
    println!("adapter: {} ({}, {})", info.name, info.backend, info.driver);
    let wants_units = std::env::var_os("SPHERE_POW_MATRIX_UNITS").is_some();
    assert!(!wants_units || info.matrix_units.is_some(), "{} has no matrix units", info.name);
    info
}

/// An adapter as if it were no software: kernels that bring the next tile early are for those. What software takes is tested
/// whenever it is opened.
#[must_use]
pub fn as_hardware(info: &DeviceInfo) -> DeviceInfo {
    DeviceInfo { device_type: "other", ..info.clone() }
}

/// A progress callback that never stops the work.
pub fn go_on(_: f32) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Every tile of `gonka`'s products that an adapter can run, hardware or not.
#[must_use]
pub fn tiles_of(gpu: &Gpu) -> Vec<Tile> {
    let info = gpu.info();
    let units = MatrixTile::for_device(info).into_iter().flat_map(|tile| {
        // What Metal runs runs on Vulkan, too.
        let halves = MatrixTile { form: Form::Halves, ..tile };
        if tile.block == 8 { vec![tile, halves] } else { vec![tile] }
    });
    let plain =
        Tile::PLAIN.into_iter().chain(gpu.has_f16().then_some(Tile::Halves)).filter(|tile| tile.fits(info));
    plain.chain(units.map(Tile::Matrix)).collect()
}

/// A device with its kernels, for running one of them at a time.
#[derive(Debug)]
pub struct Bench {
    /// The device.
    pub gpu: Gpu,
    /// Its kernels.
    pub kernels: Kernels,
}

impl Bench {
    /// Opens the adapter under test, with wgpu's bounds checks in the kernels if `checked`.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    fn open(checked: bool, native: bool) -> Self {
        let info = adapter();
        let options =
            KernelOptions { checked, native_unpack: native, native_pack: native, ahead: true, max_seq: 512 };
        let gpu = block_on(Gpu::open(&info, MatrixUnits::features_of(&info))).expect("a usable device");
        let tiles = tiles_of(&gpu);
        let mut kernels = block_on(Kernels::new(&gpu, options, &tiles)).expect("kernels that compile");
        assert!(kernels.tiles().eq(tiles.iter().copied()), "the driver refuses one");
        for tile in tiles {
            block_on(kernels.choose(&gpu, [tile; 3])).expect("gated kernels that compile");
        }
        Self { gpu, kernels }
    }

    /// The bench of that kind that all tests of a binary share: they write to no buffer but their own.
    ///
    /// # Panics
    /// When the adapter under test cannot be opened.
    pub fn shared(checked: bool, native: bool) -> &'static Self {
        static BENCHES: [OnceLock<Bench>; 4] = [const { OnceLock::new() }; 4];
        let ix = 2 * usize::from(checked) + usize::from(native);
        BENCHES[ix].get_or_init(|| Self::open(checked, native))
    }

    /// A buffer of `[rows, width]`, padded as the kernels want it.
    #[must_use]
    pub fn upload(&self, values: &[f16], rows: usize, width: usize) -> wgpu::Buffer {
        assert_eq!(values.len(), rows * width, "values are [rows, width]");
        let stride = stride(width);
        let mut padded = vec![f16::ZERO; rows.next_multiple_of(TILE) * stride];
        for (row, padded) in values.chunks_exact(width).zip(padded.chunks_exact_mut(stride)) {
            padded[..width].copy_from_slice(row);
        }
        let buffer = self.gpu.buffer("test", padded.len() as u64 * 2);
        self.gpu.write(&buffer, 0, bytemuck::cast_slice(&padded));
        buffer
    }

    /// A buffer of `[rows, width]` full of NaN: what a kernel fails to write shows. Its padding columns are zero.
    #[must_use]
    pub fn unwritten(&self, rows: usize, width: usize) -> wgpu::Buffer {
        self.upload(&vec![f16::NAN; rows * width], rows, width)
    }

    /// Reads `[rows, width]` without its padding, whose columns must be zero.
    ///
    /// # Panics
    /// When the device fails or a padding column is not zero.
    #[must_use]
    pub fn download(&self, buffer: &wgpu::Buffer, rows: usize, width: usize) -> Vec<f16> {
        let stride = stride(width);
        let bytes = block_on(self.gpu.read(buffer, (rows * stride * 2) as u64)).expect("a readable buffer");
        let values: Vec<f16> = bytemuck::pod_collect_to_vec(&bytes);
        let rows = values.chunks_exact(stride);
        rows.flat_map(|row| {
            assert!(row[width..].iter().all(|x| x.to_f32() == 0.0), "padding columns stay zero");
            row[..width].to_vec()
        })
        .collect()
    }

    /// Records and runs dispatches, from a slow pace on, so that even small work is cut.
    ///
    /// # Panics
    /// When the device fails.
    pub fn run(&self, record: impl FnOnce(&mut Recorder<'_>) -> Result<(), GpuError>) {
        let (mut pace, mut progress) = (Pace::default(), go_on);
        let mut recorder = Recorder::new(&self.gpu, &mut pace, 1.0, &mut progress);
        record(&mut recorder).expect("recorded");
        block_on(recorder.finish()).expect("done");
    }
}

/// How far a result may lie from its twin.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// The same bits.
    Exact,
    /// So many units of f16 of the twin's value, one per rounding, and `noise` times the largest value of its row:
    /// what f32 sums in another order make of it.
    Units {
        /// Roundings.
        units: u8,
        /// Relative to the row.
        noise: f32,
    },
}

/// The first place where `got` is out of bounds.
fn first_wrong(got: &[f16], want: &[f16], width: usize, bound: Bound) -> Option<usize> {
    let wrong_in_row = |(got, want): (&[f16], &[f16])| {
        let largest = want.iter().map(|x| x.to_f32().abs()).fold(0.0, f32::max);
        let holds = |(got, want): (&f16, &f16)| match bound {
            Bound::Exact => got.to_bits() == want.to_bits(),
            Bound::Units { units, noise } => {
                let (got, want) = (got.to_f32(), want.to_f32());
                // 2^-10 of a value is its unit or more; 2^-24 is the unit of subnormals.
                let unit = (want.abs() / 1024.0).max(6e-8);
                got == want || (got - want).abs() <= f32::from(units) * unit + noise * largest
            }
        };
        got.iter().zip(want).position(|pair| !holds(pair))
    };
    let rows = got.chunks_exact(width).zip(want.chunks_exact(width));
    rows.map(wrong_in_row).enumerate().find_map(|(row, column)| Some(row * width + column?))
}

/// Holds `got` against its twin's `want`, then plants two faults in `want` that must be caught: its largest value
/// off by 1/64, and its last row, of `width`, missing.
///
/// # Panics
/// When a value is out of bounds, or a planted fault is not.
pub fn hold(what: &str, got: &[f16], want: &[f16], width: usize, bound: Bound) {
    assert_eq!(got.len(), want.len(), "{what}: lengths");
    assert!(want.iter().all(|x| x.is_finite()), "{what}: the twin left f16");
    if let Some(at) = first_wrong(got, want, width, bound) {
        let (row, column) = (at / width, at % width);
        panic!("{what}: [{row}, {column}] is {}, the twin has {}", got[at], want[at]);
    }
    let magnitude = |ix: &usize| want[*ix].to_bits() & 0x7fff;
    let largest = (0..want.len()).max_by_key(magnitude).expect("values");
    let mut faulty = want.to_vec();
    let x = faulty[largest].to_f32();
    faulty[largest] = f16::from_f32(if x.abs() < 1e-4 { 1e-3 } else { x - x / 64.0 });
    let caught = first_wrong(got, &faulty, width, bound);
    assert_eq!(caught, Some(largest), "{what}: a planted fault in one value");
    let mut faulty = want.to_vec();
    let last = faulty.len() - width;
    if faulty[last..].iter().any(|x| x.to_f32().abs() > 1e-5) {
        faulty[last..].fill(f16::ZERO);
        let caught = first_wrong(got, &faulty, width, bound);
        assert!(caught.is_some_and(|at| at >= last), "{what}: a missing last row");
    }
}

/// `[rows, width]` normal values times `scale`; row 0 all zero and row 1 a thousand times as large, if there are
/// three rows or more.
#[must_use]
pub fn awkward(seed: &str, rows: usize, width: usize, scale: f64) -> Vec<f16> {
    let mut rng = NumpyRng::new(&Seed::from_text(seed, 2));
    let mut values = rng.standard_normals(rows * width);
    if rows >= 3 {
        values[..width].fill(0.0);
        values[width..2 * width].iter_mut().for_each(|x| *x *= 1000.0);
    }
    values.into_iter().map(|x| f16::from_f64(x * scale)).collect()
}
