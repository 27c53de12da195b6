//! Which variants of `linear` a device runs: those that are exact on it, and of these the fastest.

use super::cache::{CachePlace, Choice};
use super::forward::Linears;
use super::kernels::linear::{self, Linear, Method, Shape, Variant};
use super::self_test;
use crate::context::Gpu;
use crate::device::{DeviceInfo, MatrixUnits};
use crate::error::GpuError;
use crate::pace::Pace;
use crate::recorder::Recorder;
use sphere_pow_core::exact::ops::Requant;
use std::ops::ControlFlow;
use std::time::Duration;
use web_time::Instant;

/// A measurement that takes this long is believed.
const TELLING: Duration = Duration::from_millis(15);
/// Repetitions after which a measurement is believed anyway.
const MAX_REPEATS: u32 = 1024;

/// What is chosen for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Only this method.
    pub method: Option<Method>,
    /// Keep wgpu's bounds checks.
    pub checked: bool,
    /// Where choices are remembered.
    pub cache: CachePlace,
    /// Rows of most products, and of those in the last layer.
    pub rows: [usize; 2],
    /// Inputs and outputs of most products.
    pub dim: usize,
}

/// The variants that `info` could run, if they turn out exact.
#[must_use]
pub fn candidates(info: &DeviceInfo, method: Option<Method>) -> Vec<Variant> {
    let tile = |method, (wg_x, wg_y, steps, k_vecs)| Variant { method, wg_x, wg_y, steps, k_vecs };
    let dp4a = [
        (8, 16, 2, 4),
        (8, 8, 2, 4),
        (16, 16, 1, 4),
        (16, 8, 1, 4),
        (8, 8, 1, 4),
        (16, 4, 1, 4),
        (16, 2, 1, 4),
    ];
    let f32 = [
        (8, 16, 2, 1),
        (8, 8, 2, 2),
        (16, 16, 1, 2),
        (16, 8, 1, 2),
        (8, 8, 1, 2),
        (16, 4, 1, 2),
        (16, 2, 1, 2),
    ];
    let dp4a = dp4a.map(|sizes| tile(Method::Dp4a, sizes));
    let f32 = f32.map(|sizes| tile(Method::F32, sizes));
    let coop = info.matrix_units.and_then(|MatrixUnits { block, subgroup_threads }| {
        let method = if block == 16 { Method::Coop16 } else { Method::Coop8 };
        // Fewer than 64 threads would hold more sums each than the kernel has room for.
        let known = matches!(block, 8 | 16) && (16..=64).contains(&subgroup_threads);
        known.then(|| tile(method, (4 * subgroup_threads, 1, 1, 2)))
    });
    let fits = |v: &Variant| {
        method.is_none_or(|only| only == v.method)
            && v.threads() <= info.limits.workgroup_threads
            && v.workgroup_bytes() <= info.limits.workgroup_bytes as usize
    };
    coop.into_iter().chain(dp4a).chain(f32).filter(fits).collect()
}

/// Compiles and tests the variants of a device and takes the fastest.
///
/// # Errors
/// [`GpuError::NoKernel`] when none is exact, else as the device fails.
pub async fn choose(gpu: &Gpu, wish: &Wish, pace: &mut Pace) -> Result<Linears, GpuError> {
    let all = candidates(gpu.info(), wish.method);
    let key = key(gpu.info(), wish);
    let mut reasons = Vec::new();
    if let Some(Choice { wide, flat }) = wish.cache.load(&key)
        && all.contains(&wide)
        && all.contains(&flat)
    {
        let wide = ready(gpu, wide, wish.checked, &mut reasons).await?;
        let flat = ready(gpu, flat, wish.checked, &mut reasons).await?;
        if let (Some(wide), Some(flat)) = (wide, flat) {
            return Ok(Linears { wide, flat });
        }
    }
    let mut left =
        exact_ones(&all, async |variant| ready(gpu, variant, wish.checked, &mut reasons).await).await?;
    if left.is_empty() {
        let reasons = if reasons.is_empty() { "it offers none".to_owned() } else { reasons.join("; ") };
        return Err(GpuError::NoKernel { name: gpu.info().name.clone(), reasons });
    }
    let wide = fastest(gpu, &left, pace, wish.rows[0], wish.dim).await?;
    let flat = fastest(gpu, &left, pace, wish.rows[1], wish.dim).await?;
    wish.cache.store(&key, Choice { wide: left[wide].variant, flat: left[flat].variant });
    let flat_one =
        if wide == flat { compile(gpu, left[wide].variant, wish.checked).await? } else { left.remove(flat) };
    let wide = left.swap_remove(wide - usize::from(flat < wide));
    Ok(Linears { wide, flat: flat_one })
}

