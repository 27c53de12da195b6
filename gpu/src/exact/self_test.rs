//! What a kernel must compute rightly, to the bit, before it is used on a device.

use super::forward::{Linears, Model};
use super::kernels::Kernels;
use super::kernels::linear::{self, Linear, Shape};
use super::layout::{Layout, WeightPlace};
use crate::context::Gpu;
use crate::device::DeviceInfo;
use crate::error::GpuError;
use crate::pace::Pace;
use crate::recorder::{Recorder, run};
use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::ops::{self, Requant};
use sphere_pow_core::exact::params::RawParams;
use sphere_pow_core::exact::{Params, Preset, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use std::ops::ControlFlow;

/// The first value that a kernel got wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {got}, expected {expected}")]
pub struct Mismatch {
    /// Which value.
    pub what: String,
    /// As the device computed it.
    pub got: i32,
    /// As the twin did.
    pub expected: i32,
}

impl Mismatch {
    /// As the fault of a device.
    #[must_use]
    pub fn on(self, info: &DeviceInfo) -> GpuError {
        let (got, expected) = (self.got.to_string(), self.expected.to_string());
        GpuError::SelfTest { name: info.name.clone(), what: self.what, got, expected }
    }
}

/// The first difference between what a device computed and what its twin did.
///
/// # Errors
/// [`Mismatch`], also when the lengths differ.
pub fn compare(what: &str, got: &[i32], expected: &[i32]) -> Result<(), Mismatch> {
    let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    if got.len() != expected.len() {
        let what = format!("the length of {what}");
        return Err(Mismatch { what, got: number(got.len()), expected: number(expected.len()) });
    }
    match got.iter().zip(expected).position(|(got, expected)| got != expected) {
        None => Ok(()),
        Some(at) => {
            Err(Mismatch { what: format!("{what}, value {at},"), got: got[at], expected: expected[at] })
        }
    }
}

/// Values of a linear congruential sequence, `-bound..=bound`.
#[must_use]
pub fn paint(mut seed: u32, n: usize, bound: i8) -> Vec<i8> {
    let span = 2 * u32::from(bound.unsigned_abs()) + 1;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let value = i64::from((seed >> 16) % span) - i64::from(bound);
        i8::try_from(value).expect("within the bound")
    };
    (0..n).map(|_| next()).collect()
}

/// Rows that drive sums to their bounds: all positive, all negative, turning every value and every chunk of 2048,
/// and then random values of the largest size.
#[must_use]
pub fn extremes(rows: usize, k: usize, bound: i8) -> Vec<i8> {
    let random = paint(7, rows * k, 1);
    let sign = |row: usize, i: usize| match row % 8 {
        0 => true,
        1 => false,
        2 => i.is_multiple_of(2),
        3 => (i / 2048).is_multiple_of(2),
        4 => i < k / 2,
        _ => random[row * k + i] > 0,
    };
    let value = |i: usize| if sign(i / k, i % k) { bound } else { -bound };
    (0..rows * k).map(value).collect()
}

/// Sums of a `linear` variant as it leaves them, `[rows, columns]`.
///
/// # Shapes
/// - `x`: `[rows, k]`; `weight`: `[columns, k]`, columns in whole tiles.
///
/// # Errors
/// As the device fails.
pub async fn linear_on_device(
    gpu: &Gpu,
    linear: &Linear,
    x: &[i8],
    weight: &[i8],
    k: usize,
    requant: Requant,
) -> Result<Vec<i32>, GpuError> {
    let (rows, columns) = (x.len() / k, weight.len() / k);
    let padded = rows.next_multiple_of(linear.variant.rows());
    let value_bytes = match requant {
        Requant::Int8 => 1,
        Requant::Branch => 2,
        Requant::Raw => 4,
    };
    let operand = linear.variant.method.operand();
    let device_x = gpu.buffer("x", (padded * k * operand.bytes()) as u64);
    // The weights begin 64 values into their buffer.
    let device_weight = gpu.buffer("weight", ((64 + columns * k) * operand.bytes()) as u64);
    let out = gpu.buffer("out", (padded * columns * value_bytes) as u64);
    gpu.write(&device_x, 0, &operand.store(x));
    gpu.write(&device_weight, 64 * operand.bytes() as u64, &operand.store(weight));
    let shape = Shape { rows, k, columns, weight_first: 64, first_column: 0, out_stride: columns, requant };
    run(gpu, |recorder| linear::record(recorder, linear, [&device_x, &device_weight, &out], shape)).await?;
    let bytes = gpu.read(&out, (rows * columns * value_bytes) as u64).await?;
    Ok(match requant {
        Requant::Int8 => bytes.iter().map(|b| i32::from(b.cast_signed())).collect(),
        Requant::Branch => {
            bytemuck::pod_collect_to_vec::<u8, i16>(&bytes).into_iter().map(i32::from).collect()
        }
        Requant::Raw => bytemuck::pod_collect_to_vec(&bytes),
    })
}

