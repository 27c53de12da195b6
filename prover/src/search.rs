//! Drives several devices over their nonces, has what GPUs find recomputed, and writes it to a ledger.

mod check;
mod deadline;
mod tally;

pub use tally::Tally;

use crate::device::Device;
use crate::error::ProverError;
use crate::ledger::{Entry, LedgerError, MAX_LINE_NONCES, Progress};
use crate::profiles::Machine;
use crate::signals::Stop;
use check::{Checker, Checks};
use deadline::fitting;
use sphere_pow_core::identity::{Nonce, NonceSequence, PublicKey};
use sphere_pow_gpu::GpuError;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a driver gets to come back after each loss in a row; after the last the device is given up.
pub const WAITS: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(500), Duration::from_secs(3)];

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
    /// Try only nonces above this one, beside those that the ledger says were tried.
    pub after: Option<Nonce>,
}

/// For whom, and what wins.
#[derive(Clone, Debug)]
pub struct Hunt<P: Machine> {
    /// Who mines.
    pub key: PublicKey,
    /// What a nonce must reach.
    pub rule: P::Rule,
}

/// Takes what was won: a file, or what the service sends.
pub trait Wins: Send {
    /// Takes a batch and returns when it cannot be lost any more.
    ///
    /// # Errors
    /// [`LedgerError::Append`], with what was not taken in it.
    fn append(&mut self, entry: &Entry) -> Result<(), LedgerError>;
}

struct Shared<'a> {
    job: &'a Job,
    wins: Mutex<&'a mut dyn Wins>,
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

    /// How long there is until the deadline, where there is one.
    fn left(&self) -> Option<Duration> {
        self.deadline.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Takes up to `want` of the nonces still to be tried.
    fn reserve(&self, want: usize) -> usize {
        let Some(limit) = self.job.count else { return want };
        let before = self.reserved.fetch_add(want as u64, Ordering::Relaxed);
        usize::try_from(limit.saturating_sub(before)).unwrap_or(want).min(want)
    }
}

/// What mines.
pub struct Miners<P: Machine> {
    /// Each over its own group of nonces.
    pub devices: Vec<Box<dyn Device<P>>>,
    /// Recomputes wins of GPUs among them; without it all are believed.
    pub checker: Option<Box<dyn Device<P>>>,
}

