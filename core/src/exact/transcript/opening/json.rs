//! Openings as JSON lines (SPEC §II.12.7): a head, then an opening a line.

use super::{Head, Opening, check_layer, check_path, state_len};
use crate::exact::Digest;
use crate::exact::fields::check_version;
use crate::exact::params::{Params, VERSION};
use crate::exact::transcript::commitment::{check_profile, hash_of};
use crate::exact::transcript::{Hash, TranscriptError};
use crate::identity::{Beacon, Nonce};
use crate::json::digits;
use crate::text::parser_words;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadJson {
    profile: String,
    version: u64,
    commitment: String,
    beacon: String,
    samples: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OpeningJson {
    nonce: String,
    layer: u64,
    leaves: Vec<String>,
    digest: String,
    path: Vec<String>,
    /// Little-endian 16-bit values in base64.
    state: String,
}

fn parsed<'a, T: Deserialize<'a>>(what: &str, line: &'a str) -> Result<T, TranscriptError> {
    serde_json::from_str(line)
        .map_err(|error| TranscriptError::Json { reason: format!("no {what}: {}", parser_words(&error)) })
}

fn wrong(place: &str, expected: &str) -> TranscriptError {
    TranscriptError::Json { reason: format!("{place} is not what was expected: {expected}") }
}

impl Head {
    /// The head as a line of JSON, with its LF.
    #[must_use]
    pub fn to_json(&self) -> String {
        let json = HeadJson {
            profile: "exact".into(),
            version: VERSION.into(),
            commitment: self.commitment.to_hex(),
            beacon: self.beacon.to_string(),
            samples: self.samples.into(),
        };
        serde_json::to_string(&json).expect("texts and numbers always become JSON") + "\n"
    }

    pub(super) fn from_json(line: &str) -> Result<Self, TranscriptError> {
        let json: HeadJson = parsed("head of openings", line)?;
        check_profile(&json.profile)?;
        check_version(json.version)?;
        let commitment = hash_of("commitment", &json.commitment)?;
        let beacon = Beacon::new(&json.beacon)?;
        Ok(Self { commitment, beacon, samples: Self::check_samples(json.samples)? })
    }
}

fn hashes(place: &str, texts: &[String]) -> Result<Vec<Hash>, TranscriptError> {
    texts.iter().map(|text| hash_of(place, text)).collect()
}

impl Opening {
    /// The opening as a line of JSON, with its LF.
    #[must_use]
    pub fn to_json(&self) -> String {
        let state: Vec<u8> = self.state.iter().flat_map(|value| value.to_le_bytes()).collect();
        let json = OpeningJson {
            nonce: self.nonce.to_string(),
            layer: self.layer as u64,
            leaves: self.leaves.iter().map(Hash::to_hex).collect(),
            digest: self.digest.to_hex(),
            path: self.path.iter().map(Hash::to_hex).collect(),
            state: BASE64_STANDARD.encode(state),
        };
        serde_json::to_string(&json).expect("texts and numbers always become JSON") + "\n"
    }

    /// Reads an opening from a line of JSON.
    ///
    /// # Errors
    /// [`TranscriptError`].
    pub fn from_json(params: &Params, line: &str) -> Result<Self, TranscriptError> {
        let json: OpeningJson = parsed("opening", line)?;
        let nonce = digits(&json.nonce).and_then(|nonce| Nonce::new(nonce).ok());
        let nonce =
            nonce.ok_or_else(|| wrong("nonce", "text of an integer from 0 to 9223372036854775807"))?;
        let layer = check_layer(params, json.layer)?;
        if json.leaves.len() != params.layers() + 1 {
            return Err(wrong("leaves", "a leaf for each state"));
        }
        check_path(json.path.len() as u64)?;
        let digest = Digest::from_bytes(*hash_of("digest", &json.digest)?.as_bytes());
        let (leaves, path) = (hashes("leaves", &json.leaves)?, hashes("path", &json.path)?);
        let bytes = BASE64_STANDARD.decode(&json.state).map_err(|_| wrong("state", "base64"))?;
        let (pairs, rest) = bytes.as_chunks::<2>();
        if pairs.len() != state_len(params, layer) || !rest.is_empty() {
            return Err(wrong("state", "tokens times dim values of 2 bytes, or none before layer 0"));
        }
        let state = pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
        Ok(Self { nonce, layer, leaves, digest, path, state })
    }
}
