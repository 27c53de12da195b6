//! Transcripts of what a stage's nonces went through: commitments to them, and openings that a beacon draws, as the commands
//! `commit` and `open` make them from files. What they are made of lies in the store.

use super::body::{Fault, Faults, Reader};
use super::node::Node;
use crate::error::ProverError;
use crate::options::{Backend, DeviceArgs};
use crate::profiles::transcripts;
use crate::signals::Stop;
use serde_json::{Value, json};
use std::sync::{PoisonError, TryLockError};

const MEMBERS: [&str; 4] = ["block_hash", "public_key", "beacon", "samples"];
/// Steps that are opened unless the body says otherwise, as the command does.
const SAMPLES: i64 = 200;
/// Most bytes of openings: they are made in memory.
const MAX_OPENINGS_BYTES: u64 = 1 << 30;

/// Why there is no answer.
pub(super) enum Refusal {
    /// The body is wrong.
    Faults(Faults),
    /// Nothing was mined, or committed to, that fits it.
    Nothing(String),
    /// It is asked for twice at once, or the machine cannot.
    Later(String),
}

impl From<ProverError> for Refusal {
    fn from(error: ProverError) -> Self {
        let is_asked_wrong = matches!(
            error,
            ProverError::Identity(_) | ProverError::Given(_) | ProverError::Transcript { .. }
        );
        let text = error.to_string();
        if is_asked_wrong { Self::Faults(vec![Fault::value("beacon", text)]) } else { Self::Later(text) }
    }
}

impl From<super::StoreError> for Refusal {
    fn from(error: super::StoreError) -> Self {
        Self::Later(error.to_string())
    }
}

/// The stage that a body means: that of its block and key, or the latest that was mined with transcripts.
fn stage(node: &Node, reader: &mut Reader<'_>) -> Result<u64, Refusal> {
    let mut named = [None, None];
    for (own, name) in named.iter_mut().zip(["block_hash", "public_key"]) {
        if reader.raw(name).is_some() {
            *own = Some(reader.text(name));
        }
    }
    if !reader.faults.is_empty() {
        return Err(Refusal::Faults(std::mem::take(&mut reader.faults)));
    }
    let fits = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        let of = |ix: usize, name: &str| named[ix].as_ref().is_none_or(|own| line[name] == json!(own));
        of(0, "block_hash") && of(1, "public_key")
    };
    let found = node.store.stages_with_roots()?.into_iter().find(|(_, line)| fits(line));
    let none = || Refusal::Nothing("nothing was mined with transcripts for that block and key".into());
    found.map(|(stage, _)| stage).ok_or_else(none)
}

/// Commits to all that was won and not won in a stage, beyond what was committed to before.
pub(super) fn commit(node: &Node, raw: &str) -> Result<Value, Refusal> {
    let mut reader = Reader::new(raw, &MEMBERS).map_err(Refusal::Faults)?;
    let stage = stage(node, &mut reader)?;
    // One after the other: each grows what the one before made.
    let _turn = node.committing.lock().unwrap_or_else(PoisonError::into_inner);
    let (roots, before) = (node.store.roots(stage)?, node.store.commitment(stage)?);
    let (commitment, told) =
        transcripts().commit(&mut roots.as_slice(), before.as_deref().map(str::as_bytes))?;
    // On the disk before anybody sees it: two commitments of one stage would be a fault of the host.
    node.store.commit(stage, &commitment)?;
    let mut value = told.value;
    value["document"] = serde_json::from_str(&commitment).unwrap_or_default();
    Ok(value)
}

/// Opens the steps of a stage's commitment that a beacon draws: the bytes of the openings.
pub(super) fn open(node: &Node, raw: &str) -> Result<Vec<u8>, Refusal> {
    let mut reader = Reader::new(raw, &MEMBERS).map_err(Refusal::Faults)?;
    let (beacon, samples) = (reader.text("beacon"), reader.integer_or("samples", SAMPLES));
    let samples = u32::try_from(samples).unwrap_or_else(|_| {
        reader.fault("samples", "a number of steps is expected");
        0
    });
    let stage = stage(node, &mut reader)?;
    let nothing = || Refusal::Nothing("nothing is committed to yet for that block and key".into());
    let committed = node.store.commitment(stage)?.ok_or_else(nothing)?;
    let _turn = match node.opening.try_lock() {
        Ok(turn) => turn,
        Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
        Err(TryLockError::WouldBlock) => return Err(Refusal::Later("other openings are being made".into())),
    };
    let roots = node.store.roots(stage)?;
    let devices = match node.current() {
        // Devices have a stage's model, and no memory for a second one; the bytes are the same.
        Some(_) => DeviceArgs { backend: Backend::Cpu, adapter: Vec::new(), ..node.settings.devices.clone() },
        None => node.settings.devices.clone(),
    };
    let mut bytes = Vec::new();
    let mut put = |place: u64, part: &[u8]| {
        let end = place + part.len() as u64;
        if end > MAX_OPENINGS_BYTES {
            let (needed_mb, available_mb) = (end.div_ceil(1_000_000), MAX_OPENINGS_BYTES / 1_000_000);
            return Err(ProverError::Memory { what: "openings".into(), needed_mb, available_mb, advice: "" });
        }
        let (place, end) = (usize::try_from(place).unwrap_or(0), usize::try_from(end).unwrap_or(0));
        bytes.resize(bytes.len().max(end), 0);
        bytes[place..end].copy_from_slice(part);
        Ok(())
    };
    let files = (&mut roots.as_slice() as &mut dyn std::io::BufRead, committed.as_bytes());
    transcripts().open(files, (&beacon, samples), &devices, &mut put, &Stop::default())?;
    Ok(bytes)
}
