//! Which variants of `linear` a device runs: the fastest, if they are exact on it.

use super::forward::Linears;
use super::kernels::linear::{self, Linear, Method, Operand, Shape, Variant};
use super::layout::TILE_COLUMNS;
use super::self_test;
use crate::cache::{self, CachePlace};
use crate::context::Gpu;
use crate::device::DeviceInfo;
use crate::error::GpuError;
use crate::matrix_tile::MatrixTile;
use crate::measure::{self, TELLING};
use crate::pace::Pace;
use crate::recorder::{Recorder, run};
use serde::{Deserialize, Serialize};
use sphere_pow_core::exact::ops::Requant;

/// The variants that a device was fastest with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    /// For many rows.
    wide: Variant,
    /// For few rows.
    flat: Variant,
}

/// What is chosen for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Only this method.
    pub method: Option<Method>,
    /// Whether there is memory for operands in f16.
    pub fits_f16: bool,
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
    let ahead = u32::from(!info.is_software());
    let tile = |method, (wg_x, wg_y, steps, k_vecs)| Variant { method, wg_x, wg_y, steps, k_vecs, ahead };
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
        (16, 2, 1, 1),
    ];
    let staged = Variant { ahead: 2, ..tile(Method::Dp4a, dp4a[0]) };
    let dp4a = dp4a.map(|sizes| tile(Method::Dp4a, sizes));
    let f32 = f32.map(|sizes| tile(Method::F32, sizes));
    let tiles = MatrixTile::for_device(info).into_iter().filter(|one| one.columns() <= TILE_COLUMNS);
    // Software that emulates them is faster without.
    let tiles = tiles.filter(|_| !info.is_software() || method.is_some());
    let coop = tiles.map(|one| {
        let method = if one.block == 16 { Method::Coop16 } else { Method::Coop8 };
        Variant { ahead: 1, ..tile(method, (one.threads(), 1, one.column_pairs, 2)) }
    });
    let fits = |v: &Variant| {
        method.is_none_or(|only| only == v.method)
            && v.threads() <= info.limits.workgroup_threads
            && v.workgroup_bytes() <= info.limits.workgroup_bytes as usize
    };
    coop.chain(dp4a).chain([staged]).chain(f32).filter(fits).collect()
}

/// The tiles that a software driver tries: 16 x 64 by 64 threads, and 64 x 64 by as many.
fn is_for_software(variant: &Variant) -> bool {
    let shape = (variant.wg_x, variant.wg_y, variant.steps);
    matches!(variant.method, Method::Coop8 | Method::Coop16) || [(16, 4, 1), (8, 8, 2)].contains(&shape)
}

/// Whether it tries `variant` first, one of a method: that which it compiles fast, and which yet tells methods apart. The
/// other tile of the best method comes next. (SwiftShader takes two seconds for dp4a's 64 x 64, which is half as fast on
/// it as f32's, while all 16 x 64 are about alike.)
fn is_scout(variant: &Variant) -> bool {
    is_for_software(variant)
        && match variant.method {
            Method::Dp4a => variant.steps == 1,
            Method::F32 => variant.steps == 2,
            Method::Coop8 | Method::Coop16 => true,
        }
}

/// A variant that compiles, and its rates at the rows of [`Wish::rows`].
struct Trial {
    linear: Linear,
    rates: [f64; 2],
}

/// What is found out about a device.
struct Search<'a> {
    gpu: &'a Gpu,
    wish: &'a Wish,
    /// Methods of which a variant did not compile or was not exact.
    out: Vec<Method>,
    /// Why they are.
    reasons: Vec<String>,
}

