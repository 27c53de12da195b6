//! Proofs (SPEC §II.9): claims that nonces win, with what a stranger needs to repeat them.
//!
//! Decoding is total: any bytes give a [`Proof`] or a [`DecodeError`]; lengths are checked before anything is
//! made. JSON is read by [`crate::document`]. A decoded proof is well formed, not yet true: [`super::verify`] decides
//! that.

mod bytes;
mod json;

use super::fields::FieldError;
use super::params::{Params, ParamsError, VERSION};
use super::verdict::Digest;
use crate::identity::{BlockHash, IdentityError, Nonce, PublicKey};
use alloc::string::String;
use alloc::vec::Vec;

/// Most claims in one proof.
pub const MAX_CLAIMS: usize = 65_536;

/// That a nonce wins, and the digest of its logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim {
    /// The nonce.
    pub nonce: Nonce,
    /// The digest of its logits.
    pub digest: Digest,
}

/// Claims of one miner on one block, by strictly ascending nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    params: Params,
    block: BlockHash,
    key: PublicKey,
    claims: Vec<Claim>,
}

/// Bytes or values that are not a proof: what was expected, and what came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end within the header.
    #[error("proof ends within {field}: expected {expected} more bytes, got {got}")]
    Truncated {
        /// The field that is cut off.
        field: &'static str,
        /// Bytes the field needs.
        expected: usize,
        /// Bytes there are.
        got: usize,
    },
    /// The first four bytes are not those of a proof.
    #[error("proof starts with bytes {got:02x?}, expected 53 50 58 50 (SPXP)")]
    Magic {
        /// The first four bytes.
        got: [u8; 4],
    },
    /// Another version of the rules.
    #[error("version is {got}, expected {expected}")]
    Version {
        /// The version given.
        got: u64,
        /// The version of this code.
        expected: u32,
    },
    /// Sizes that no model can have.
    #[error("parameters are not valid: {0}")]
    Params(#[from] ParamsError),
    /// A block hash or public key that none can be.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// More claims than a proof may hold.
    #[error("proof has {got} claims, expected at most {max}")]
    Count {
        /// Claims announced.
        got: usize,
        /// Claims allowed.
        max: usize,
    },
    /// The claims do not fill the rest of the bytes exactly.
    #[error("claims take {got} bytes, expected {expected} for the count given")]
    Length {
        /// Bytes that the count asks for.
        expected: usize,
        /// Bytes there are.
        got: usize,
    },
    /// A nonce above 2^63 - 1, or in JSON no decimal text without leading zeros.
    #[error(
        "nonce of claim {index} is {got}, expected an integer from 0 to 9223372036854775807, in JSON as text"
    )]
    Nonce {
        /// The claim, counted from 0.
        index: usize,
        /// The nonce given, escaped and cut.
        got: String,
    },
    /// Nonces do not strictly ascend.
    #[error("nonce of claim {index} is {got}, expected above {previous}, the one before")]
    Order {
        /// The claim, counted from 0.
        index: usize,
        /// Its nonce.
        got: u64,
        /// The nonce before.
        previous: u64,
    },
    /// A digest in JSON is not 64 lower-case hex digits.
    #[error("digest of claim {index} is {got}, expected 64 lower-case hex digits")]
    Digest {
        /// The claim, counted from 0.
        index: usize,
        /// The value given, escaped and cut.
        got: String,
    },
}

impl From<FieldError> for DecodeError {
    fn from(error: FieldError) -> Self {
        match error {
            FieldError::Truncated { field, expected, got } => Self::Truncated { field, expected, got },
            FieldError::Magic { got, .. } => Self::Magic { got },
            FieldError::Version { got } => Self::Version { got, expected: VERSION },
            FieldError::Params(error) => Self::Params(error),
            FieldError::Identity(error) => Self::Identity(error),
        }
    }
}

impl DecodeError {
    /// A stable name for the error, the same on every surface (SPEC §0.6).
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "truncated",
            Self::Magic { .. } => "magic",
            Self::Version { .. } => "version",
            Self::Params(_) => "params",
            Self::Identity(error) => error.code(),
            Self::Count { .. } => "count",
            Self::Length { .. } => "length",
            Self::Nonce { .. } => "nonce",
            Self::Order { .. } => "order",
            Self::Digest { .. } => "digest-text",
        }
    }

    /// The claim it is about, counted from 0.
    #[must_use]
    pub fn claim(&self) -> Option<usize> {
        match self {
            Self::Nonce { index, .. } | Self::Order { index, .. } | Self::Digest { index, .. } => {
                Some(*index)
            }
            _ => None,
        }
    }
}

/// Refuses a nonce that does not ascend.
pub(crate) fn check_order(index: usize, previous: Option<Nonce>, nonce: Nonce) -> Result<(), DecodeError> {
    match previous {
        Some(previous) if nonce <= previous => {
            Err(DecodeError::Order { index, got: nonce.get(), previous: previous.get() })
        }
        _ => Ok(()),
    }
}

impl Proof {
    /// Joins claims.
    ///
    /// # Errors
    /// [`DecodeError::Count`] beyond [`MAX_CLAIMS`], [`DecodeError::Order`] unless nonces strictly ascend.
    pub fn new(
        params: &Params,
        block: &BlockHash,
        key: &PublicKey,
        claims: Vec<Claim>,
    ) -> Result<Self, DecodeError> {
        if claims.len() > MAX_CLAIMS {
            return Err(DecodeError::Count { got: claims.len(), max: MAX_CLAIMS });
        }
        let mut previous = None;
        for (index, claim) in claims.iter().enumerate() {
            check_order(index, previous, claim.nonce)?;
            previous = Some(claim.nonce);
        }
        Ok(Self { params: *params, block: block.clone(), key: key.clone(), claims })
    }

    /// Model sizes.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The block.
    #[must_use]
    pub fn block(&self) -> &BlockHash {
        &self.block
    }

    /// The miner.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The claims, by strictly ascending nonce.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }
}
