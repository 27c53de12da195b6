//! Commitments of the `exact` profile (SPEC §II.12) made from the file of roots, opened and checked, on the CPU.

mod roots;

use super::memory;
use crate::console::{advance, bar};
use crate::error::ProverError;
use crate::profiles::{Meant, Setup, Told, Transcripts};
use crate::signals::Stop;
use roots::Roots;
use serde_json::{Value, json};
use sphere_pow_core::exact::transcript::judge::joined;
use sphere_pow_core::exact::transcript::{
    self, Commitment, Judge, Keys, Opening, Report, TranscriptError, Verification,
};
use sphere_pow_core::exact::{Digest, Params, Puzzle};
use sphere_pow_core::identity::{Beacon, Nonce};
use sphere_pow_cpu::exact::{CpuExecutor, CpuOptions, Footprint};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::sync::{Mutex, PoisonError};

/// Bytes of openings read at a time.
const PIECE: usize = 1 << 20;
/// Openings of one layer that are repeated together: enough to make its weights worth their price.
const TOGETHER: usize = 32;

/// See [`Transcripts`].
pub(super) struct ExactTranscripts;

fn wrong(what: &str, source: TranscriptError) -> ProverError {
    ProverError::Transcript { what: what.into(), source }
}

fn json_error(what: &str, reason: String) -> ProverError {
    wrong(what, TranscriptError::Json { reason })
}

/// A commitment in either form.
fn commitment(bytes: &[u8]) -> Result<Commitment, ProverError> {
    Commitment::read(bytes).map_err(|source| wrong("commitment", source))
}

/// The CPU, with weights in memory where they fit and are worth it.
fn executor(puzzle: &Puzzle, setup: &Setup, keeps_weights: bool) -> Result<CpuExecutor, ProverError> {
    let there = std::thread::available_parallelism().unwrap_or(std::num::NonZeroUsize::MIN);
    let lean = Footprint::lean_limit_bytes(puzzle.params(), setup.threads.unwrap_or(there)) as u64;
    let own = (!keeps_weights).then_some(lean);
    let limit = [setup.memory_bytes, memory::available_bytes(), own].into_iter().flatten().min();
    let memory_limit_bytes = limit.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    Ok(CpuExecutor::new(puzzle, CpuOptions { threads: setup.threads, kernels: None, memory_limit_bytes })?)
}

impl Transcripts for ExactTranscripts {
    fn commit(&self, roots: &[u8], before: Option<&[u8]>) -> Result<(String, Told), ProverError> {
        let roots = Roots::read(roots)?;
        let before = before.map(commitment).transpose()?;
        let (all, added) = roots.commitment(before.as_ref())?;
        let hash = all.hash(&Keys::new(all.puzzle(), all.key())).to_hex();
        let (nonces, intervals) = (all.nonces(), all.intervals().len());
        let value = json!({
            "commitment": hash,
            "nonces": nonces.to_string(),
            "added": added.to_string(),
            "intervals": intervals,
        });
        let text =
            format!("committed to {nonces} nonces in {intervals} intervals, {added} of them new: {hash}");
        Ok((all.to_json() + "\n", Told { value, text, exit_code: 0 }))
    }

    fn open(
        &self,
        (roots, committed): (&[u8], &[u8]),
        (beacon, samples): (&str, u32),
        setup: &Setup,
        out: &mut dyn Write,
        stop: &Stop,
    ) -> Result<Told, ProverError> {
        let (roots, committed) = (Roots::read(roots)?, commitment(committed)?);
        let judge = Judge::new(&committed, &Beacon::new(beacon)?, samples);
        let judge = judge.map_err(|source| wrong("openings", source))?;
        let trees = roots.trees(&committed)?;
        let mut wanted: BTreeMap<Nonce, BTreeSet<usize>> = BTreeMap::new();
        let places = judge.steps().iter().map(|step| {
            let place = committed.place(step.position).expect("drawn among the nonces");
            wanted.entry(place.nonce).or_default().insert(step.layer);
            (step.layer, place)
        });
        let places: Vec<_> = places.collect();
        let made = remake(&judge, &wanted, setup, stop)?;
        let head = judge.head().to_bytes();
        out.write_all(&head)?;
        let mut n_bytes = head.len();
        for (layer, place) in places {
            let Made { leaves, digest, states } = &made[&place.nonce];
            let at = usize::try_from(place.index).expect("as many as there are roots");
            let tree = &trees[place.interval];
            if judge.keys().transcript(place.nonce, leaves, digest) != tree.transcripts()[at] {
                let reason = format!("nonce {} gives another transcript than was mined", place.nonce);
                return Err(json_error("roots", reason));
            }
            let opening = Opening {
                nonce: place.nonce,
                layer,
                leaves: leaves.clone(),
                digest: *digest,
                path: tree.path(at),
                state: states.get(&layer).cloned().unwrap_or_default(),
            };
            let bytes = opening.to_bytes();
            n_bytes += bytes.len();
            out.write_all(&bytes)?;
        }
        out.flush()?;
        let (steps, nonces) = (judge.steps().len(), wanted.len());
        let value = json!({ "openings": steps, "nonces": nonces, "bytes": n_bytes, "beacon": beacon });
        let text = format!("opened {steps} steps of {nonces} nonces that {beacon} draws, {n_bytes} bytes");
        Ok(Told { value, text, exit_code: 0 })
    }