/// Compiles the variants of a device, takes the fastest and tests those; where one computes wrongly, its method is out
/// and the fastest of the others is taken. A software driver, which takes half a second for what a GPU's compiler does
/// in passing, tries few.
///
/// # Errors
/// [`GpuError::NoKernel`] when none is exact, else as the device fails.
pub async fn choose(gpu: &Gpu, wish: &Wish, pace: &mut Pace) -> Result<Linears, GpuError> {
    let fits = |variant: &Variant| wish.fits_f16 || variant.method.operand() == Operand::Int8;
    let all: Vec<Variant> = candidates(gpu.info(), wish.method).into_iter().filter(fits).collect();
    let key = key(gpu.info(), wish, &all);
    let mut search = Search { gpu, wish, out: Vec::new(), reasons: Vec::new() };
    if let Some(Choice { wide, flat }) = wish.cache.load(&key)
        && all.contains(&wide)
        && all.contains(&flat)
        && wide.method.operand() == flat.method.operand()
        && let Some(linears) = search.remembered(wide, flat).await?
    {
        return Ok(linears);
    }
    let all: Vec<Variant> = all.into_iter().filter(|v| !search.out.contains(&v.method)).collect();
    let mut trials = Vec::new();
    if gpu.info().is_software() {
        let scouts: Vec<Variant> = all.iter().copied().filter(is_scout).collect();
        search.measure(&scouts, pace, &mut trials).await?;
        if let Some([best, _]) = fastest(&speeds(&trials), &search.out) {
            let method = trials[best].linear.variant.method;
            let others = |v: &Variant| v.method == method && is_for_software(v) && !is_scout(v);
            let followers: Vec<Variant> = all.iter().copied().filter(others).collect();
            search.measure(&followers, pace, &mut trials).await?;
        }
    } else {
        search.measure(&all, pace, &mut trials).await?;
    }
    let mut out = std::mem::take(&mut search.out);
    let is_exact = async |ix: usize| search.is_exact(&trials[ix].linear).await;
    let Some([wide, flat]) = fastest_exact(&speeds(&trials), &mut out, is_exact).await? else {
        let Search { reasons, .. } = search;
        let reasons = if reasons.is_empty() { "it offers none".to_owned() } else { reasons.join("; ") };
        return Err(GpuError::NoKernel { name: gpu.info().name.clone(), reasons });
    };
    let [wide, flat] = [wide, flat].map(|ix| trials[ix].linear.clone());
    wish.cache.store(&key, &Choice { wide: wide.variant, flat: flat.variant });
    Ok(Linears { wide, flat })
}

