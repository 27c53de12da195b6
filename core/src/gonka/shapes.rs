//! Proof data as the network's nodes, chain and explorers give it (proof shapes, section 2).
//!
//! [`parse`] names the shape and gives what it says; what a shape leaves out (block hash, key, radius, model)
//! stays `None` for the caller to fill in. Numbers are read leniently, as the network's own clients do:
//! integers as JSON numbers or decimal strings, distances as numbers or strings. Nothing is wrapped, trimmed
//! or guessed: what is wrong is refused with its place.

mod field;

use super::params::{Params, ParamsError};
use super::proof::{Distance, MAX_BATCH, ProofError, TargetRadius};
use crate::identity::{BlockHash, IdentityError, Nonce, PublicKey};
use alloc::string::{String, ToString};
use alloc::{format, vec, vec::Vec};
use field::{Fields, Path};
use serde_json::Value;

/// Most bytes of JSON that [`parse`] reads.
pub const MAX_JSON_BYTES: usize = 1 << 30;

/// Which of the network's shapes a document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A: what an ML node posts to `/generated`.
    ProofBatch,
    /// B: what an ML node posts to `/validated`: `dist` is the validator's, `received_dist` the claim.
    ValidatedBatch,
    /// C: the API node's `GET /v1/poc-batches/{height}`.
    ApiBatches,
    /// D: the chain's REST `poc_batches_for_stage/{height}`.
    ChainBatches,
    /// E: a transaction that submits batches, `MsgExec` unwrapped.
    Transaction,
    /// G: the body that starts an ML node: context without claims.
    Init,
    /// H: a single proof.
    Single,
}

impl Shape {
    /// What a person calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProofBatch => "proof batch of an ML node",
            Self::ValidatedBatch => "validated batch of an ML node",
            Self::ApiBatches => "batches of an API node",
            Self::ChainBatches => "batches of a chain query",
            Self::Transaction => "transaction",
            Self::Init => "init request of an ML node",
            Self::Single => "single proof",
        }
    }
}

/// What one batch of a document says, and what it leaves out.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Who mined.
    pub public_key: Option<PublicKey>,
    /// On which block.
    pub block_hash: Option<BlockHash>,
    /// Its height.
    pub block_height: Option<i64>,
    /// Which of the host's nodes.
    pub node_id: Option<u64>,
    /// The account that submitted it.
    pub participant: Option<String>,
    /// The radius to win.
    pub r_target: Option<TargetRadius>,
    /// The probability below which a batch is fraud.
    pub fraud_threshold: Option<f64>,
    /// The model.
    pub params: Option<Params>,
    /// The nonces claimed, in order.
    pub nonces: Vec<Nonce>,
    /// The distance claimed for each.
    pub distances: Vec<Distance>,
}

/// A document read.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its shape.
    pub shape: Shape,
    /// Its batches, in order; for [`Shape::Init`] one without nonces.
    pub claims: Vec<Claim>,
}

