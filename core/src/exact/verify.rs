//! Verification (SPEC §II.10): whose proof it is, then nonce by nonce whether digest and win are true.
//!
//! There is no tolerance: one claim that does not repeat exactly proves fraud. Logits come from any executor;
//! the caller feeds them in, a few claims at a time, and [`Check::finish`] alone makes a [`Verified`].

use super::proof::{Claim, Proof};
use super::puzzle::Puzzle;
use super::verdict::{Digest, Verdict};
use crate::identity::PublicKey;
use alloc::string::{String, ToString};
use serde::Serialize;

/// A proof that is not what it says, or not of what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The proof is for other sizes or another threshold.
    #[error("proof is for {field} {got}, expected {expected}")]
    WrongParams {
        /// The first field that differs.
        field: &'static str,
        /// Its value in the proof.
        got: u32,
        /// Its value asked for.
        expected: u32,
    },
    /// The proof is for another block.
    #[error("proof is for block {got}, expected {expected}")]
    WrongBlock {
        /// The proof's block hash.
        got: String,
        /// The block hash asked for.
        expected: String,
    },
    /// The proof is another miner's.
    #[error("proof is of public key {got}, expected {expected}")]
    WrongKey {
        /// The proof's public key.
        got: String,
        /// The public key asked for.
        expected: String,
    },
    /// A claim's digest is not that of its logits. Proves fraud.
    #[error("claim {index}, nonce {nonce}: digest is {got}, the logits give {expected}")]
    Digest {
        /// The claim, counted from 0.
        index: usize,
        /// Its nonce.
        nonce: u64,
        /// The digest claimed.
        got: Digest,
        /// The digest computed.
        expected: Digest,
    },
    /// A claim's nonce does not win. Proves fraud.
    #[error("claim {index}, nonce {nonce}: does not win with dot {}, squares {} and {}",
        .verdict.dot, .verdict.logits_squared, .verdict.target_squared)]
    NotWon {
        /// The claim, counted from 0.
        index: usize,
        /// Its nonce.
        nonce: u64,
        /// The exact numbers.
        verdict: Verdict,
    },
}

impl VerifyError {
    /// A stable name for the error, the same in every language.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongParams { .. } => "wrong-params",
            Self::WrongBlock { .. } => "wrong-block",
            Self::WrongKey { .. } => "wrong-key",
            Self::Digest { .. } => "digest",
            Self::NotWon { .. } => "not-won",
        }
    }

    /// Whether the miner is at fault for sure, rather than the proof having been sent to the wrong place.
    #[must_use]
    pub fn proves_fraud(&self) -> bool {
        matches!(self, Self::Digest { .. } | Self::NotWon { .. })
    }
}

/// A proof of the right miner, block and sizes, whose claims are being recomputed.
#[derive(Clone, Debug)]
pub struct Check<'a> {
    puzzle: &'a Puzzle,
    proof: &'a Proof,
    n_checked: usize,
}

/// A proof whose recomputed claims were all true. Only [`Check::finish`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a> {
    proof: &'a Proof,
    n_checked: usize,
}

impl<'a> Check<'a> {
    /// Holds a proof against what was asked, SPEC §II.10 steps 1 to 3.
    ///
    /// # Errors
    /// [`VerifyError::WrongParams`], [`VerifyError::WrongBlock`], [`VerifyError::WrongKey`].
    pub fn new(puzzle: &'a Puzzle, key: &PublicKey, proof: &'a Proof) -> Result<Self, VerifyError> {
        const FIELDS: [&str; 7] = ["dim", "heads", "hidden", "layers", "tokens", "vocab", "threshold"];
        let words = proof.params().words().into_iter().zip(puzzle.params().words());
        for (field, (got, expected)) in FIELDS.into_iter().zip(words) {
            if got != expected {
                return Err(VerifyError::WrongParams { field, got, expected });
            }
        }
        if proof.block() != puzzle.block() {
            let (got, expected) = (proof.block().to_string(), puzzle.block().to_string());
            return Err(VerifyError::WrongBlock { got, expected });
        }
        if proof.key() != key {
            let (got, expected) = (proof.key().to_string(), key.to_string());
            return Err(VerifyError::WrongKey { got, expected });
        }
        Ok(Self { puzzle, proof, n_checked: 0 })
    }