impl Search<'_> {
    fn refuse(&mut self, variant: Variant, reason: &str) {
        tracing::warn!("{}: {variant} is not used: {reason}", self.gpu.info().name);
        self.reasons.push(format!("{variant}: {reason}"));
    }

    /// Those of `variants` that compile.
    async fn compile(&mut self, variants: &[Variant]) -> Result<Vec<Linear>, GpuError> {
        let jobs: Vec<_> = variants.iter().map(|variant| (variant.kernel(), variant.constants())).collect();
        let compiled = self.gpu.compile_kernels(&jobs, self.wish.checked).await;
        let mut out = Vec::new();
        for (variant, compiled) in variants.iter().zip(compiled) {
            match compiled {
                Ok(compiled) => out.push(Linear { variant: *variant, compiled }),
                Err(GpuError::Internal { reason, .. }) => {
                    self.refuse(*variant, &reason);
                    self.out.push(variant.method);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(out)
    }

    /// Whether a variant is exact.
    async fn is_exact(&mut self, linear: &Linear) -> Result<bool, GpuError> {
        let exact = self_test::linear_is_exact(self.gpu, linear).await?;
        if let Err(mismatch) = &exact {
            self.refuse(linear.variant, &mismatch.to_string());
        }
        Ok(exact.is_ok())
    }

    /// The variants of an earlier choice, if they compile and are exact.
    async fn remembered(&mut self, wide: Variant, flat: Variant) -> Result<Option<Linears>, GpuError> {
        let wanted = if wide == flat { vec![wide] } else { vec![wide, flat] };
        let linears = self.compile(&wanted).await?;
        if linears.len() < wanted.len() {
            return Ok(None);
        }
        for linear in &linears {
            if !self.is_exact(linear).await? {
                self.out.push(linear.variant.method);
                return Ok(None);
            }
        }
        Ok(Some(Linears { wide: linears[0].clone(), flat: linears[linears.len() - 1].clone() }))
    }

    /// Compiles and measures `variants`.
    async fn measure(
        &mut self,
        variants: &[Variant],
        pace: &mut Pace,
        trials: &mut Vec<Trial>,
    ) -> Result<(), GpuError> {
        // What else the machine does only ever slows a software driver down.
        let repeats = if self.gpu.info().is_software() { 3 } else { 1 };
        for linear in self.compile(variants).await? {
            let mut rates = [0.0; 2];
            for (rate_of, rows) in rates.iter_mut().zip(self.wish.rows) {
                for _ in 0..repeats {
                    *rate_of = rate(self.gpu, &linear, pace, rows, self.wish.dim).await?.max(*rate_of);
                }
                tracing::debug!("{}: {rows} rows at {rate_of:.3e}/s", linear.variant);
            }
            trials.push(Trial { linear, rates });
        }
        Ok(())
    }
}

/// Method and rates of each.
fn speeds(trials: &[Trial]) -> Vec<(Method, [f64; 2])> {
    trials.iter().map(|trial| (trial.linear.variant.method, trial.rates)).collect()
}

/// Places of the fastest, for many rows and for few, of those whose method is not `out`. Both read the same operands: weights are there
/// once.
fn fastest(speeds: &[(Method, [f64; 2])], out: &[Method]) -> Option<[usize; 2]> {
    let place = |by: usize, operand: Option<Operand>| {
        let left = (0..speeds.len()).filter(|ix| !out.contains(&speeds[*ix].0));
        let left = left.filter(|ix| operand.is_none_or(|one| one == speeds[*ix].0.operand()));
        left.max_by(|a, b| speeds[*a].1[by].total_cmp(&speeds[*b].1[by]))
    };
    let wide = place(0, None)?;
    Some([wide, place(1, Some(speeds[wide].0.operand()))?])
}

/// Places of the fastest that `is_exact` finds to be so. A method with a single variant that is not is out as a whole.
async fn fastest_exact(
    speeds: &[(Method, [f64; 2])],
    out: &mut Vec<Method>,
    mut is_exact: impl AsyncFnMut(usize) -> Result<bool, GpuError>,
) -> Result<Option<[usize; 2]>, GpuError> {
    let mut exact = Vec::new();
    'fastest: while let Some(picked) = fastest(speeds, out) {
        for ix in picked {
            if exact.contains(&ix) {
                continue;
            }
            if !is_exact(ix).await? {
                out.push(speeds[ix].0);
                continue 'fastest;
            }
            exact.push(ix);
        }
        return Ok(Some(picked));
    }
    Ok(None)
}

/// What a device and a model are remembered by.
fn key(info: &DeviceInfo, wish: &Wish, all: &[Variant]) -> String {
    let method = wish.method.map_or("any", Method::name);
    let checked = if wish.checked { " checked" } else { "" };
    let [wide, flat] = wish.rows;
    let device = cache::key(info, all.iter().map(|variant| variant.kernel().source));
    format!("exact, {device}: {wide} and {flat} x {} {method}{checked}", wish.dim)
}

/// Compiles a variant.
///
/// # Errors
/// [`GpuError::Internal`] when the driver refuses it.
pub async fn compile(gpu: &Gpu, variant: Variant, checked: bool) -> Result<Linear, GpuError> {
    let compiled = gpu.compile_kernel(variant.kernel(), &variant.constants(), checked).await?;
    Ok(Linear { variant, compiled })
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
    let bytes = |rows: usize| (rows * dim * linear.variant.method.operand().bytes()) as u64;
    let (x, weight) = (gpu.buffer("x", bytes(padded)), gpu.buffer("weight", bytes(dim)));
    let out = gpu.buffer("out", (padded * dim) as u64);
    let requant = Requant::Int8;
    let shape =
        Shape { rows, k: dim, columns: dim, weight_first: 0, first_column: 0, out_stride: dim, requant };
    // Some drivers compile a kernel when it is first run.
    let once = Shape { rows: rows.min(linear.variant.rows()), ..shape };
    run(gpu, |recorder| linear::record(recorder, linear, [&x, &weight, &out], once)).await?;
    let cost = 2.0 * rows as f64 * dim as f64 * dim as f64;
    let again = |recorder: &mut Recorder<'_>| linear::record(recorder, linear, [&x, &weight, &out], shape);
    Ok(cost * measure::rate(gpu, pace, TELLING, again).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DeviceLimits, MatrixUnits};

    #[test]
    fn the_fastest_are_tested_and_one_that_is_wrong_disables_its_method() {
        use Method::{Dp4a, F32};
        let speeds = [(Dp4a, [9.0, 2.0]), (Dp4a, [1.0, 8.0]), (F32, [3.0, 1.0]), (F32, [2.0, 0.0])];
        let try_with = |wrong: &[usize], out: &[Method]| {
            let (mut tested, mut out) = (Vec::new(), out.to_vec());
            let is_exact = async |ix| {
                tested.push(ix);
                Ok(!wrong.contains(&ix))
            };
            let picked =
                pollster::block_on(fastest_exact(&speeds, &mut out, is_exact)).expect("no device fails");
            (picked, tested)
        };
        assert_eq!(try_with(&[], &[]), (Some([0, 1]), vec![0, 1]));
        // What is not used need not be right.
        assert_eq!(try_with(&[3], &[]), (Some([0, 1]), vec![0, 1]));
        assert_eq!(try_with(&[1], &[]), (Some([2, 2]), vec![0, 1, 2]));
        assert_eq!(try_with(&[0], &[]), (Some([2, 2]), vec![0, 2]));
        assert_eq!(try_with(&[0, 2], &[]), (None, vec![0, 2]));
        assert_eq!(try_with(&[], &[Dp4a]), (Some([2, 2]), vec![2]));
        let lost = GpuError::NoAdapter;
        let failing = async |_| Err::<bool, _>(lost.clone());
        assert_eq!(pollster::block_on(fastest_exact(&speeds, &mut Vec::new(), failing)), Err(lost.clone()));
    }

    #[test]
    fn both_variants_read_what_the_one_for_many_rows_reads() {
        use Method::{Coop16, Dp4a};
        let speeds = [(Dp4a, [3.0, 9.0]), (Coop16, [8.0, 1.0]), (Coop16, [7.0, 2.0])];
        assert_eq!(fastest(&speeds, &[]), Some([1, 2]));
        assert_eq!(fastest(&speeds, &[Coop16]), Some([0, 0]));
        let speeds = [(Dp4a, [3.0, 1.0]), (Coop16, [2.0, 5.0])];
        assert_eq!(fastest(&speeds, &[]), Some([0, 0]));
    }

    #[test]
    fn a_software_driver_tries_one_variant_of_a_method_and_one_more_of_the_best() {
        let limits = DeviceLimits::new(&wgpu::Limits::default());
        let info = |matrix_units| DeviceInfo {
            index: 0,
            name: "pipe".into(),
            pci_address: None,
            uuid: None,
            backend: "vulkan".into(),
            driver: String::new(),
            device_type: "cpu",
            memory_bytes: None,
            limits: DeviceLimits { workgroup_bytes: 32 << 10, ..limits },
            matrix_units,
            usable: Ok(()),
        };
        let tried = |info: &DeviceInfo| {
            let few: Vec<Variant> = candidates(info, None).into_iter().filter(is_for_software).collect();
            for method in [Method::Dp4a, Method::F32] {
                let of = few.iter().filter(|v| v.method == method);
                assert_eq!(of.map(|v| (v.rows(), v.columns())).collect::<Vec<_>>(), [(64, 64), (16, 64)]);
            }
            few.iter().filter(|v| is_scout(v)).map(|v| v.method).collect::<Vec<_>>()
        };
        assert_eq!(tried(&info(None)), [Method::Dp4a, Method::F32]);
        let units = MatrixUnits { block: 8, subgroup_threads: 16 };
        assert_eq!(tried(&info(Some(units))), [Method::Dp4a, Method::F32]);
        assert!(
            candidates(&info(Some(units)), Some(Method::Coop8)).iter().all(is_scout),
            "where they are asked for"
        );
    }
}
