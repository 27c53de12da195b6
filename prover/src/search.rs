//! Drives several devices over their nonces and writes what they find to a ledger.

use crate::device::Device;
use crate::error::ProverError;
use crate::ledger::{Entry, Ledger, LedgerError, MAX_LINE_NONCES, Progress};
use crate::rates::Counts;
use crate::signals::Stop;
use sphere_pow_core::identity::{Nonce, NonceSequence, PublicKey};
use sphere_pow_core::profile::Profile;
use sphere_pow_gpu::GpuError;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a driver gets to come back after each loss in a row; after the last the device is given up.
const WAITS: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(500), Duration::from_secs(3)];

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

/// For whom, and what wins.
#[derive(Clone, Debug)]
pub struct Hunt<P: Profile> {
    /// Who mines.
    pub key: PublicKey,
    /// What a nonce must reach.
    pub rule: P::Rule,
}

/// What a device has done, for display while it runs and for the report after it.
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

    /// The sum over devices.
    #[must_use]
    pub fn total(tallies: &[Self]) -> Counts {
        tallies.iter().map(Self::counts).fold(Counts::default(), |sum, counts| Counts {
            tried: sum.tried + counts.tried,
            won: sum.won + counts.won,
        })
    }
}

struct Shared<'a> {
    job: &'a Job,
    ledger: Mutex<Ledger>,
    reserved: AtomicU64,
    deadline: Option<Instant>,
    stop: &'a Stop,
    failed: AtomicBool,
}

impl Shared<'_> {
    fn is_over(&self) -> bool {
        self.stop.is_asked()
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

/// Mines on all of `devices` until the job's end or `stop`, each over its own group of nonces; gives how each ended.
///
/// A lost device is rebuilt and goes on with the batch it lost; one that keeps failing is given up while the
/// others go on. Batches cut short by the end are not counted.
///
/// # Shapes
/// - `tallies`: `[devices.len()]`, as the result.
///
/// # Errors
/// [`ProverError::Identity`] for a share of the nonces that cannot be.
pub fn mine<P: Profile>(
    job: &Job,
    hunt: &Hunt<P>,
    devices: Vec<Box<dyn Device<P>>>,
    (ledger, before): (Ledger, &Progress),
    tallies: &[Tally],
    stop: &Stop,
) -> Result<Vec<Result<(), ProverError>>, ProverError> {
    let groups = devices.len() as u64;
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
        reserved: AtomicU64::new(0),
        deadline: job.duration.map(|d| Instant::now() + d),
        stop,
        failed: AtomicBool::new(false),
    };
    let shared = &shared;
    let work = devices.into_iter().zip(sequences).zip(tallies).zip(0..);
    Ok(std::thread::scope(|scope| {
        let workers: Vec<_> = work
            .map(|(((device, sequence), tally), group)| {
                let name = device.info().device.clone();
                let worker = Worker { shared, hunt: hunt.clone(), device, sequence, tally, group, groups };
                // A driver's panic must neither take the others along nor hang whoever waits for it.
                let run = move || {
                    std::panic::catch_unwind(AssertUnwindSafe(|| worker.run()))
                        .unwrap_or_else(|panic| Err(ProverError::panicked(&name, panic.as_ref())))
                };
                std::thread::Builder::new().spawn_scoped(scope, run)
            })
            .collect();
        let ended = |worker: std::io::Result<std::thread::ScopedJoinHandle<'_, _>>| match worker {
            Ok(worker) => {
                worker.join().unwrap_or_else(|panic| Err(ProverError::panicked("a device", panic.as_ref())))
            }
            Err(error) => Err(ProverError::Thread(error)),
        };
        workers.into_iter().map(ended).collect()
    }))
}

struct Worker<'a, P: Profile> {
    shared: &'a Shared<'a>,
    hunt: Hunt<P>,
    device: Box<dyn Device<P>>,
    sequence: NonceSequence,
    tally: &'a Tally,
    group: u64,
    groups: u64,
}

impl<P: Profile> Worker<'_, P> {
    fn run(mut self) -> Result<(), ProverError> {
        while !self.shared.is_over() {
            let take = self.shared.reserve(self.device.batch().clamp(1, MAX_LINE_NONCES));
            let nonces: Vec<Nonce> = self.sequence.by_ref().take(take).collect();
            let Some(last) = nonces.last().copied() else {
                if take > 0 {
                    tracing::warn!("{}: no nonces are left", self.device.info().device);
                }
                return Ok(());
            };
            match self.batch(&nonces) {
                Err(ProverError::Interrupted) => {
                    if self.tally.counts().tried == 0 && !self.shared.stop.is_asked() {
                        let name = &self.device.info().device;
                        tracing::warn!(
                            "{name}: the time was over before one batch of {take} nonces was done"
                        );
                    }
                    return Ok(());
                }
                Err(error) => {
                    tracing::error!("{} is given up: {error}", self.device.info().device);
                    return Err(error);
                }
                Ok(outcomes) => self.append(&nonces, last, &outcomes)?,
            }
        }
        Ok(())
    }

    fn append(&mut self, nonces: &[Nonce], last: Nonce, outcomes: &[P::Outcome]) -> Result<(), ProverError> {
        let claims = nonces.iter().zip(outcomes);
        let won: Vec<(Nonce, P::Claim)> =
            claims.filter_map(|(nonce, outcome)| Some((*nonce, P::won(&self.hunt.rule, outcome)?))).collect();
        let [listed, claimed] = P::columns(&won);
        let (tried, n_won) = (nonces.len() as u64, won.len() as u64);
        let columns = [("nonces", listed), (P::CLAIM_COLUMN, claimed)];
        let roots = self.device.take_roots();
        let entry = Entry { group: self.group, groups: self.groups, tried, last, columns, roots };
        let mut ledger = self.shared.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = ledger.append(&entry) {
            self.shared.failed.store(true, Ordering::Relaxed);
            if let LedgerError::Append { line, .. } = &error {
                // What was found must not be lost with the disk.
                crate::console::warn(line.trim_end());
            }
            return Err(error.into());
        }
        drop(ledger);
        self.tally.tried.fetch_add(tried, Ordering::Release);
        self.tally.won.fetch_add(n_won, Ordering::Release);
        Ok(())
    }

    /// One batch, tried again on a rebuilt device when the device was lost.
    fn batch(&mut self, nonces: &[Nonce]) -> Result<Vec<P::Outcome>, ProverError> {
        let shared = self.shared;
        let mut progress =
            |_| if shared.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let mut waits = WAITS.iter();
        let mut lost = false;
        loop {
            // A device that cannot be had yet is as good as lost once more.
            let result = if lost { self.device.rebuild() } else { Ok(()) }
                .and_then(|()| self.device.outcomes(&self.hunt.key, nonces, &mut progress));
            match result {
                Err(ProverError::Gpu(error @ GpuError::DeviceLost { .. })) => {
                    let Some(wait) = waits.next() else { return Err(error.into()) };
                    tracing::warn!("{error}; rebuilding it in {} ms", wait.as_millis());
                    self.pause(*wait)?;
                    lost = true;
                }
                other => return other,
            }
        }
    }

    fn pause(&self, wait: Duration) -> Result<(), ProverError> {
        let until = Instant::now() + wait;
        while Instant::now() < until {
            if self.shared.is_over() {
                return Err(ProverError::Interrupted);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