/// What [`linear_on_device`] must give.
#[must_use]
pub fn linear_on_twin(x: &[i8], weight: &[i8], k: usize, requant: Requant) -> Vec<i32> {
    let mut acc = vec![0; x.len() / k * (weight.len() / k)];
    ops::linear(x, weight, k, &mut acc);
    for acc in &mut acc {
        *acc = requant.apply(*acc, k);
        if requant == Requant::Branch {
            // What is stored is 16 bits wide; the norm that reads it clamps to ±1023.
            *acc = (*acc).clamp(-32767, 32767);
        }
    }
    acc
}

/// Holds a `linear` variant to the twin: sums at their bounds over the longest k there is, and random tiles of
/// every way to leave.
///
/// # Errors
/// As the device fails; the inner error is the first wrong value.
pub async fn linear_is_exact(gpu: &Gpu, linear: &Linear) -> Result<Result<(), Mismatch>, GpuError> {
    let (rows, columns) = (linear.variant.rows(), linear.variant.columns());
    let mut checks = Vec::new();
    for k in [2048, 16_384] {
        checks.push((
            format!("extremes over {k}"),
            extremes(rows, k, 127),
            extremes(columns, k, 46),
            k,
            Requant::Raw,
        ));
    }
    // Rows and columns that take more than one tile, the last row tile not full; of the longest a part of one.
    let [more_rows, more_columns] = [rows + 1, 2 * columns];
    for (k, requant, rows, columns) in [
        (64, Requant::Int8, more_rows, more_columns),
        (256, Requant::Raw, more_rows, more_columns),
        (1024, Requant::Branch, more_rows, more_columns),
        (4096, Requant::Int8, rows - 1, columns),
    ] {
        let x = paint(u32::try_from(k).expect("small"), rows * k, 127);
        let weight = paint(11, columns * k, 46);
        checks.push((format!("random tiles over {k}"), x, weight, k, requant));
    }
    for (what, x, weight, k, requant) in checks {
        let got = linear_on_device(gpu, linear, &x, &weight, k, requant).await?;
        let compared = compare(&what, &got, &linear_on_twin(&x, &weight, k, requant));
        if compared.is_err() {
            return Ok(compared);
        }
    }
    Ok(Ok(()))
}

/// Sizes that meet every op in awkward shapes: odd positions, heads, layers and logits.
#[must_use]
pub fn odd_params() -> Params {
    let raw = RawParams {
        dim: 256,
        heads: 4,
        hidden: 64,
        layers: 2,
        tokens: 5,
        vocab: 83,
        ..Preset::Nano.params().raw()
    };
    Params::new(&raw).expect("valid sizes")
}

/// Holds whole forward passes to the reference executor: three nonces, weights and inputs made on the device.
///
/// # Errors
/// As the device fails; the inner error is the first wrong logit.
pub async fn forward_is_exact(
    gpu: &Gpu,
    kernels: &Kernels,
    linears: &Linears,
) -> Result<Result<(), Mismatch>, GpuError> {
    let params = odd_params();
    let puzzle = Puzzle::new(&params, &BlockHash::new("self-test").expect("a hash"));
    let key = PublicKey::new("self-test").expect("a key");
    let nonces: Vec<Nonce> = ["0", "1", "4294967299"].map(|n| n.parse().expect("a nonce")).to_vec();
    let limits = (gpu.info().name.as_str(), &gpu.info().limits);
    let layout = Layout::new(&params, kernels.operand(), limits, None)?;
    let model = Model::new(gpu, &puzzle, layout, WeightPlace::Streamed, nonces.len());
    let inputs_key = puzzle.inputs_key(&key);
    let (mut pace, mut progress) = (Pace::default(), |_| ControlFlow::Continue(()));
    let mut recorder = Recorder::new(gpu, &mut pace, 1.0, &mut progress);
    model.record(&mut recorder, kernels, linears, &inputs_key, &nonces, None).await?;
    recorder.finish().await?;
    let (stride, vocab) = (model.logits_stride(), params.vocab());
    let bytes = gpu.read(model.logits(), (nonces.len() * stride * 4) as u64).await?;
    let padded: Vec<i32> = bytemuck::pod_collect_to_vec(&bytes);
    let got: Vec<i32> = padded.chunks_exact(stride).flat_map(|row| &row[..vocab]).copied().collect();
    let expected = ReferenceExecutor::new(&puzzle).logits(&key, &nonces);
    Ok(compare("logits of the self-test", &got, &expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_wrong_value_is_found() {
        let expected = linear_on_twin(&extremes(8, 2048, 127), &extremes(8, 2048, 46), 2048, Requant::Raw);
        assert_eq!((expected[0], expected[1]), (127 * 46 * 2048, -127 * 46 * 2048));
        let mut got = expected.clone();
        assert_eq!(compare("x", &got, &expected), Ok(()));
        got[17] += 1;
        let mismatch = compare("x", &got, &expected).expect_err("a planted fault");
        assert_eq!((mismatch.got, mismatch.expected), (got[17], expected[17]));
        assert!(compare("x", &got[1..], &expected).is_err());
    }
}