    fn check(
        &self,
        committed: &[u8],
        openings: &mut dyn Read,
        meant: &Meant,
        setup: &Setup,
        stop: &Stop,
    ) -> Result<Told, ProverError> {
        let committed = commitment(committed)?;
        let params = meant.params.as_deref().map(crate::input::model::<Params>).transpose()?;
        let meant = core_meant(meant, params)?;
        let mut verification =
            Verification::new(committed, meant).map_err(|source| wrong("commitment", source))?;
        repeat(&mut verification, openings, setup, stop)?;
        let report = verification.report().map_err(|source| wrong("openings", source))?;
        Ok(told(&report))
    }
}

fn told(report: &Report) -> Told {
    let mut text = format!(
        "{}\n  profile {}, key {}, block {}\n  commitment {}, beacon {}\n",
        report.summary,
        report.profile,
        report.public_key,
        report.block_hash,
        report.commitment,
        report.beacon
    );
    for fault in report.faults.iter().skip(1).take(9) {
        text.push_str(&format!("  also {}\n", fault.detail));
    }
    let value = serde_json::to_value(report).unwrap_or_default();
    Told { value, text, exit_code: report.verdict.exit_code() }
}

/// What the verifier said, as core takes it.
fn core_meant(meant: &Meant, params: Option<Params>) -> Result<transcript::Meant, ProverError> {
    Ok(transcript::Meant {
        params,
        block_hash: meant.block_hash.clone(),
        public_key: meant.public_key.clone(),
        beacon: meant.beacon.as_deref().map(Beacon::new).transpose()?,
        samples: meant.samples,
    })
}

/// What opening a nonce takes.
struct Made {
    leaves: Vec<sphere_pow_core::exact::transcript::Hash>,
    digest: Digest,
    /// By layer.
    states: BTreeMap<usize, Vec<i16>>,
}

/// Computes nonces again, and keeps the states that are wanted.
fn remake(
    judge: &Judge,
    wanted: &BTreeMap<Nonce, BTreeSet<usize>>,
    setup: &Setup,
    stop: &Stop,
) -> Result<BTreeMap<Nonce, Made>, ProverError> {
    let (puzzle, key) = (judge.commitment().puzzle(), judge.commitment().key());
    let layers = puzzle.params().layers();
    let mut executor = executor(puzzle, setup, true)?;
    let nonces: Vec<Nonce> = wanted.keys().copied().collect();
    let mut made = BTreeMap::new();
    let bar = bar("computing again");
    let progress = advance(&bar, stop);
    for batch in nonces.chunks(executor.preferred_batch().get()) {
        let none = || (vec![None; layers + 1], BTreeMap::new());
        let seen = Mutex::new(batch.iter().map(|_| none()).collect::<Vec<_>>());
        let see = |ix: usize, state: usize, values: &[i16]| {
            let leaf = judge.keys().leaf(state, values);
            let kept = (state > 0 && wanted[&batch[ix]].contains(&state)).then(|| values.to_vec());
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen[ix].0[state] = Some(leaf);
            seen[ix].1.extend(kept.map(|values| (state, values)));
        };
        #[expect(clippy::cast_precision_loss, reason = "a share for display")]
        let done = made.len() as f32 / nonces.len() as f32;
        let logits = executor.observed(key, batch, Some(&see), &mut |_| progress(done))?;
        let seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let rows = logits.chunks_exact(puzzle.params().vocab());
        for ((nonce, logits), (leaves, states)) in batch.iter().zip(rows).zip(seen) {
            let leaves = leaves.into_iter().map(|leaf| leaf.expect("every state is seen")).collect();
            made.insert(*nonce, Made { leaves, digest: Digest::of_logits(logits), states });
        }
    }
    bar.finish_and_clear();
    Ok(made)
}

/// Reads openings piece by piece and repeats their layers, those of one layer together.
fn repeat(
    verification: &mut Verification,
    openings: &mut dyn Read,
    setup: &Setup,
    stop: &Stop,
) -> Result<(), ProverError> {
    let (puzzle, key) = (verification.commitment().puzzle().clone(), verification.commitment().key().clone());
    // Not before the head is known to be right: the weights of a block take long.
    let mut cpu = None;
    let bar = bar("repeating");
    let progress = advance(&bar, stop);
    while verification.wants_more() {
        let mut piece = Vec::new();
        let error = |source| ProverError::File { file: "the openings".into(), source };
        (&mut *openings).take(PIECE as u64).read_to_end(&mut piece).map_err(error)?;
        let fed = if piece.is_empty() { verification.end() } else { verification.feed(&piece) };
        fed.map_err(|source| wrong("openings", source))?;
        loop {
            let tasks = verification.tasks(TOGETHER);
            let Some(first) = tasks.first() else { break };
            let cpu = match &mut cpu {
                Some(cpu) => cpu,
                none => none.insert(executor(&puzzle, setup, false)?),
            };
            let (nonces, states) = joined(&tasks);
            let share = verification.judge().map_or(0.0, share);
            let (next, logits) = cpu.repeat(&key, &nonces, first.layer, &states, &mut |_| progress(share))?;
            verification.settle(&tasks, &next, &logits);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a share for display")]
fn share(judge: &Judge) -> f32 {
    judge.checked() as f32 / judge.steps().len() as f32
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, ProverError> {
    value[name].as_str().ok_or_else(|| json_error("roots", format!("{name} is no text")))
}

fn integer(value: &Value, name: &str) -> Result<u64, ProverError> {
    value[name].as_u64().ok_or_else(|| json_error("roots", format!("{name} is no integer from 0 on")))
}
