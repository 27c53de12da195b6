//! The device of tests: what it computes is made up, and it goes wrong as told.

use super::Rig;
use crate::error::ProverError;
use crate::profiles::Machine;
use sphere_pow_core::gonka::{Gonka, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::profile::{Engine, EngineInfo, OnProgress};
use sphere_pow_gpu::GpuError;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

/// What is wrong with a device; a fault that counts ends by itself.
#[derive(Clone, Debug, Default)]
pub(crate) enum Fault {
    #[default]
    None,
    /// It refuses every batch.
    Broken,
    /// Its driver panics at every batch.
    Panics,
    /// It says the truth: even nonces do not win. Without it, a device says that all do.
    Truthful,
    /// So many batches are lost.
    Lost(Arc<AtomicU64>),
    /// So many batches fail: an odd number left is a panic.
    Unsteady(Arc<AtomicU64>),
    /// So many batches do not return until the flag is set.
    Hangs(Arc<AtomicU64>, Arc<AtomicBool>),
    /// No memory for more than so many nonces at once, at a batch or while it is opened.
    NoMemory(Arc<AtomicUsize>),
}

/// A device of the `gonka` profile.
pub(crate) struct Fake {
    pub(crate) info: EngineInfo,
    /// What every nonce comes to.
    pub(crate) outcome: f64,
    pub(crate) batch: usize,
    pub(crate) fault: Fault,
    pub(crate) rebuilds: Arc<AtomicU64>,
    /// That it took after the first.
    pub(crate) blocks: Arc<Mutex<Vec<BlockHash>>>,
    /// Of every transcript.
    pub(crate) root: Option<&'static str>,
    /// Where it waits before its first batch until others have theirs.
    pub(crate) start: Option<Arc<Barrier>>,
}

impl Fake {
    /// A GPU that wins every nonce.
    pub(crate) fn gpu(name: &str, fault: Fault) -> Self {
        let info = EngineInfo { engine: "gpu", device: name.into() };
        let (rebuilds, blocks) = (Arc::default(), Arc::default());
        Self { info, outcome: 1.0, batch: 5, fault, rebuilds, blocks, root: None, start: None }
    }

    /// A CPU that says the truth.
    pub(crate) fn cpu() -> Self {
        let info = EngineInfo { engine: "cpu", device: "CPU".into() };
        Self { info, ..Self::gpu("", Fault::Truthful) }
    }

    pub(crate) fn refusal(&self) -> ProverError {
        GpuError::OutOfMemory { name: self.info.device.clone(), needed_bytes: 1 }.into()
    }

    fn lost(&self) -> ProverError {
        GpuError::DeviceLost { name: self.info.device.clone(), reason: "on purpose".into() }.into()
    }
}

/// Whether one more is due, and how many were.
fn one_of(left: &AtomicU64) -> Option<u64> {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).ok()
}

impl Engine<Gonka> for Fake {
    type Error = ProverError;

    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn batch(&self) -> usize {
        self.batch
    }

    async fn outcomes(
        &mut self,
        _: &PublicKey,
        nonces: &[Nonce],
        progress: OnProgress<'_>,
    ) -> Result<Vec<f64>, ProverError> {
        if let Some(start) = self.start.take() {
            start.wait();
        }
        match &self.fault {
            Fault::None => {}
            Fault::Broken => {
                let (name, reason) = (self.info.device.clone(), "broken".into());
                return Err(GpuError::Internal { name, reason }.into());
            }
            Fault::Panics => panic!("a driver's bug"),
            Fault::Truthful => {
                let truth = |nonce: &Nonce| if nonce.get().is_multiple_of(2) { 1.42 } else { 1.0 };
                return Ok(nonces.iter().map(truth).collect());
            }
            Fault::Lost(left) if one_of(left).is_some() => return Err(self.lost()),
            Fault::Unsteady(left) => {
                if let Some(n) = one_of(left) {
                    assert!(!n.is_multiple_of(2), "a driver's bug");
                    return Err(self.lost());
                }
            }
            Fault::Hangs(left, end) if one_of(left).is_some() => {
                while !end.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            Fault::NoMemory(room) if self.batch > room.load(Ordering::Relaxed) => return Err(self.refusal()),
            Fault::Lost(_) | Fault::Hangs(..) | Fault::NoMemory(_) => {}
        }
        if progress(1.0).is_break() {
            return Err(ProverError::Interrupted);
        }
        Ok(vec![self.outcome; nonces.len()])
    }
}

impl Rig<Gonka> for Fake {
    fn set_block(
        &mut self,
        puzzle: &Puzzle,
        _: &Arc<<Gonka as Machine>::Shared>,
        _: OnProgress<'_>,
    ) -> Result<(), ProverError> {
        match &self.fault {
            Fault::Lost(left) if one_of(left).is_some() => Err(self.lost()),
            _ => {
                self.blocks.lock().unwrap().push(puzzle.block().clone());
                Ok(())
            }
        }
    }

    fn keep_roots(&mut self) -> bool {
        self.root.is_some()
    }

    fn take_roots(&mut self) -> Vec<String> {
        self.root.into_iter().map(str::to_owned).collect()
    }

    fn rebuild(&mut self, _: OnProgress<'_>) -> Result<(), ProverError> {
        self.rebuilds.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}
