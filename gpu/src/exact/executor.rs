//! The GPU executor: a device, a model on it, and batches of nonces.

use super::choose;
use super::forward::{Linears, Model};
use super::kernels::Kernels;
use super::kernels::linear::Method;
use super::layout::{Layout, READBACKS, WeightPlace};
use super::leaves::StateHasher;
use super::self_test;
use super::sizes::{Size, Sizes};
use crate::Progress;
use crate::cache::CachePlace;
use crate::context::Gpu;
use crate::device::{DeviceInfo, MatrixUnits};
use crate::error::GpuError;
use crate::pace::Pace;
use crate::readback::Readback;
use crate::recorder::Recorder;
use sphere_pow_core::exact::plan::{Rows, Slot};
use sphere_pow_core::exact::transcript::Hash;
use sphere_pow_core::exact::{Digest, Params, Puzzle, Verdict};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use std::num::NonZeroUsize;

/// How an executor is set up. The default suits mining.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExactGpuOptions {
    /// Nonces at once; by default as many as keep the device busy and fit.
    pub batch: Option<NonZeroUsize>,
    /// Most bytes of device memory; by default four fifths of what the device has.
    pub memory_limit_bytes: Option<u64>,
    /// Only this way to multiply; by default the fastest that is exact.
    pub kernel: Option<Method>,
    /// Where weights are; by default resident if they fit, as what the fastest products read.
    pub weights: Option<WeightPlace>,
    /// Where the choice of kernels is remembered.
    pub cache: CachePlace,
    /// Keep wgpu's bounds checks in the kernels: slower, for tests.
    pub checked: bool,
    /// Most bytes of a binding, below the device's own limit: for tests of the cutting into pieces.
    pub max_binding_bytes: Option<u64>,
}

/// Gets the nonces of a batch, their logits, `[nonces, vocab]`, and their leaves, `[nonces, layers + 1]`, or none of them
/// where they are not kept.
pub type OnBatch<'a> = &'a mut dyn FnMut(&[Nonce], &[i32], Vec<Hash>);

/// Runs batches of nonces of one block on one device.
#[derive(Debug)]
pub struct ExactGpuExecutor {
    pub(super) gpu: Gpu,
    pub(super) kernels: Kernels,
    pub(super) linears: Linears,
    pub(super) model: Model,
    pub(super) readback: Readback,
    pub(super) hasher: Option<StateHasher>,
    pub(super) pace: Pace,
    pub(super) puzzle: Puzzle,
    layout: Layout,
    place: WeightPlace,
    options: ExactGpuOptions,
}

impl ExactGpuExecutor {
    /// Opens the device, tests its kernels to the bit, takes the fastest, and makes the weights, which `progress`
    /// is told of.
    ///
    /// # Errors
    /// Any [`GpuError`]; [`GpuError::NoKernel`] or [`GpuError::SelfTest`] when the device computes wrongly.
    pub async fn new(
        info: &DeviceInfo,
        puzzle: &Puzzle,
        options: ExactGpuOptions,
        progress: Progress<'_>,
    ) -> Result<Self, GpuError> {
        let wants_units = options.kernel.is_none_or(|m| matches!(m, Method::Coop8 | Method::Coop16));
        if info.matrix_units.is_some() && wants_units {
            match Self::open(info, puzzle, options.clone(), MatrixUnits::features(), progress).await {
                // Experimental in wgpu: what it breaks is done without.
                Err(error) if options.kernel.is_none() && error != GpuError::Interrupted => {
                    tracing::warn!("{}: does without matrix units: {error}", info.name);
                }
                done => return done,
            }
        }
        let plain = DeviceInfo { matrix_units: None, ..info.clone() };
        Self::open(&plain, puzzle, options, wgpu::Features::empty(), progress).await
    }

