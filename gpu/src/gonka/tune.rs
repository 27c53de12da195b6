//! Which `linear` tile is fastest on this device for each kind of product: peers report that one fixed choice reaches 59 % of a
//! device's own best on average.

use super::kernels::Kernels;
use super::kernels::linear::{Class, Leaves, Shape, Tile, record};
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
/// What is measured at most: as large as a batch for the number of workgroups to count, as small as that for memory to hold it.
const MAX_ROWS: usize = 4096;
const MAX_COLUMNS: usize = 4096;
const MAX_K: usize = 4096;
/// Rows whose values are made; the others repeat them.
const PAINTED_ROWS: usize = 128;

/// The products of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Rows of a batch.
    pub rows: usize,
    /// Width of the model.
    pub dim: usize,
    /// Width of a gate.
    pub hidden: usize,
}

impl Sizes {
    /// Rows, rows of the weight and values summed over of a class's product, at most `times` as many as the smallest
    /// trial has.
    fn trial(self, class: Class, times: usize) -> [usize; 3] {
        let [columns, k] = match class {
            Class::Gated => [2 * self.hidden, self.dim],
            Class::Deep => [self.dim, self.hidden],
            Class::Square => [self.dim, self.dim],
        };
        let most = |size: usize, most: usize| size.next_multiple_of(TILE).min(most).min(times * 2 * TILE);
        [
            self.rows.clamp(TILE / 2, MAX_ROWS).min(times * 2 * TILE),
            most(columns, MAX_COLUMNS),
            most(k, MAX_K),
        ]
    }
}

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
            let values = painted(1, PAINTED_ROWS, k, scale);
            let values: &[u8] = bytemuck::cast_slice(&values);
            (0..rows / PAINTED_ROWS).for_each(|ix| gpu.write(&buffer, (ix * values.len()) as u64, values));
            buffer
        });
        let out = gpu.buffer("trial", (padded * columns * 2) as u64);
        let leaves = Leaves::Sums;
        let shape = Shape { rows, k, weight_rows: columns, chunk_column: 0, out_stride: columns, leaves };
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

/// The tiles with the operations per second of each, fastest first, for each [`Class`] of products that are not of few rows. Gated products
/// are measured by the kernel that leaves their sums.
///
/// # Errors
/// As the device fails.
pub async fn rank(gpu: &Gpu, kernels: &Kernels, sizes: Sizes) -> Result<[Vec<(Tile, f64)>; 3], GpuError> {
    // Tiles for more rows than the flat one has.
    let candidates: Vec<Tile> = kernels.tiles().filter(|tile| *tile != Tile::Flat).collect();
    let mut all = [const { Vec::new() }; 3];
    for (class, rates) in Class::ALL.into_iter().zip(&mut all) {
        // A software driver is as fast by a tile for one as for another.
        if gpu.info().is_software() && class != Class::Gated {
            break;
        }
        *rates = rank_class(gpu, kernels, &candidates, sizes, class).await?;
    }
    if gpu.info().is_software() {
        let [gated, deep, square] = &mut all;
        (*deep, *square) = (gated.clone(), gated.clone());
    }
    Ok(all)
}

async fn rank_class(
    gpu: &Gpu,
    kernels: &Kernels,
    candidates: &[Tile],
    sizes: Sizes,
    class: Class,
) -> Result<Vec<(Tile, f64)>, GpuError> {
    let mut times = 1;
    loop {
        let (size, next) = (sizes.trial(class, times), sizes.trial(class, 2 * times));
        let trial = Trial::new(gpu, kernels, size);
        gpu.settle(0).await?;
        // A device too slow for more gets the smallest trial.
        if size != next && trial.run(candidates[0], 1).await? < LONG_ENOUGH {
            times *= 2;
            continue;
        }
        let mut rates = Vec::new();
        for tile in candidates {
            rates.push((*tile, trial.rate(*tile).await?));
        }
        rates.sort_by(|a, b| b.1.total_cmp(&a.1));
        return Ok(rates);
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::stride;
    use super::*;
    use sphere_pow_core::gonka::Preset;

    #[test]
    fn what_is_measured_is_in_whole_tiles_and_of_the_class_it_is_measured_for() {
        for preset in Preset::ALL {
            let params = preset.params();
            let sizes = Sizes { rows: 8192, dim: params.dim(), hidden: params.hidden() };
            for (class, times) in Class::ALL.into_iter().flat_map(|class| [1, 2, 4, 64].map(|n| (class, n))) {
                let [rows, columns, k] = sizes.trial(class, times);
                assert!(rows <= MAX_ROWS && columns.is_multiple_of(TILE) && k.is_multiple_of(TILE));
                let bytes = 2 * (rows * k + columns * k + rows * columns);
                assert!(bytes <= 100 << 20, "{bytes} bytes for {}", preset.name());
            }
            let [_, columns, k] = sizes.trial(Class::Deep, 64);
            assert!(k >= columns && columns == stride(params.dim()).min(MAX_COLUMNS), "{}", preset.name());
        }
    }
}
