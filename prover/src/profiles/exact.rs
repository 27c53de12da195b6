//! The `exact` profile on this machine's devices.

mod transcriber;
mod transcripts;

pub use transcriber::Transcriber;

use super::{Demo, Listing, Machine, Part, Setup, Shortcuts, Transcripts};
use crate::device::{Device, Measured, Rig};
use crate::error::ProverError;
use crate::memory;
use crate::signals::Stop;
use pollster::block_on;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::transcript::Hash;
use sphere_pow_core::exact::{Digest, Exact, Params, Preset, Puzzle, Verdict};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, OnProgress};
use sphere_pow_core::text::hex;
use sphere_pow_core::verify::{AnyReport, SampleSize, SubmissionReport};
use sphere_pow_cpu::exact::{CpuEngine, CpuExecutor, CpuOptions, Footprint, Kernels, Progress};
use sphere_pow_gpu::exact::{ExactGpuEngine, ExactGpuExecutor, ExactGpuOptions, WeightPlace};
use sphere_pow_gpu::{DeviceInfo, GpuExecutor};
use sphere_pow_soundness::exact::ExactAttacker;
use sphere_pow_soundness::harness::OnShare;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Nonces of the known-answer test.
const KNOWN_NONCES: u64 = 4;

impl Machine for Exact {
    const BENCH_PRESET: &'static str = "standard";
    const DEMO: Demo = Demo {
        preset: "nano",
        nonces: 1000,
        sample: SampleSize::All,
        nonce: "SHA-256 of a nonce's logits draws its target; it wins when both point the same way closely enough. \
                One claim that does not repeat to the bit would prove fraud.",
    };
    /// Nothing: weights are made from 32 bytes of key wherever they are used.
    type Shared = ();

    fn share(_: &Puzzle, _: &Stop) -> Result<(), ProverError> {
        Ok(())
    }

    fn bench_shared(_: &Puzzle, _: &Stop) -> Result<((), Option<Part>), ProverError> {
        Ok(((), None))
    }

    fn open_gpu(
        info: &DeviceInfo,
        puzzle: &Puzzle,
        (): &(),
        setup: &Setup,
        progress: OnProgress<'_>,
    ) -> Result<Box<dyn Device<Self>>, ProverError> {
        let options = ExactGpuOptions {
            batch: setup.batch,
            memory_limit_bytes: setup.memory_bytes,
            weights: setup.is_lean.then_some(WeightPlace::Streamed),
            ..ExactGpuOptions::default()
        };
        let executor = block_on(ExactGpuExecutor::new(info, puzzle, options, progress))?;
        Ok(Box::new(ExactGpuEngine::new(executor)))
    }

    fn open_cpu(
        puzzle: &Puzzle,
        (): &(),
        setup: &Setup,
        progress: OnProgress<'_>,
    ) -> Result<Box<dyn Device<Self>>, ProverError> {
        let kernels = setup.is_portable.then_some(Kernels::Portable);
        let unlimited = CpuOptions { threads: setup.threads, kernels, memory_limit_bytes: None };
        known_answers(unlimited)?;
        // Weights that do not fit what the system gives are made as they are used.
        let threads = setup.threads.or_else(|| std::thread::available_parallelism().ok());
        let lean = Footprint::lean_limit_bytes(puzzle.params(), threads.unwrap_or(NonZeroUsize::MIN)) as u64;
        let own = setup.is_lean.then_some(lean);
        let limit = [setup.memory_bytes, memory::available_bytes(), own].into_iter().flatten().min();
        let memory_limit_bytes = limit.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let options = CpuOptions { memory_limit_bytes, ..unlimited };
        #[expect(clippy::cast_possible_truncation, reason = "a share for display")]
        let mut on_progress = |p: Progress| progress(p.fraction() as f32);
        let executor = CpuExecutor::with_progress(puzzle, options, &mut on_progress)?;
        Ok(Box::new(CpuEngine::new(executor, setup.batch)))
    }

    fn cpu_bytes(params: &Params) -> u64 {
        Footprint::lean_limit_bytes(params, NonZeroUsize::MIN) as u64
    }

    fn gpu_fit(info: &DeviceInfo, params: &Params) -> (u64, Option<String>) {
        let memory = GpuExecutor::default_memory_bytes(info);
        match ExactGpuExecutor::memory_needed(params, 1, WeightPlace::Streamed) {
            Err(limit) => (0, Some(limit.to_string())),
            Ok(needed) if needed > memory => {
                let (needed_mb, memory_mb) = (needed.div_ceil(1_000_000), memory / 1_000_000);
                (needed, Some(format!("needs {needed_mb} of {memory_mb} MB usable")))
            }
            Ok(needed) => (needed, None),
        }
    }

