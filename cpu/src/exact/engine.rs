//! The CPU as core's [`Engine`] of the `exact` profile: keys and nonces in, digests and verdicts out.

use super::executor::{CpuError, CpuExecutor, Progress};
use core::num::NonZeroUsize;
use sphere_pow_core::exact::transcript::{Hash, Keys};
use sphere_pow_core::exact::{Digest, Exact, Puzzle, Verdict};
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, EngineInfo, OnProgress};

/// An executor that says which device it is.
#[derive(Debug)]
pub struct CpuEngine {
    info: EngineInfo,
    executor: CpuExecutor,
    batch: usize,
    /// The roots of the transcripts of the last outcomes, while they are wanted.
    roots: Option<Vec<Hash>>,
}

impl CpuEngine {
    /// Takes an executor. Without `batch` the executor's own is taken.
    #[must_use]
    pub fn new(executor: CpuExecutor, batch: Option<NonZeroUsize>) -> Self {
        let batch = batch.unwrap_or(executor.preferred_batch()).get();
        let engine = if cfg!(target_family = "wasm") { "wasm" } else { "cpu" };
        Self { info: EngineInfo { engine, device: executor.description() }, executor, batch, roots: None }
    }

    /// From now on makes a transcript of every nonce beside its outcome (SPEC §II.12).
    pub fn keep_roots(&mut self) {
        self.roots = Some(Vec::new());
    }

    /// The roots of the transcripts of the last outcomes, in their order; none unless they are kept.
    pub fn take_roots(&mut self) -> Vec<Hash> {
        self.roots.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// The executor.
    pub fn executor(&mut self) -> &mut CpuExecutor {
        &mut self.executor
    }

    /// The puzzle.
    #[must_use]
    pub fn puzzle(&self) -> &Puzzle {
        self.executor.puzzle()
    }
}

impl Engine<Exact> for CpuEngine {
    type Error = CpuError;

    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn batch(&self) -> usize {
        self.batch
    }

    async fn outcomes(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<(Digest, Verdict)>, CpuError> {
        let puzzle = self.executor.puzzle().clone();
        let keys = self.roots.as_ref().map(|_| Keys::new(&puzzle, key));
        let (mut out, mut roots) = (Vec::with_capacity(nonces.len()), Vec::new());
        // Larger parts would gain nothing, and their inputs take memory; smaller ones would make weights that are
        // not kept more often.
        for part in nonces.chunks(self.executor.preferred_batch().get()) {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "a share for display"
            )]
            let mut on_progress = {
                let (done, share) = (out.len() as f32, part.len() as f32);
                let total = nonces.len() as f32;
                let progress = &mut *progress;
                move |p: Progress| progress((done + share * p.fraction() as f32) / total)
            };
            let (logits, leaves) = match &keys {
                Some(keys) => self.executor.transcripts(keys, key, part, &mut on_progress)?,
                None => (self.executor.logits(key, part, &mut on_progress)?, Vec::new()),
            };
            let rows = part.iter().zip(logits.chunks_exact(puzzle.params().vocab()));
            let judged = rows.map(|(nonce, logits)| puzzle.judge(key, *nonce, logits));
            let first = out.len();
            out.extend(judged);
            if let Some(keys) = &keys {
                let digests = out[first..].iter().map(|(digest, _)| digest);
                roots.extend(keys.transcripts(part, &leaves, digests));
            }
        }
        self.roots = keys.map(|_| roots);
        Ok(out)
    }
}