    async fn open(
        info: &DeviceInfo,
        puzzle: &Puzzle,
        options: ExactGpuOptions,
        features: wgpu::Features,
        progress: Progress<'_>,
    ) -> Result<Self, GpuError> {
        let params = puzzle.params();
        let sizes = Sizes::choose(info, params, &options)?;
        let mut gpu = Gpu::open(info, features).await?;
        let mut pace = Pace::default();
        let linears = choose::choose(&gpu, &sizes.wish(info, params, &options), &mut pace).await?;
        let Size { layout, place, batch } = sizes.of(linears.operand());
        let kernels = Kernels::new(&gpu, linears.operand(), options.checked).await?;
        let exact = self_test::forward_is_exact(&gpu, &kernels, &linears).await?;
        exact.map_err(|mismatch| mismatch.on(info))?;
        let needed_bytes = layout.memory_bytes(batch, place);
        let mut model = Model::new(&gpu, puzzle, layout.clone(), place, batch);
        gpu.check(needed_bytes)?;
        let readback = Readback::new(&gpu, READBACKS, layout.slot_bytes(Slot::Logits, Rows::Last, batch));
        gpu.settle(needed_bytes).await?;
        gpu.set_needed_bytes(needed_bytes);
        model.load(&gpu, &kernels, puzzle, &mut pace, progress).await?;
        let puzzle = puzzle.clone();
        let hasher = None;
        Ok(Self { gpu, kernels, linears, model, readback, hasher, pace, puzzle, layout, place, options })
    }

    /// Takes another block: device, kernels, buffers and what was learnt of the device stay, only the weights are made anew.
    ///
    /// # Errors
    /// What a device can do. The executor then has no model ([`GpuError::NotLoaded`]) until a block is brought onto it; a lost one
    /// stays lost.
    pub async fn set_block(&mut self, block: &BlockHash, progress: Progress<'_>) -> Result<(), GpuError> {
        self.gpu.check_now()?;
        self.puzzle = Puzzle::new(self.puzzle.params(), block);
        let Self { gpu, kernels, model, pace, puzzle, .. } = self;
        model.load(gpu, kernels, puzzle, pace, progress).await
    }

    /// Opens the device anew after [`GpuError::DeviceLost`], with the same sizes and options.
    ///
    /// # Errors
    /// As [`Self::new`]; the executor stays lost.
    pub async fn rebuild(&mut self, progress: Progress<'_>) -> Result<(), GpuError> {
        let batch = NonZeroUsize::new(self.batch());
        let options = ExactGpuOptions { batch, weights: Some(self.place), ..self.options.clone() };
        let info = self.gpu.info().clone();
        // What the driver still holds of the old device must not stand in the way of the new one.
        self.destroy_device();
        let keeps_leaves = self.hasher.is_some();
        let mut new = Self::new(&info, &self.puzzle, options, progress).await?;
        if keeps_leaves {
            new.keep_leaves().await?;
        }
        *self = Self { options: self.options.clone(), ..new };
        Ok(())
    }

    /// From here on batches give the leaves of their transcripts, SPEC §II.12.2.
    ///
    /// # Errors
    /// As [`StateHasher::new`]; batches then go on without.
    pub async fn keep_leaves(&mut self) -> Result<(), GpuError> {
        if self.hasher.is_none() {
            let hasher =
                StateHasher::new(&self.gpu, &self.puzzle, self.batch(), self.options.checked).await?;
            self.gpu.check(self.memory_bytes())?;
            self.hasher = Some(hasher);
        }
        Ok(())
    }

    /// Calls `each` with the logits of every batch in order, while the device works on the next; `progress` is
    /// told the share done between submits.
    ///
    /// # Errors
    /// [`GpuError::Interrupted`], [`GpuError::DeviceLost`] and what else a device can do.
    pub async fn for_each_batch(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        each: OnBatch<'_>,
        progress: Progress<'_>,
    ) -> Result<(), GpuError> {
        self.clear();
        let result = self.batches(key, nonces, each, progress).await;
        self.clear();
        result
    }

    /// Forgets what is under way.
    pub(super) fn clear(&mut self) {
        self.readback.clear();
        self.hasher.iter_mut().for_each(StateHasher::clear);
    }