/// Mines on all devices of `miners` until the job's end or `stop`, each over its own group of nonces.
///
/// A lost device is rebuilt and goes on with the batch it lost; one that keeps failing is given up while the
/// others go on, and so is one whose wins are false when the checker recomputes them. Batches cut short by the end are not
/// counted, so the last before a deadline is made as small as fits.
///
/// Gives how each device ended.
///
/// # Shapes
/// - `tallies`: `[devices.len()]`, as the results.
///
/// # Errors
/// [`ProverError::Identity`] for a share of the nonces that cannot be.
pub fn mine<P: Machine>(
    job: &Job,
    hunt: &Hunt<P>,
    Miners { devices, checker }: &mut Miners<P>,
    (wins, before): (&mut dyn Wins, &Progress),
    tallies: &[Tally],
    stop: &Stop,
) -> Result<Vec<Result<(), ProverError>>, ProverError> {
    let groups = devices.len() as u64;
    let sequences = (0..groups).map(|group| {
        let sequence = NonceSequence::new(job.node_id, job.node_count, group, groups)?;
        Ok(match before.resume_after(group, groups).max(job.after) {
            Some(last) => sequence.after(last),
            None => sequence,
        })
    });
    let sequences: Vec<NonceSequence> = sequences.collect::<Result<_, ProverError>>()?;
    let shared = Shared {
        job,
        wins: Mutex::new(wins),
        reserved: AtomicU64::new(0),
        deadline: job.duration.map(|d| Instant::now() + d),
        stop,
        failed: AtomicBool::new(false),
    };
    let results = std::thread::scope(|scope| {
        let shared = &shared;
        let checker = checker.as_mut();
        let checker =
            checker.map(|device| Checker::start(scope, device.as_mut(), hunt, move || shared.is_over()));
        let work = devices.iter_mut().zip(sequences).zip(tallies).zip(0..);
        let workers: Vec<_> = work
            .map(|(((device, sequence), tally), group)| {
                let name = device.info().device.clone();
                let is_gpu = device.info().engine == "gpu";
                let checks = checker.as_ref().filter(|_| is_gpu).map(Checker::client);
                let hunt = hunt.clone();
                let device = device.as_mut();
                let worker =
                    Worker { shared, hunt, device, sequence, tally, group, groups, checks, last: None };
                // A driver's panic must neither take the others along nor hang whoever waits for it.
                let run = move || {
                    let result = std::panic::catch_unwind(AssertUnwindSafe(|| worker.run()));
                    let result = result.unwrap_or_else(|panic| {
                        let error = ProverError::panicked(&name, panic.as_ref());
                        tally.give_up(&error);
                        Err(error)
                    });
                    tally.rest();
                    result
                };
                std::thread::Builder::new().spawn_scoped(scope, run)
            })
            .collect();
        // The checker ends with its last client.
        drop(checker);
        let ended = |worker: std::io::Result<std::thread::ScopedJoinHandle<'_, _>>| match worker {
            Ok(worker) => {
                worker.join().unwrap_or_else(|panic| Err(ProverError::panicked("a device", panic.as_ref())))
            }
            Err(error) => Err(ProverError::Thread(error)),
        };
        workers.into_iter().map(ended).collect()
    });
    Ok(results)
}

/// A batch that was computed and is not in the ledger yet.
struct Batch<P: Machine> {
    tried: u64,
    last: Nonce,
    won: Vec<(Nonce, P::Claim)>,
    /// Of the transcripts of all nonces tried, where the device makes them.
    roots: Vec<String>,
    /// Those of the nonces won.
    won_roots: Vec<String>,
}

struct Worker<'a, P: Machine> {
    shared: &'a Shared<'a>,
    hunt: Hunt<P>,
    device: &'a mut dyn Device<P>,
    sequence: NonceSequence,
    tally: &'a Tally,
    group: u64,
    groups: u64,
    /// Of a GPU: what is recomputed, and what waits for it.
    checks: Option<Checks<P>>,
    /// Nonces and time of the last batch.
    last: Option<(usize, Duration)>,
}

