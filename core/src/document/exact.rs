//! A proof of the `exact` profile, as JSON to the letter (SPEC §II.9.2) and as bytes (SPEC §II.9.1).

use super::path::Path;
use super::{AnyBatch, Batch, Document, Place, Progress, ReadError, ReadErrorKind, Shape, gonka, model};
use crate::exact::proof::{MAX_CLAIMS, check_order};
use crate::exact::{DecodeError, Digest, Exact, Proof};
use crate::identity::{BlockHash, Nonce, PublicKey};
use crate::json::{self, Fields, Stop};
use crate::profile::{Profile, ProfileName};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The members of a proof.
const PROOF: [&str; 7] = ["profile", "version", "params", "block_hash", "public_key", "nonces", "digests"];
/// The members that a line of a proof file has beside them.
const FILE: [&str; 6] = ["node_id", "node_count", "group", "groups", "tried", "last"];

/// Whether an object is of this profile: it says so, or has digests and says nothing.
pub(super) fn is_exact(fields: &Fields<'_>, path: &Path<'_>) -> Result<bool, ReadError> {
    let Some(raw) = fields.strict("profile") else { return Ok(fields.has("digests")) };
    match json::text(raw).and_then(|name| name.parse().ok()) {
        Some(ProfileName::Exact) => Ok(true),
        Some(ProfileName::Gonka) => Ok(false),
        None => Err(path.member("profile").error(ReadErrorKind::Profile { got: json::described(raw) })),
    }
}

/// A proof, its checks in the order of the SPEC.
pub(super) fn batch(fields: &Fields<'_>, path: &Path<'_>) -> Result<(Batch<Exact>, Shape), ReadError> {
    let unknown = match fields.other_than(&[PROOF.as_slice(), &FILE].concat()) {
        Some(name) => Some(format!("{name:?}")),
        None => fields.unknown.clone(),
    };
    if let Some(name) = unknown {
        return Err(path.error(ReadErrorKind::Unknown { name }));
    }
    required(fields, "profile", "\"exact\"", path)?;
    let version = number(required(fields, "version", "2", path)?);
    let version = version.map_err(|kind| path.member("version").error(kind))?;
    if version != u64::from(Exact::VERSION) {
        let kind = DecodeError::Version { got: version, expected: Exact::VERSION };
        return Err(path.member("version").error(kind));
    }
    let params = required(fields, "params", "an object", path)?;
    let params = model::sizes(params).map_err(|kind| path.member("params").error(kind))?;
    let block_hash = BlockHash::new(&text(fields, "block_hash", path)?);
    let block_hash = block_hash.map_err(|error| path.member("block_hash").error(error))?;
    let public_key = PublicKey::new(&text(fields, "public_key", path)?);
    let public_key = public_key.map_err(|error| path.member("public_key").error(error))?;
    let (nonces, claims) = claims(fields, path)?;
    let progress = progress(fields, path)?;
    let node_id = match fields.strict("node_id") {
        Some(raw) => Some(number(raw).map_err(|kind| path.member("node_id").error(kind))?),
        None => None,
    };
    let shape = if progress.is_some() { Shape::ProofFile } else { Shape::ExactProof };
    let batch = Batch {
        place: path.place(),
        participant: None,
        public_key: Some(public_key),
        block_hash: Some(block_hash),
        block_height: None,
        node_id,
        params: Some(params),
        price: None,
        nonces,
        claims: Some(claims),
        progress,
    };
    Ok((batch, shape))
}

/// A proof in bytes.
pub(super) fn bytes(bytes: &[u8]) -> Result<Document, ReadError> {
    let proof = Proof::from_bytes(bytes).map_err(|error| {
        let place = error.claim().map_or(String::new(), |index| format!("claims[{index}]"));
        ReadError { place: Place(place), kind: error.into() }
    })?;
    let (nonces, claims) = proof.claims().iter().map(|claim| (claim.nonce, claim.digest)).unzip();
    let batch = Batch {
        place: Place::default(),
        participant: None,
        public_key: Some(proof.key().clone()),
        block_hash: Some(proof.block().clone()),
        block_height: None,
        node_id: None,
        params: Some(*proof.params()),
        price: None,
        nonces,
        claims: Some(claims),
        progress: None,
    };
    let batches = alloc::vec![AnyBatch::Exact(batch)];
    Ok(Document { shape: Shape::ExactBytes, batches, rejected: Vec::new(), torn: None })
}

