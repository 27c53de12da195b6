//! Which `linear` tile is fastest on this device: peers report that one fixed choice reaches 59 % of a device's own
//! best on average.

use super::kernels::Kernels;
use super::kernels::linear::{Leaves, Shape, Tile, record};
use super::layout::TILE;
use super::self_test::painted;
use crate::context::Gpu;
use crate::error::GpuError;
use crate::pace::Pace;
use crate::recorder::Recorder;
use std::ops::ControlFlow;
use std::time::Duration;
use web_time::Instant;

/// A measurement this long tells tiles apart: clocks have risen, and submitting counts for little.
const TELLING: Duration = Duration::from_millis(20);
/// The same for software drivers, which have neither.
const TELLING_SOFTWARE: Duration = Duration::from_millis(5);
/// Repetitions after which a measurement is believed anyway.
const MAX_REPEATS: u32 = 512;
/// The product that a device begins with is doubled until it takes as long.
const LONG_ENOUGH: Duration = Duration::from_millis(5);
const MAX_ROWS: usize = 1024;
const MAX_COLUMNS: usize = 4096;
const MAX_K: usize = 1024;

struct Trial<'a> {
    gpu: &'a Gpu,
    kernels: &'a Kernels,
    shape: Shape,
    buffers: [wgpu::Buffer; 3],
}

impl<'a> Trial<'a> {
    fn new(gpu: &'a Gpu, kernels: &'a Kernels, [rows, columns, k]: [usize; 3]) -> Self {
        let padded = rows.next_multiple_of(TILE);
        // Zeros would let the clocks rise further than a model's values do.
        let [x, weight] = [(padded, 1.0), (columns, 0.02)].map(|(rows, scale)| {
            let buffer = gpu.buffer("trial", (rows * k * 2) as u64);
            gpu.write(&buffer, 0, bytemuck::cast_slice(&painted(1, rows, k, scale)));
            buffer
        });
        let out = gpu.buffer("trial", (padded * columns * 2) as u64);
        let shape = Shape {
            rows,
            k,
            weight_rows: columns,
            chunk_column: 0,
            out_stride: columns,
            leaves: Leaves::Sums,
        };
        Self { gpu, kernels, shape, buffers: [x, weight, out] }
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn cost(&self) -> f64 {
        (2 * self.shape.rows * self.shape.weight_rows * self.shape.k) as f64
    }

    /// So many products in one submit.
    async fn run(&self, tile: Tile, repeats: u32) -> Result<Duration, GpuError> {
        let [x, weight, out] = &self.buffers;
        let (mut pace, mut progress) = (Pace::new(f64::MAX), |_| ControlFlow::Continue(()));
        let mut recorder = Recorder::new(self.gpu, &mut pace, 1.0, &mut progress);
        for _ in 0..repeats {
            record(&mut recorder, self.kernels, tile, [x, weight, out], self.shape)?;
        }
        let start = Instant::now();
        recorder.finish().await?;
        Ok(start.elapsed())
    }

    /// Operations per second, after one product to warm up.
    async fn rate(&self, tile: Tile) -> Result<f64, GpuError> {
        let telling = if self.gpu.info().is_software() { TELLING_SOFTWARE } else { TELLING };
        self.run(tile, 1).await?;
        let mut repeats = 1;
        loop {
            let time = self.run(tile, repeats).await?;
            if time >= telling || repeats >= MAX_REPEATS {
                return Ok(self.cost() * f64::from(repeats) / time.as_secs_f64().max(1e-9));
            }
            repeats *= 2;
        }
    }
}

/// The tiles for batches of `rows` rows with the operations per second of each, fastest first.
///
/// # Errors
/// As the device fails.
pub async fn rank(gpu: &Gpu, kernels: &Kernels, rows: usize) -> Result<Vec<(Tile, f64)>, GpuError> {
    let rows = rows.clamp(TILE / 2, MAX_ROWS);
    // Tiles for more rows than the flat one has.
    let candidates: Vec<Tile> = kernels.tiles().filter(|tile| *tile != Tile::Flat).collect();
    let (mut columns, mut k) = (2 * TILE, 2 * TILE);
    loop {
        let trial = Trial::new(gpu, kernels, [rows, columns, k]);
        gpu.settle(0).await?;
        // A device too slow for more gets the smallest trial.
        if trial.run(candidates[0], 1).await? < LONG_ENOUGH && (columns, k) != (MAX_COLUMNS, MAX_K) {
            (columns, k) = ((2 * columns).min(MAX_COLUMNS), (2 * k).min(MAX_K));
            continue;
        }
        let mut rates = Vec::new();
        for tile in &candidates {
            rates.push((*tile, trial.rate(*tile).await?));
        }
        rates.sort_by(|a, b| b.1.total_cmp(&a.1));
        return Ok(rates);
    }
}
