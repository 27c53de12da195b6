//! What a device must compute rightly, to the bit, before it trains: steps of core's.

use super::kernels::product::{Method, Shape, Sides};
use super::kernels::{Kernels, Pass};
use super::trainer::{GpuTrainer, GpuTrainerOptions};
use crate::context::Gpu;
use crate::error::GpuError;
use crate::measure::{self, TELLING};
use crate::pace::Pace;
use crate::recorder::{self, Recorder};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::params::RawParams;
use sphere_pow_core::train::{Lane, Params, Plain, Preset, Run, State, Text};
use std::ops::ControlFlow;

/// Sizes that fill no tile and no workgroup.
#[must_use]
pub fn odd_params() -> Params {
    let raw = RawParams {
        dim: 64,
        heads: 4,
        hidden: 80,
        context: 16,
        vocab: 48,
        batch: 80,
        ..Preset::Tiny.params().raw().clone()
    };
    Params::new(&raw).expect("valid sizes")
}

/// A run of sizes over a text that is made for it.
#[must_use]
pub fn run_of(params: &Params) -> Run {
    let bytes: Vec<u8> = (0_u32..40_000).map(|ix| b'0' + (ix * ix * 7 % 31) as u8).collect();
    Run::new(params, Text::new(params, &bytes).expect("a text that is long enough"))
}

/// The first difference between two states, with what it is of: got, expected.
#[must_use]
pub fn difference(got: &State, expected: &State) -> Option<(String, i32, i32)> {
    for (number, (got, want)) in got.tensors.iter().zip(&expected.tensors).enumerate() {
        let own = [got.exponent];
        let parts = [
            ("exponent", &own[..], &[want.exponent][..]),
            ("first moment", &got.first, &want.first),
            ("root", &got.root, &want.root),
            ("parameter", &got.theta, &want.theta),
        ];
        for (what, got, want) in parts {
            if let Some(at) = (0..want.len()).find(|at| got.get(*at) != Some(&want[*at])) {
                let got = got.get(at).copied().unwrap_or(i32::MIN);
                return Some((format!("{what} {at} of tensor {number}"), got, want[at]));
            }
        }
    }
    None
}

/// Holds two steps of a small model to core's.
async fn is_exact(gpu: Gpu, kernels: Kernels) -> Result<(Gpu, Kernels, Result<(), String>), GpuError> {
    let params = odd_params();
    let run = run_of(&params);
    let lane = Lane { round: 0, lane: 1, seed: [7; 32] };
    let mut want = State::start(&params, &Agreed::fresh(&params, run.id()).theta);
    let mut got = want.clone();
    let mut trainer = GpuTrainer::untested(gpu, kernels, &params);
    let loss = trainer.steps(&run, &lane, 0..2, &mut got, &mut |_| ControlFlow::Continue(())).await?;
    let expected: i64 = (0..2).map(|step| run.step(&Plain, &lane, step, &mut want)).sum();
    let verdict = match difference(&got, &want) {
        Some((what, got, want)) => Err(format!("{what} is {got}, expected {want}")),
        None if loss != expected => Err(format!("the loss is {loss}, expected {expected}")),
        None => Ok(()),
    };
    let (gpu, kernels) = trainer.into_parts();
    Ok((gpu, kernels, verdict))
}

/// Operations per second of a product back through a layer.
async fn rate(gpu: &Gpu, kernels: &Kernels, pace: &mut Pace) -> Result<f64, GpuError> {
    let [rows, columns, k] = [1024, 512, 512];
    let shape = Shape::plain(Sides::Through, [rows, columns, k]);
    let buffer = |bytes: usize| gpu.buffer("product", bytes as u64);
    let (a, b, out) = (buffer(2 * rows * k), buffer(columns * k), buffer(4 * rows * columns));
    let product = |recorder: &mut Recorder<'_>, shape: &Shape| {
        Pass { recorder, kernels }.product(Sides::Through, [&a, &b, &out], None, shape)
    };
    // Some drivers compile a kernel when it is first run.
    let small = Shape::plain(Sides::Through, [64, columns, k]);
    recorder::run(gpu, |recorder| product(recorder, &small)).await?;
    let again = |recorder: &mut Recorder<'_>| product(recorder, &shape);
    Ok((4 * rows * columns * k) as f64 * measure::rate(gpu, pace, TELLING, again).await?)
}

/// The kernels with the faster way to multiply that is exact.
///
/// # Errors
/// [`GpuError::NoKernel`] when none is, else as the device fails.
pub(super) async fn choose(
    mut gpu: Gpu,
    options: GpuTrainerOptions,
    pace: &mut Pace,
) -> Result<(Gpu, Kernels), GpuError> {
    let name = gpu.info().name.clone();
    let mut reasons = Vec::new();
    let mut trials = Vec::new();
    for method in Method::ALL.into_iter().filter(|method| options.method.is_none_or(|only| only == *method)) {
        match Kernels::new(&gpu, method, options.checked).await {
            Ok(kernels) => {
                let rate = if options.method.is_some() { 0.0 } else { rate(&gpu, &kernels, pace).await? };
                tracing::debug!("{name}: {} at {rate:.3e}/s", method.name());
                trials.push((rate, kernels));
            }
            Err(GpuError::Internal { reason, .. }) => reasons.push(format!("{}: {reason}", method.name())),
            Err(error) => return Err(error),
        }
    }
    trials.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    for (_, kernels) in trials {
        let method = kernels.method().name();
        let (back, kernels, verdict) = is_exact(gpu, kernels).await?;
        gpu = back;
        match verdict {
            Ok(()) => return Ok((gpu, kernels)),
            Err(reason) => {
                tracing::warn!("{name}: {method} is not used: {reason}");
                reasons.push(format!("{method}: {reason}"));
            }
        }
    }
    Err(GpuError::NoKernel { name, reasons: reasons.join("; ") })
}
