//! A batch of the network's scheme, numbers and texts as its encoders write them (SPEC §0.3).

use super::path::Path;
use super::walk::{Outer, Within, identity, text_member};
use super::{Batch, MAX_NONCES, Progress, ReadError, ReadErrorKind, Shape, model};
use crate::gonka::Gonka;
use crate::gonka::rule::Distance;
use crate::identity::{BlockHash, IdentityError, Nonce, PublicKey};
use crate::json::{self, Fields, Stop};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Which shape an object with claims or context has; `None` when it has neither.
pub(super) fn shape(fields: &Fields<'_>, within: Within, is_message: bool) -> Option<Shape> {
    let has = |names: &[&str]| names.iter().any(|name| fields.get(name).is_some());
    if has(&["received_dist", "fraud_detected"]) {
        return Some(Shape::ValidatedBatch);
    }
    // Null is how some encoders write an empty list.
    if fields.has("nonces") || fields.has("dist") || is_message {
        let height = fields.get("poc_stage_start_block_height");
        let is_file = || has(&["tried"]) && has(&["last"]);
        return Some(match (within, height) {
            _ if is_message => Shape::Transaction,
            (Within::Transaction, _) => Shape::Transaction,
            (Within::Stage, Some(height)) if height.starts_with('"') => Shape::ChainBatches,
            (Within::Stage, _) => Shape::ApiBatches,
            (Within::Proofs, _) if is_file() => Shape::ProofFile,
            (Within::Proofs, _) => Shape::ProofBatch,
        });
    }
    if has(&["nonce"]) {
        return Some(Shape::Single);
    }
    let is_later = has(&["commits", "root_hash", "proofs", "vector_bytes", "poc_validation"]);
    let is_init = has(&["params", "node_count"]) && has(&["block_hash", "public_key"]);
    (within == Within::Proofs && is_init && !is_later).then_some(Shape::Init)
}

/// Everything of a batch.
pub(super) fn batch(
    fields: &Fields<'_>,
    shape: Shape,
    path: &Path<'_>,
    outer: &Outer,
) -> Result<Batch<Gonka>, ReadError> {
    let public_key = public_key(fields, path)?.or_else(|| outer.public_key.clone());
    let block_hash = match text_member(fields, "block_hash", path)? {
        Some(text) => Some(identity(BlockHash::new(&text), "block_hash", path)?),
        None => None,
    };
    let block_height = match height(fields, "block_height", path)? {
        None => height(fields, "poc_stage_start_block_height", path)?,
        some => some,
    };
    let node_id = node_id(fields, path)?;
    let params = match fields.get("params") {
        Some(raw) => Some(model::sizes(raw).map_err(|kind| path.member("params").error(kind))?),
        None => None,
    };
    let price = radius(fields, path)?;
    let progress = progress(fields, path)?;
    let (nonces, claims) = match shape {
        Shape::Single => single(fields, path)?,
        Shape::ValidatedBatch => columns(fields, "received_dist", path)?,
        Shape::Init => (Vec::new(), None),
        _ => columns(fields, "dist", path)?,
    };
    if nonces.is_empty() && shape == Shape::ValidatedBatch {
        return Err(path.error(ReadErrorKind::VerdictOnly));
    }
    let (place, participant) = (path.place(), outer.participant.clone());
    Ok(Batch {
        place,
        participant,
        public_key,
        block_hash,
        block_height,
        node_id,
        params,
        price,
        nonces,
        claims,
        progress,
    })
}

/// The account of an object.
pub(super) fn participant(fields: &Fields<'_>, path: &Path<'_>) -> Result<Option<String>, ReadError> {
    for name in ["participant_address", "participant", "creator"] {
        let Some(text) = text_member(fields, name, path)? else { continue };
        if text.len() > crate::identity::MAX_TEXT_BYTES || !text.bytes().all(|b| b.is_ascii_graphic()) {
            let expected = "an account, at most 256 visible ASCII characters";
            let kind = ReadErrorKind::Value { got: crate::text::shown(&text), expected };
            return Err(path.member(name).error(kind));
        }
        return Ok(Some(text));
    }
    Ok(None)
}

/// The key of an object: text, or the chain's `{"@type": …, "key": …}`.
pub(super) fn public_key(fields: &Fields<'_>, path: &Path<'_>) -> Result<Option<PublicKey>, ReadError> {
    for name in ["hex_pub_key", "public_key", "pub_key"] {
        let text = match fields.get(name) {
            Some(raw) if raw.starts_with('{') => {
                let place = path.member(name);
                let inner = Fields::read(raw, &["key"]);
                let inner = inner.ok().filter(|inner| inner.repeated.is_none() && inner.has("key"));
                let expected = "text, or an object with key";
                let kind = || ReadErrorKind::Value { got: json::described(raw), expected };
                text_member(&inner.ok_or_else(|| place.error(kind()))?, "key", &place)?
            }
            _ => text_member(fields, name, path)?,
        };
        if let Some(text) = text {
            return identity(PublicKey::new(&text), name, path).map(Some);
        }
    }
    Ok(None)
}

fn integer(
    fields: &Fields<'_>,
    name: &'static str,
    path: &Path<'_>,
    expected: &'static str,
    range: core::ops::RangeInclusive<i64>,
) -> Result<Option<i64>, ReadError> {
    let Some(raw) = fields.get(name) else { return Ok(None) };
    match json::integer(raw).filter(|value| range.contains(value)) {
        Some(value) => Ok(Some(value)),
        None => Err(path.member(name).error(ReadErrorKind::Value { got: json::described(raw), expected })),
    }
}

