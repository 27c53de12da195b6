//! Proof data in, one plain JSON form out.

use crate::error::Failure;
use serde::{Deserialize, Serialize};
use sphere_pow_core::exact;
use sphere_pow_core::gonka::proof::{Distance, TargetRadius};
use sphere_pow_core::gonka::shapes::{self, Claim, Shape};
use sphere_pow_core::identity::Nonce;
#[cfg(feature = "verifier")]
use wasm_bindgen::prelude::wasm_bindgen;

/// Largest integer that JavaScript's numbers hold exactly, 2^53 - 1.
const MAX_SAFE: i64 = (1 << 53) - 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<T> {
    shape: &'static str,
    shape_name: &'static str,
    proofs: Vec<T>,
}

impl<T: Serialize> Document<T> {
    fn json(shape: &'static str, shape_name: &'static str, proofs: Vec<T>) -> Result<String, Failure> {
        Ok(serde_json::to_string(&Self { shape, shape_name, proofs })?)
    }
}

/// A claim of the `gonka` profile.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GonkaProof {
    profile: &'static str,
    public_key: Option<String>,
    block_hash: Option<String>,
    block_height: Option<i64>,
    node_id: Option<u64>,
    participant: Option<String>,
    r_target: Option<TargetRadius>,
    fraud_threshold: Option<f64>,
    params: Option<sphere_pow_core::gonka::params::RawParams>,
    nonces: Vec<String>,
    distances: Vec<Distance>,
    missing: Vec<&'static str>,
}

/// A proof of the `exact` profile.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExactProof {
    profile: &'static str,
    version: u32,
    params: exact::params::RawParams,
    preset: Option<&'static str>,
    block_hash: String,
    public_key: String,
    nonces: Vec<String>,
    digests: Vec<String>,
    missing: Vec<&'static str>,
}

impl ExactProof {
    fn new(proof: &exact::Proof) -> Self {
        let claims = proof.claims();
        Self {
            profile: "exact",
            version: exact::params::VERSION,
            params: proof.params().raw(),
            preset: proof.params().preset().map(exact::Preset::name),
            block_hash: proof.block().to_string(),
            public_key: proof.key().to_string(),
            nonces: claims.iter().map(|claim| claim.nonce.to_string()).collect(),
            digests: claims.iter().map(|claim| claim.digest.to_hex()).collect(),
            missing: if claims.is_empty() { vec!["nonces"] } else { Vec::new() },
        }
    }
}

impl GonkaProof {
    fn new(claim: &Claim) -> Result<Self, Failure> {
        let safe = |what, value: Option<i64>| match value {
            Some(value) if !(-MAX_SAFE..=MAX_SAFE).contains(&value) => {
                Err(Failure::range(format!("{what} {value} is no height or node of a real network")))
            }
            value => Ok(value),
        };
        let node_id = claim.node_id.map(|id| i64::try_from(id).unwrap_or(i64::MAX));
        safe("node_id", node_id)?;
        let parts = [
            ("publicKey", claim.public_key.is_none()),
            ("blockHash", claim.block_hash.is_none()),
            ("rTarget", claim.r_target.is_none()),
            ("params", claim.params.is_none()),
            ("nonces", claim.nonces.is_empty()),
        ];
        Ok(Self {
            profile: "gonka",
            public_key: claim.public_key.as_ref().map(ToString::to_string),
            block_hash: claim.block_hash.as_ref().map(ToString::to_string),
            block_height: safe("block_height", claim.block_height)?,
            node_id: claim.node_id,
            participant: claim.participant.clone(),
            r_target: claim.r_target,
            fraud_threshold: claim.fraud_threshold,
            params: claim.params.as_ref().map(|params| params.raw().clone()),
            nonces: claim.nonces.iter().map(Nonce::to_string).collect(),
            distances: claim.distances.clone(),
            missing: parts.into_iter().filter(|(_, missing)| *missing).map(|(name, _)| name).collect(),
        })
    }
}

const fn letter(shape: Shape) -> &'static str {
    match shape {
        Shape::ProofBatch => "A",
        Shape::ValidatedBatch => "B",
        Shape::ApiBatches => "C",
        Shape::ChainBatches => "D",
        Shape::Transaction => "E",
        Shape::Init => "G",
        Shape::Single => "H",
    }
}

/// The one field that tells the profiles apart.
#[derive(Deserialize)]
struct Head {
    profile: Option<String>,
}

/// Reads one document: JSON of any of the network's shapes, or an `exact` proof as JSON or bytes; gives
/// `{shape, shapeName, proofs}` as JSON.
///
/// # Errors
/// `E_FORMAT`, `E_RANGE`, `E_BLOCK_HASH`, `E_V2_DATA` or `E_PROFILE_UNKNOWN`, with the place of what is wrong.
#[cfg_attr(feature = "verifier", wasm_bindgen)]
pub fn read_proofs(document: &[u8]) -> Result<String, Failure> {
    if document.starts_with(b"SPXP") {
        return exact_document(&exact::Proof::from_bytes(document)?);
    }
    let text = core::str::from_utf8(document).map_err(|error| {
        Failure::format(format!("the document is neither UTF-8 nor a proof's bytes: {error}"))
    })?;
    match serde_json::from_str::<Head>(text).ok().and_then(|head| head.profile).as_deref() {
        Some("exact") => exact_document(&exact::Proof::from_json(text)?),
        None | Some("gonka") => gonka_document(text),
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            Err(Failure::profile(format!("the proof is of profile {other:?}, expected gonka or exact")))
        }
    }
}

fn exact_document(proof: &exact::Proof) -> Result<String, Failure> {
    Document::json("X", "proof of the exact profile", vec![ExactProof::new(proof)])
}

fn gonka_document(text: &str) -> Result<String, Failure> {
    let document = shapes::parse(text)?;
    let proofs = document.claims.iter().map(GonkaProof::new).collect::<Result<_, _>>()?;
    Document::json(letter(document.shape), document.shape.name(), proofs)
}
