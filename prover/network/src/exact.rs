//! A host's worker that really computes: nonces of the `exact` profile with their transcripts, on the CPU.
//!
//! Cheats, too: `mining` makes them.

mod claims;
mod mining;

use crate::host::{Done, Work};
use crate::message::Claim;
use crate::peer::{Answer, Case, Task};
use claims::{Claims, Mined};
use mining::{mine, remake};
use sphere_pow_consensus::HostId;
use sphere_pow_core::exact::transcript::judge::joined;
use sphere_pow_core::exact::transcript::opening;
use sphere_pow_core::exact::transcript::tree::Tree;
use sphere_pow_core::exact::transcript::{
    Commitment, Judge, Meant, Place, TranscriptError, Verdict, Verification,
};
use sphere_pow_core::exact::{Params, Puzzle};
use sphere_pow_core::identity::{Beacon, BlockHash, PublicKey};
use sphere_pow_core::profile::ProfileName;
use sphere_pow_core::text::hex;
use sphere_pow_cpu::exact::{CpuError, CpuExecutor, CpuOptions};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// The profile that this worker computes.
pub const PROFILE: ProfileName = ProfileName::Exact;
/// Steps that a beacon draws of a claim.
pub const SAMPLES: u32 = 20;
/// Openings of one layer that are repeated together.
const TOGETHER: usize = 16;
/// Most nonces of one Sprint: their transcripts, 32 bytes each, are held in memory.
const MAX_NONCES: u64 = 1 << 20;

/// Bytes that the openings of one claim take at most: they have to fit a transaction.
#[must_use]
pub fn openings_bytes(params: &Params) -> usize {
    const HEAD: usize = 1 << 10;
    HEAD + SAMPLES as usize * (4 + opening::max_bytes(params))
}

/// How much is mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Until told to stop, in a thread of its own.
    Time,
    /// So many nonces, when told to stop: equal on every machine.
    Nonces(u64),
}

