//! What a device must compute rightly before it is used.

use super::forward::Model;
use super::kernels::linear::{Leaves, Tile};
use super::kernels::{KernelId, KernelOptions, Kernels, linear, narrow_all, widen_all};
use super::layout::{Layout, TILE, stride};
use super::pool::DevicePool;
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

/// Those of `options` by which the device converts f16 rightly: by its driver's own instructions only where these are exact.
///
/// # Errors
/// [`GpuError::SelfTest`] with the first value that the kernels' own conversion has wrong, else as the device fails.
pub(super) async fn right_conversions(gpu: &Gpu, options: KernelOptions) -> Result<KernelOptions, GpuError> {
    let native_unpack = options.native_unpack && widens_exactly(gpu, options).await?.is_ok();
    let native_pack = options.native_pack && narrows_exactly(gpu, options).await?.is_ok();
    let options = KernelOptions { native_unpack, native_pack, ..options };
    if !native_unpack {
        let exact = widens_exactly(gpu, options).await?;
        exact.map_err(|(what, got, expected)| wrong(gpu, what, &got, &expected))?;
    }
    if !native_pack {
        let exact = narrows_exactly(gpu, options).await?;
        exact.map_err(|(what, got, expected)| wrong(gpu, what, &got, &expected))?;
    }
    Ok(options)
}

fn wrong(gpu: &Gpu, what: String, got: &impl ToString, expected: &impl ToString) -> GpuError {
    let (got, expected) = (got.to_string(), expected.to_string());
    GpuError::SelfTest { name: gpu.info().name.clone(), what, got, expected }
}

/// Inputs and weights of [`products_are_right`]: of the size that models have, every fourth weight subnormal.
pub(super) fn painted(seed: u32, rows: usize, k: usize, scale: f32) -> Vec<f16> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).expect("16 bits")) / 32768.0 - 1.0
    };
    let value = |i: usize, x: f32| if i.is_multiple_of(4) { x * 3e-5 } else { x * scale };
    (0..rows * k).map(|i| f16::from_f32(value(i, next()))).collect()
}

/// A sum in f64, and how far a device's may lie from it: half a unit of f16 and, for f32 sums in any order, a 2^-20th of
/// all that was added.
fn sum(x: &[f16], weight: &[f16]) -> (f64, f64) {
    let products = x.iter().zip(weight).map(|(x, w)| x.to_f64() * w.to_f64());
    let (want, size) = products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()));
    (want, half_unit(want) + size / 1_048_576.0)
}

/// What rounding to f16 moves a value by.
fn half_unit(value: f64) -> f64 {
    value.abs() / 2048.0 + 3e-8
}

/// `silu(gate) * up` of such sums, and how far a device's may lie from it.
fn gated((gate, gate_bound): (f64, f64), (up, up_bound): (f64, f64)) -> (f64, f64) {
    let silu = gate / (1.0 + (-gate).exp());
    // Silu is nowhere steeper than 1.1.
    let silu_bound = 1.1 * gate_bound + half_unit(silu);
    let want = silu * up;
    (want, silu_bound * (up.abs() + up_bound) + silu.abs() * up_bound + half_unit(want))
}

/// Holds one result of a product to f64; the error is what it should be near.
fn is_near(got: f16, (want, bound): (f64, f64)) -> Result<(), f64> {
    if (got.to_f64() - want).abs() <= bound { Ok(()) } else { Err(want) }
}

/// How many values a model's products are over at most, by [`Leaves`]: plain ones, and gated ones.
pub type Longest = [usize; 2];

