//! Proof data in, one plain JSON form out.

use crate::error::Failure;
use serde::Serialize;
use sphere_pow_core::gonka::proof::{Distance, TargetRadius};
use sphere_pow_core::gonka::shapes::{self, Claim, Shape};
use sphere_pow_core::identity::Nonce;

/// Largest integer that JavaScript's numbers hold exactly, 2^53 - 1.
const MAX_SAFE: i64 = (1 << 53) - 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    shape: &'static str,
    shape_name: &'static str,
    proofs: Vec<Proof>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
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

impl Proof {
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

/// Reads one JSON document of any of the network's shapes; gives `{shape, shapeName, proofs}` as JSON.
///
/// # Errors
/// `E_FORMAT`, `E_RANGE`, `E_BLOCK_HASH` or `E_V2_DATA`, with the place of what is wrong.
pub fn parse(text: &str) -> Result<String, Failure> {
    let document = shapes::parse(text)?;
    let proofs = document.claims.iter().map(Proof::new).collect::<Result<_, _>>()?;
    let out = Document { shape: letter(document.shape), shape_name: document.shape.name(), proofs };
    Ok(serde_json::to_string(&out)?)
}
