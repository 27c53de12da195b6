//! The GPU executor: a device, a model on it, and batches of nonces.

use super::forward::Model;
use super::kernels::Kernels;
use super::kernels::linear::{Class, Tile};
use super::layout::{Layout, stride};
use super::pool::PoolSource;
use super::prepare::{Prepared, check_pool};
use crate::Progress;
use crate::context::Gpu;
use crate::device::DeviceInfo;
use crate::error::GpuError;
use crate::pace::Pace;
use crate::readback::Readback;
use crate::recorder::Recorder;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::Params;
use sphere_pow_core::gonka::plan::Slot;
use sphere_pow_core::identity::BlockHash;
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};

/// How an executor is set up. The default suits mining.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuOptions {
    /// Nonces at once; by default as many as keep the device busy and fit.
    pub batch: Option<NonZeroUsize>,
    /// Most bytes of device memory; by default four fifths of what the device has.
    pub memory_limit_bytes: Option<u64>,
    /// Keep wgpu's bounds checks in the kernels: slower, for tests.
    pub checked: bool,
    /// Most bytes of a binding, below the device's own limit: for tests of the cutting into chunks.
    pub max_binding_bytes: Option<u64>,
    /// Whether large products are made by matrix units; by default whatever is fastest.
    pub matrix_units: Option<bool>,
    /// Remember in the user's cache directory which kernels are fastest.
    pub remember: bool,
}

/// Runs batches of nonces of one block on one device.
#[derive(Debug)]
pub struct GpuExecutor {
    pub(super) gpu: Gpu,
    pub(super) kernels: Kernels,
    pub(super) model: Model,
    pub(super) readback: Readback,
    pub(super) pace: Pace,
    pub(super) options: GpuOptions,
}

/// Gives the inputs of some of the nonces asked for, `[nonces * seq_len, dim]`.
pub type Inputs<'a> = &'a mut dyn FnMut(Range<usize>) -> Vec<f16>;
/// Gets the logits of some of the nonces asked for, `[nonces, vocab]`, f32 values that are f16.
pub type OnLogits<'a> = &'a mut dyn FnMut(Range<usize>, &[f32]);

impl GpuExecutor {
    /// [`Prepared::new`] and [`Prepared::load`]: the device is opened and tested while its pool is made.
    ///
    /// # Errors
    /// As these.
    pub async fn new(
        info: &DeviceInfo,
        params: &Params,
        block: &BlockHash,
        pool: &(impl PoolSource + ?Sized),
        options: GpuOptions,
        progress: Progress<'_>,
    ) -> Result<Self, GpuError> {
        check_pool(pool, params)?;
        Prepared::new(info, params, options).await?.load(block, pool, progress).await
    }

    /// Takes another block: device, kernels, tile, buffers and what was learnt of the device stay; the pool is uploaded as it is made.
    ///
    /// # Errors
    /// [`GpuError::Pool`], and what a device can do. The executor then has no model ([`GpuError::NotLoaded`]) until a block is
    /// brought onto it; a lost one stays lost.
    pub async fn set_block(
        &mut self,
        block: &BlockHash,
        pool: &(impl PoolSource + ?Sized),
        progress: Progress<'_>,
    ) -> Result<(), GpuError> {
        check_pool(pool, self.model.params())?;
        self.gpu.check_now()?;
        self.model.load(&self.gpu, block, pool, progress).await
    }

    /// Opens the device anew after [`GpuError::DeviceLost`], with the same sizes and options.
    ///
    /// # Errors
    /// As [`Self::new`]; the executor stays lost.
    pub async fn rebuild(
        &mut self,
        pool: &(impl PoolSource + ?Sized),
        progress: Progress<'_>,
    ) -> Result<(), GpuError> {
        let options = GpuOptions { batch: NonZeroUsize::new(self.model.batch()), ..self.options };
        let info = self.gpu.info().clone();
        // What the driver still holds of the old device must not stand in the way of the new one.
        self.destroy_device();
        *self = Self::new(&info, self.model.params(), self.model.block(), pool, options, progress).await?;
        Ok(())
    }

    /// Logits of each input, SPEC §I.4; `progress` is told the share done between submits.
    ///
    /// # Shapes
    /// - `inputs`: `[nonces * seq_len, dim]`, nonces from 1 to [`Self::batch`].
    /// - returns `[nonces, vocab]`, f32 values that are f16.
    ///
    /// # Errors
    /// [`GpuError::Inputs`], [`GpuError::Interrupted`], [`GpuError::DeviceLost`] and what else a device can do.
    pub async fn logits(&mut self, inputs: &[f16], progress: Progress<'_>) -> Result<Vec<f32>, GpuError> {
        let params = self.model.params();
        let per_nonce = params.seq_len() * params.dim();
        let (nonces, batch) = (inputs.len() / per_nonce, self.model.batch());
        if !inputs.len().is_multiple_of(per_nonce) || !(1..=batch).contains(&nonces) {
            return Err(GpuError::Inputs { got: inputs.len(), batch, per_nonce });
        }
        let mut out = Vec::new();
        let each: OnLogits<'_> = &mut |_, logits| out.extend_from_slice(logits);
        self.for_each_batch(nonces, &mut |_| inputs.to_vec(), each, progress).await?;
        Ok(out)
    }

    /// Calls `each` with the logits of every batch of `nonces` nonces in order, while the device works on the next, whose
    /// `inputs` were asked for while it worked on that one; `progress` is told the share done between submits.
    ///
    /// # Errors
    /// [`GpuError::Interrupted`], [`GpuError::DeviceLost`] and what else a device can do.
    ///
    /// # Panics
    /// When `inputs` gives another number of values than it was asked for.
    pub async fn for_each_batch(
        &mut self,
        nonces: usize,
        inputs: Inputs<'_>,
        each: OnLogits<'_>,
        progress: Progress<'_>,
    ) -> Result<(), GpuError> {
        self.readback.clear();
        let result = self.batches(nonces, inputs, each, progress).await;
        self.readback.clear();
        result
    }

