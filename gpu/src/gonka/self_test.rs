//! What a device must compute rightly before it is used.

use super::forward::Model;
use super::kernels::linear::Tile;
use super::kernels::{KernelId, KernelOptions, Kernels, linear, narrow_all, widen_all};
use super::layout::{Layout, TILE, stride};
use super::pool::DevicePool;
use super::tune;
use crate::context::Gpu;
use crate::error::GpuError;
use crate::pace::Pace;
use crate::recorder::{Recorder, run};
use sphere_pow_core::f16;
use sphere_pow_core::gonka::known_answer::{self, WrongAnswer};
use sphere_pow_core::gonka::plan::Slot;
use sphere_pow_core::gonka::weights::weight_pool;
use std::ops::ControlFlow;

/// How many of the known answers are asked for: a software driver should not take long over them.
pub const KNOWN: usize = 3;

/// Sums of a product that are compared with f64.
const SAMPLES: usize = 256;

/// Compiles the kernels with `options`, by the driver's own unpacking of f16 only where that is exact, picks the tile
/// for products of `rows` rows, and holds all to what they must give, products over `k` values among them. The pace is
/// that to begin with.
///
/// # Errors
/// [`GpuError::SelfTest`] with the first wrong value, else as the device fails.
pub async fn prepare(
    gpu: &Gpu,
    options: KernelOptions,
    rows: usize,
    k: usize,
) -> Result<(Kernels, Pace), GpuError> {
    let native_unpack = options.native_unpack && widens_exactly(gpu, options).await?.is_ok();
    let options = KernelOptions { native_unpack, ..options };
    if !native_unpack {
        let exact = widens_exactly(gpu, options).await?;
        exact.map_err(|(what, got, expected)| wrong(gpu, what, &got, &expected))?;
    }
    let mut kernels = Kernels::new(gpu, options, Tile::for_device(gpu.info())).await?;
    narrows_exactly(gpu, &kernels).await?;
    let pace = tune::tune(gpu, &mut kernels, rows).await?;
    known_answers(gpu, &kernels, &known_answer::DISTANCES[..KNOWN]).await?;
    products_are_right(gpu, &kernels, rows, k).await?;
    Ok((kernels, pace))
}

fn wrong(gpu: &Gpu, what: String, got: &impl ToString, expected: &impl ToString) -> GpuError {
    let (got, expected) = (got.to_string(), expected.to_string());
    GpuError::SelfTest { name: gpu.info().name.clone(), what, got, expected }
}

/// Inputs and weights of [`product_is_right`]: of the size that models have, every fourth weight subnormal.
fn painted(seed: u32, rows: usize, k: usize, scale: f32) -> Vec<f16> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).expect("16 bits")) / 32768.0 - 1.0
    };
    let value = |i: usize, x: f32| if i.is_multiple_of(4) { x * 3e-5 } else { x * scale };
    (0..rows * k).map(|i| f16::from_f32(value(i, next()))).collect()
}

/// Holds one result of a product to f64; the error is what it should be near.
fn sum_is_right(got: f16, x: &[f16], weight: &[f16]) -> Result<(), f64> {
    let products = x.iter().zip(weight).map(|(x, w)| x.to_f64() * w.to_f64());
    let (want, size) = products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()));
    // Half a unit of f16 and, for f32 sums in any order, a 2^-20th of all that was added.
    let bound = want.abs() / 2048.0 + 3e-8 + size / 1_048_576.0;
    if (got.to_f64() - want).abs() <= bound { Ok(()) } else { Err(want) }
}

