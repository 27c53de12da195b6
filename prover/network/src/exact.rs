//! A host's worker that really computes: nonces of the `exact` profile with their transcripts, on the CPU.
//!
//! Cheats are made here as an attacker would: what they claim looks like work and is not.

use crate::host::{Done, Work};
use crate::message::Claim;
use crate::peer::{Answer, Case, Task};
use sphere_pow_consensus::HostId;
use sphere_pow_core::exact::transcript::judge::joined;
use sphere_pow_core::exact::transcript::opening;
use sphere_pow_core::exact::transcript::tree::Tree;
use sphere_pow_core::exact::transcript::{
    Commitment, Hash, Interval, Judge, Keys, Meant, Place, Remade, Run, TranscriptError, Verdict,
    Verification,
};
use sphere_pow_core::exact::{Digest, Params, Puzzle};
use sphere_pow_core::identity::{Beacon, BlockHash, Nonce, PublicKey};
use sphere_pow_core::profile::ProfileName;
use sphere_pow_cpu::exact::{CpuError, CpuExecutor, CpuOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// The profile that this worker computes.
pub const PROFILE: ProfileName = ProfileName::Exact;
/// Steps that a beacon draws of a claim.
pub const SAMPLES: u32 = 20;
/// Openings of one layer that are repeated together.
const TOGETHER: usize = 16;
/// Nonces computed together while mining.
const BATCH: u64 = 8;
/// Most nonces of one Sprint: their transcripts, 32 bytes each, are held in memory.
const MAX_NONCES: u64 = 1 << 20;
/// What a forger claims against what it does.
const FORGED: u64 = 10;
/// Most nonces that a forger bothers to make up one by one: it is not held up by any work.
const FORGED_AT_ONCE: u64 = 256;

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
    /// The own claim, by Sprint: what openings are made from.
    claims: BTreeMap<u64, Mined>,
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

#[derive(Debug)]
struct Mined {
    work: Work,
    /// Nonces from this one on were made up.
    forged_from: u64,
    commitment: Commitment,
    transcripts: Vec<Hash>,
}

/// A Sprint's block hash, as text: its seed in hexadecimal.
fn block(seed: &[u8; 32]) -> BlockHash {
    BlockHash::new(&text(seed)).expect("64 hexadecimal digits")
}

/// A host's public key as the profile takes it.
fn public_key(host: &HostId) -> PublicKey {
    PublicKey::new(&host.to_string()).expect("64 hexadecimal digits")
}

fn text(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn beacon(randomness: &[u8; 32]) -> Beacon {
    Beacon::new(&text(randomness)).expect("64 hexadecimal digits")
}

fn executor(puzzle: &Puzzle) -> Result<CpuExecutor, CpuError> {
    // Hosts of a box share one machine.
    let options = CpuOptions { threads: NonZeroUsize::new(1), ..CpuOptions::default() };
    CpuExecutor::new(puzzle, options)
}

impl Worker {
    /// The worker of a host.
    #[must_use]
    pub fn new(params: Params, host: &HostId, budget: Budget) -> Self {
        Self { params, key: public_key(host), budget, mining: None, claims: BTreeMap::new() }
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
        let nothing = Answer::Done(Done::Mined { epoch, claim: None });
        let Some(Mining { epoch, seed, work, thread }) =
            self.mining.take().filter(|mining| mining.epoch == epoch)
        else {
            return Ok(nothing);
        };
        let mined = match (thread, self.budget) {
            (Some((stop, thread)), _) => {
                stop.store(true, Ordering::Relaxed);
                thread.join().map_err(|_| WorkerError::Panicked)??
            }
            (None, Budget::Nonces(n)) => {
                mine(&Puzzle::new(&self.params, &block(&seed)), &self.key, work, n, &AtomicBool::new(false))?
            }
            (None, Budget::Time) => return Ok(nothing),
        };
        if work == Work::Copy {
            return Ok(Answer::Done(Done::Mined { epoch, claim: other }));
        }
        if mined.transcripts.is_empty() {
            return Ok(nothing);
        }
        let claim = Claim { count: mined.commitment.nonces(), document: mined.commitment.to_bytes() };
        // Of the Sprints before nothing is asked any more.
        self.claims.clear();
        self.claims.insert(epoch, mined);
        Ok(Answer::Done(Done::Mined { epoch, claim: Some(claim) }))
    }

    fn open(&self, epoch: u64, randomness: &[u8; 32]) -> Result<Answer, WorkerError> {
        // A host that copied has nothing of its own to show; what it shows is not asked for.
        let Some(mined) = self.claims.get(&epoch) else {
            return Ok(Answer::Done(Done::Opened { epoch, openings: Vec::new() }));
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
        Ok(Answer::Done(Done::Checked { epoch: case.epoch, host: case.host, fault }))
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

/// Mines up to `limit` nonces, or until told to stop.
fn mine(
    puzzle: &Puzzle,
    key: &PublicKey,
    work: Work,
    limit: u64,
    stop: &AtomicBool,
) -> Result<Mined, WorkerError> {
    let keys = Keys::new(puzzle, key);
    let mut executor = executor(puzzle)?;
    let mut transcripts = Vec::new();
    let mut add = |nonces: std::ops::Range<u64>, work: Work, executor: &mut CpuExecutor| {
        for nonce in nonces.map(nonce) {
            let remade = remake(executor, &keys, key, nonce, &BTreeSet::new(), work)?;
            transcripts.push(keys.transcript(nonce, &remade.leaves, &remade.digest));
        }
        Ok::<(), WorkerError>(())
    };
    let limit = if work == Work::Forge { limit.min(FORGED_AT_ONCE) } else { limit };
    let mut done = 0;
    while done < limit && !stop.load(Ordering::Relaxed) && !matches!(work, Work::Copy | Work::Idle) {
        let next = (done + BATCH).min(limit);
        add(done..next, work, &mut executor)?;
        done = next;
    }
    // What was never done goes at the end.
    let forged = match work {
        Work::Forge => done * (FORGED - 1),
        Work::Pad(share) => done * u64::from(share) / 1000,
        _ => 0,
    };
    add(done..done + forged, Work::Forge, &mut executor)?;
    let mut commitment = Commitment::new(puzzle, key);
    if let Some(tree) = Tree::new(&keys, transcripts.clone()) {
        let runs = vec![Run { first: nonce(0), step: 1, count: done + forged }];
        commitment.add(Interval { runs, root: tree.root() })?;
    }
    Ok(Mined { work, forged_from: done, commitment, transcripts })
}

fn nonce(n: u64) -> Nonce {
    Nonce::new(n).expect("far below 2^63")
}

/// A nonce with the states that are wanted, as a host of this kind has it.
fn remake(
    executor: &mut CpuExecutor,
    keys: &Keys,
    key: &PublicKey,
    nonce: Nonce,
    wanted: &BTreeSet<usize>,
    work: Work,
) -> Result<Remade, WorkerError> {
    let (layers, tokens, dim) = {
        let params = executor.puzzle().params();
        (params.layers(), params.tokens(), params.dim())
    };
    match work {
        Work::Forge => {
            // Made up from the nonce, so that it can be made up again.
            let state = |layer: usize| {
                vec![
                    i16::try_from(nonce.get() % 1000).expect("below 1000");
                    state_len(layer, layers, tokens, dim)
                ]
            };
            let leaves = (0..=layers).map(|layer| keys.leaf(layer, &state(layer))).collect();
            let states = wanted.iter().map(|layer| (*layer, state(*layer))).collect();
            Ok(Remade { leaves, digest: Digest::of_logits(&[0]), states })
        }
        Work::Skip(share) => {
            let skipped = layers * share.min(1000) as usize / 1000;
            let all: BTreeSet<usize> = (0..=layers).collect();
            let mut remade = one(executor, keys, key, nonce, &all)?;
            // The last layers are not computed: the stream stays what it was before them.
            let kept = layers - skipped;
            let stale = remade.states[&kept].clone();
            for layer in kept + 1..=layers {
                let len = state_len(layer, layers, tokens, dim);
                let state = stale[stale.len() - len..].to_vec();
                remade.leaves[layer] = keys.leaf(layer, &state);
                remade.states.insert(layer, state);
            }
            Ok(remade)
        }
        _ => one(executor, keys, key, nonce, wanted),
    }
}

/// Values of a state: the last one is of the last position only.
fn state_len(layer: usize, layers: usize, tokens: usize, dim: usize) -> usize {
    if layer == layers { dim } else { tokens * dim }
}

fn one(
    executor: &mut CpuExecutor,
    keys: &Keys,
    key: &PublicKey,
    nonce: Nonce,
    wanted: &BTreeSet<usize>,
) -> Result<Remade, WorkerError> {
    let mut progress = |_| ControlFlow::Continue(());
    let remade = executor.remake(keys, key, &[nonce], std::slice::from_ref(wanted), &mut progress)?;
    Ok(remade.into_iter().next().expect("one nonce"))
}

/// The place of the first step that is false, or not shown.
fn verify(params: &Params, case: &Case) -> Result<Option<u32>, WorkerError> {
    let commitment = Commitment::from_bytes(&case.claim.document)?;
    if commitment.nonces() != case.claim.count {
        return Ok(Some(0));
    }
    let meant = Meant {
        params: Some(*params),
        block_hash: Some(text(&case.seed)),
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