    async fn batches(
        &mut self,
        nonces: usize,
        inputs: Inputs<'_>,
        each: OnLogits<'_>,
        progress: Progress<'_>,
    ) -> Result<(), GpuError> {
        let Self { gpu, kernels, model, readback, pace, .. } = self;
        let params = model.params();
        let (per_nonce, vocab) = (params.seq_len() * params.dim(), params.vocab());
        let stride = stride(vocab);
        let size = model.batch();
        let batches = || (0..nonces).step_by(size).map(|first| first..nonces.min(first + size));
        let mut take = async |readback: &mut Readback, batch: Range<usize>| -> Result<(), GpuError> {
            let padded: Vec<f16> = readback.take_values(gpu).await?;
            let rows = padded.chunks_exact(stride).flat_map(|row| &row[..vocab]);
            let logits: Vec<f32> = rows.map(|value| value.to_f32()).collect();
            each(batch, &logits);
            Ok(())
        };
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let total = params.flops_per_nonce() as f64 * nonces as f64;
        let mut recorder = Recorder::new(gpu, pace, total, progress);
        let mut taken = batches();
        for batch in batches() {
            let values = inputs(batch.clone());
            assert_eq!(values.len(), batch.len() * per_nonce, "inputs of {batch:?}");
            // The queue orders it after the batch before, and before this one's first submit.
            model.write_rows(gpu, Slot::Stream, &values);
            model.record(&mut recorder, kernels, batch.len()).await?;
            readback.send(&mut recorder, model.slot(Slot::Logits), (batch.len() * stride * 2) as u64)?;
            recorder.catch_up().await?;
            while readback.under_way() > 1 {
                take(readback, taken.next().expect("a batch was sent")).await?;
            }
        }
        for batch in taken {
            take(readback, batch).await?;
        }
        recorder.finish().await
    }

    /// The widest product of the model alone, `[rows, dim]` by `w1`ᵀ of layer 0, for benchmarks.
    ///
    /// # Shapes
    /// - `normed`: `[rows, dim]`, at most the rows of a batch (its nonces when there is one layer only).
    /// - returns `[rows, hidden]`, f32 values that are f16.
    ///
    /// # Errors
    /// [`GpuError::Inputs`] and what a device can do.
    pub async fn gate_product(&mut self, normed: &[f16]) -> Result<Vec<f32>, GpuError> {
        let params = self.model.params();
        let batch = Slot::Gate.max_rows(params).count(self.model.batch(), params);
        let rows = normed.len() / params.dim();
        if !normed.len().is_multiple_of(params.dim()) || !(1..=batch).contains(&rows) {
            return Err(GpuError::Inputs { got: normed.len(), batch, per_nonce: params.dim() });
        }
        self.model.write_rows(&self.gpu, Slot::Normed, normed);
        let mut go_on = |_| ControlFlow::Continue(());
        let mut recorder = Recorder::new(&self.gpu, &mut self.pace, 1.0, &mut go_on);
        self.model.record_gate(&mut recorder, &self.kernels, rows)?;
        recorder.finish().await?;
        self.model.read_rows(&self.gpu, Slot::Gate, rows).await
    }

    /// What a measurement needs.
    pub(super) fn parts(&mut self) -> (&Gpu, &Kernels, &Model, &mut Pace) {
        (&self.gpu, &self.kernels, &self.model, &mut self.pace)
    }

    /// Most nonces at once.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.model.batch()
    }

    /// Bytes of device memory in use.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.model.memory_bytes()
    }

    /// The device and what it can do.
    #[must_use]
    pub fn info(&self) -> &DeviceInfo {
        self.gpu.info()
    }

    /// The tile of a layer's widest products.
    #[must_use]
    pub fn tile(&self) -> Tile {
        self.kernels.chosen()[Class::Gated as usize]
    }

    /// What was learnt of the device's speed.
    #[must_use]
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Destroys the device as a driver's reset would: the next call fails with [`GpuError::DeviceLost`]. For
    /// drills and tests.
    pub fn destroy_device(&self) {
        self.destroyer()();
    }

    /// [`Self::destroy_device`], for use while a batch runs.
    pub fn destroyer(&self) -> impl Fn() + wgpu::WasmNotSendSync + use<> {
        self.gpu.destroyer()
    }

    /// Bytes of device memory that batches of `batch` nonces take on a device with the least limits.
    ///
    /// # Errors
    /// [`GpuError::Limit`] when the model needs more than the least limits.
    pub fn memory_needed(params: &Params, batch: usize) -> Result<u64, GpuError> {
        Ok(Layout::least(params)?.memory_bytes(params, batch))
    }

    /// The largest batch that `info` can hold in `memory_bytes`; 0 when not even one nonce fits.
    ///
    /// # Errors
    /// [`GpuError::Limit`] when the model needs more than the device's limits.
    pub fn max_batch(info: &DeviceInfo, params: &Params, memory_bytes: u64) -> Result<usize, GpuError> {
        Ok(Layout::new(params, &info.name, &info.limits, None)?.max_batch(params, memory_bytes))
    }

    /// The memory an executor may take on `info` unless told otherwise.
    #[must_use]
    pub fn default_memory_bytes(info: &DeviceInfo) -> u64 {
        info.default_memory_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executors_can_be_moved_to_threads_of_their_own() {
        fn assert_send<T: Send>() {}
        assert_send::<GpuExecutor>();
        assert_send::<DeviceInfo>();
    }
}