/// Holds the tiles that products of `rows` rows are made by to f64, over `k` values: what the driver makes of a kernel
/// at the size it is used shows at that size only.
///
/// # Errors
/// [`GpuError::SelfTest`] with the first sum that is off by more than f32 sums and the rounding to f16 can be, else as
/// the device fails.
pub async fn products_are_right(gpu: &Gpu, kernels: &Kernels, rows: usize, k: usize) -> Result<(), GpuError> {
    let k = stride(k);
    for tile in [kernels.tile_for(1), kernels.tile_for(rows)] {
        // More than one tile each way, the last row tile not full.
        let (rows, columns) = (tile.rows() + 3, 2 * tile.columns().max(TILE));
        let padded = rows.next_multiple_of(tile.rows());
        let (x, weight) = (painted(1, padded, k, 1.0), painted(2, columns, k, 0.02));
        let buffer = |values: &[f16]| {
            let buffer = gpu.buffer("self-test", values.len() as u64 * 2);
            gpu.write(&buffer, 0, bytemuck::cast_slice(values));
            buffer
        };
        let (dx, dw) = (buffer(&x), buffer(&weight));
        let out = gpu.buffer("self-test", (padded * columns * 2) as u64);
        let shape = linear::Shape { rows, k, weight_rows: columns, chunk_column: 0, out_stride: columns };
        run(gpu, |recorder| linear::record(recorder, kernels, tile, [&dx, &dw, &out], shape)).await?;
        let got: Vec<f16> = bytemuck::pod_collect_to_vec(&gpu.read(&out, (rows * columns * 2) as u64).await?);
        for at in (0..SAMPLES).map(|i| i * 7919 % (rows * columns)) {
            let (x, weight) = (&x[at / columns * k..][..k], &weight[at % columns * k..][..k]);
            if let Err(want) = sum_is_right(got[at], x, weight) {
                let what = format!("{tile:?} product over {k} values, value {at},");
                return Err(wrong(gpu, what, &got[at], &want));
            }
        }
    }
    Ok(())
}

/// Converts `x` on the device by the kernel that does no more than that.
///
/// # Errors
/// As the device fails.
pub async fn widen(gpu: &Gpu, options: KernelOptions, x: &[f16]) -> Result<Vec<f32>, GpuError> {
    assert!(x.len().is_multiple_of(2), "pairs");
    let (from, to) = (gpu.buffer("x", x.len() as u64 * 2), gpu.buffer("out", x.len() as u64 * 4));
    gpu.write(&from, 0, bytemuck::cast_slice(x));
    let (id, checked) = (KernelId::WidenAll, options.checked);
    let kernel = gpu.compile_kernel(id.kernel(), &id.constants(options), checked).await?;
    run(gpu, |recorder| widen_all::record(recorder, &kernel, [&from, &to], x.len() / 2)).await?;
    Ok(bytemuck::pod_collect_to_vec(&gpu.read(&to, x.len() as u64 * 4).await?))
}

/// Rounds `x` on the device.
///
/// # Errors
/// As the device fails.
pub async fn narrow(gpu: &Gpu, kernels: &Kernels, x: &[f32]) -> Result<Vec<f16>, GpuError> {
    assert!(x.len().is_multiple_of(2), "pairs");
    let (from, to) = (gpu.buffer("x", x.len() as u64 * 4), gpu.buffer("out", x.len() as u64 * 2));
    gpu.write(&from, 0, bytemuck::cast_slice(x));
    run(gpu, |recorder| narrow_all::record(recorder, kernels, [&from, &to], x.len() / 2)).await?;
    Ok(bytemuck::pod_collect_to_vec(&gpu.read(&to, x.len() as u64 * 2).await?))
}

/// All 65536 values; the inner error is the first wrong one. NaN need only stay NaN.
async fn widens_exactly(
    gpu: &Gpu,
    options: KernelOptions,
) -> Result<Result<(), (String, f32, f32)>, GpuError> {
    let all: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
    let got = widen(gpu, options, &all).await?;
    let differs = |(x, got): (&f16, &f32)| {
        let want = x.to_f32();
        let same = want.to_bits() == got.to_bits() || (want.is_nan() && got.is_nan());
        (!same).then(|| (format!("f32 of f16 bits {:#06x}", x.to_bits()), *got, want))
    };
    Ok(all.iter().zip(&got).find_map(differs).map_or(Ok(()), Err))
}

