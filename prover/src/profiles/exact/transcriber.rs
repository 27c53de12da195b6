//! What makes and repeats transcripts on a device.

use crate::error::ProverError;
use pollster::block_on;
use sphere_pow_core::exact::transcript::{Keys, Remade};
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_core::profile::OnProgress;
use sphere_pow_cpu::exact::{CpuEngine, Progress};
use sphere_pow_gpu::exact::ExactGpuEngine;
use std::collections::BTreeSet;

/// A device that computes nonces again for their openings, and repeats layers that others opened.
pub trait Transcriber {
    /// Nonces computed again, with the states that are `wanted` of each.
    ///
    /// # Errors
    /// The device's.
    fn remake(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        wanted: &[BTreeSet<usize>],
        progress: OnProgress<'_>,
    ) -> Result<Vec<Remade>, ProverError>;

    /// One layer of each nonce from the states before it, `[nonces, tokens, dim]`: those after it, and after the last
    /// layer the logits.
    ///
    /// # Errors
    /// The device's.
    fn repeat(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        layer: usize,
        states: &[i16],
        progress: OnProgress<'_>,
    ) -> Result<(Vec<i16>, Vec<i32>), ProverError>;
}

#[expect(clippy::cast_possible_truncation, reason = "a share for display")]
fn share(progress: Progress) -> f32 {
    progress.fraction() as f32
}

impl Transcriber for CpuEngine {
    fn remake(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        wanted: &[BTreeSet<usize>],
        progress: OnProgress<'_>,
    ) -> Result<Vec<Remade>, ProverError> {
        let keys = Keys::new(self.puzzle(), key);
        Ok(self.executor().remake(&keys, key, nonces, wanted, &mut |done| progress(share(done)))?)
    }

    fn repeat(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        layer: usize,
        states: &[i16],
        progress: OnProgress<'_>,
    ) -> Result<(Vec<i16>, Vec<i32>), ProverError> {
        Ok(self.executor().repeat(key, nonces, layer, states, &mut |done| progress(share(done)))?)
    }
}

impl Transcriber for ExactGpuEngine {
    fn remake(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        wanted: &[BTreeSet<usize>],
        progress: OnProgress<'_>,
    ) -> Result<Vec<Remade>, ProverError> {
        Ok(block_on(self.executor().remake(key, nonces, wanted, progress))?)
    }

    fn repeat(
        &mut self,
        key: &PublicKey,
        nonces: &[Nonce],
        layer: usize,
        states: &[i16],
        progress: OnProgress<'_>,
    ) -> Result<(Vec<i16>, Vec<i32>), ProverError> {
        Ok(block_on(self.executor().repeat(key, nonces, layer, states, progress))?)
    }
}
