//! A proof as JSON (SPEC §II.9.2): for people, wallets and web pages. [`crate::document`] reads it.

use super::Proof;
use crate::exact::params::{RawParams, VERSION};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Serialize;

/// The JSON's keys, in the order written. Nonces are text because they may pass 2^53.
#[derive(Serialize)]
struct ProofJson<'a> {
    profile: &'static str,
    version: u32,
    params: RawParams,
    block_hash: &'a str,
    public_key: &'a str,
    nonces: Vec<String>,
    digests: Vec<String>,
}

impl Proof {
    /// The proof as one line of JSON, SPEC §II.9.2.
    #[must_use]
    pub fn to_json(&self) -> String {
        let json = ProofJson {
            profile: "exact",
            version: VERSION,
            params: self.params.raw(),
            block_hash: self.block.as_str(),
            public_key: self.key.as_str(),
            nonces: self.claims.iter().map(|claim| claim.nonce.to_string()).collect(),
            digests: self.claims.iter().map(|claim| claim.digest.to_hex()).collect(),
        };
        serde_json::to_string(&json).expect("texts and numbers always become JSON")
    }
}
