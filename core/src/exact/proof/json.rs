//! A proof as JSON (SPEC §II.9.2): for people, wallets and web pages.

use super::{Claim, DecodeError, MAX_CLAIMS, Proof};
use crate::exact::params::{Params, RawParams, VERSION};
use crate::exact::verdict::Digest;
use crate::identity::{BlockHash, Nonce, PublicKey};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Longest JSON read: twice what the most claims take when written without spaces.
pub const MAX_JSON_BYTES: usize = 1 << 24;

/// The JSON's keys, in the order written. Nonces are text because they may pass 2^53.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofJson {
    profile: String,
    version: u32,
    params: RawParams,
    block_hash: String,
    public_key: String,
    nonces: Vec<String>,
    digests: Vec<String>,
}

fn cut(text: &str, n: usize) -> String {
    text.chars().take(n).collect()
}

impl Proof {
    /// The proof as one line of JSON, SPEC §II.9.2.
    #[must_use]
    pub fn to_json(&self) -> String {
        let json = ProofJson {
            profile: "exact".to_string(),
            version: VERSION,
            params: self.params.raw(),
            block_hash: self.block.to_string(),
            public_key: self.key.to_string(),
            nonces: self.claims.iter().map(|claim| claim.nonce.to_string()).collect(),
            digests: self.claims.iter().map(|claim| claim.digest.to_hex()).collect(),
        };
        serde_json::to_string(&json).expect("texts and numbers always become JSON")
    }

    /// Reads a proof, SPEC §II.9.2. Total: never panics. Unknown and repeated keys are refused.
    ///
    /// # Errors
    /// [`DecodeError`]; [`DecodeError::Json`] for text that is not of the shape, or longer than
    /// [`MAX_JSON_BYTES`].
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        if text.len() > MAX_JSON_BYTES {
            let message = alloc::format!("{} bytes, expected at most {MAX_JSON_BYTES}", text.len());
            return Err(DecodeError::Json { message });
        }
        let json: ProofJson =
            serde_json::from_str(text).map_err(|e| DecodeError::Json { message: e.to_string() })?;
        if json.profile != "exact" {
            return Err(DecodeError::Profile { got: cut(&json.profile, 64) });
        }
        if json.version != VERSION {
            return Err(DecodeError::Version { got: json.version, expected: VERSION });
        }
        let params = Params::new(&json.params)?;
        let block = BlockHash::new(&json.block_hash)?;
        let key = PublicKey::new(&json.public_key)?;
        if json.nonces.len() > MAX_CLAIMS {
            return Err(DecodeError::Count { got: json.nonces.len(), max: MAX_CLAIMS });
        }
        if json.nonces.len() != json.digests.len() {
            return Err(DecodeError::Lists { nonces: json.nonces.len(), digests: json.digests.len() });
        }
        let claims = json.nonces.iter().zip(&json.digests).enumerate().map(|(index, (nonce, digest))| {
            let nonce: Nonce =
                nonce.parse().map_err(|_| DecodeError::Nonce { index, got: cut(nonce, 64) })?;
            let digest = Digest::from_hex(digest)
                .ok_or_else(|| DecodeError::Digest { index, got: cut(digest, 80) })?;
            Ok(Claim { nonce, digest })
        });
        Self::new(&params, &block, &key, claims.collect::<Result<_, DecodeError>>()?)
    }
}
