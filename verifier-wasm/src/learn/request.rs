//! What a call asks for.

use super::MAX_NONCES;
use crate::error::Failure;
use serde::Deserialize;
use serde_json::Value;
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};

/// A call's options, as JSON.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Request {
    pub(super) profile: String,
    /// A preset's name, or sizes.
    params: Value,
    pub(super) block_hash: String,
    pub(super) public_key: String,
    pub(super) nonces: Vec<String>,
    /// Of a call that skips layers.
    #[serde(default)]
    kept: Option<Kept>,
    #[serde(default)]
    pub(super) r_target: Option<f64>,
}

/// The layers that are computed.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    /// So many of the first.
    First(usize),
    /// These.
    These(Vec<usize>),
}

impl Request {
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let request: Self = serde_json::from_str(text).map_err(Failure::format)?;
        match request.profile.as_str() {
            "gonka" | "exact" => Ok(request),
            other => Err(Failure::profile(format!("profile is {other:?}, expected gonka or exact"))),
        }
    }

    pub(super) fn is_exact(&self) -> bool {
        self.profile == "exact"
    }

    /// The params as text: a preset's name, or JSON.
    pub(super) fn params(&self) -> String {
        match &self.params {
            Value::String(name) => name.clone(),
            sizes => sizes.to_string(),
        }
    }

    /// Whether layers are to be skipped.
    pub(super) fn skips(&self) -> bool {
        self.kept.is_some()
    }

    /// The layers to compute, ascending, of a model of `layers`.
    pub(super) fn kept(&self, layers: usize) -> Result<Vec<usize>, Failure> {
        let refuse = |got: String| {
            let message = format!(
                "kept is {got}, expected a number up to {layers}, or layers from 0 to {}, ascending",
                layers - 1
            );
            Err(Failure::range(message))
        };
        match &self.kept {
            None => Ok((0..layers).collect()),
            Some(Kept::First(n)) if *n <= layers => Ok((0..*n).collect()),
            Some(Kept::First(n)) => refuse(n.to_string()),
            Some(Kept::These(kept)) => {
                let is_ascending = kept.windows(2).all(|pair| pair[0] < pair[1]);
                if is_ascending && kept.last().is_none_or(|last| *last < layers) {
                    return Ok(kept.clone());
                }
                let shown: Vec<String> = kept.iter().take(8).map(ToString::to_string).collect();
                refuse(format!("[{}{}]", shown.join(", "), if kept.len() > 8 { ", …" } else { "" }))
            }
        }
    }
}

/// Who mined what on which block.
pub(super) struct Identity {
    pub(super) block: BlockHash,
    pub(super) key: PublicKey,
    pub(super) nonces: Vec<Nonce>,
}

impl Identity {
    pub(super) fn new(request: &Request) -> Result<Self, Failure> {
        let block = BlockHash::new(&request.block_hash).map_err(Failure::block_hash)?;
        let key = PublicKey::new(&request.public_key)?;
        let nonces: Vec<Nonce> = request.nonces.iter().map(|n| n.parse()).collect::<Result<_, _>>()?;
        let mut sorted = nonces.clone();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Failure::range(format!("nonce {} comes twice, expected each once", pair[0])));
        }
        if nonces.is_empty() || nonces.len() > MAX_NONCES {
            return Err(Failure::range(format!("{} nonces, expected 1 to {MAX_NONCES}", nonces.len())));
        }
        Ok(Self { block, key, nonces })
    }
}