/// Holds the products that a tile makes to f64, over the `longest` sums: what the driver makes of a kernel at the size it is used
/// shows at that size only.
///
/// # Errors
/// [`GpuError::SelfTest`] with the first value that is off by more than f32 sums and the roundings to f16 can be, else as
/// the device fails.
///
/// # Panics
/// When `kernels` lack one of the tile's.
pub async fn products_are_right(
    gpu: &Gpu,
    kernels: &Kernels,
    tile: Tile,
    longest: Longest,
) -> Result<(), GpuError> {
    let longest = longest.map(stride);
    let most = longest[0].max(longest[1]);
    // More than one tile each way, the last row tile not full.
    let (rows, weight_rows) = (tile.rows() + 3, 2 * tile.columns().max(TILE));
    let padded = rows.next_multiple_of(tile.rows());
    let (x, weight) = (painted(1, padded, most, 1.0), painted(2, weight_rows, most, 0.02));
    let buffer = |values: &[f16]| {
        let buffer = gpu.buffer("self-test", values.len() as u64 * 2);
        gpu.write(&buffer, 0, bytemuck::cast_slice(values));
        buffer
    };
    let (dx, dw) = (buffer(&x), buffer(&weight));
    for leaves in Leaves::ALL {
        let (k, columns) = (longest[leaves as usize], leaves.columns(weight_rows));
        let out = gpu.buffer("self-test", (padded * columns * 2) as u64);
        let shape = linear::Shape { rows, k, weight_rows, chunk_column: 0, out_stride: columns, leaves };
        run(gpu, |recorder| linear::record(recorder, kernels, tile, [&dx, &dw, &out], shape)).await?;
        let bytes = gpu.read(&out, (rows * columns * 2) as u64).await?;
        let got: Vec<f16> = bytemuck::pod_collect_to_vec(&bytes);
        for at in (0..SAMPLES).map(|i| i * 7919 % (rows * columns)) {
            let (row, column) = (at / columns, at % columns);
            let sum_by = |weight_row: usize| sum(&x[row * k..][..k], &weight[weight_row * k..][..k]);
            let want = match leaves {
                Leaves::Sums => sum_by(column),
                Leaves::Gated => {
                    let gate_row = column / 2 * 4 + column % 2;
                    gated(sum_by(gate_row), sum_by(gate_row + 2))
                }
            };
            if let Err(want) = is_near(got[at], want) {
                let what = format!("{tile:?} product over {k} values, {leaves:?}, value {at},");
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

/// Rounds `x` on the device by the kernel that does no more than that.
///
/// # Errors
/// As the device fails.
pub async fn narrow(gpu: &Gpu, options: KernelOptions, x: &[f32]) -> Result<Vec<f16>, GpuError> {
    assert!(x.len().is_multiple_of(2), "pairs");
    let (from, to) = (gpu.buffer("x", x.len() as u64 * 4), gpu.buffer("out", x.len() as u64 * 2));
    gpu.write(&from, 0, bytemuck::cast_slice(x));
    let (id, checked) = (KernelId::NarrowAll, options.checked);
    let kernel = gpu.compile_kernel(id.kernel(), &id.constants(options), checked).await?;
    run(gpu, |recorder| narrow_all::record(recorder, &kernel, [&from, &to], x.len() / 2)).await?;
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

/// All of [`hard_to_round`]; the inner error is the first wrong one, by its bits.
async fn narrows_exactly(
    gpu: &Gpu,
    options: KernelOptions,
) -> Result<Result<(), (String, u16, u16)>, GpuError> {
    let hard = hard_to_round();
    let got = narrow(gpu, options, &hard).await?;
    let differs = |(x, got): (&f32, &f16)| {
        let (got, want) = (got.to_bits(), f16::from_f32(*x).to_bits());
        (got != want).then(|| (format!("f16 bits of f32 bits {:#010x}", x.to_bits()), got, want))
    };
    Ok(hard.iter().zip(&got).find_map(differs).map_or(Ok(()), Err))
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
    let device_pool = DevicePool::new(gpu, &layout, pool.len()).await?;
    let mut model = Model::new(gpu, params, puzzle.block(), layout, device_pool, known.len());
    model.load(gpu, puzzle.block(), &pool, &mut |_| ControlFlow::Continue(())).await?;
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

    /// A twin of matrix units that cut off: of a block of 16 products and the sum so far, all that is below the last of 24
    /// bits of the largest, and then below the last of the result's. After `closed` values a sum is added to the total.
    fn cut_off_sum(x: &[f16], weight: &[f16], closed: usize) -> f32 {
        let unit =
            |largest: f64| if largest == 0.0 { 1.0 } else { 2_f64.powf(largest.log2().floor() - 23.0) };
        let cut = |x: f64, unit: f64| (x / unit).trunc() * unit;
        let block = |sum: f32, products: &[f64]| {
            let all = products.iter().copied().chain([f64::from(sum)]);
            let unit_of_all = unit(all.clone().map(f64::abs).fold(0.0, f64::max));
            let exact: f64 = all.map(|x| cut(x, unit_of_all)).sum();
            #[expect(clippy::cast_possible_truncation, reason = "24 bits are left")]
            let sum = cut(exact, unit(exact.abs())) as f32;
            sum
        };
        let products: Vec<f64> = x.iter().zip(weight).map(|(x, w)| x.to_f64() * w.to_f64()).collect();
        let chunks = products.chunks(closed).map(|chunk| chunk.chunks(16).fold(0.0, block));
        chunks.fold(0.0, |total, sum| total + sum)
    }

    #[test]
    fn units_that_cut_off_are_right_because_their_sums_are_closed() {
        let k = 28672;
        let off_by = |x: &[f16], weight: &[f16], closed| {
            let products = x.iter().zip(weight).map(|(x, w)| x.to_f64() * w.to_f64());
            let (want, size) = products.fold((0.0, 0.0), |(sum, size), p| (sum + p, size + p.abs()));
            (f64::from(cut_off_sum(x, weight, closed)) - want).abs() / size
        };
        for seed in 1..9 {
            let (x, weight) = (painted(seed, 1, k, 1.0), painted(seed + 100, 1, k, 0.02));
            let got = f16::from_f32(cut_off_sum(&x, &weight, 1024));
            assert_eq!(is_near(got, sum(&x, &weight)), Ok(()), "seed {seed}");
            // What is closed drifts less than a twentieth of what is not, where all has one sign and drifts one way.
            let [x, weight] = [x, weight].map(|v| v.into_iter().map(|x| f16::from_f32(x.to_f32().abs())));
            let (x, weight): (Vec<f16>, Vec<f16>) = (x.collect(), weight.collect());
            let (closed, open) = (off_by(&x, &weight, 1024), off_by(&x, &weight, k));
            assert!(closed < 3e-5 && open > 20.0 * closed, "seed {seed}: {closed:e} and {open:e}");
        }
    }

    #[test]
    fn a_gate_that_is_another_rows_is_found() {
        let k = 28672;
        let (x, weight) = (painted(1, 1, k, 1.0), painted(2, 3, k, 0.02));
        let [gate, up, other] = [0, 1, 2].map(|row| sum(&x, &weight[row * k..][..k]));
        let left = |(gate, _): (f64, f64), (up, _): (f64, f64)| {
            let round = |x: f64| f16::from_f64(x).to_f64();
            let gate = round(gate);
            f16::from_f64(round(gate / (1.0 + (-gate).exp())) * round(up))
        };
        let want = gated(gate, up);
        assert_eq!(is_near(left(gate, up), want), Ok(()));
        for wrong in [left(up, gate), left(other, up), left(gate, other)] {
            assert!(is_near(wrong, want).is_err(), "{wrong} for {want:?}");
        }
    }

    #[test]
    fn a_sum_that_lacks_a_product_is_found() {
        let k = 28672;
        let (x, weight) = (painted(1, 1, k, 1.0), painted(2, 1, k, 0.02));
        let first = |n: usize| x[..n].iter().zip(&weight).map(|(x, w)| x.to_f32() * w.to_f32()).sum::<f32>();
        let held = |got: f32| is_near(f16::from_f32(got), sum(&x, &weight));
        assert_eq!(held(first(k)), Ok(()));
        // A tile of 16 values less.
        assert!(held(first(k - 16)).is_err());
        assert!(held(-first(k)).is_err());
        assert!(weight.iter().step_by(4).all(|w| w.to_f32().abs() < 6.2e-5), "subnormals are among them");
    }
}
