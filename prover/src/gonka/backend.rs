//! One device ready to compute distances: a GPU through wgpu, or the CPU.

use crate::device::{BackendInfo, OnProgress};
use crate::error::ProverError;
use pollster::block_on;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::known_answer::{self, WrongAnswer};
use sphere_pow_core::gonka::{Params, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_cpu::gonka::{CpuExecutor, CpuOptions};
use sphere_pow_gpu::{DeviceInfo, GpuExecutor, GpuOptions};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A timed product `[rows, k]` by `[columns, k]`ᵀ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gemm {
    /// Rows of the left side.
    pub rows: usize,
    /// Rows of the weight.
    pub columns: usize,
    /// What is summed over.
    pub k: usize,
    /// The best of several runs.
    pub seconds: f64,
    /// Sum of all results.
    pub checksum: f64,
}

/// Times `product` of the rows of a full batch for half a second, at least three times, and keeps the best.
fn time_gemm(
    params: &Params,
    block: &BlockHash,
    batch: usize,
    mut product: impl FnMut(&[f16]) -> Result<Vec<f32>, ProverError>,
) -> Result<Gemm, ProverError> {
    let puzzle = Puzzle::new(params, block);
    let key = PublicKey::new("bench").expect("visible ASCII");
    let nonces = (0..batch as u64).map(|n| Nonce::new(n).expect("small"));
    let input: Vec<f16> = nonces.flat_map(|nonce| puzzle.input(&key, nonce)).collect();
    let (started, mut seconds, mut output) = (Instant::now(), f64::INFINITY, Vec::new());
    let mut runs = 0;
    while runs < 3 || started.elapsed() < Duration::from_millis(500) {
        let start = Instant::now();
        output = product(&input)?;
        seconds = seconds.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    let checksum = output.iter().map(|x| f64::from(*x)).sum();
    Ok(Gemm { rows: batch * params.seq_len(), columns: params.hidden(), k: params.dim(), seconds, checksum })
}

/// A device that holds the model of one block.
pub trait Backend: Send {
    /// Which device this is.
    fn info(&self) -> &BackendInfo;

    /// How many nonces it likes to take at once, and the most it takes.
    fn batch(&self) -> usize;

    /// Logits `[nonces, vocab]` of inputs `[nonces * seq_len, dim]`.
    ///
    /// # Errors
    /// [`ProverError::Interrupted`] when `progress` breaks, else the device's.
    fn logits(&mut self, inputs: &[f16], progress: OnProgress<'_>) -> Result<Vec<f32>, ProverError>;

    /// Times the widest product of the model, `[rows, dim]` by `w1`ᵀ of layer 0, at the rows of a full batch.
    ///
    /// # Errors
    /// The device's.
    fn gemm(&mut self) -> Result<Gemm, ProverError>;

    /// Makes the device anew after it was lost.
    ///
    /// # Errors
    /// The device's, when it cannot be had again.
    fn rebuild(&mut self) -> Result<(), ProverError>;
}

/// Distances of `nonces`, in their order, batch by batch.
///
/// # Errors
/// The backend's.
pub fn distances(
    backend: &mut dyn Backend,
    puzzle: &Puzzle,
    key: &PublicKey,
    nonces: &[Nonce],
    progress: OnProgress<'_>,
) -> Result<Vec<f64>, ProverError> {
    let vocab = puzzle.params().vocab();
    let mut out = Vec::with_capacity(nonces.len());
    #[expect(clippy::cast_precision_loss, reason = "a share for display")]
    for batch in nonces.chunks(backend.batch()) {
        let (done, share) =
            (out.len() as f32 / nonces.len() as f32, batch.len() as f32 / nonces.len() as f32);
        let inputs: Vec<f16> = batch.iter().flat_map(|nonce| puzzle.input(key, *nonce)).collect();
        let logits = backend.logits(&inputs, &mut |part| progress(done + part * share))?;
        let rows = logits.chunks_exact(vocab);
        out.extend(batch.iter().zip(rows).map(|(nonce, logits)| puzzle.distance(key, *nonce, logits)));
    }
    Ok(out)
}

/// The CPU executor as a backend.
#[derive(Debug)]
pub struct CpuBackend {
    info: BackendInfo,
    executor: CpuExecutor,
    batch: usize,
    params: Params,
    block: BlockHash,
}

impl CpuBackend {
    /// Tests the CPU on known answers, then takes the pool of `block`.
    ///
    /// # Errors
    /// [`ProverError::KnownAnswer`], [`ProverError::Cpu`].
    pub fn open(
        params: &Params,
        block: &BlockHash,
        pool: Arc<Vec<f16>>,
        options: CpuOptions,
        batch: Option<NonZeroUsize>,
    ) -> Result<Self, ProverError> {
        let known = known_answer::puzzle();
        let known_pool = Arc::new(sphere_pow_cpu::gonka::weight_pool(known.params(), known.block()));
        let mut tested = CpuExecutor::new(known.params(), known.block(), known_pool, options)?;
        let known = known_answer::DISTANCES;
        let logits = tested.logits(&known_answer::inputs(known.len()), &mut |_| ControlFlow::Continue(()))?;
        known_answer::check(&logits, &known).map_err(|WrongAnswer { nonce, got, expected }| {
            ProverError::KnownAnswer { device: tested.description(), nonce, got, expected }
        })?;
        let executor = CpuExecutor::new(params, block, pool, options)?;
        let batch = batch.unwrap_or(executor.preferred_batch()).get();
        let info = BackendInfo { backend: "cpu", adapter: executor.description() };
        let (params, block) = (params.clone(), block.clone());
        Ok(Self { info, executor, batch, params, block })
    }
}

impl Backend for CpuBackend {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn batch(&self) -> usize {
        self.batch
    }

    fn logits(&mut self, inputs: &[f16], progress: OnProgress<'_>) -> Result<Vec<f32>, ProverError> {
        #[expect(clippy::cast_possible_truncation, reason = "a share for display")]
        let mut on_progress = |p: sphere_pow_cpu::gonka::Progress| progress(p.fraction() as f32);
        Ok(self.executor.logits(inputs, &mut on_progress)?)
    }

    fn gemm(&mut self) -> Result<Gemm, ProverError> {
        let executor = &mut self.executor;
        time_gemm(&self.params, &self.block, self.batch, |input| Ok(executor.gate_product(input)?))
    }

    fn rebuild(&mut self) -> Result<(), ProverError> {
        Ok(())
    }
}

/// The GPU executor as a backend.
#[derive(Debug)]
pub struct GpuBackend {
    info: BackendInfo,
    params: Params,
    block: BlockHash,
    executor: GpuExecutor,
}

impl GpuBackend {
    /// Opens a device, tests it on known answers, and loads the pool of `block` onto it.
    ///
    /// # Errors
    /// [`ProverError::Gpu`], [`ProverError::KnownAnswer`], [`ProverError::Interrupted`].
    pub fn open(
        device: &DeviceInfo,
        params: &Params,
        block: &BlockHash,
        pool: &[f16],
        options: GpuOptions,
        progress: OnProgress<'_>,
    ) -> Result<Self, ProverError> {
        let executor = block_on(GpuExecutor::new(device, params, block, pool, options, progress))?;
        let info = BackendInfo { backend: "gpu", adapter: format!("{}, {}", device.name, device.backend) };
        Ok(Self { info, params: params.clone(), block: block.clone(), executor })
    }
}

impl Backend for GpuBackend {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn batch(&self) -> usize {
        self.executor.batch()
    }

    fn logits(&mut self, inputs: &[f16], progress: OnProgress<'_>) -> Result<Vec<f32>, ProverError> {
        Ok(block_on(self.executor.logits(inputs, progress))?)
    }

    fn gemm(&mut self) -> Result<Gemm, ProverError> {
        let (batch, executor) = (self.batch(), &mut self.executor);
        time_gemm(&self.params, &self.block, batch, |input| Ok(block_on(executor.gate_product(input))?))
    }

    fn rebuild(&mut self) -> Result<(), ProverError> {
        // The pool is made again rather than kept: on mainnet it would hold 1.8 GB of the host for a rare event.
        let pool = sphere_pow_cpu::gonka::weight_pool(&self.params, &self.block);
        let mut go_on = |_| ControlFlow::Continue(());
        Ok(block_on(self.executor.rebuild(&pool, &mut go_on))?)
    }
}