    fn listing(outcomes: &[(Digest, Verdict)]) -> Listing {
        let verdicts = || outcomes.iter().map(|(_, verdict)| verdict);
        let texts = |of: fn(&Verdict) -> String| Value::from_iter(verdicts().map(of));
        let columns = [
            ("digests", Value::from_iter(outcomes.iter().map(|(digest, _)| digest.to_hex()))),
            ("won", Value::from_iter(verdicts().map(|verdict| verdict.won))),
            ("dot", texts(|verdict| verdict.dot.to_string())),
            ("logitsSquared", texts(|verdict| verdict.logits_squared.to_string())),
            ("targetSquared", texts(|verdict| verdict.target_squared.to_string())),
            // For display only: nothing is decided by it.
            ("dist", Value::from_iter(verdicts().map(Verdict::distance))),
        ];
        let line = |(digest, verdict): &(Digest, Verdict)| {
            format!("{digest}  {} {:.6}", if verdict.won { "won " } else { "lost" }, verdict.distance())
        };
        Listing {
            columns: columns.into_iter().map(|(name, column)| (name.to_owned(), column)).collect(),
            lines: outcomes.iter().map(line).collect(),
        }
    }

    /// SHA-256 over the digests: the same on every device, to the bit.
    fn checksum(outcomes: &[(Digest, Verdict)]) -> Value {
        let mut hasher = Sha256::new();
        outcomes.iter().for_each(|(digest, _)| hasher.update(digest.as_bytes()));
        json!(hex(&hasher.finalize()))
    }

    fn model_words(params: &Params) -> String {
        format!(
            "keys a ChaCha20 stream of {} weights of 7 bits, each addressable by itself; every operation is on \
             integers, so every device gets the same bits",
            params.n_weights()
        )
    }

    fn shortcuts(
        params: Option<Params>,
        nonces: usize,
        progress: OnShare<'_>,
    ) -> Result<Shortcuts, ProverError> {
        let params = params.unwrap_or_else(|| Preset::Nano.params());
        Shortcuts::measured(&ExactAttacker::new(&params)?, json!(params), nonces, progress)
    }

    fn transcripts() -> Option<&'static dyn Transcripts> {
        Some(&transcripts::ExactTranscripts)
    }

    fn any_report(report: SubmissionReport<Self>) -> AnyReport {
        AnyReport::from(report)
    }
}

impl Rig<Exact> for CpuEngine {
    fn keep_roots(&mut self) -> bool {
        CpuEngine::keep_roots(self);
        true
    }

    fn take_roots(&mut self) -> Vec<String> {
        CpuEngine::take_roots(self).iter().map(Hash::to_hex).collect()
    }

    fn transcriber(&mut self) -> Option<&mut dyn Transcriber> {
        Some(self)
    }
}

impl Rig<Exact> for ExactGpuEngine {
    fn set_block(
        &mut self,
        puzzle: &Puzzle,
        _: &Arc<()>,
        progress: OnProgress<'_>,
    ) -> Result<(), ProverError> {
        Ok(block_on(ExactGpuEngine::set_block(self, puzzle.block(), progress))?)
    }

    fn keep_roots(&mut self) -> bool {
        let kept = block_on(ExactGpuEngine::keep_roots(self));
        if let Err(error) = &kept {
            tracing::warn!("transcripts are not kept: {error}");
        }
        kept.is_ok()
    }

    fn take_roots(&mut self) -> Vec<String> {
        ExactGpuEngine::take_roots(self).iter().map(Hash::to_hex).collect()
    }

    fn transcriber(&mut self) -> Option<&mut dyn Transcriber> {
        Some(self)
    }

    fn rebuild(&mut self, progress: OnProgress<'_>) -> Result<(), ProverError> {
        Ok(block_on(self.executor().rebuild(progress))?)
    }

    fn measure(&mut self) -> Result<Measured, ProverError> {
        let products = block_on(self.executor().product_times())?;
        let ops = block_on(self.executor().op_times())?.unwrap_or_default();
        Ok(Measured::new("TOP/s", products, ops))
    }
}

/// Runs the CPU on `nano` and holds it to the readable twin, to the bit.
fn known_answers(options: CpuOptions) -> Result<(), ProverError> {
    let puzzle = Puzzle::new(&Preset::Nano.params(), &BlockHash::new("known-answers")?);
    let key = PublicKey::new("known-answers")?;
    let nonces: Vec<Nonce> = (0..KNOWN_NONCES).map(Nonce::new).collect::<Result<_, _>>()?;
    let mut tested = CpuEngine::new(CpuExecutor::new(&puzzle, options)?, None);
    let mut go_on = |_| ControlFlow::Continue(());
    let outcomes = block_on(Engine::outcomes(&mut tested, &key, &nonces, &mut go_on))?;
    let twin = ReferenceExecutor::new(&puzzle).logits(&key, &nonces);
    for ((nonce, (got, _)), logits) in
        nonces.iter().zip(outcomes).zip(twin.chunks_exact(puzzle.params().vocab()))
    {
        let (expected, _) = puzzle.judge(&key, *nonce, logits);
        if got != expected {
            return Err(ProverError::WrongAnswer {
                device: Engine::info(&tested).device.clone(),
                nonce: nonce.get(),
                got: got.to_hex(),
                expected: expected.to_hex(),
            });
        }
    }
    Ok(())
}