    async fn batches(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        each: OnBatch<'_>,
        progress: Progress<'_>,
    ) -> Result<(), GpuError> {
        let Self { gpu, kernels, linears, model, readback, hasher, pace, puzzle, .. } = self;
        let inputs_key = puzzle.inputs_key(key);
        let (vocab, stride) = (puzzle.params().vocab(), model.logits_stride());
        let mut logits = Vec::new();
        let mut take = async |readback: &mut Readback,
                              hasher: &mut Option<StateHasher>,
                              batch: &[Nonce]|
               -> Result<(), GpuError> {
            let padded = readback.take(gpu).await?;
            logits.clear();
            padded.chunks_exact(stride).for_each(|row| logits.extend_from_slice(&row[..vocab]));
            let leaves = match hasher {
                Some(hasher) => hasher.take(gpu, batch.len()).await?,
                None => Vec::new(),
            };
            each(batch, &logits, leaves);
            Ok(())
        };
        let total = model.cost() as f64 * nonces.len() as f64;
        let mut recorder = Recorder::new(gpu, pace, total, progress);
        let mut taken = nonces.chunks(model.batch());
        for batch in nonces.chunks(model.batch()) {
            model.record(&mut recorder, kernels, linears, &inputs_key, batch, hasher.as_ref()).await?;
            readback.send(&mut recorder, model.logits(), (batch.len() * stride * 4) as u64)?;
            if let Some(hasher) = hasher {
                hasher.send(&mut recorder, batch.len())?;
            }
            recorder.catch_up().await?;
            // The device has this batch; the host may judge the one before.
            while readback.under_way() > 1 {
                take(readback, hasher, taken.next().expect("a batch was sent")).await?;
            }
        }
        for batch in taken {
            take(readback, hasher, batch).await?;
        }
        recorder.finish().await
    }

    /// Logits of each nonce, SPEC §II.7: `[nonces, vocab]`.
    ///
    /// # Errors
    /// As [`Self::for_each_batch`].
    pub async fn logits(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: Progress<'_>,
    ) -> Result<Vec<i32>, GpuError> {
        let mut out = Vec::with_capacity(nonces.len() * self.puzzle.params().vocab());
        self.for_each_batch(key, nonces, &mut |_, logits, _| out.extend_from_slice(logits), progress).await?;
        Ok(out)
    }

    /// Digest and verdict of each nonce, SPEC §II.8, judged on the host while the device works on.
    ///
    /// # Errors
    /// As [`Self::for_each_batch`].
    pub async fn judge(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: Progress<'_>,
    ) -> Result<Vec<(Digest, Verdict)>, GpuError> {
        Ok(self.judge_with_leaves(key, nonces, progress).await?.0)
    }

    /// [`Self::judge`], and the leaves `[nonces, layers + 1]` after [`Self::keep_leaves`], none before.
    ///
    /// # Errors
    /// As [`Self::for_each_batch`].
    pub async fn judge_with_leaves(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: Progress<'_>,
    ) -> Result<(Vec<(Digest, Verdict)>, Vec<Hash>), GpuError> {
        let puzzle = self.puzzle.clone();
        let vocab = puzzle.params().vocab();
        let (mut out, mut all_leaves) = (Vec::with_capacity(nonces.len()), Vec::new());
        let mut each = |batch: &[Nonce], logits: &[i32], leaves: Vec<Hash>| {
            let rows = batch.iter().zip(logits.chunks_exact(vocab));
            out.extend(rows.map(|(nonce, logits)| puzzle.judge(key, *nonce, logits)));
            all_leaves.extend(leaves);
        };
        self.for_each_batch(key, nonces, &mut each, progress).await?;
        Ok((out, all_leaves))
    }

    /// The model and its block.
    #[must_use]
    pub fn puzzle(&self) -> &Puzzle {
        &self.puzzle
    }

    /// Nonces at once.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.model.batch()
    }

    /// Where the weights are.
    #[must_use]
    pub fn weight_place(&self) -> WeightPlace {
        self.place
    }

    /// Bytes of device memory in use.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.layout.memory_bytes(self.batch(), self.place)
    }

    /// The device and what it can do.
    #[must_use]
    pub fn info(&self) -> &DeviceInfo {
        self.gpu.info()
    }

    /// The variants of `linear` that were chosen.
    #[must_use]
    pub fn linears(&self) -> &Linears {
        &self.linears
    }

    /// The adapter, its driver interface and the kernels chosen, for people.
    #[must_use]
    pub fn description(&self) -> String {
        let (info, wide) = (self.gpu.info(), self.linears.wide.variant);
        format!("{}, {}, {wide}", info.name, info.backend)
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
    pub fn memory_needed(params: &Params, batch: usize, place: WeightPlace) -> Result<u64, GpuError> {
        Ok(Layout::least(params)?.memory_bytes(batch, place))
    }
}
