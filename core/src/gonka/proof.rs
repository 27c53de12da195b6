//! Claims as they travel (SPEC §I.7): [`Distance`], [`TargetRadius`], [`ProofBatch`].

use crate::identity::{BlockHash, Nonce, PublicKey};
use alloc::vec::Vec;
use serde::Serialize;

/// Slack above the largest chord, 2, for the rounding of the last bit of honest arithmetic.
const CHORD_SLACK: f64 = 1e-6;

/// A claim that cannot be one, whatever the model says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// A distance is no length of a chord of the unit sphere.
    #[error("distance {got} is not a finite number from 0 to 2")]
    Distance {
        /// Its value.
        got: f64,
    },
    /// A target radius decides nothing.
    #[error("r_target {got} is not a finite number above 0 and at most 2")]
    TargetRadius {
        /// Its value.
        got: f64,
    },
    /// A fraud threshold is no probability.
    #[error("fraud_threshold {got} is not a number from 0 to 1")]
    FraudThreshold {
        /// Its value.
        got: f64,
    },
    /// Two arrays that go together have different lengths.
    #[error("{field} has {got} entries, expected {expected} as in nonces")]
    Length {
        /// The field that does not fit.
        field: &'static str,
        /// Its length.
        got: usize,
        /// The number of nonces.
        expected: usize,
    },
    /// The batch has no nonce.
    #[error("the batch has no nonces, expected at least 1")]
    Empty,
    /// The batch has more nonces than any batch may.
    #[error("the batch has {got} nonces, expected at most {MAX_BATCH}")]
    TooMany {
        /// Their number.
        got: usize,
    },
    /// A nonce stands twice.
    #[error("nonce {nonce} stands at entry {first} and again at entry {second}")]
    Duplicate {
        /// The nonce.
        nonce: Nonce,
        /// Index of its first entry.
        first: usize,
        /// Index of its second entry.
        second: usize,
    },
}

/// Most nonces in one batch.
pub const MAX_BATCH: usize = 1 << 24;

/// A distance on the unit sphere: a finite number from 0 to 2.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Distance(f64);

impl Distance {
    /// Checks a distance.
    ///
    /// # Errors
    /// [`ProofError::Distance`] when NaN, infinite, negative or above 2.
    pub fn new(got: f64) -> Result<Self, ProofError> {
        if (0.0..=2.0 + CHORD_SLACK).contains(&got) {
            Ok(Self(got))
        } else {
            Err(ProofError::Distance { got })
        }
    }

    /// The length.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// The distance below which a nonce has won: above 0, at most 2.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct TargetRadius(f64);

impl TargetRadius {
    /// At launch in August 2025: 5.06 % of nonces win at vocab 8196.
    pub const LAUNCH: Self = Self(1.401_356_466_045_817_3);
    /// From December 2025: 2.00 % win.
    pub const DECEMBER_2025: Self = Self(1.398_077);

    /// Checks a radius.
    ///
    /// # Errors
    /// [`ProofError::TargetRadius`] when NaN or outside (0, 2].
    pub fn new(got: f64) -> Result<Self, ProofError> {
        if got > 0.0 && got <= 2.0 { Ok(Self(got)) } else { Err(ProofError::TargetRadius { got }) }
    }

    /// The length.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// Whether a nonce at `distance` has won: strictly below. NaN never has.
    #[must_use]
    pub fn is_won(self, distance: f64) -> bool {
        distance < self.0
    }
}

/// Won nonces of one key on one block, as submitted.
///
/// Lengths agree, distances are chords, no nonce stands twice. Whether the claims are true is
/// [`verify`](super::verify)'s to say.
#[derive(Clone, Debug, PartialEq)]
pub struct ProofBatch {
    /// Who mined.
    pub public_key: PublicKey,
    /// On which block.
    pub block_hash: BlockHash,
    /// Its height.
    pub block_height: i64,
    /// Which of the host's nodes; 0 where unknown.
    pub node_id: u64,
    nonces: Vec<Nonce>,
    dist: Vec<Distance>,
}

impl ProofBatch {
    /// Checks and joins the columns of a batch.
    ///
    /// # Errors
    /// [`ProofError::Empty`], [`ProofError::TooMany`], [`ProofError::Length`], [`ProofError::Duplicate`].
    pub fn new(
        public_key: PublicKey,
        block_hash: BlockHash,
        block_height: i64,
        node_id: u64,
        nonces: Vec<Nonce>,
        dist: Vec<Distance>,
    ) -> Result<Self, ProofError> {
        if nonces.is_empty() {
            return Err(ProofError::Empty);
        }
        if nonces.len() > MAX_BATCH {
            return Err(ProofError::TooMany { got: nonces.len() });
        }
        if dist.len() != nonces.len() {
            return Err(ProofError::Length { field: "dist", got: dist.len(), expected: nonces.len() });
        }
        find_duplicate(&nonces)?;
        Ok(Self { public_key, block_hash, block_height, node_id, nonces, dist })
    }