fn required<'a>(
    fields: &Fields<'a>,
    name: &'static str,
    expected: &'static str,
    path: &Path<'_>,
) -> Result<&'a str, ReadError> {
    let missing = || path.member(name).error(ReadErrorKind::Missing { expected });
    fields.strict(name).ok_or_else(missing)
}

/// An integer in digits only: no sign, point, exponent or quotes.
fn number(raw: &str) -> Result<u64, ReadErrorKind> {
    let is_digits = raw.bytes().all(|b| b.is_ascii_digit());
    let value = raw.parse().ok().filter(|value| is_digits && *value <= Nonce::MAX.get());
    let expected = "an integer from 0 to 9223372036854775807, in digits";
    value.ok_or_else(|| ReadErrorKind::Value { got: json::described(raw), expected })
}

fn text(fields: &Fields<'_>, name: &'static str, path: &Path<'_>) -> Result<String, ReadError> {
    let raw = required(fields, name, "text", path)?;
    let kind = || ReadErrorKind::Value { got: json::described(raw), expected: "text" };
    json::text(raw).map(|text| text.to_string()).ok_or_else(|| path.member(name).error(kind()))
}

/// Both columns. Lists are counted before their entries are looked at.
fn claims(fields: &Fields<'_>, path: &Path<'_>) -> Result<(Vec<Nonce>, Vec<Digest>), ReadError> {
    let nonces = list(fields, "nonces", path)?;
    if nonces.len > MAX_CLAIMS {
        let kind = DecodeError::Count { got: nonces.len, max: MAX_CLAIMS };
        return Err(path.member("nonces").error(kind));
    }
    let digests = list(fields, "digests", path)?;
    if digests.len != nonces.len {
        let kind = ReadErrorKind::Lists { got: digests.len, nonces: nonces.len };
        return Err(path.member("digests").error(kind));
    }
    let mut all = (Vec::with_capacity(nonces.len), Vec::with_capacity(nonces.len));
    for (index, (nonce, digest)) in nonces.raw.into_iter().zip(digests.raw).enumerate() {
        let at = |name, kind: DecodeError| path.member(name).entry(index).error(kind);
        let nonce = nonce_of(nonce)
            .ok_or_else(|| at("nonces", DecodeError::Nonce { index, got: json::described(nonce) }))?;
        let digest = json::text(digest)
            .and_then(|text| Digest::from_hex(&text))
            .ok_or_else(|| at("digests", DecodeError::Digest { index, got: json::described(digest) }))?;
        check_order(index, all.0.last().copied(), nonce).map_err(|kind| at("nonces", kind))?;
        all.0.push(nonce);
        all.1.push(digest);
    }
    Ok(all)
}

fn nonce_of(raw: &str) -> Option<Nonce> {
    json::digits(&json::text(raw)?).and_then(|nonce| Nonce::new(nonce).ok())
}

/// The entries of a list, as text of the document, while they may be claims; all are counted.
struct List<'a> {
    raw: Vec<&'a str>,
    len: usize,
}

fn list<'a>(fields: &Fields<'a>, name: &'static str, path: &Path<'_>) -> Result<List<'a>, ReadError> {
    let raw = required(fields, name, "a list", path)?;
    let path = path.member(name);
    if !raw.starts_with('[') {
        return Err(path.error(ReadErrorKind::Value { got: json::described(raw), expected: "a list" }));
    }
    let mut list = List { raw: Vec::new(), len: 0 };
    let walked = json::elements(raw, |index, raw| {
        if index < MAX_CLAIMS {
            list.raw.push(raw);
        }
        list.len = index + 1;
        Ok::<(), core::convert::Infallible>(())
    });
    match walked {
        Ok(()) => Ok(list),
        Err(Stop::Json(error)) => Err(path.error(ReadErrorKind::Json { reason: error.into() })),
    }
}

/// All of a proof file's five members, or none.
fn progress(fields: &Fields<'_>, path: &Path<'_>) -> Result<Option<Progress>, ReadError> {
    let names = ["node_count", "group", "groups", "tried", "last"];
    if !names.iter().any(|name| fields.has(name)) {
        return Ok(None);
    }
    for name in names {
        let raw = required(fields, name, "an integer, as in every line of a proof file", path)?;
        number(raw).map_err(|kind| path.member(name).error(kind))?;
    }
    gonka::progress(fields, path)
}
