//! Transcripts on the CPU (SPEC §II.12): leaves beside the logits, and single layers repeated.

use super::executor::{CpuError, CpuExecutor, OnProgress, OnState, watch};
use super::forward::Model;
use super::run::Run;
use sphere_pow_core::exact::Digest;
use sphere_pow_core::exact::plan::{Op, repeat_ops};
use sphere_pow_core::exact::transcript::{Hash, Keys, Remade};
use sphere_pow_core::identity::{Nonce, PublicKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

impl CpuExecutor {
    /// Logits and leaves of each nonce, SPEC §II.12.2: `[nonces, vocab]` and `[nonces, layers + 1]`.
    ///
    /// # Errors
    /// As [`Self::logits`].
    pub fn transcripts(
        &mut self,
        keys: &Keys,
        key: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<(Vec<i32>, Vec<Hash>), CpuError> {
        self.hashed(keys, key, nonces, &|_, _, _| (), progress)
    }

    /// The same, with somebody else who looks at the states.
    fn hashed(
        &mut self,
        keys: &Keys,
        key: &PublicKey,
        nonces: &[Nonce],
        see: OnState<'_>,
        progress: OnProgress<'_>,
    ) -> Result<(Vec<i32>, Vec<Hash>), CpuError> {
        let states = self.puzzle().params().layers() + 1;
        let mut leaves = Vec::new();
        leaves.resize_with(nonces.len() * states, OnceLock::new);
        let hash = |nonce: usize, state: usize, values: &[i16]| {
            // Each state is seen once.
            let _ = leaves[nonce * states + state].set(keys.leaf(state, values));
            see(nonce, state, values);
        };
        let logits = self.observed(key, nonces, Some(&hash), progress)?;
        let leaves = leaves.into_iter().map(|leaf| leaf.into_inner().expect("every state is seen"));
        Ok((logits, leaves.collect()))
    }

    /// Nonces computed again for their openings, with the states that are `wanted` of each.
    ///
    /// # Errors
    /// As [`Self::logits`].
    ///
    /// # Panics
    /// When `wanted` has another length than `nonces`.
    pub fn remake(
        &mut self,
        keys: &Keys,
        key: &PublicKey,
        nonces: &[Nonce],
        wanted: &[BTreeSet<usize>],
        progress: OnProgress<'_>,
    ) -> Result<Vec<Remade>, CpuError> {
        assert_eq!(nonces.len(), wanted.len(), "what is wanted of each nonce");
        let states = Mutex::new(vec![BTreeMap::new(); nonces.len()]);
        let (logits, leaves) = {
            let see = |nonce: usize, state: usize, values: &[i16]| {
                if wanted[nonce].contains(&state) {
                    let mut states = states.lock().unwrap_or_else(PoisonError::into_inner);
                    states[nonce].insert(state, values.to_vec());
                }
            };
            self.hashed(keys, key, nonces, &see, progress)?
        };
        let (vocab, n) = (self.puzzle().params().vocab(), self.puzzle().params().layers() + 1);
        let each = logits.chunks_exact(vocab).zip(leaves.chunks_exact(n));
        let states = states.into_inner().unwrap_or_else(PoisonError::into_inner);
        let remade = each.zip(states).map(|((logits, leaves), states)| {
            let digest = Digest::of_logits(logits);
            Remade { leaves: leaves.to_vec(), digest, states }
        });
        Ok(remade.collect())
    }

    /// One layer of each nonce, repeated from the state before it, SPEC §II.12.8: the states after it and, after the
    /// last layer, the logits. Core's `ReferenceExecutor::repeat` is the twin.
    ///
    /// # Shapes
    /// - `states`: `[nonces, tokens, dim]`, within ±24552.
    /// - returns `[nonces, tokens, dim]` and nothing; after the last layer `[nonces, dim]` and `[nonces, vocab]`.
    ///
    /// # Errors
    /// As [`Self::logits`].
    ///
    /// # Panics
    /// When `states` has another length, or there is no such layer.
    pub fn repeat(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        layer: usize,
        states: &[i16],
        progress: OnProgress<'_>,
    ) -> Result<(Vec<i16>, Vec<i32>), CpuError> {
        let (puzzle, params) = (self.puzzle().clone(), *self.puzzle().params());
        let state_len = params.tokens() * params.dim();
        assert_eq!(states.len(), nonces.len() * state_len, "states are [nonces, tokens, dim]");
        let ops = repeat_ops(layer, &params);
        let vocab = if layer + 1 == params.layers() { params.vocab() } else { 0 };
        let (mut next, mut logits) = (Vec::new(), vec![0; nonces.len() * vocab]);
        let cost: u64 = ops.iter().map(|op: &Op| op.cost(&params)).sum();
        let parts = self.parts();
        let batch = parts.nonces;
        watch(parts.threads, nonces.len() as u64 * cost, progress, |stop, done, poll| {
            // Who looks makes the pass keep the state before the logits.
            let observer: super::forward::Observer<'_> = &|_, _, _| ();
            let model =
                Model { params: &params, ops: &ops, weights: parts.weights, observer: Some(observer) };
            let mut left = &mut logits[..];
            for (nonces, states) in nonces.chunks(batch).zip(states.chunks(batch * state_len)) {
                let logits = left.split_off_mut(..nonces.len() * vocab).expect("a row a nonce");
                parts.slots.stream.clear();
                parts.slots.stream.extend_from_slice(states);
                let (kernels, is_serial) = (parts.kernels, false);
                let mut run = Run { kernels, stop, done, poll: &mut *poll, is_serial };
                model.run(parts.slots, puzzle.inputs(key, nonces), &mut run, logits);
                next.extend_from_slice(&parts.slots.stream);
            }
        })?;
        Ok((next, logits))
    }
}