    /// The nonces, in the order given.
    #[must_use]
    pub fn nonces(&self) -> &[Nonce] {
        &self.nonces
    }

    /// The distance claimed for each nonce.
    #[must_use]
    pub fn distances(&self) -> &[Distance] {
        &self.dist
    }
}

fn find_duplicate(nonces: &[Nonce]) -> Result<(), ProofError> {
    let mut order: Vec<(Nonce, usize)> = nonces.iter().copied().zip(0..).collect();
    order.sort_unstable();
    match order.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(ProofError::Duplicate { nonce: pair[0].0, first: pair[0].1, second: pair[1].1 }),
        None => Ok(()),
    }
}

/// The network's own JSON form (proof shape A).
impl Serialize for ProofBatch {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut out = serializer.serialize_struct("ProofBatch", 6)?;
        out.serialize_field("public_key", self.public_key.as_str())?;
        out.serialize_field("block_hash", self.block_hash.as_str())?;
        out.serialize_field("block_height", &self.block_height)?;
        out.serialize_field("nonces", &self.nonces.iter().map(|n| n.get()).collect::<Vec<_>>())?;
        out.serialize_field("dist", &self.dist)?;
        out.serialize_field("node_id", &self.node_id)?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn batch(nonces: &[u64], dist: &[f64]) -> Result<ProofBatch, ProofError> {
        ProofBatch::new(
            PublicKey::new("02ab").expect("valid"),
            BlockHash::new("AB").expect("valid"),
            7,
            1,
            nonces.iter().map(|n| Nonce::new(*n).expect("small")).collect(),
            dist.iter().map(|d| Distance::new(*d)).collect::<Result<_, _>>()?,
        )
    }

    #[test]
    fn bad_batches_name_what_is_wrong() {
        assert_eq!(batch(&[], &[]), Err(ProofError::Empty));
        assert_eq!(batch(&[1, 2], &[1.0]), Err(ProofError::Length { field: "dist", got: 1, expected: 2 }));
        assert!(matches!(
            batch(&[5, 1, 5], &[1.0; 3]),
            Err(ProofError::Duplicate { first: 0, second: 2, .. })
        ));
        for bad in [f64::NAN, f64::INFINITY, -1e-9, 2.1] {
            assert!(matches!(batch(&[1], &[bad]), Err(ProofError::Distance { .. })), "{bad}");
        }
    }

    #[test]
    fn radii_outside_zero_to_two_are_refused() {
        for bad in [f64::NAN, 0.0, -1.0, 2.000_001, 10.0, f64::INFINITY] {
            assert!(TargetRadius::new(bad).is_err(), "{bad}");
        }
        assert!(TargetRadius::LAUNCH.is_won(TargetRadius::LAUNCH.get().next_down()));
        assert!(!TargetRadius::LAUNCH.is_won(TargetRadius::LAUNCH.get()));
        assert!(!TargetRadius::LAUNCH.is_won(f64::NAN));
    }

    #[test]
    fn json_is_the_networks() {
        let json = serde_json::to_value(batch(&[3, 1], &[1.25, 0.5]).expect("valid")).expect("plain");
        let want = serde_json::json!({"public_key": "02ab", "block_hash": "AB", "block_height": 7,
            "nonces": vec![3, 1], "dist": [1.25, 0.5], "node_id": 1});
        assert_eq!(json, want);
    }
}