    /// Holds the claim at `index` against its recomputed logits, SPEC §II.10 steps 4 and 5.
    ///
    /// # Shapes
    /// - `logits`: `[vocab]`, of the claim's nonce.
    ///
    /// # Errors
    /// [`VerifyError::Digest`], [`VerifyError::NotWon`].
    ///
    /// # Panics
    /// When `index` is beyond the claims, or `logits` cannot be the forward pass's.
    pub fn claim(&mut self, index: usize, logits: &[i32]) -> Result<Verdict, VerifyError> {
        let nonce = self.proof.claims()[index].nonce;
        let (digest, verdict) = self.puzzle.judge(self.proof.key(), nonce, logits);
        self.judged(index, digest, verdict)
    }

    /// As [`Self::claim`], where the caller has judged the logits with this puzzle and key already.
    ///
    /// # Errors
    /// [`VerifyError::Digest`], [`VerifyError::NotWon`].
    ///
    /// # Panics
    /// When `index` is beyond the claims.
    pub fn judged(&mut self, index: usize, expected: Digest, verdict: Verdict) -> Result<Verdict, VerifyError> {
        let Claim { nonce, digest: got } = self.proof.claims()[index];
        let nonce = nonce.get();
        if got != expected {
            return Err(VerifyError::Digest { index, nonce, got, expected });
        }
        if !verdict.won {
            return Err(VerifyError::NotWon { index, nonce, verdict });
        }
        self.n_checked += 1;
        Ok(verdict)
    }

    /// Ends the check: every claim that was fed in is true.
    #[must_use]
    pub fn finish(self) -> Verified<'a> {
        Verified { proof: self.proof, n_checked: self.n_checked }
    }
}

impl<'a> Verified<'a> {
    /// The proof.
    #[must_use]
    pub fn proof(&self) -> &'a Proof {
        self.proof
    }

    /// How many claims were recomputed.
    #[must_use]
    pub fn n_checked(&self) -> usize {
        self.n_checked
    }
}

/// What came of a verification, with all that a third party needs to repeat it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    profile: &'static str,
    version: u32,
    params: super::params::RawParams,
    block_hash: String,
    public_key: String,
    n_claims: usize,
    n_checked: usize,
    accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Fault>,
}

/// Why a proof was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Fault {
    code: &'static str,
    proves_fraud: bool,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    /// As text: may pass 2^53.
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claimed_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    computed_digest: Option<String>,
}

impl Report {
    /// The report of an accepted proof, or of the first error in a refused one after `n_checked` good claims.
    #[must_use]
    pub fn new(proof: &Proof, n_checked: usize, error: Option<&VerifyError>) -> Self {
        Self {
            profile: "exact",
            version: super::params::VERSION,
            params: proof.params().raw(),
            block_hash: proof.block().to_string(),
            public_key: proof.key().to_string(),
            n_claims: proof.claims().len(),
            n_checked,
            accepted: error.is_none(),
            fault: error.map(|error| Fault::new(proof, error)),
        }
    }

    /// Whether every recomputed claim was true.
    #[must_use]
    pub fn accepted(&self) -> bool {
        self.accepted
    }
}

impl Fault {
    fn new(proof: &Proof, error: &VerifyError) -> Self {
        let index = match error {
            VerifyError::Digest { index, .. } | VerifyError::NotWon { index, .. } => Some(*index),
            _ => None,
        };
        let claim = index.and_then(|index| proof.claims().get(index));
        Self {
            code: error.code(),
            proves_fraud: error.proves_fraud(),
            detail: error.to_string(),
            index,
            nonce: claim.map(|claim| claim.nonce.to_string()),
            claimed_digest: claim.map(|claim| claim.digest.to_hex()),
            computed_digest: match error {
                VerifyError::Digest { expected, .. } => Some(expected.to_hex()),
                _ => claim.map(|claim| claim.digest.to_hex()),
            },
        }
    }
}
