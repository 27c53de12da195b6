//! What openings take (SPEC §II.12): nonces computed again with the states that they carry, and single layers repeated.

use super::executor::ExactGpuExecutor;
use super::leaves::state_bytes;
use crate::Progress;
use crate::error::GpuError;
use crate::recorder::Recorder;
use sphere_pow_core::exact::Digest;
use sphere_pow_core::exact::plan::{Op, repeat_ops};
use sphere_pow_core::exact::transcript::Remade;
use sphere_pow_core::identity::{Nonce, PublicKey};
use std::collections::{BTreeMap, BTreeSet};

impl ExactGpuExecutor {
    /// Nonces computed again for their openings, with the states that are `wanted` of each. The CPU's `remake` is the
    /// twin.
    ///
    /// # Errors
    /// As [`Self::for_each_batch`] and [`Self::keep_leaves`].
    ///
    /// # Panics
    /// When `wanted` has another length than `nonces`.
    pub async fn remake(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        wanted: &[BTreeSet<usize>],
        progress: Progress<'_>,
    ) -> Result<Vec<Remade>, GpuError> {
        assert_eq!(nonces.len(), wanted.len(), "what is wanted of each nonce");
        self.keep_leaves().await?;
        self.clear();
        let result = self.remake_batches(key, nonces, wanted, progress).await;
        self.clear();
        result
    }

    async fn remake_batches(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        wanted: &[BTreeSet<usize>],
        progress: Progress<'_>,
    ) -> Result<Vec<Remade>, GpuError> {
        let Self { gpu, kernels, linears, model, readback, hasher, pace, puzzle, .. } = self;
        let hasher = hasher.as_mut().expect("leaves are kept");
        let (params, inputs_key) = (puzzle.params(), puzzle.inputs_key(key));
        let (vocab, stride) = (params.vocab(), model.logits_stride());
        let total = model.cost() as f64 * nonces.len() as f64;
        let mut recorder = Recorder::new(gpu, pace, total, progress);
        let mut remade = Vec::with_capacity(nonces.len());
        for (batch, wanted) in nonces.chunks(model.batch()).zip(wanted.chunks(model.batch())) {
            let mut states = vec![BTreeMap::new(); batch.len()];
            let mut run = model.start(&mut recorder, kernels, linears, &inputs_key, batch)?;
            for op in model.plan().ops() {
                hasher.record(&mut recorder, *op, model.stream(), batch.len())?;
                if let Some(state) = op.state_before(params) {
                    let bytes = state_bytes(params, state) as u64;
                    for ix in (0..batch.len()).filter(|ix| wanted[*ix].contains(&state)) {
                        recorder.flush()?;
                        let values = gpu.read_from(model.stream(), ix as u64 * bytes, bytes).await?;
                        states[ix].insert(state, bytemuck::pod_collect_to_vec(&values));
                    }
                }
                run.step(&mut recorder, *op)?;
                recorder.catch_up().await?;
            }
            readback.send(&mut recorder, model.logits(), (batch.len() * stride * 4) as u64)?;
            hasher.send(&mut recorder, batch.len())?;
            recorder.catch_up().await?;
            let logits = readback.take(gpu).await?;
            let leaves = hasher.take(gpu, batch.len()).await?;
            let each = logits.chunks_exact(stride).zip(leaves.chunks_exact(params.layers() + 1));
            remade.extend(each.zip(states).map(|((logits, leaves), states)| {
                let digest = Digest::of_logits(&logits[..vocab]);
                Remade { leaves: leaves.to_vec(), digest, states }
            }));
        }
        recorder.finish().await?;
        Ok(remade)
    }

    /// One layer of each nonce, repeated from the state before it, SPEC §II.12.8: the states after it and, after the last
    /// layer, the logits. Core's `ReferenceExecutor::repeat` is the twin.
    ///
    /// # Shapes
    /// - `states`: `[nonces, tokens, dim]`, within ±24552.
    /// - returns `[nonces, tokens, dim]` and nothing; after the last layer `[nonces, dim]` and `[nonces, vocab]`.
    ///
    /// # Errors
    /// As [`Self::for_each_batch`].
    ///
    /// # Panics
    /// When `states` has another length, or there is no such layer.
    pub async fn repeat(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        layer: usize,
        states: &[i16],
        progress: Progress<'_>,
    ) -> Result<(Vec<i16>, Vec<i32>), GpuError> {
        let Self { gpu, kernels, linears, model, pace, puzzle, .. } = self;
        let (params, inputs_key) = (puzzle.params(), puzzle.inputs_key(key));
        let state_len = params.tokens() * params.dim();
        assert_eq!(states.len(), nonces.len() * state_len, "states are [nonces, tokens, dim]");
        let ops = repeat_ops(layer, params);
        let cost: u64 = ops.iter().map(|op: &Op| op.cost(params)).sum();
        let (vocab, stride) = (params.vocab(), model.logits_stride());
        let bytes_after = state_bytes(params, layer + 1);
        let (mut next, mut logits) = (Vec::new(), Vec::new());
        let mut recorder = Recorder::new(gpu, pace, cost as f64 * nonces.len() as f64, progress);
        let batch = model.batch();
        for (nonces, states) in nonces.chunks(batch).zip(states.chunks(batch * state_len)) {
            let mut run = model.start(&mut recorder, kernels, linears, &inputs_key, nonces)?;
            gpu.write(model.stream(), 0, bytemuck::cast_slice(states));
            for op in &ops {
                run.step(&mut recorder, *op)?;
                recorder.catch_up().await?;
            }
            recorder.flush()?;
            let read = gpu.read(model.stream(), (nonces.len() * bytes_after) as u64).await?;
            next.extend(bytemuck::pod_collect_to_vec::<u8, i16>(&read));
            if layer + 1 == params.layers() {
                let read = gpu.read(model.logits(), (nonces.len() * stride * 4) as u64).await?;
                let rows = bytemuck::pod_collect_to_vec::<u8, i32>(&read);
                rows.chunks_exact(stride).for_each(|row| logits.extend_from_slice(&row[..vocab]));
            }
        }
        recorder.finish().await?;
        Ok((next, logits))
    }
}
