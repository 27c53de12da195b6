//! A proof as bytes (SPEC §II.9.1): the one compact form there is of each.

use super::{Claim, DecodeError, MAX_CLAIMS, Proof, check_order};
use crate::exact::params::{Params, RawParams, VERSION};
use crate::exact::verdict::Digest;
use crate::identity::{BlockHash, IdentityError, MAX_TEXT_BYTES, Nonce, PublicKey};
use alloc::string::ToString;
use alloc::vec::Vec;

const MAGIC: [u8; 4] = *b"SPXP";
const CLAIM_BYTES: usize = 8 + 32;

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, field: &'static str, n: usize) -> Result<&'a [u8], DecodeError> {
        let Some((head, tail)) = self.0.split_at_checked(n) else {
            return Err(DecodeError::Truncated { field, expected: n, got: self.0.len() });
        };
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(field, N)?;
        bytes.try_into().map_err(|_| DecodeError::Truncated { field, expected: N, got: bytes.len() })
    }

    fn word(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_le_bytes)
    }

    fn text(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        let len = usize::try_from(self.word(what)?).unwrap_or(usize::MAX);
        if len > MAX_TEXT_BYTES {
            return Err(IdentityError::TooLong { what, got: len }.into());
        }
        let bytes = self.take(what, len)?;
        core::str::from_utf8(bytes).map_err(|e| {
            let (at, got) = (e.valid_up_to(), char::REPLACEMENT_CHARACTER);
            IdentityError::Character { what, got, at }.into()
        })
    }
}

impl Proof {
    /// The proof as bytes, SPEC §II.9.1.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let word = |out: &mut Vec<u8>, x: usize| {
            out.extend(u32::try_from(x).expect("texts and counts are bounded").to_le_bytes());
        };
        out.extend(VERSION.to_le_bytes());
        out.extend(self.params.words().iter().flat_map(|x| x.to_le_bytes()));
        for text in [self.block.as_str(), self.key.as_str()] {
            word(&mut out, text.len());
            out.extend(text.as_bytes());
        }
        word(&mut out, self.claims.len());
        for claim in &self.claims {
            out.extend(claim.nonce.get().to_le_bytes());
            out.extend(claim.digest.as_bytes());
        }
        out
    }

    /// Reads a proof, SPEC §II.9.1. Total: never panics, allocates no more than the bytes are long.
    ///
    /// # Errors
    /// [`DecodeError`], the first in the order of the fields.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader(bytes);
        let magic = reader.array("magic")?;
        if magic != MAGIC {
            return Err(DecodeError::Magic { got: magic });
        }
        let version = reader.word("version")?;
        if version != VERSION {
            return Err(DecodeError::Version { got: version.into(), expected: VERSION });
        }
        let params = Params::new(&RawParams {
            dim: reader.word("dim")?,
            heads: reader.word("heads")?,
            hidden: reader.word("hidden")?,
            layers: reader.word("layers")?,
            tokens: reader.word("tokens")?,
            vocab: reader.word("vocab")?,
            threshold: reader.word("threshold")?,
        })?;
        let block = BlockHash::new(reader.text("block hash")?)?;
        let key = PublicKey::new(reader.text("public key")?)?;
        let count = usize::try_from(reader.word("claim count")?).unwrap_or(usize::MAX);
        if count > MAX_CLAIMS {
            return Err(DecodeError::Count { got: count, max: MAX_CLAIMS });
        }
        let expected = count.saturating_mul(CLAIM_BYTES);
        if reader.0.len() != expected {
            return Err(DecodeError::Length { expected, got: reader.0.len() });
        }
        let mut claims: Vec<Claim> = Vec::with_capacity(count);
        for index in 0..count {
            let claim = read_claim(&mut reader, index)?;
            check_order(index, claims.last().map(|claim| claim.nonce), claim.nonce)?;
            claims.push(claim);
        }
        Ok(Self { params, block, key, claims })
    }
}

fn read_claim(reader: &mut Reader<'_>, index: usize) -> Result<Claim, DecodeError> {
    let nonce = u64::from_le_bytes(reader.array("nonce")?);
    let nonce = Nonce::new(nonce).map_err(|_| DecodeError::Nonce { index, got: nonce.to_string() })?;
    Ok(Claim { nonce, digest: Digest::from_bytes(reader.array("digest")?) })
}