/// Every f16, its neighbours in f32, and the midpoints between f16 with theirs.
#[must_use]
pub fn hard_to_round() -> Vec<f32> {
    let around = |bits: u32| [bits.wrapping_sub(1), bits, bits + 1];
    let positive = (0..0x7c00_u16).flat_map(|bits| {
        let (low, high) = (f16::from_bits(bits).to_f32(), f16::from_bits(bits + 1).to_f32());
        let high = if high.is_finite() { high } else { 65536.0 };
        [low.to_bits(), (low + (high - low) / 2.0).to_bits()].into_iter().flat_map(around)
    });
    let special = [f32::MAX, f32::MIN_POSITIVE, 1e-40, 65519.996, 65520.0, 1e5, 3e38, f32::INFINITY];
    let positive = positive.chain(special.map(f32::to_bits)).filter(|bits| *bits <= 0x7f80_0000);
    positive.flat_map(|bits| [bits, bits | 0x8000_0000]).map(f32::from_bits).collect()
}

async fn narrows_exactly(gpu: &Gpu, kernels: &Kernels) -> Result<(), GpuError> {
    let hard = hard_to_round();
    let got = narrow(gpu, kernels, &hard).await?;
    for (x, got) in hard.iter().zip(got) {
        let want = f16::from_f32(*x);
        if got.to_bits() != want.to_bits() {
            let what = format!("f16 bits of f32 bits {:#010x}", x.to_bits());
            return Err(wrong(gpu, what, &got.to_bits(), &want.to_bits()));
        }
    }
    Ok(())
}

/// Holds the distances of the first nonces of [`known_answer`] against `known`.
///
/// # Errors
/// [`GpuError::SelfTest`] with the first that is off, else as the device fails.
pub async fn known_answers(gpu: &Gpu, kernels: &Kernels, known: &[f64]) -> Result<(), GpuError> {
    let puzzle = known_answer::puzzle();
    let params = puzzle.params();
    let layout = Layout::new(params, &gpu.info().name, &gpu.info().limits, None)?;
    let pool = weight_pool(params, puzzle.block());
    let pool = DevicePool::new(gpu, &layout, &pool, &mut |_| ControlFlow::Continue(())).await?;
    let model = Model::new(gpu, params, puzzle.block(), layout, pool, known.len());
    model.write_rows(gpu, Slot::Stream, &known_answer::inputs(known.len()));
    let (mut pace, mut progress) = (Pace::default(), |_| ControlFlow::Continue(()));
    let mut recorder = Recorder::new(gpu, &mut pace, 1.0, &mut progress);
    model.record(&mut recorder, kernels, known.len()).await?;
    recorder.finish().await?;
    let logits = model.read_rows(gpu, Slot::Logits, known.len()).await?;
    known_answer::check(&logits, known).map_err(|WrongAnswer { nonce, got, expected }| {
        wrong(gpu, format!("the distance of nonce {nonce}"), &got, &expected)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_lacks_a_product_is_found() {
        let k = 28672;
        let (x, weight) = (painted(1, 1, k, 1.0), painted(2, 1, k, 0.02));
        let sum = |n: usize| x[..n].iter().zip(&weight).map(|(x, w)| x.to_f32() * w.to_f32()).sum::<f32>();
        assert_eq!(sum_is_right(f16::from_f32(sum(k)), &x, &weight), Ok(()));
        // A tile of 16 values less.
        assert!(sum_is_right(f16::from_f32(sum(k - 16)), &x, &weight).is_err());
        assert!(sum_is_right(f16::from_f32(-sum(k)), &x, &weight).is_err());
        assert!(weight.iter().step_by(4).all(|w| w.to_f32().abs() < 6.2e-5), "subnormals are among them");
    }
}
