//! The lanes of a round, side by side on this machine.

use super::arithmetic::Trainer;
use super::folder::{Folder, Progress};
use crate::error::ProverError;
use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::train::Lane;
use sphere_pow_core::train::commit::delta;
use sphere_pow_core::train::merge::Agreed;
use std::sync::atomic::{AtomicU64, Ordering};

/// A round's lanes.
pub(super) struct Lanes<'a, T> {
    pub(super) trainer: &'a T,
    pub(super) folder: &'a Folder,
    pub(super) agreed: &'a Agreed,
    pub(super) seed: [u8; 32],
}

/// A lane that is done.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) leaves: Vec<Hash>,
    /// Loss of all its steps, in units of 2^-16 octaves.
    pub(super) loss: i64,
    pub(super) delta: Vec<u8>,
}

impl<T: Trainer> Lanes<'_, T> {
    /// Every lane to its end, and how many steps that took; `on_step` hears how many are done.
    pub(super) fn all(&self, on_step: &(impl Fn(u64) + Sync)) -> Result<(Vec<Done>, u64), ProverError> {
        let lanes = self.trainer.run().params().raw().lanes;
        let (done, computed) = (AtomicU64::new(0), AtomicU64::new(0));
        let mut results: Vec<_> = (0..lanes).map(|_| None).collect();
        self.trainer.for_each((0..lanes).zip(&mut results).collect(), |(lane, result)| {
            let step = |is_new: bool, steps: u64| {
                computed.fetch_add(if is_new { steps } else { 0 }, Ordering::Relaxed);
                on_step(done.fetch_add(steps, Ordering::Relaxed) + steps);
            };
            *result = Some(self.one(lane, &step));
        });
        let results: Result<Vec<Done>, _> =
            results.into_iter().map(|lane| lane.expect("each was run")).collect();
        Ok((results?, computed.into_inner()))
    }

    fn one(&self, lane: u32, on_step: &impl Fn(bool, u64)) -> Result<Done, ProverError> {
        let Self { trainer, agreed, .. } = self;
        let (run, id) = (trainer.run(), trainer.id());
        let lane = Lane { round: agreed.round, lane, seed: self.seed };
        let leaf = |j: u32, state: &[u8]| id.leaf(lane.round, lane.lane, j, state);
        let mut progress = self.folder.read_progress(*trainer, &lane).unwrap_or_else(|| {
            let state = trainer.start(&agreed.theta);
            Progress { leaves: vec![leaf(0, &trainer.bytes(&state))], loss: 0, state }
        });
        let first = progress.leaves.len() as u32 - 1;
        on_step(false, u64::from(first * run.params().segment()));
        for segment in first..run.params().raw().segments {
            let (steps, state) = (run.segment(segment), &mut progress.state);
            progress.loss += trainer.steps(&lane, steps, state, &mut || on_step(true, 1))?;
            let bytes = trainer.bytes(&progress.state);
            progress.leaves.push(leaf(segment + 1, &bytes));
            self.folder.write_progress(&lane, &progress, &bytes)?;
        }
        let delta = delta(&agreed.theta, &trainer.theta(&progress.state));
        Ok(Done { leaves: progress.leaves, loss: progress.loss, delta })
    }
}