/// A height; 0 counts as absent, as encoders that drop zeros mean it.
fn height(fields: &Fields<'_>, name: &'static str, path: &Path<'_>) -> Result<Option<i64>, ReadError> {
    let height = integer(fields, name, path, "a block's height", 0..=i64::MAX)?;
    Ok(height.filter(|height| *height != 0))
}

/// The node's number. The chain keeps a name there, which says nothing here; -1 stands for unset.
fn node_id(fields: &Fields<'_>, path: &Path<'_>) -> Result<Option<u64>, ReadError> {
    let is_name =
        fields.get("node_id").is_some_and(|raw| json::text(raw).is_some() && json::integer(raw).is_none());
    if is_name {
        return Ok(None);
    }
    let node_id = integer(fields, "node_id", path, "a node's number", -1..=i64::MAX)?;
    Ok(node_id.and_then(|node_id| u64::try_from(node_id).ok()))
}

fn radius(fields: &Fields<'_>, path: &Path<'_>) -> Result<Option<f64>, ReadError> {
    let Some(raw) = fields.get("r_target") else { return Ok(None) };
    match json::float(raw).filter(|radius| *radius > 0.0 && radius.is_finite()) {
        Some(radius) => Ok(Some(radius)),
        None => Err(path.member("r_target").error(ReadErrorKind::Radius { got: json::described(raw) })),
    }
}

/// How far the search had come: all five members, or nothing.
pub(super) fn progress(fields: &Fields<'_>, path: &Path<'_>) -> Result<Option<Progress>, ReadError> {
    let number = |name| {
        let number = integer(fields, name, path, "a whole number from 0 on", 0..=i64::MAX)?;
        Ok(number.and_then(|number| u64::try_from(number).ok()))
    };
    let all = [number("node_count")?, number("group")?, number("groups")?, number("tried")?, number("last")?];
    let [Some(node_count), Some(group), Some(groups), Some(tried), Some(last)] = all else { return Ok(None) };
    let last = identity(Nonce::new(last), "last", path)?;
    Ok(Some(Progress { node_count, group, groups, tried, last }))
}

type Columns = (Vec<Nonce>, Option<Vec<Distance>>);

/// Shapes with lists; `claimed` names the one with the miner's distances.
fn columns(fields: &Fields<'_>, claimed: &'static str, path: &Path<'_>) -> Result<Columns, ReadError> {
    let nonces = list(fields, "nonces", path, nonce)?;
    let claims = list(fields, claimed, path, distance)?;
    if claims.is_empty() && !nonces.is_empty() {
        return Ok((nonces, None));
    }
    if claims.len() != nonces.len() {
        let kind = ReadErrorKind::Lists { got: claims.len(), nonces: nonces.len() };
        return Err(path.member(claimed).error(kind));
    }
    Ok((nonces, Some(claims)))
}

fn single(fields: &Fields<'_>, path: &Path<'_>) -> Result<Columns, ReadError> {
    let at = |name, error: ReadErrorKind| path.member(name).error(error);
    let Some(raw) = fields.get("nonce") else {
        return Err(at("nonce", ReadErrorKind::Missing { expected: "a nonce" }));
    };
    let nonce = nonce(raw).map_err(|error| at("nonce", error))?;
    let claims = match fields.get("distance") {
        Some(raw) => Some(vec![distance(raw).map_err(|error| at("distance", error))?]),
        None => None,
    };
    Ok((vec![nonce], claims))
}

/// A list member; absent and null are empty.
fn list<T>(
    fields: &Fields<'_>,
    name: &'static str,
    path: &Path<'_>,
    entry: impl Fn(&str) -> Result<T, ReadErrorKind>,
) -> Result<Vec<T>, ReadError> {
    let path = path.member(name);
    let Some(raw) = fields.get(name) else { return Ok(Vec::new()) };
    if !raw.starts_with('[') {
        return Err(path.error(ReadErrorKind::Value { got: json::described(raw), expected: "a list" }));
    }
    let mut list = Vec::new();
    let walked = json::elements(raw, |index, raw| {
        if index == MAX_NONCES {
            return Err(path.error(ReadErrorKind::TooMany { what: "nonces", max: MAX_NONCES }));
        }
        list.push(entry(raw).map_err(|kind| path.entry(index).error(kind))?);
        Ok(())
    });
    match walked {
        Ok(()) => Ok(list),
        Err(Stop::Own(error)) => Err(error),
        Err(Stop::Json(error)) => Err(path.error(ReadErrorKind::Json { reason: error.into() })),
    }
}

fn nonce(raw: &str) -> Result<Nonce, ReadErrorKind> {
    let bad = || {
        let is_scalar = !raw.starts_with(['{', '[']);
        let got =
            if is_scalar { raw.trim_matches('"').chars().take(64).collect() } else { json::described(raw) };
        IdentityError::Nonce { got }
    };
    // A minus before zero is no nonce either: every other spelling of one is a whole number from 0 on.
    let is_signed = raw.trim_start_matches('"').starts_with('-');
    let value = json::integer(raw).filter(|_| !is_signed).and_then(|value| u64::try_from(value).ok());
    Ok(Nonce::new(value.ok_or_else(bad)?)?)
}

fn distance(raw: &str) -> Result<Distance, ReadErrorKind> {
    let value = json::float(raw).and_then(|value| Distance::new(value).ok());
    value.ok_or_else(|| ReadErrorKind::Distance { got: json::described(raw) })
}
