//! `sphere-pow/chain`: what a verdict rests on, from a block that the caller trusts.

use crate::error::Failure;
use crate::json::to_string;
use serde::Serialize;
use sphere_pow_chain::{Confirmation, Period, confirm};
use sphere_pow_core::json;
use wasm_bindgen::prelude::wasm_bindgen;

/// What is confirmed, and what of it fills a verifier's options.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Confirmed<'a> {
    #[serde(flatten)]
    confirmation: &'a Confirmation,
    summary: String,
    given: Option<Given>,
}

/// Options of a verifier as the package takes them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    block_hash: Option<String>,
    block_height: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r_target: Option<f64>,
}

/// Follows replies of a node from the block `trust`, `HEIGHT:HASH`. `now` and `trusting` are seconds. Where
/// `block_height` is not empty, the result has what is known of the block of that height, and of the account `account`
/// unless that is empty.
///
/// # Errors
/// A failure with core's name for it: see `ChainError`.
#[wasm_bindgen]
pub fn confirm_chain(
    replies: &str,
    trust: &str,
    now: f64,
    trusting: f64,
    block_height: &str,
    account: &str,
) -> Result<String, Failure> {
    let trust = trust.parse()?;
    // Both come from JavaScript's numbers, and saturate.
    let period = Period { now: now as u64, trusting: trusting as u64 };
    let confirmation = confirm(replies, &trust, &period)?;
    let known = match json::digits(block_height) {
        Some(height) => {
            Some(confirmation.given(height, Some(account).filter(|account| !account.is_empty()))?)
        }
        None if block_height.is_empty() => None,
        None => return Err(Failure::range("blockHeight is no height")),
    };
    let given = known.map(|known| Given {
        block_hash: known.block_hash,
        block_height: known.block_height,
        public_key: known.public_key,
        params: known.params.and_then(|params| serde_json::from_str(&params).ok()),
        r_target: known.r_target,
    });
    to_string(&Confirmed { confirmation: &confirmation, summary: confirmation.summary(), given })
}
