//! What a device must compute rightly before it is used.

use super::forward::Model;
use super::kernels::{KernelOptions, Kernels, narrow_all, widen_all};
use super::layout::Layout;
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

/// Compiles the kernels with `options`, and anew if the device turns out not to unpack f16 exactly; runs the known
/// answers.
///
/// # Errors
/// [`GpuError::SelfTest`] with the first wrong value, else as the device fails.
pub async fn prepare(gpu: &Gpu, options: KernelOptions) -> Result<Kernels, GpuError> {
    let mut kernels = Kernels::new(gpu, options).await?;
    if options.native_unpack && widens_exactly(gpu, &kernels).await?.is_err() {
        kernels = Kernels::new(gpu, KernelOptions { native_unpack: false, ..options }).await?;
        let exact = widens_exactly(gpu, &kernels).await?;
        exact.map_err(|(what, got, expected)| wrong(gpu, what, &got, &expected))?;
    }
    narrows_exactly(gpu, &kernels).await?;
    known_answers(gpu, &kernels, &known_answer::DISTANCES[..KNOWN]).await?;
    Ok(kernels)
}

fn wrong(gpu: &Gpu, what: String, got: &impl ToString, expected: &impl ToString) -> GpuError {
    let (got, expected) = (got.to_string(), expected.to_string());
    GpuError::SelfTest { name: gpu.info().name.clone(), what, got, expected }
}

/// Converts `x` on the device.
///
/// # Errors
/// As the device fails.
pub async fn widen(gpu: &Gpu, kernels: &Kernels, x: &[f16]) -> Result<Vec<f32>, GpuError> {
    assert!(x.len().is_multiple_of(2), "pairs");
    let (from, to) = (gpu.buffer("x", x.len() as u64 * 2), gpu.buffer("out", x.len() as u64 * 4));
    gpu.write(&from, 0, bytemuck::cast_slice(x));
    run(gpu, |recorder| widen_all::record(recorder, kernels, [&from, &to], x.len() / 2)).await?;
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
async fn widens_exactly(gpu: &Gpu, kernels: &Kernels) -> Result<Result<(), (String, f32, f32)>, GpuError> {
    let all: Vec<f16> = (0..=u16::MAX).map(f16::from_bits).collect();
    let got = widen(gpu, kernels, &all).await?;
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
