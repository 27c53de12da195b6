//! A watched device as one among others: what is asked of it, its thread does.

use super::{Wanted, Watched};
use crate::device::{Device, Rig};
use crate::error::ProverError;
use crate::profiles::{Machine, Transcriber};
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, EngineInfo, OnProgress};
use std::ops::ControlFlow;
use std::sync::Arc;

impl<P: Machine> Engine<P> for Watched<P> {
    type Error = ProverError;

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
    ) -> Result<Vec<P::Outcome>, ProverError> {
        let (key, own): (_, Arc<[Nonce]>) = (key.clone(), nonces.into());
        let act = move |device: &mut dyn Device<P>, progress: OnProgress<'_>| {
            let outcomes = device.outcomes(&key, &own, progress)?;
            Ok((outcomes, device.take_roots()))
        };
        self.roots.clear();
        self.rest(progress)?;
        let (outcomes, roots) = self.ask_for_less(nonces.len(), progress, act)?;
        self.roots = roots;
        Ok(outcomes)
    }
}

impl<P: Machine> Rig<P> for Watched<P> {
    fn keep_roots(&mut self) -> bool {
        let kept = self.ask(1, &mut |_| ControlFlow::Continue(()), |device, _| Ok(device.keep_roots()));
        self.keeps = kept.unwrap_or_else(|error| {
            tracing::warn!("transcripts are not kept: {error}");
            false
        });
        self.keeps
    }

    fn take_roots(&mut self) -> Vec<String> {
        std::mem::take(&mut self.roots)
    }

    fn transcriber(&mut self) -> Option<&mut dyn Transcriber> {
        let has =
            self.ask(1, &mut |_| ControlFlow::Continue(()), |device, _| Ok(device.transcriber().is_some()));
        matches!(has, Ok(true)).then_some(self as &mut dyn Transcriber)
    }

    /// The same thread with the same device; another with another where that fails.
    fn set_block(
        &mut self,
        puzzle: &P::Puzzle,
        shared: &Arc<P::Shared>,
        progress: OnProgress<'_>,
    ) -> Result<(), ProverError> {
        self.wanted = Arc::new(Wanted::new(puzzle, shared));
        let (puzzle, shared) = (puzzle.clone(), Arc::clone(shared));
        let act = move |device: &mut dyn Device<P>, progress: OnProgress<'_>| {
            device.set_block(&puzzle, &shared, progress)
        };
        match self.ask_within((self.opening(), true), progress, act) {
            Ok(()) => {
                self.row.opened(&self.info, self.batch);
                Ok(())
            }
            Err(ProverError::Interrupted) => Err(ProverError::Interrupted),
            Err(error) => {
                tracing::warn!("{} is opened anew: {error}", self.info.device);
                self.take_bench(progress)
            }
        }
    }

    /// Another thread with another device, unless that was done too often.
    fn rebuild(&mut self, progress: OnProgress<'_>) -> Result<(), ProverError> {
        let patience = self.patience;
        if !self.row.may_reset(patience) {
            let (device, minutes) = (self.info.device.clone(), patience.within.as_secs_f64() / 60.0);
            return Err(ProverError::ResetStorm { device, resets: patience.resets, minutes });
        }
        self.take_bench(progress)
    }
}