/// A worker that cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// See [`CpuError`].
    #[error(transparent)]
    Cpu(#[from] CpuError),
    /// See [`TranscriptError`].
    #[error(transparent)]
    Transcript(#[from] TranscriptError),
    /// The file of the claim.
    #[error("the claim cannot be kept: {0}")]
    File(#[from] std::io::Error),
    /// The thread that mined broke off.
    #[error("mining broke off")]
    Panicked,
}

/// What a host of the profile computes with.
#[derive(Debug)]
pub struct Worker {
    params: Params,
    key: PublicKey,
    budget: Budget,
    mining: Option<Mining>,
    /// The own claim: what openings are made from.
    claims: Claims,
    /// The Sprint of which somebody else's claim is given as the own one.
    copied: Option<u64>,
}

#[derive(Debug)]
struct Mining {
    epoch: u64,
    seed: [u8; 32],
    work: Work,
    thread: Option<MiningThread>,
}

/// What tells it to end, and what it comes to.
type MiningThread = (Arc<AtomicBool>, JoinHandle<Result<Mined, WorkerError>>);

/// A Sprint's block hash, as text: its seed in hexadecimal.
fn block(seed: &[u8; 32]) -> BlockHash {
    BlockHash::new(&hex(seed)).expect("64 hexadecimal digits")
}

/// A host's public key as the profile takes it.
fn public_key(host: &HostId) -> PublicKey {
    PublicKey::new(&host.to_string()).expect("64 hexadecimal digits")
}

fn beacon(randomness: &[u8; 32]) -> Beacon {
    Beacon::new(&hex(randomness)).expect("64 hexadecimal digits")
}

fn executor(puzzle: &Puzzle) -> Result<CpuExecutor, CpuError> {
    // Hosts of a box share one machine.
    let options = CpuOptions { threads: NonZeroUsize::new(1), ..CpuOptions::default() };
    CpuExecutor::new(puzzle, options)
}

impl Worker {
    /// The worker of a host, with a file in which its last claim outlasts crashes.
    #[must_use]
    pub fn new(params: Params, host: &HostId, budget: Budget, file: Option<PathBuf>) -> Self {
        let (key, claims) = (public_key(host), Claims::open(file));
        Self { params, key, budget, mining: None, claims, copied: None }
    }

    /// Does a task. Failures are a host's own: it says nothing, and what it did not say counts against it.
    pub fn run(&mut self, task: Task) -> Answer {
        let answer = match task {
            Task::Say(message) => Ok(Answer::Say(message)),
            Task::Mine { epoch, seed, work } => {
                self.start(epoch, seed, work);
                Ok(Answer::Nothing)
            }
            Task::Stop { epoch, other } => self.stop(epoch, other),
            Task::Open { epoch, beacon } => self.open(epoch, &beacon),
            Task::Check(case) => self.check(&case),
        };
        answer.unwrap_or_else(|error| {
            tracing::warn!("{error}");
            Answer::Nothing
        })
    }

    fn start(&mut self, epoch: u64, seed: [u8; 32], work: Work) {
        let thread = (self.budget == Budget::Time).then(|| {
            let stop = Arc::new(AtomicBool::new(false));
            let (puzzle, key, flag) =
                (Puzzle::new(&self.params, &block(&seed)), self.key.clone(), stop.clone());
            let mine = move || mine(&puzzle, &key, work, MAX_NONCES, &flag);
            (stop, std::thread::spawn(mine))
        });
        self.mining = Some(Mining { epoch, seed, work, thread });
    }

    fn stop(&mut self, epoch: u64, other: Option<Claim>) -> Result<Answer, WorkerError> {
        let claim_of = |mined: Option<&Mined>| {
            mined.map(|mined| Claim {
                count: mined.commitment.nonces(),
                document: mined.commitment.to_bytes(),
            })
        };
        let running = self.mining.take().filter(|mining| mining.epoch == epoch);
        let Some(Mining { seed, work, thread, .. }) = running else {
            // Killed after it had mined: the claim is in the file.
            let claim = claim_of(self.claims.get(epoch));
            return Ok(Answer::Done(Done::Mined { epoch, claim }));
        };
        let mined = match (thread, self.budget) {
            (Some((stop, thread)), _) => {
                stop.store(true, Ordering::Relaxed);
                thread.join().map_err(|_| WorkerError::Panicked)??
            }
            (None, Budget::Nonces(n)) => {
                mine(&Puzzle::new(&self.params, &block(&seed)), &self.key, work, n, &AtomicBool::new(false))?
            }
            (None, Budget::Time) => return Ok(Answer::Nothing),
        };
        if work == Work::Copy {
            self.copied = Some(epoch);
            return Ok(Answer::Done(Done::Mined { epoch, claim: other }));
        }
        if !mined.transcripts.is_empty() {
            self.claims.keep(epoch, mined)?;
        }
        let claim = claim_of(self.claims.get(epoch));
        Ok(Answer::Done(Done::Mined { epoch, claim }))
    }

    fn open(&self, epoch: u64, randomness: &[u8; 32]) -> Result<Answer, WorkerError> {
        let Some(mined) = self.claims.get(epoch) else {
            // Who copied shows something, which is nothing; who lost its claim says nothing.
            let openings = Done::Opened { epoch, openings: Vec::new() };
            return Ok(if self.copied == Some(epoch) { Answer::Done(openings) } else { Answer::Nothing });
        };
        let Mined { work, forged_from, commitment, transcripts } = mined;
        let judge = Judge::new(commitment, &beacon(randomness), SAMPLES)?;
        let tree = Tree::new(judge.keys(), transcripts.clone()).expect("a claim has nonces");
        let mut openings = judge.head().to_bytes();
        let mut executor = executor(commitment.puzzle())?;
        for step in judge.steps() {
            let Place { index, nonce, .. } = commitment.place(step.position).expect("drawn among the nonces");
            let wanted = BTreeSet::from([step.layer]);
            let index = usize::try_from(index).expect("a place in a list");
            let work = if nonce.get() < *forged_from { *work } else { Work::Forge };
            let remade = remake(&mut executor, judge.keys(), &self.key, nonce, &wanted, work)?;
            openings.extend(remade.open(nonce, step.layer, tree.path(index)).to_bytes());
        }
        Ok(Answer::Done(Done::Opened { epoch, openings }))
    }

    fn check(&self, case: &Case) -> Result<Answer, WorkerError> {
        let fault = match verify(&self.params, case) {
            Ok(fault) => fault,
            // Of documents that are none, or of somebody else's, nothing is as claimed.
            Err(WorkerError::Transcript(_)) => Some(0),
            Err(error) => return Err(error),
        };
        Ok(Answer::Done(Done::Checked { epoch: case.epoch, host: case.host, checks: case.checks, fault }))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(Mining { thread: Some((stop, thread)), .. }) = self.mining.take() {
            stop.store(true, Ordering::Relaxed);
            let _ = thread.join();
        }
    }
}

/// The place of the first step that is false, or not shown.
fn verify(params: &Params, case: &Case) -> Result<Option<u32>, WorkerError> {
    let commitment = Commitment::from_bytes(&case.claim.document)?;
    if commitment.nonces() != case.claim.count {
        return Ok(Some(0));
    }
    let meant = Meant {
        params: Some(*params),
        block_hash: Some(hex(&case.seed)),
        public_key: Some(case.key.to_string()),
        beacon: Some(beacon(&case.beacon)),
        samples: Some(SAMPLES),
    };
    let mut verification = Verification::new(commitment, meant)?;
    verification.feed(&case.openings)?;
    verification.end()?;
    let (puzzle, key) = (verification.commitment().puzzle().clone(), verification.commitment().key().clone());
    let mut executor = executor(&puzzle)?;
    let mut progress = |_| ControlFlow::Continue(());
    loop {
        let tasks = verification.tasks(TOGETHER);
        let Some(first) = tasks.first() else { break };
        let (nonces, states) = joined(&tasks);
        let (next, logits) = executor.repeat(&key, &nonces, first.layer, &states, &mut progress)?;
        verification.settle(&tasks, &next, &logits);
    }
    let report = verification.report(0)?;
    let place = report.faults.first().map(|fault| u32::try_from(fault.index).unwrap_or(u32::MAX));
    Ok(if report.verdict == Verdict::Honest { None } else { Some(place.unwrap_or(0)) })
}