/// A document that is no claim, or a claim that is none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// The text is larger than [`MAX_JSON_BYTES`].
    #[error("the document has {got} bytes, expected at most {MAX_JSON_BYTES}")]
    TooLarge {
        /// Its size.
        got: usize,
    },
    /// The text is no JSON.
    #[error("not JSON: {reason}")]
    Json {
        /// The parser's words, with line and column.
        reason: String,
    },
    /// The JSON has none of the shapes.
    #[error(
        "not a proof: {got}; expected an object with nonces and dist, or one of the network's shapes around it"
    )]
    Foreign {
        /// What it is instead.
        got: String,
    },
    /// The proofs that replaced this scheme after epoch 158.
    #[error("these are proofs of the later kind (PoC v2, epochs after 158), which this scheme cannot check")]
    V2Data,
    /// A verdict without the nonces it is about: the chain keeps no more of a validation.
    #[error(
        "this is a verdict only: its nonces were dropped before it went on chain, nothing can be recomputed"
    )]
    VerdictOnly,
    /// A field is missing.
    #[error("{path} is missing, expected {expected}")]
    Missing {
        /// Where it should be.
        path: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A field has the wrong type or value.
    #[error("{path} is {got}, expected {expected}")]
    Field {
        /// Where it is.
        path: String,
        /// Its value, shortened.
        got: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A hash, key or nonce is wrong.
    #[error("{path}: {source}")]
    Identity {
        /// Where it is.
        path: String,
        /// What is wrong.
        source: IdentityError,
    },
    /// A distance, radius or length is wrong.
    #[error("{path}: {source}")]
    Proof {
        /// Where it is.
        path: String,
        /// What is wrong.
        source: ProofError,
    },
    /// The model is wrong.
    #[error("{path}: {source}")]
    Params {
        /// Where it is.
        path: String,
        /// What is wrong.
        source: ParamsError,
    },
}

/// Reads one JSON document of any shape.
///
/// # Errors
/// [`ShapeError`], naming the place, what is there and what was expected.
pub fn parse(text: &str) -> Result<Document, ShapeError> {
    if text.len() > MAX_JSON_BYTES {
        return Err(ShapeError::TooLarge { got: text.len() });
    }
    let value: Value = serde_json::from_str(text).map_err(|e| ShapeError::Json { reason: e.to_string() })?;
    parse_value(&value)
}

/// As [`parse`], from JSON already read.
///
/// # Errors
/// As [`parse`].
pub fn parse_value(value: &Value) -> Result<Document, ShapeError> {
    let root = Path::root();
    let Some(object) = value.as_object() else {
        return Err(ShapeError::Foreign { got: field::shortened(value) });
    };
    let has = |name: &str| object.contains_key(name);
    let fields = Fields::new(object, &root);
    if has("commits") || has("root_hash") || has("proofs") || has("vector_bytes") {
        return Err(ShapeError::V2Data);
    }
    let (shape, claims) = if has("received_dist") || has("fraud_detected") {
        (Shape::ValidatedBatch, vec![batch(&fields, "received_dist")?])
    } else if has("tx") || has("messages") || has("@type") || has("body") {
        (Shape::Transaction, transaction(&fields)?)
    } else if has("poc_batch") {
        stage(&fields)?
    } else if has("poc_validation") {
        return Err(ShapeError::VerdictOnly);
    } else if has("nonces") || has("dist") {
        (Shape::ProofBatch, vec![batch(&fields, "dist")?])
    } else if has("nonce") {
        (Shape::Single, vec![single(&fields)?])
    } else if has("params") || has("node_count") {
        (Shape::Init, vec![context(&fields)?])
    } else {
        return Err(ShapeError::Foreign { got: field::shortened(value) });
    };
    Ok(Document { shape, claims })
}

/// Everything of a claim but its columns.
fn context(fields: &Fields<'_>) -> Result<Claim, ShapeError> {
    let block_height = match fields.integer("block_height")? {
        None => fields.integer("poc_stage_start_block_height")?,
        some => some,
    };
    Ok(Claim {
        public_key: fields.public_key()?,
        block_hash: fields.block_hash()?,
        block_height,
        node_id: fields.node_id()?,
        participant: fields.first_text(&["participant_address", "participant", "creator"])?,
        r_target: fields.r_target()?,
        fraud_threshold: fields.fraud_threshold()?,
        params: fields.params()?,
        nonces: Vec::new(),
        distances: Vec::new(),
    })
}

/// Shapes A and B: `claimed` names the column with the miner's distances.
fn batch(fields: &Fields<'_>, claimed: &'static str) -> Result<Claim, ShapeError> {
    let mut claim = context(fields)?;
    claim.nonces = fields.nonces()?;
    claim.distances = fields.distances(claimed)?;
    if claim.nonces.is_empty() && claimed == "received_dist" {
        return Err(ShapeError::VerdictOnly);
    }
    let (got, expected) = (claim.distances.len(), claim.nonces.len());
    if got != expected {
        let source = ProofError::Length { field: claimed, got, expected };
        return Err(ShapeError::Proof { path: fields.path().to_string(), source });
    }
    if expected > MAX_BATCH {
        let source = ProofError::TooMany { got: expected };
        return Err(ShapeError::Proof { path: fields.path().to_string(), source });
    }
    Ok(claim)
}

/// Shape H.
fn single(fields: &Fields<'_>) -> Result<Claim, ShapeError> {
    let mut claim = context(fields)?;
    claim.nonces = vec![fields.nonce("nonce")?];
    claim.distances = vec![fields.distance("distance")?];
    Ok(claim)
}

/// Shapes C and D: lists named `poc_batch` within a list named `poc_batch`. Those of the chain write integers
/// as strings.
fn stage(fields: &Fields<'_>) -> Result<(Shape, Vec<Claim>), ShapeError> {
    let mut claims = Vec::new();
    let mut shape = Shape::ApiBatches;
    for participant in fields.objects("poc_batch")? {
        let participant = participant?;
        let outer = context(&participant)?;
        for inner in participant.objects("poc_batch")? {
            let inner = inner?;
            if inner.is_text("poc_stage_start_block_height") {
                shape = Shape::ChainBatches;
            }
            let mut claim = batch(&inner, "dist")?;
            claim.public_key = claim.public_key.or_else(|| outer.public_key.clone());
            claim.participant = claim.participant.or_else(|| outer.participant.clone());
            claims.push(claim);
        }
    }
    Ok((shape, claims))
}

/// Deepest nesting of messages in messages that is followed.
const MAX_DEPTH: usize = 8;

/// Shape E: a transaction, its `body`, or a message; `MsgExec` wrappers are opened.
fn transaction(fields: &Fields<'_>) -> Result<Vec<Claim>, ShapeError> {
    let mut claims = Vec::new();
    let mut saw_verdict = false;
    open_messages(fields, 0, &mut claims, &mut saw_verdict)?;
    match (claims.is_empty(), saw_verdict) {
        (false, _) => Ok(claims),
        (true, true) => Err(ShapeError::VerdictOnly),
        (true, false) => {
            Err(ShapeError::Foreign { got: "a transaction without MsgSubmitPocBatch".to_string() })
        }
    }
}

fn open_messages(
    fields: &Fields<'_>,
    depth: usize,
    claims: &mut Vec<Claim>,
    saw_verdict: &mut bool,
) -> Result<(), ShapeError> {
    if depth > MAX_DEPTH {
        let got = format!("messages nested more than {MAX_DEPTH} deep");
        return Err(ShapeError::Foreign { got });
    }
    match fields.first_text(&["@type"])?.as_deref() {
        Some(kind) if kind.ends_with("MsgSubmitPocBatch") => claims.push(batch(fields, "dist")?),
        Some(kind) if kind.ends_with("MsgSubmitPocValidation") => *saw_verdict = true,
        Some(kind) if kind.contains("PocV2") || kind.contains("PoCV2") => return Err(ShapeError::V2Data),
        _ => {}
    }
    for name in ["tx", "body"] {
        if let Some(inner) = fields.object(name)? {
            open_messages(&inner, depth + 1, claims, saw_verdict)?;
        }
    }
    for name in ["messages", "msgs"] {
        for message in fields.objects(name)? {
            open_messages(&message?, depth + 1, claims, saw_verdict)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