/// Place in `all` of the fastest at `rows` rows.
async fn fastest(
    gpu: &Gpu,
    all: &[Linear],
    pace: &mut Pace,
    rows: usize,
    dim: usize,
) -> Result<usize, GpuError> {
    let mut best = (0, 0.0);
    for (ix, linear) in all.iter().enumerate() {
        let rate = rate(gpu, linear, pace, rows, dim).await?;
        tracing::debug!("{}: {rows} rows at {rate:.3e}/s", linear.variant);
        if rate > best.1 {
            best = (ix, rate);
        }
    }
    Ok(best.0)
}

/// What a device and a model are remembered by.
fn key(info: &DeviceInfo, wish: &Wish) -> String {
    let method = wish.method.map_or("any", Method::name);
    let checked = if wish.checked { " checked" } else { "" };
    let [wide, flat] = wish.rows;
    format!(
        "{} {} {}: {wide} and {flat} x {} {method}{checked}",
        info.name, info.backend, info.driver, wish.dim
    )
}

/// Those of `all` that `ready` finds exact. A method with a single variant that is not exact is out as a whole.
async fn exact_ones<T>(
    all: &[Variant],
    mut ready: impl AsyncFnMut(Variant) -> Result<Option<T>, GpuError>,
) -> Result<Vec<T>, GpuError> {
    let mut out: Vec<(Method, T)> = Vec::new();
    let mut disabled = Vec::new();
    for variant in all {
        if disabled.contains(&variant.method) {
            continue;
        }
        match ready(*variant).await? {
            Some(one) => out.push((variant.method, one)),
            None => disabled.push(variant.method),
        }
    }
    out.retain(|(method, _)| !disabled.contains(method));
    Ok(out.into_iter().map(|(_, one)| one).collect())
}

/// Compiles a variant.
///
/// # Errors
/// [`GpuError::Internal`] when the driver refuses it.
pub async fn compile(gpu: &Gpu, variant: Variant, checked: bool) -> Result<Linear, GpuError> {
    let compiled = gpu.compile_kernel(variant.kernel(), &variant.constants(), checked).await?;
    Ok(Linear { variant, compiled })
}

/// A variant that compiles and is exact; else `None`, and the reason goes to `reasons`.
async fn ready(
    gpu: &Gpu,
    variant: Variant,
    checked: bool,
    reasons: &mut Vec<String>,
) -> Result<Option<Linear>, GpuError> {
    let reason = match compile(gpu, variant, checked).await {
        Ok(linear) => match self_test::linear_is_exact(gpu, &linear).await? {
            Ok(()) => return Ok(Some(linear)),
            Err(mismatch) => mismatch.to_string(),
        },
        Err(GpuError::Internal { reason, .. }) => reason,
        Err(error) => return Err(error),
    };
    tracing::warn!("{}: {variant} is not used: {reason}", gpu.info().name);
    reasons.push(format!("{variant}: {reason}"));
    Ok(None)
}

/// Operations per second of `[rows, dim] x [dim, dim]`.
///
/// # Errors
/// As the device fails.
pub async fn rate(
    gpu: &Gpu,
    linear: &Linear,
    pace: &mut Pace,
    rows: usize,
    dim: usize,
) -> Result<f64, GpuError> {
    let padded = rows.next_multiple_of(linear.variant.rows());
    let bytes = |rows: usize| (rows * dim) as u64;
    let (x, weight) = (gpu.buffer("x", bytes(padded)), gpu.buffer("weight", bytes(dim)));
    let out = gpu.buffer("out", bytes(padded));
    let requant = Requant::Int8;
    let shape =
        Shape { rows, k: dim, columns: dim, weight_first: 0, first_column: 0, out_stride: dim, requant };
    let cost = 2.0 * rows as f64 * dim as f64 * dim as f64;
    let mut repeats = 1;
    loop {
        let mut go_on = |_| ControlFlow::Continue(());
        let mut recorder = Recorder::new(gpu, pace, 1.0, &mut go_on);
        let since = Instant::now();
        for _ in 0..repeats {
            linear::record(&mut recorder, linear, [&x, &weight, &out], shape)?;
            recorder.catch_up().await?;
        }
        recorder.finish().await?;
        let time = since.elapsed();
        if time >= TELLING || repeats >= MAX_REPEATS {
            return Ok(cost * f64::from(repeats) / time.as_secs_f64());
        }
        repeats *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_variant_disables_its_method() {
        let variant = |method, wg_y| Variant { method, wg_x: 16, wg_y, steps: 1, k_vecs: 1 };
        let all = [variant(Method::Dp4a, 4), variant(Method::Dp4a, 8), variant(Method::F32, 4)];
        let exact = pollster::block_on(exact_ones(&all, async |v| Ok((v != all[1]).then_some(v))));
        assert_eq!(exact, Ok(vec![all[2]]));
        assert_eq!(pollster::block_on(exact_ones(&all, async |_| Ok(None::<Variant>))), Ok(vec![]));
        let lost = GpuError::NoAdapter;
        let failing = exact_ones(&all, async |_| Err::<Option<Variant>, _>(lost.clone()));
        assert_eq!(pollster::block_on(failing), Err(lost.clone()));
    }
}
