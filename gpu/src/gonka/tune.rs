//! Which `linear` tile is fastest on this device: peers report that one fixed choice reaches 59 % of a device's own
//! best on average. All tiles give the same bits, so the choice cannot change a result.

use super::kernels::Kernels;
use super::kernels::linear::{Shape, Tile, record};
use super::layout::{TILE, matrix_bytes};
use crate::context::Gpu;
use crate::error::GpuError;
use crate::pace::Pace;
use crate::recorder::Recorder;
use std::ops::ControlFlow;
use std::time::Duration;
use web_time::Instant;

/// A measurement this long tells tiles apart.
const LONG_ENOUGH: Duration = Duration::from_millis(5);
const MAX_ROWS: usize = 1024;
const MAX_COLUMNS: usize = 4096;
const MAX_K: usize = 1024;

struct Trial<'a> {
    gpu: &'a Gpu,
    kernels: &'a Kernels,
    rows: usize,
    columns: usize,
    k: usize,
    buffers: [wgpu::Buffer; 3],
}

impl<'a> Trial<'a> {
    fn new(gpu: &'a Gpu, kernels: &'a Kernels, [rows, columns, k]: [usize; 3]) -> Self {
        let buffer = |rows, columns| gpu.buffer("trial", matrix_bytes(rows, columns));
        Self {
            gpu,
            kernels,
            rows,
            columns,
            k,
            buffers: [buffer(rows, k), buffer(columns, k), buffer(rows, columns)],
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn cost(&self) -> f64 {
        (2 * self.rows * self.columns * self.k) as f64
    }

    /// The better of two runs, each in one submit.
    async fn time(&self, tile: Tile) -> Result<Duration, GpuError> {
        let shape = Shape {
            rows: self.rows,
            k: self.k,
            weight_rows: self.columns,
            chunk_column: 0,
            out_stride: self.columns,
        };
        let [x, weight, out] = &self.buffers;
        let mut best = Duration::MAX;
        for _ in 0..2 {
            let (mut pace, mut progress) = (Pace::new(f64::MAX), |_| ControlFlow::Continue(()));
            let mut recorder = Recorder::new(self.gpu, &mut pace, 1.0, &mut progress);
            record(&mut recorder, self.kernels, tile, [x, weight, out], shape)?;
            let start = Instant::now();
            recorder.finish().await?;
            best = best.min(start.elapsed());
        }
        Ok(best)
    }
}

/// Sets the tile for batches of `rows` rows, and says the pace to begin with: half of what was measured.
///
/// # Errors
/// As the device fails.
pub async fn tune(gpu: &Gpu, kernels: &mut Kernels, rows: usize) -> Result<Pace, GpuError> {
    let rows = rows.clamp(TILE / 2, MAX_ROWS);
    // Tiles for more rows than the flat one has.
    let candidates: Vec<Tile> = kernels.tiles().iter().copied().filter(|tile| *tile != Tile::Flat).collect();
    let (mut columns, mut k) = (2 * TILE, 2 * TILE);
    loop {
        let trial = Trial::new(gpu, kernels, [rows, columns, k]);
        gpu.settle(0).await?;
        // A device too slow for more gets the smallest trial.
        if trial.time(candidates[0]).await? < LONG_ENOUGH && (columns, k) != (MAX_COLUMNS, MAX_K) {
            (columns, k) = ((2 * columns).min(MAX_COLUMNS), (2 * k).min(MAX_K));
            continue;
        }
        let mut times = Vec::new();
        for tile in &candidates {
            times.push((trial.time(*tile).await?, *tile));
        }
        let (time, tile) =
            times.into_iter().min_by_key(|(time, _)| *time).unwrap_or((LONG_ENOUGH, candidates[0]));
        let rate = trial.cost() / time.as_secs_f64().max(1e-9);
        kernels.set_tile(tile);
        return Ok(Pace::new(rate / 2.0));
    }
}
