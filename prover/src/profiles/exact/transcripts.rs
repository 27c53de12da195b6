//! Commitments of the `exact` profile (SPEC §II.12) made from the file of roots, opened and checked, on any device.

mod roots;

use super::Transcriber;
use crate::clock::unix_seconds;
use crate::console::{advance, bar};
use crate::error::ProverError;
use crate::options::DeviceArgs;
use crate::profiles::{Meant, Put, Told, Transcripts};
use crate::session::{self, AnyDevice};
use crate::signals::Stop;
use roots::Roots;
use serde_json::{Value, json};
use sphere_pow_core::exact::transcript::judge::joined;
use sphere_pow_core::exact::transcript::opening::bytes;
use sphere_pow_core::exact::transcript::tree::path_len;
use sphere_pow_core::exact::transcript::{
    self, Commitment, Judge, Keys, Place, Report, TranscriptError, Verification,
};
use sphere_pow_core::exact::{Exact, Params};
use sphere_pow_core::identity::{Beacon, Nonce};
use sphere_pow_core::profile::EngineInfo;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Read};

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

fn transcriber(device: &mut AnyDevice<Exact>) -> &mut dyn Transcriber {
    device.transcriber().expect("every device of this profile makes transcripts")
}

impl Transcripts for ExactTranscripts {
    fn commit(&self, roots: &mut dyn BufRead, before: Option<&[u8]>) -> Result<(String, Told), ProverError> {
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
        (roots, committed): (&mut dyn BufRead, &[u8]),
        (beacon, samples): (&str, u32),
        devices: &DeviceArgs,
        put: Put<'_>,
        stop: &Stop,
    ) -> Result<Told, ProverError> {
        let (roots, committed) = (Roots::read(roots)?, commitment(committed)?);
        let judge = Judge::new(&committed, &Beacon::new(beacon)?, samples);
        let judge = judge.map_err(|source| wrong("openings", source))?;
        let trees = roots.trees(&committed)?;
        drop(roots);
        let head = judge.head().to_bytes();
        put(0, &head)?;
        let (wanted, n_bytes) = places(&judge, head.len());
        let mut device = session::one::<Exact>(devices, committed.puzzle(), stop)?;
        let nonces: Vec<Nonce> = wanted.keys().copied().collect();
        let states: Vec<BTreeSet<usize>> = wanted
            .values()
            .map(|opened| opened.iter().map(|opened| opened.layer).filter(|layer| *layer > 0).collect())
            .collect();
        let bar = bar("computing again");
        let progress = advance(&bar, stop);
        let (mut done, batch) = (0.0, device.batch().max(1));
        for (nonces, states) in nonces.chunks(batch).zip(states.chunks(batch)) {
            #[expect(clippy::cast_precision_loss, reason = "a share for display")]
            let part = nonces.len() as f32 / wanted.len() as f32;
            let mut told = |share: f32| progress(done + part * share);
            let remade = transcriber(&mut device).remake(committed.key(), nonces, states, &mut told)?;
            for (nonce, remade) in nonces.iter().zip(remade) {
                let transcript = judge.keys().transcript(*nonce, &remade.leaves, &remade.digest);
                for Opened { layer, interval, index, place } in &wanted[nonce] {
                    let tree = &trees[*interval];
                    if transcript != tree.transcripts()[*index] {
                        let reason = format!("nonce {nonce} gives another transcript than was mined");
                        return Err(json_error("roots", reason));
                    }
                    put(*place, &remade.open(*nonce, *layer, tree.path(*index)).to_bytes())?;
                }
            }
            done += part;
        }
        bar.finish_and_clear();
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
        devices: &DeviceArgs,
        stop: &Stop,
    ) -> Result<Told, ProverError> {
        let committed = commitment(committed)?;
        let params = meant.params.as_deref().map(crate::input::model::<Params>).transpose()?;
        let meant = core_meant(meant, params)?;
        let mut verification =
            Verification::new(committed, meant).map_err(|source| wrong("commitment", source))?;
        let engine = repeat(&mut verification, openings, devices, stop)?;
        let report = verification.report(unix_seconds()).map_err(|source| wrong("openings", source))?;
        Ok(told(&report, engine.as_ref()))
    }
}

fn told(report: &Report, engine: Option<&EngineInfo>) -> Told {
    let mut text = format!(
        "{}\n  profile {}, key {}, block {}\n  commitment {}, beacon {}\n",
        report.summary,
        report.profile,
        report.public_key,
        report.block_hash,
        report.commitment,
        report.beacon
    );
    if let Some(EngineInfo { engine, device }) = engine {
        text.push_str(&format!("  layers repeated on {engine} ({device})\n"));
    }
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

/// A step that is opened.
struct Opened {
    layer: usize,
    /// Whose tree holds the transcript.
    interval: usize,
    /// Where in the tree.
    index: usize,
    /// Where in the openings its bytes begin.
    place: u64,
}

/// The drawn steps by nonce, and the bytes that their openings take behind a head of so many.
fn places(judge: &Judge, head: usize) -> (BTreeMap<Nonce, Vec<Opened>>, u64) {
    let committed = judge.commitment();
    let mut end = head as u64;
    let mut wanted: BTreeMap<Nonce, Vec<Opened>> = BTreeMap::new();
    for step in judge.steps() {
        let Place { interval, index, nonce } =
            committed.place(step.position).expect("drawn among the nonces");
        let path = path_len(index, committed.intervals()[interval].nonces());
        let index = usize::try_from(index).expect("as many as there are roots");
        let opened = Opened { layer: step.layer, interval, index, place: end };
        // With the length in front.
        end += 4 + bytes(committed.puzzle().params(), step.layer, path) as u64;
        wanted.entry(nonce).or_default().push(opened);
    }
    (wanted, end)
}

/// Reads openings piece by piece and repeats their layers, those of one layer together. Gives what repeated them.
fn repeat(
    verification: &mut Verification,
    openings: &mut dyn Read,
    devices: &DeviceArgs,
    stop: &Stop,
) -> Result<Option<EngineInfo>, ProverError> {
    let (puzzle, key) = (verification.commitment().puzzle().clone(), verification.commitment().key().clone());
    // Each layer's weights are used once or a few times. Nothing is opened before the head is known to be right.
    let devices = DeviceArgs { is_lean: true, ..devices.clone() };
    let mut opened = None;
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
            let device = match &mut opened {
                Some(device) => device,
                none => none.insert(session::one::<Exact>(&devices, &puzzle, stop)?),
            };
            let (nonces, states) = joined(&tasks);
            let share = verification.judge().map_or(0.0, share);
            let mut told = |_| progress(share);
            let (next, logits) =
                transcriber(device).repeat(&key, &nonces, first.layer, &states, &mut told)?;
            verification.settle(&tasks, &next, &logits);
        }
    }
    bar.finish_and_clear();
    Ok(opened.map(|device| device.info().clone()))
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
