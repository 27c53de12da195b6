//! From `--backend`, `--adapter`, `--threads` to devices that hold the model.

use super::output::{advance, bar};
use super::{BackendArgs, BackendChoice};
use crate::error::ProverError;
use crate::gonka::backend::{Backend, CpuBackend, GpuBackend};
use pollster::block_on;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::Params;
use sphere_pow_core::identity::BlockHash;
use sphere_pow_cpu::gonka::{CpuOptions, weight_pool_with};
use sphere_pow_cpu::simd::SimdLevel;
use sphere_pow_gpu::{DeviceInfo, DeviceSelector, GpuOptions, devices};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The weight pool of `block`, with a progress bar.
pub(super) fn pool(
    params: &Params,
    block: &BlockHash,
    stop: &AtomicBool,
) -> Result<Arc<Vec<f16>>, ProverError> {
    let bar = bar("making the weight pool");
    let pool = weight_pool_with(params, block, &advance(&bar, stop)).ok_or(ProverError::Interrupted);
    bar.finish_and_clear();
    pool.map(Arc::new)
}

/// Every device that the arguments name, each holding the model.
///
/// # Errors
/// [`ProverError::NoDevice`] when none can be had, the device's own error when it was asked for by name.
pub(super) fn all(
    args: &BackendArgs,
    params: &Params,
    block: &BlockHash,
    stop: &AtomicBool,
) -> Result<Vec<Box<dyn Backend>>, ProverError> {
    let mut pool = None;
    let mut opened: Vec<Box<dyn Backend>> = Vec::new();
    let refused = each(args, |info| {
        if pool.is_none() {
            pool = Some(self::pool(params, block, stop)?);
        }
        let values = pool.as_ref().expect("made above");
        opened.push(Box::new(open_gpu(args, info, params, block, values, stop)?));
        Ok(())
    })?;
    if !opened.is_empty() {
        return Ok(opened);
    }
    if args.backend == BackendChoice::Gpu {
        return Err(ProverError::NoDevice { reason: format!("no usable GPU: {}", refused.join("; ")) });
    }
    let pool = match pool {
        Some(pool) => pool,
        None => self::pool(params, block, stop)?,
    };
    let options = CpuOptions { threads: args.threads, simd: None };
    Ok(vec![Box::new(CpuBackend::open(params, block, pool, options, args.batch)?)])
}

/// Opens every GPU that the arguments name with `open`, and says why which were refused. None for the CPU.
///
/// # Errors
/// The device's own when it was asked for by name, or on interruption.
pub(super) fn each(
    args: &BackendArgs,
    mut open: impl FnMut(&DeviceInfo) -> Result<(), ProverError>,
) -> Result<Vec<String>, ProverError> {
    let mut refused = Vec::new();
    for info in &choose(args)? {
        match open(info) {
            Ok(()) => {}
            Err(ProverError::Interrupted) => return Err(ProverError::Interrupted),
            // What was asked for by name must not go missing silently.
            Err(error) if !args.adapter.is_empty() => return Err(error),
            Err(error) => {
                tracing::warn!("{} is not used: {error}", info.name);
                refused.push(format!("{}: {error}", info.name));
            }
        }
    }
    Ok(refused)
}

/// The arguments with at most one adapter.
///
/// # Errors
/// [`ProverError::Argument`] when several were named.
pub(super) fn first_only(args: &BackendArgs) -> Result<BackendArgs, ProverError> {
    if args.adapter.len() > 1 {
        let (got, expected) = (args.adapter.join(", "), "one adapter for this command".into());
        return Err(ProverError::Argument { what: "--adapter", got, expected });
    }
    let mut first = args.clone();
    if first.adapter.is_empty() && first.backend != BackendChoice::Cpu {
        first.adapter = choose(args)?.iter().take(1).map(|info| info.index.to_string()).collect();
    }
    Ok(first)
}

/// The first device that the arguments name.
pub(super) fn one(
    args: &BackendArgs,
    params: &Params,
    block: &BlockHash,
    stop: &AtomicBool,
) -> Result<Box<dyn Backend>, ProverError> {
    Ok(all(&first_only(args)?, params, block, stop)?.swap_remove(0))
}

