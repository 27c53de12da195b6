//! A proof as bytes (SPEC §II.9.1): the one compact form there is of each.

use super::{Claim, DecodeError, MAX_CLAIMS, Proof, check_order};
use crate::exact::fields::{Reader, put_count, put_text};
use crate::exact::params::VERSION;
use crate::exact::verdict::Digest;
use crate::identity::{BlockHash, Nonce, PublicKey};
use alloc::string::ToString;
use alloc::vec::Vec;

const MAGIC: [u8; 4] = *b"SPXP";
const CLAIM_BYTES: usize = 8 + 32;

impl Proof {
    /// The proof as bytes, SPEC §II.9.1.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend(self.params.words().iter().flat_map(|x| x.to_le_bytes()));
        put_text(&mut out, self.block.as_str());
        put_text(&mut out, self.key.as_str());
        put_count(&mut out, self.claims.len());
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
        reader.magic(MAGIC)?;
        let params = reader.params()?;
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
    let nonce = reader.long("nonce")?;
    let nonce = Nonce::new(nonce).map_err(|_| DecodeError::Nonce { index, got: nonce.to_string() })?;
    Ok(Claim { nonce, digest: Digest::from_bytes(reader.array("digest")?) })
}
