//! One device ready to compute the `exact` profile: a GPU through wgpu, or the CPU.

use crate::device::{BackendInfo, OnProgress};
use crate::error::ProverError;
use pollster::block_on;
use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::{Digest, Preset, Puzzle, Verdict};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_cpu::exact::{CpuExecutor, CpuOptions};
use sphere_pow_gpu::DeviceInfo;
use sphere_pow_gpu::exact::{ExactGpuExecutor, ExactGpuOptions};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

/// Nonces of the known-answer test.
const KNOWN_NONCES: u64 = 4;

/// A device that holds the model of one block.
pub trait ExactBackend: Send {
    /// Which device this is.
    fn info(&self) -> &BackendInfo;

    /// How many nonces it likes to take at once.
    fn batch(&self) -> usize;

    /// Digest and verdict of each nonce, SPEC §II.8: the same on every device.
    ///
    /// # Errors
    /// [`ProverError::Interrupted`] when `progress` breaks, else the device's.
    fn judge(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<(Digest, Verdict)>, ProverError>;

    /// Makes the device anew after it was lost.
    ///
    /// # Errors
    /// The device's, when it cannot be had again.
    fn rebuild(&mut self) -> Result<(), ProverError>;
}

/// Runs a device on `nano` and holds it to the readable twin, to the bit.
///
/// # Errors
/// [`ProverError::WrongDigest`] for the first digest that differs, else the device's.
pub fn known_answers(
    device: &str,
    tested: &mut dyn ExactBackend,
    puzzle: &Puzzle,
) -> Result<(), ProverError> {
    let key = PublicKey::new("known-answers")?;
    let nonces: Vec<Nonce> = (0..KNOWN_NONCES).map(Nonce::new).collect::<Result<_, _>>()?;
    let got = tested.judge(&key, &nonces, &mut |_| ControlFlow::Continue(()))?;
    let vocab = puzzle.params().vocab();
    let twin = ReferenceExecutor::new(puzzle).logits(&key, &nonces);
    for ((nonce, (got, _)), logits) in nonces.iter().zip(got).zip(twin.chunks_exact(vocab)) {
        let (expected, _) = puzzle.judge(&key, *nonce, logits);
        if got != expected {
            let (device, nonce) = (device.to_owned(), nonce.get());
            return Err(ProverError::WrongDigest { device, nonce, got, expected });
        }
    }
    Ok(())
}

/// The puzzle of the known answers.
#[must_use]
pub fn known_puzzle() -> Puzzle {
    Puzzle::new(&Preset::Nano.params(), &BlockHash::new("known-answers").expect("visible ASCII"))
}

/// The CPU executor as a backend.
#[derive(Debug)]
pub struct ExactCpuBackend {
    info: BackendInfo,
    executor: CpuExecutor,
    batch: usize,
}

impl ExactCpuBackend {
    /// Tests the CPU on known answers, then makes the weights of `puzzle`, unless the memory limit forbids.
    ///
    /// # Errors
    /// [`ProverError::WrongDigest`], [`ProverError::ExactCpu`], [`ProverError::Interrupted`].
    pub fn open(
        puzzle: &Puzzle,
        options: CpuOptions,
        batch: Option<NonZeroUsize>,
        progress: OnProgress<'_>,
    ) -> Result<Self, ProverError> {
        let known = known_puzzle();
        let unlimited = CpuOptions { memory_limit_bytes: None, ..options };
        let mut tested = Self::of(CpuExecutor::new(&known, unlimited)?, None);
        let name = tested.info.adapter.clone();
        known_answers(&name, &mut tested, &known)?;
        #[expect(clippy::cast_possible_truncation, reason = "a share for display")]
        let mut on_progress = |p: sphere_pow_cpu::exact::Progress| progress(p.fraction() as f32);
        Ok(Self::of(CpuExecutor::with_progress(puzzle, options, &mut on_progress)?, batch))
    }

    fn of(executor: CpuExecutor, batch: Option<NonZeroUsize>) -> Self {
        let batch = batch.unwrap_or(executor.preferred_batch()).get();
        Self { info: BackendInfo { backend: "cpu", adapter: executor.description() }, executor, batch }
    }
}

impl ExactBackend for ExactCpuBackend {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn batch(&self) -> usize {
        self.batch
    }

    fn judge(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<(Digest, Verdict)>, ProverError> {
        let puzzle = self.executor.puzzle().clone();
        let mut out = Vec::with_capacity(nonces.len());
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "a share for display"
        )]
        for batch in nonces.chunks(self.batch) {
            let (done, share) =
                (out.len() as f32 / nonces.len() as f32, batch.len() as f32 / nonces.len() as f32);
            let mut on_progress =
                |p: sphere_pow_cpu::exact::Progress| progress(done + share * p.fraction() as f32);
            let logits = self.executor.logits(key, batch, &mut on_progress)?;
            let rows = batch.iter().zip(logits.chunks_exact(puzzle.params().vocab()));
            out.extend(rows.map(|(nonce, logits)| puzzle.judge(key, *nonce, logits)));
        }
        Ok(out)
    }

    fn rebuild(&mut self) -> Result<(), ProverError> {
        Ok(())
    }
}

/// The GPU executor as a backend. It tests its kernels itself.
#[derive(Debug)]
pub struct ExactGpuBackend {
    info: BackendInfo,
    executor: ExactGpuExecutor,
}

impl ExactGpuBackend {
    /// Opens a device and makes the weights of `puzzle` on it.
    ///
    /// # Errors
    /// [`ProverError::Gpu`], [`ProverError::Interrupted`].
    pub fn open(
        device: &DeviceInfo,
        puzzle: &Puzzle,
        options: ExactGpuOptions,
        progress: OnProgress<'_>,
    ) -> Result<Self, ProverError> {
        let executor = block_on(ExactGpuExecutor::new(device, puzzle, options, progress))?;
        Ok(Self { info: BackendInfo { backend: "gpu", adapter: executor.description() }, executor })
    }
}

impl ExactBackend for ExactGpuBackend {
    fn info(&self) -> &BackendInfo {
        &self.info
    }

    fn batch(&self) -> usize {
        // Several batches at a call, so that the host judges one while the device works on the next.
        4 * self.executor.batch()
    }

    fn judge(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<(Digest, Verdict)>, ProverError> {
        Ok(block_on(self.executor.judge(key, nonces, progress))?)
    }

    fn rebuild(&mut self) -> Result<(), ProverError> {
        Ok(block_on(self.executor.rebuild(&mut |_| ControlFlow::Continue(())))?)
    }
}
