//! Drives several devices over their nonces and writes what they find to a ledger.

use crate::device::{BackendInfo, OnProgress};
use crate::error::ProverError;
use crate::ledger::{Entry, Ledger, LedgerError, Progress};
use crate::rates::Counts;
use serde_json::Value;
use sphere_pow_core::identity::{Nonce, NonceSequence};
use sphere_pow_gpu::GpuError;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a device may be lost in a row before it is given up.
const MAX_LOSSES: u32 = 3;

/// What a batch of nonces won.
#[derive(Clone, Debug, PartialEq)]
pub struct Won {
    /// How many nonces.
    pub count: u64,
    /// The columns of the ledger that list them, by ascending nonce.
    pub columns: [(&'static str, Value); 2],
}

/// A device that searches for one key on one block.
pub trait Searcher: Send {
    /// Which device this is.
    fn info(&self) -> &BackendInfo;

    /// How many nonces it likes to take at once.
    fn batch(&self) -> usize;

    /// Tries `nonces`, which ascend.
    ///
    /// # Errors
    /// [`ProverError::Interrupted`] when `progress` breaks, else the device's.
    fn search(&mut self, nonces: &[Nonce], progress: OnProgress<'_>) -> Result<Won, ProverError>;

    /// Makes the device anew after it was lost.
    ///
    /// # Errors
    /// The device's, when it cannot be had again.
    fn rebuild(&mut self) -> Result<(), ProverError>;
}

/// Which nonces to try and when to stop.
#[derive(Clone, Debug)]
pub struct Job {
    /// Which of the host's nodes this is.
    pub node_id: u64,
    /// How many nodes share the nonces.
    pub node_count: u64,
    /// Stop after this many nonces.
    pub count: Option<u64>,
    /// Stop after this long.
    pub duration: Option<Duration>,
}

/// What a run has done, for display while it runs and for the report after it.
#[derive(Debug, Default)]
pub struct Tally {
    tried: AtomicU64,
    won: AtomicU64,
}

impl Tally {
    /// Nonces acknowledged so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        // Won first: a reader between the two updates then never sees more won than tried.
        let won = self.won.load(Ordering::Acquire);
        Counts { tried: self.tried.load(Ordering::Acquire), won }
    }
}

struct Shared<'a> {
    job: &'a Job,
    ledger: Mutex<Ledger>,
    tally: &'a Tally,
    reserved: AtomicU64,
    deadline: Option<Instant>,
    stop: &'a AtomicBool,
    failed: AtomicBool,
}

impl Shared<'_> {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
            || self.failed.load(Ordering::Relaxed)
            || self.deadline.is_some_and(|at| Instant::now() >= at)
    }

    /// Takes up to `want` of the nonces still to be tried.
    fn reserve(&self, want: usize) -> usize {
        let Some(limit) = self.job.count else { return want };
        let before = self.reserved.fetch_add(want as u64, Ordering::Relaxed);
        usize::try_from(limit.saturating_sub(before)).unwrap_or(want).min(want)
    }
}

/// Mines on all of `searchers` until the job's end or `stop`, each over its own group of nonces.
///
/// A lost device is rebuilt and goes on with the batch it lost; one that keeps failing is given up while the
/// others go on. Batches cut short by the end are not counted.
///
/// # Errors
/// [`ProverError::Ledger`] when a line cannot be written, else the last device's error when none is left.
pub fn mine(
    job: &Job,
    searchers: Vec<Box<dyn Searcher>>,
    ledger: Ledger,
    before: &Progress,
    tally: &Tally,
    stop: &AtomicBool,
) -> Result<(), ProverError> {
    let groups = searchers.len() as u64;
    let sequences = (0..groups).map(|group| {
        let sequence = NonceSequence::new(job.node_id, job.node_count, group, groups)?;
        Ok(match before.resume_after(group, groups) {
            Some(last) => sequence.after(last),
            None => sequence,
        })
    });
    let sequences: Vec<NonceSequence> = sequences.collect::<Result<_, ProverError>>()?;
    let shared = Shared {
        job,
        ledger: Mutex::new(ledger),
        tally,
        reserved: AtomicU64::new(0),
        deadline: job.duration.map(|d| Instant::now() + d),
        stop,
        failed: AtomicBool::new(false),
    };
    let shared = &shared;
    let results: Vec<Result<(), ProverError>> = std::thread::scope(|scope| {
        let workers: Vec<_> = searchers
            .into_iter()
            .zip(sequences)
            .zip(0..)
            .map(|((backend, sequence), group)| {
                scope.spawn(move || work(shared, backend, sequence, group, groups))
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("workers do not panic")).collect()
    });
    let any_done = results.iter().any(Result::is_ok);
    for error in results.into_iter().filter_map(Result::err) {
        if !any_done || matches!(error, ProverError::Ledger(_)) {
            return Err(error);
        }
    }
    Ok(())
}

fn work(
    shared: &Shared<'_>,
    mut searcher: Box<dyn Searcher>,
    mut sequence: NonceSequence,
    group: u64,
    groups: u64,
) -> Result<(), ProverError> {
    while !shared.is_over() {
        let take = shared.reserve(searcher.batch());
        let nonces: Vec<Nonce> = sequence.by_ref().take(take).collect();
        let Some(last) = nonces.last().copied() else { return Ok(()) };
        let won = match try_batch(shared, searcher.as_mut(), &nonces) {
            Err(ProverError::Interrupted) => return Ok(()),
            Err(error) => {
                tracing::error!("{} is given up: {error}", searcher.info().adapter);
                return Err(error);
            }
            Ok(won) => won,
        };
        let (tried, n_won) = (nonces.len() as u64, won.count);
        let entry = Entry { group, groups, tried, last, won };
        let appended = shared.ledger.lock().expect("appending does not panic").append(&entry);
        if let Err(error) = appended {
            shared.failed.store(true, Ordering::Relaxed);
            if let LedgerError::Append { line, .. } = &error {
                // What was found must not be lost with the disk.
                eprint!("{line}");
            }
            return Err(error.into());
        }
        shared.tally.tried.fetch_add(tried, Ordering::Release);
        shared.tally.won.fetch_add(n_won, Ordering::Release);
    }
    Ok(())
}

/// One batch, tried again on a rebuilt device when the device was lost.
fn try_batch(shared: &Shared<'_>, searcher: &mut dyn Searcher, nonces: &[Nonce]) -> Result<Won, ProverError> {
    let mut progress = |_| if shared.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let mut losses = 0;
    loop {
        match searcher.search(nonces, &mut progress) {
            Err(ProverError::Gpu(GpuError::DeviceLost { .. })) if losses < MAX_LOSSES => {
                losses += 1;
                let adapter = &searcher.info().adapter;
                tracing::warn!("{adapter} was lost, rebuilding it ({losses} of {MAX_LOSSES})");
                searcher.rebuild()?;
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests;
