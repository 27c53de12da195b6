//! Recomputes somebody else's claims: each is true to the bit or fraud.

use super::backend::ExactBackend;
use crate::device::OnProgress;
use crate::error::ProverError;
use serde_json::Value;
use sphere_pow_core::exact::proof::{Claim, Proof};
use sphere_pow_core::exact::Puzzle;
use sphere_pow_core::exact::verify::{Check, Report, VerifyError};
use sphere_pow_core::identity::{Nonce, PublicKey};
use std::path::Path;

/// The fields of a ledger's line that a proof does not have.
const LEDGER_FIELDS: [&str; 6] = ["node_id", "node_count", "group", "groups", "tried", "last"];

/// Reads a proof as bytes or JSON, or the lines of a ledger as one proof.
///
/// # Errors
/// [`ProverError::ExactProof`] naming what is wrong, with the line of a ledger.
pub fn read_proof(file: &Path, bytes: &[u8]) -> Result<Proof, ProverError> {
    let wrong = |place: String, source| ProverError::ExactProof { file: file.into(), place, source };
    let Ok(text) = core::str::from_utf8(bytes) else {
        return Proof::from_bytes(bytes).map_err(|e| wrong(String::new(), e));
    };
    if !text.trim_start().starts_with('{') {
        return Proof::from_bytes(bytes).map_err(|e| wrong(String::new(), e));
    }
    let n_lines = text.lines().filter(|line| !line.trim().is_empty()).count();
    let mut joined: Option<(Proof, Vec<Claim>)> = None;
    for (ix, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // A pretty-printed proof spans lines; a ledger has one object a line.
        let is_ledger = serde_json::from_str::<Value>(line).is_ok_and(|value| value.is_object());
        if !is_ledger && joined.is_none() {
            return Proof::from_json(text).map_err(|e| wrong(String::new(), e));
        }
        let place = if n_lines > 1 { format!(", line {}", ix + 1) } else { String::new() };
        let proof = Proof::from_json(&without_ledger_fields(line)).map_err(|e| wrong(place.clone(), e))?;
        let claims = proof.claims().to_vec();
        match &mut joined {
            None => joined = Some((proof, claims)),
            Some((first, all)) => {
                let same = (first.params(), first.block(), first.key()) == (proof.params(), proof.block(), proof.key());
                if !same {
                    let (what, expected) = ("proof", "lines of one key, block and model".into());
                    return Err(ProverError::Argument { what, got: format!("{}{place}", file.display()), expected });
                }
                all.extend(claims);
            }
        }
    }
    let Some((first, mut claims)) = joined else {
        return Proof::from_json(text).map_err(|e| wrong(String::new(), e));
    };
    claims.sort_unstable_by_key(|claim| claim.nonce);
    Proof::new(first.params(), first.block(), first.key(), claims).map_err(|e| wrong(String::new(), e))
}

/// The line as [`Proof::from_json`] wants it, which knows no field but its own.
fn without_ledger_fields(line: &str) -> String {
    match serde_json::from_str::<Value>(line) {
        Ok(Value::Object(mut object)) if object.contains_key("tried") => {
            for name in LEDGER_FIELDS {
                object.remove(name);
            }
            Value::Object(object).to_string()
        }
        // What is no ledger's line goes on as it is, so that repeated keys are still seen.
        _ => line.to_owned(),
    }
}

/// Recomputes the claims at `sample` of `proof` until the first that is not true.
///
/// # Errors
/// The backend's. A false claim is a result: see [`Report::accepted`].
pub fn verify(
    proof: &Proof,
    puzzle: &Puzzle,
    key: &PublicKey,
    sample: &[usize],
    backend: &mut dyn ExactBackend,
    progress: OnProgress<'_>,
) -> Result<(Report, Option<VerifyError>), ProverError> {
    let mut check = match Check::new(puzzle, key, proof) {
        Ok(check) => check,
        Err(error) => return Ok((Report::new(proof, 0, Some(&error)), Some(error))),
    };
    let mut n_checked = 0;
    #[expect(clippy::cast_precision_loss, reason = "a share for display")]
    for (ix, part) in sample.chunks(backend.batch()).enumerate() {
        let (done, share) = (ix as f32 * backend.batch() as f32, part.len() as f32);
        let total = sample.len() as f32;
        let nonces: Vec<Nonce> = part.iter().map(|ix| proof.claims()[*ix].nonce).collect();
        let judged = backend.judge(key, &nonces, &mut |p| progress((done + p * share) / total))?;
        for (index, (digest, verdict)) in part.iter().zip(judged) {
            if let Err(error) = check.judged(*index, digest, verdict) {
                return Ok((Report::new(proof, n_checked, Some(&error)), Some(error)));
            }
            n_checked += 1;
        }
    }
    Ok((Report::new(proof, check.finish().n_checked(), None), None))
}
