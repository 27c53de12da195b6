//! From an adapter to an executor: opened, tested, with sizes chosen and the model on it.

use super::choose::{Wish, choose};
use super::executor::{GpuExecutor, GpuOptions};
use super::forward::Model;
use super::kernels::{KernelOptions, Kernels};
use super::layout::{Layout, READBACKS, slot_bytes};
use super::pool::{DevicePool, PoolSource};
use super::tune::Sizes;
use crate::Progress;
use crate::cache::CachePlace;
use crate::context::Gpu;
use crate::device::{DeviceInfo, MatrixUnits};
use crate::error::GpuError;
use crate::pace::Pace;
use crate::readback::Readback;
use sphere_pow_core::gonka::plan::Slot;
use sphere_pow_core::gonka::{Params, known_answer};
use sphere_pow_core::identity::BlockHash;
use std::num::NonZeroUsize;

/// A device that has shown that it computes rightly with the kernels and sizes a model will run by, before there is a
/// pool: where the device fails, making one would be a waste.
#[derive(Debug)]
pub struct Prepared {
    gpu: Gpu,
    kernels: Kernels,
    pace: Pace,
    params: Params,
    layout: Layout,
    batch: usize,
    options: GpuOptions,
}

/// How many nonces at once.
#[derive(Clone, Copy, Debug)]
enum Batch {
    /// Exactly so many.
    Fixed(usize),
    /// As many as take about a second, at most so many.
    UpTo(usize),
}

impl Prepared {
    /// Opens the device and makes it pass its self-tests.
    ///
    /// # Errors
    /// Any [`GpuError`]; [`GpuError::SelfTest`] when the device computes wrongly.
    pub async fn new(info: &DeviceInfo, params: &Params, options: GpuOptions) -> Result<Self, GpuError> {
        let layout = Layout::new(params, &info.name, &info.limits, options.max_binding_bytes)?;
        let batch = choose_batch(info, params, &layout, options)?;
        Self::open(info, params, layout, batch, options).await
    }

    async fn open(
        info: &DeviceInfo,
        params: &Params,
        layout: Layout,
        batch: Batch,
        options: GpuOptions,
    ) -> Result<Self, GpuError> {
        if info.matrix_units.is_some() && options.matrix_units != Some(false) {
            match Self::open_with(info, params, layout.clone(), batch, options).await {
                // Experimental in wgpu: what it breaks is done without.
                Err(error) if options.matrix_units.is_none() => {
                    tracing::warn!("{}: does without matrix units: {error}", info.name);
                }
                done => return done,
            }
        }
        let plain = DeviceInfo { matrix_units: None, ..info.clone() };
        Self::open_with(&plain, params, layout, batch, options).await
    }

    async fn open_with(
        info: &DeviceInfo,
        params: &Params,
        layout: Layout,
        batch: Batch,
        options: GpuOptions,
    ) -> Result<Self, GpuError> {
        let mut gpu = Gpu::open(info, MatrixUnits::features_of(info)).await?;
        let wanted = |rate, most| Layout::wanted_batch(params, info.is_software(), rate, most);
        let likely = match batch {
            Batch::Fixed(batch) => batch,
            Batch::UpTo(most) => wanted(f64::MAX, most),
        };
        let (rows, kernel_options) = (likely * params.seq_len(), kernel_options(info, params, options));
        let wish = Wish {
            options: kernel_options,
            on_matrix_units: options.matrix_units.unwrap_or(false),
            sizes: Sizes { rows, dim: params.dim(), hidden: params.hidden() },
            cache: if options.remember { CachePlace::User } else { CachePlace::Off },
        };
        let (kernels, rate) = choose(&gpu, &wish).await?;
        let batch = match batch {
            Batch::Fixed(batch) => batch,
            Batch::UpTo(most) => wanted(rate, most),
        };
        gpu.set_needed_bytes(layout.memory_bytes(params, batch));
        // It begins with half of what was measured.
        let pace = Pace::new(rate / 2.0);
        Ok(Self { gpu, kernels, pace, params: params.clone(), layout, batch, options })
    }

    /// Uploads the pool as it is made, which `progress` is told of.
    ///
    /// # Shapes
    /// - `pool`: the weight pool of `block`, `[params.pool_len()]`, whole or in the making.
    ///
    /// # Errors
    /// Any [`GpuError`]. When memory runs out and the options name no batch, a smaller one is tried.
    pub async fn load(
        mut self,
        block: &BlockHash,
        pool: &(impl PoolSource + ?Sized),
        progress: Progress<'_>,
    ) -> Result<GpuExecutor, GpuError> {
        check_pool(pool, &self.params)?;
        loop {
            let (info, params, layout) = (self.gpu.info().clone(), self.params.clone(), self.layout.clone());
            let (batch, options) = (self.batch, self.options);
            match self.try_load(block, pool, progress).await {
                // What a device has and what it gives are two things: others use it too.
                Err(GpuError::OutOfMemory { .. }) if options.batch.is_none() && batch > 1 => {
                    self = Self::open(&info, &params, layout, Batch::Fixed(batch / 2), options).await?;
                }
                loaded => return loaded,
            }
        }
    }

    async fn try_load(
        self,
        block: &BlockHash,
        pool: &(impl PoolSource + ?Sized),
        progress: Progress<'_>,
    ) -> Result<GpuExecutor, GpuError> {
        let Self { gpu, kernels, pace, params, layout, batch, options } = self;
        let device_pool = DevicePool::new(&gpu, &layout, pool.values()).await?;
        let mut model = Model::new(&gpu, &params, block, layout, device_pool, batch);
        model.load(&gpu, block, pool, progress).await?;
        let readback = Readback::new(&gpu, READBACKS, slot_bytes(Slot::Logits, &params, batch));
        gpu.settle(0).await?;
        Ok(GpuExecutor { gpu, kernels, model, readback, pace, options })
    }
}

pub(super) fn check_pool(pool: &(impl PoolSource + ?Sized), params: &Params) -> Result<(), GpuError> {
    let (got, expected) = (pool.values(), params.pool_len());
    if got == expected { Ok(()) } else { Err(GpuError::Pool { got, expected }) }
}

fn kernel_options(info: &DeviceInfo, params: &Params, options: GpuOptions) -> KernelOptions {
    let max_seq = params.seq_len().max(known_answer::puzzle().params().seq_len());
    let max_seq = u32::try_from(max_seq).expect("seq_len is at most 8192");
    let ahead = !info.is_software();
    KernelOptions { checked: options.checked, native_unpack: true, native_pack: true, ahead, max_seq }
}

fn choose_batch(
    info: &DeviceInfo,
    params: &Params,
    layout: &Layout,
    options: GpuOptions,
) -> Result<Batch, GpuError> {
    let limit = options.memory_limit_bytes.unwrap_or_else(|| info.default_memory_bytes());
    let most = layout.max_batch(params, limit);
    let wanted = options.batch.map_or(1, NonZeroUsize::get);
    if most < wanted {
        let needed = layout.memory_bytes(params, wanted);
        let what = if needed > limit { "memory in bytes" } else { "batch in nonces" };
        let (needed, limit) = if needed > limit { (needed, limit) } else { (wanted as u64, most as u64) };
        return Err(GpuError::Limit { name: info.name.clone(), what, needed, limit });
    }
    Ok(options.batch.map_or(Batch::UpTo(most), |batch| Batch::Fixed(batch.get())))
}
