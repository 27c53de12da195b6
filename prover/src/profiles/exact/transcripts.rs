//! Commitments of the `exact` profile (SPEC §II.12) made from the file of roots, opened and checked, on the CPU.

mod roots;

use super::memory;
use crate::console::{advance, bar};
use crate::error::ProverError;
use crate::profiles::{Meant, Setup, Told, Transcripts};
use crate::signals::Stop;
use roots::Roots;
use serde_json::{Value, json};
use sphere_pow_core::exact::transcript::{
    Commitment, Head, Judge, Keys, Opening, OpeningsReader, Report, Task, TranscriptError,
};
use sphere_pow_core::exact::{Digest, Params, Puzzle};
use sphere_pow_core::identity::{Beacon, Nonce};
use sphere_pow_cpu::exact::{CpuExecutor, CpuOptions, Footprint};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::ops::ControlFlow;
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
    let read = match core::str::from_utf8(bytes).map(str::trim_ascii) {
        Ok(text) if text.starts_with('{') => Commitment::from_json(text),
        _ => Commitment::from_bytes(bytes),
    };
    read.map_err(|source| wrong("commitment", source))
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
        let params = expected(&committed, meant)?;
        let mut pieces = Pieces::new(committed.puzzle().params(), openings);
        let head = pieces.head()?;
        let samples = meant.samples.unwrap_or(head.samples);
        let beacon = match &meant.beacon {
            Some(beacon) => Beacon::new(beacon)?,
            None => head.beacon.clone(),
        };
        let mut judge =
            Judge::new(&committed, &beacon, samples).map_err(|source| wrong("openings", source))?;
        for (what, got, expected) in [
            ("openings, commitment", head.commitment.to_hex(), judge.head().commitment.to_hex()),
            ("openings, beacon", head.beacon.to_string(), beacon.to_string()),
            ("openings, samples", head.samples.to_string(), samples.to_string()),
        ] {
            if got != expected {
                return Err(ProverError::Argument { what, got, expected });
            }
        }
        repeat(&mut judge, &mut pieces, setup, stop)?;
        let report = judge.report([params, meant.beacon.is_some()]);
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

/// Holds a commitment to what the verifier said; tells whether it said the model.
fn expected(committed: &Commitment, meant: &Meant) -> Result<bool, ProverError> {
    let texts = [
        ("--block-hash", &meant.block_hash, committed.puzzle().block().as_str()),
        ("--public-key", &meant.public_key, committed.key().as_str()),
    ];
    for (what, said, there) in texts {
        if let Some(said) = said.as_ref().filter(|said| said.as_str() != there) {
            return Err(ProverError::Argument {
                what,
                got: said.clone(),
                expected: format!("{there}, as committed"),
            });
        }
    }
    let Some(said) = &meant.params else { return Ok(false) };
    let params = crate::input::model::<Params>(said)?;
    if params != *committed.puzzle().params() {
        let expected = format!("{}, as committed", committed.puzzle().params());
        return Err(ProverError::Argument { what: "--params", got: said.clone(), expected });
    }
    Ok(true)
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

/// Openings read piece by piece.
struct Pieces<'a> {
    reader: OpeningsReader,
    from: &'a mut dyn Read,
    is_over: bool,
}

impl<'a> Pieces<'a> {
    fn new(params: &Params, from: &'a mut dyn Read) -> Self {
        Self { reader: OpeningsReader::new(params), from, is_over: false }
    }

    fn feed(&mut self) -> Result<(), ProverError> {
        let mut piece = Vec::new();
        let error = |source| ProverError::File { file: "the openings".into(), source };
        (&mut *self.from).take(PIECE as u64).read_to_end(&mut piece).map_err(error)?;
        self.is_over = piece.is_empty();
        self.reader.feed(&piece);
        Ok(())
    }

    fn head(&mut self) -> Result<Head, ProverError> {
        loop {
            self.feed()?;
            match self.reader.head().map_err(|source| wrong("openings", source))? {
                Some(head) => return Ok(head),
                None if self.is_over => {
                    return Err(json_error("openings", "they end within their head".into()));
                }
                None => {}
            }
        }
    }

    /// What stands in the place of the next step; nothing at the end.
    fn next(&mut self) -> Result<Option<Result<Opening, TranscriptError>>, ProverError> {
        loop {
            match self.reader.opening() {
                None if !self.is_over => self.feed()?,
                opening => return Ok(opening),
            }
        }
    }

    /// Nothing may follow the last opening.
    fn end(&mut self) -> Result<(), ProverError> {
        self.feed()?;
        match self.reader.unread() {
            0 => Ok(()),
            got => Err(wrong("openings", TranscriptError::Length { got })),
        }
    }
}

/// Repeats the layers of all openings, those of one layer together.
fn repeat(judge: &mut Judge, pieces: &mut Pieces<'_>, setup: &Setup, stop: &Stop) -> Result<(), ProverError> {
    let (puzzle, total) = (judge.commitment().puzzle().clone(), judge.steps().len());
    let mut executor = executor(&puzzle, setup, false)?;
    let bar = bar("repeating");
    let progress = advance(&bar, stop);
    let mut together: Vec<Task> = Vec::new();
    for done in 0..total {
        let task = judge.take(pieces.next()?);
        let is_other =
            task.iter().any(|task| together.first().is_some_and(|first| first.layer != task.layer));
        if is_other || together.len() == TOGETHER {
            settle(judge, &mut executor, &std::mem::take(&mut together), stop)?;
        }
        together.extend(task);
        #[expect(clippy::cast_precision_loss, reason = "a share for display")]
        let share = done as f32 / total as f32;
        if progress(share).is_break() {
            return Err(ProverError::Interrupted);
        }
    }
    settle(judge, &mut executor, &together, stop)?;
    bar.finish_and_clear();
    if judge.faults().is_empty() {
        pieces.end()?;
    }
    Ok(())
}

fn settle(
    judge: &mut Judge,
    executor: &mut CpuExecutor,
    tasks: &[Task],
    stop: &Stop,
) -> Result<(), ProverError> {
    let Some(first) = tasks.first() else { return Ok(()) };
    let nonces: Vec<Nonce> = tasks.iter().map(|task| task.nonce).collect();
    let states: Vec<i16> = tasks.iter().flat_map(|task| &task.state).copied().collect();
    let key = judge.commitment().key().clone();
    let mut go_on = |_| if stop.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let (next, logits) = executor.repeat(&key, &nonces, first.layer, &states, &mut go_on)?;
    let (width, vocab) = (next.len() / tasks.len(), logits.len() / tasks.len());
    for (ix, task) in tasks.iter().enumerate() {
        judge.settle(task, &next[ix * width..][..width], &logits[ix * vocab..][..vocab]);
    }
    Ok(())
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, ProverError> {
    value[name].as_str().ok_or_else(|| json_error("roots", format!("{name} is no text")))
}

fn integer(value: &Value, name: &str) -> Result<u64, ProverError> {
    value[name].as_u64().ok_or_else(|| json_error("roots", format!("{name} is no integer from 0 on")))
}