/// A path other than the one that mined: the CPU after a GPU; after the CPU, a GPU if only a software one, else the
/// CPU without its SIMD kernels.
pub(super) fn other_path(
    mined_on_gpu: bool,
    params: &Params,
    block: &BlockHash,
    stop: &AtomicBool,
) -> Result<Box<dyn Backend>, ProverError> {
    let args = BackendArgs {
        backend: BackendChoice::Cpu,
        adapter: vec![],
        threads: None,
        batch: None,
        memory: None,
    };
    let pool = pool(params, block, stop)?;
    if !mined_on_gpu {
        for info in block_on(devices()).iter().filter(|info| info.usable.is_ok()) {
            match open_gpu(&args, info, params, block, &pool, stop) {
                Ok(backend) => return Ok(Box::new(backend)),
                Err(ProverError::Interrupted) => return Err(ProverError::Interrupted),
                Err(error) => tracing::warn!("{} is not used: {error}", info.name),
            }
        }
    }
    let simd = (!mined_on_gpu).then_some(SimdLevel::Portable);
    let options = CpuOptions { threads: None, simd };
    Ok(Box::new(CpuBackend::open(params, block, pool, options, None)?))
}

/// The adapters to open, none for the CPU.
fn choose(args: &BackendArgs) -> Result<Vec<DeviceInfo>, ProverError> {
    if args.backend == BackendChoice::Cpu {
        return match args.adapter.first() {
            None => Ok(Vec::new()),
            Some(name) => {
                let expected = "no adapter with --backend cpu".into();
                Err(ProverError::Argument { what: "--adapter", got: name.clone(), expected })
            }
        };
    }
    if !args.adapter.is_empty() {
        let find = |name: &String| {
            let selector: DeviceSelector = name.parse().unwrap_or_else(|never| match never {});
            block_on(selector.find()).map_err(ProverError::from)
        };
        let mut found: Vec<DeviceInfo> = args.adapter.iter().map(find).collect::<Result<_, _>>()?;
        found.sort_by_key(|info| info.index);
        found.dedup_by_key(|info| info.index);
        return Ok(found);
    }
    let all = block_on(devices());
    let usable = |info: &&DeviceInfo| info.usable.is_ok();
    let hardware: Vec<DeviceInfo> =
        all.iter().filter(usable).filter(|info| !info.is_software()).cloned().collect();
    if !hardware.is_empty() {
        return Ok(one_of_each(hardware));
    }
    if args.backend == BackendChoice::Auto {
        let names: Vec<&str> = all.iter().map(|info| info.name.as_str()).collect();
        let there =
            if names.is_empty() { "no adapter at all".into() } else { format!("only {}", names.join(", ")) };
        tracing::info!("no hardware GPU here ({there}): using the CPU");
        return Ok(Vec::new());
    }
    let software = block_on(DeviceSelector::Best.find())?;
    tracing::warn!("no hardware GPU here: using the software driver {}", software.name);
    Ok(vec![software])
}

/// One entry for each physical device: Windows lists a GPU once for Vulkan and once for DX12.
fn one_of_each(mut all: Vec<DeviceInfo>) -> Vec<DeviceInfo> {
    let has_vulkan = all.iter().any(|info| info.backend == "vulkan");
    if has_vulkan {
        // performance: Vulkan is the faster way where both are there.
        all.retain(|info| info.backend != "dx12");
    }
    all
}

fn open_gpu(
    args: &BackendArgs,
    info: &DeviceInfo,
    params: &Params,
    block: &BlockHash,
    pool: &[f16],
    stop: &AtomicBool,
) -> Result<GpuBackend, ProverError> {
    let bar = bar(&format!("loading {}", info.name));
    let options = GpuOptions { batch: args.batch, ..GpuOptions::default() };
    let opened = GpuBackend::open(info, params, block, pool, options, &mut advance(&bar, stop));
    bar.finish_and_clear();
    opened
}