impl<P: Machine> Worker<'_, P> {
    fn run(mut self) -> Result<(), ProverError> {
        let result = self.work();
        if let Err(error) = &result
            && !matches!(error, ProverError::Ledger(_))
        {
            tracing::error!("{} is given up: {error}", self.device.info().device);
            self.tally.give_up(error);
        }
        // What still waits to be recomputed is a good device's work, unless that shows otherwise.
        let is_kept = !matches!(result, Err(ProverError::Ledger(_) | ProverError::WrongWins { .. }));
        let rest = if is_kept { self.settle_last() } else { Ok(()) };
        if let Err(error @ ProverError::WrongWins { .. }) = &rest {
            self.tally.give_up(error);
        }
        result.and(rest)
    }

    fn work(&mut self) -> Result<(), ProverError> {
        while !self.shared.is_over() {
            let batch = self.device.batch().clamp(1, MAX_LINE_NONCES);
            let fits = self.shared.left().zip(self.last).map(|(left, last)| fitting(left, last, batch));
            if fits == Some(0) {
                return Ok(());
            }
            let take = self.shared.reserve(fits.unwrap_or(batch));
            let nonces: Vec<Nonce> = self.sequence.by_ref().take(take).collect();
            let Some(last) = nonces.last().copied() else {
                if take > 0 {
                    tracing::warn!("{}: no nonces are left", self.device.info().device);
                }
                return Ok(());
            };
            let since = Instant::now();
            let result = self.batch(&nonces);
            self.last = Some((nonces.len(), since.elapsed()));
            match result {
                Err(ProverError::Interrupted) => {
                    if self.tally.counts().tried == 0 && !self.shared.stop.is_asked() {
                        let name = &self.device.info().device;
                        tracing::warn!(
                            "{name}: the time was over before one batch of {take} nonces was done"
                        );
                    }
                    return Ok(());
                }
                Err(error) => return Err(error),
                Ok(outcomes) => {
                    let roots = self.device.take_roots();
                    let (mut won, mut won_roots) = (Vec::new(), Vec::new());
                    for (ix, (nonce, outcome)) in nonces.iter().zip(&outcomes).enumerate() {
                        if let Some(claim) = P::won(&self.hunt.rule, outcome) {
                            won.push((*nonce, claim));
                            won_roots.extend(roots.get(ix).cloned());
                        }
                    }
                    self.settle(Batch { tried: nonces.len() as u64, last, won, roots, won_roots })?;
                }
            }
        }
        Ok(())
    }

    /// Puts a batch into the ledger, of a GPU once some of its wins were recomputed.
    fn settle(&mut self, batch: Batch<P>) -> Result<(), ProverError> {
        let ready = match &mut self.checks {
            None => vec![batch],
            Some(checks) => checks.add(batch),
        };
        self.settle_ready(&ready)
    }

    fn settle_last(&mut self) -> Result<(), ProverError> {
        let ready = self.checks.as_mut().map(Checks::finish).unwrap_or_default();
        self.settle_ready(&ready)
    }

    fn settle_ready(&self, ready: &[Batch<P>]) -> Result<(), ProverError> {
        if let Some(checks) = &self.checks {
            let (checked, bad) = checks.counts();
            self.tally.set_checks(checked, bad);
            if let Some((of, false_ones)) = checks.convicted(&self.hunt.rule) {
                let waiting = ready.iter().map(|batch| batch.won.len() as u64).sum::<u64>() + checks.held();
                return Err(ProverError::WrongWins {
                    device: self.device.info().device.clone(),
                    of,
                    false_ones,
                    withheld: waiting + bad,
                    unchecked: self.tally.counts().won.saturating_sub(checked - bad),
                });
            }
        }
        ready.iter().try_for_each(|batch| self.append(batch))
    }

    fn append(&self, batch: &Batch<P>) -> Result<(), ProverError> {
        let [listed, claimed] = P::columns(&batch.won);
        let (tried, n_won) = (batch.tried, batch.won.len() as u64);
        let columns = [("nonces", listed), (P::CLAIM_COLUMN, claimed)];
        let (group, groups, roots) = (self.group, self.groups, batch.roots.clone());
        let entry = Entry { group, groups, tried, last: batch.last, columns, roots };
        let mut wins = self.shared.wins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = wins.append(&entry) {
            self.shared.failed.store(true, Ordering::Relaxed);
            if let LedgerError::Append { line, .. } = &error {
                // What was found must not be lost with the disk.
                crate::console::warn(line.trim_end());
            }
            return Err(error.into());
        }
        drop(wins);
        self.tally.add(tried, n_won);
        Ok(())
    }

    /// One batch, tried again on a rebuilt device when the device was lost.
    fn batch(&mut self, nonces: &[Nonce]) -> Result<Vec<P::Outcome>, ProverError> {
        let shared = self.shared;
        let tally = self.tally;
        let mut last = f32::NAN;
        let mut progress = |share: f32| {
            // Whoever waits for a device is asked again and again while nothing moves.
            if share.to_bits() != last.to_bits() {
                last = share;
                tally.sign_of_life();
            }
            if shared.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        tally.sign_of_life();
        let mut waits = WAITS.iter();
        let mut lost = false;
        loop {
            // A device that cannot be had yet is as good as lost once more.
            let result = if lost { self.device.rebuild(&mut progress) } else { Ok(()) }
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
