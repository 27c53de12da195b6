//! Who checks, drawn by each validator for itself: a verifiable random function (RFC 9381) of the beacon, under a key
//! that is used for nothing else. One output a Sprint; nobody else can foresee it, and its owner cannot choose it.

use crate::message::HostId;
#[cfg(feature = "hosts")]
use curve25519_dalek::{EdwardsPoint, Scalar, edwards::CompressedEdwardsY};
#[cfg(feature = "hosts")]
use sha2::Sha512;
use sha2::{Digest, Sha256};
use std::fmt;
#[cfg(feature = "hosts")]
use vrf_rfc9381::ec::edwards25519::tai::{
    EdVrfEdwards25519Tai as Suite, EdVrfEdwards25519TaiPublicKey as Public,
    EdVrfEdwards25519TaiSecretKey as Secret,
};
#[cfg(feature = "hosts")]
use vrf_rfc9381::{Prover, VRF, Verifier};

/// Bytes of a proof: point, challenge and scalar.
pub const PROOF_BYTES: usize = 80;

/// What shows that a validator drew what it says: `pi` of ECVRF-EDWARDS25519-SHA512-TAI.
pub type Proof = [u8; PROOF_BYTES];

/// What a validator drew: `beta`, of which [`sphere_pow_core::network::committee::Electorate::sortition`] makes seats.
pub type Output = [u8; 64];

/// What the function is taken of: the Sprint and the randomness that a height after the claims' window fixed.
#[must_use]
pub fn input(epoch: u64, beacon: &[u8; 32]) -> Vec<u8> {
    [&b"sphere-pow sortition input 1"[..], &epoch.to_le_bytes(), beacon].concat()
}

/// The public half of a validator's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortitionKey([u8; 32]);

impl SortitionKey {
    /// From its 32 bytes; `None` for bytes that are no point of the curve, or one of small order.
    #[cfg(feature = "hosts")]
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Option<Self> {
        let point = CompressedEdwardsY(bytes).decompress()?;
        (!point.is_small_order()).then_some(Self(bytes))
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the owner drew; `None` for a proof that is not its owner's over this input.
    #[cfg(feature = "hosts")]
    #[must_use]
    pub fn verify(&self, input: &[u8], proof: &Proof) -> Option<Output> {
        // One proof, one form: RFC 9381 §5.4.4 refuses scalars beyond the group's order, the library reduces them.
        let scalar = proof[48..].try_into().expect("32 bytes");
        if bool::from(Scalar::from_canonical_bytes(scalar).is_none()) {
            return None;
        }
        let public = Public::from_slice(&self.0).ok()?;
        Some(Suite.verify(&public, input, proof).ok()?.into())
    }

    /// Without the feature `hosts`, rules with sortition are refused, and no proof is taken.
    #[cfg(not(feature = "hosts"))]
    #[must_use]
    pub fn verify(&self, _input: &[u8], _proof: &Proof) -> Option<Output> {
        None
    }
}

/// The secret half. It never prints itself.
#[derive(Clone)]
#[cfg_attr(not(feature = "hosts"), expect(dead_code, reason = "what it is for is not built"))]
pub struct SortitionSecret([u8; 32]);

impl SortitionSecret {
    /// From 32 bytes that only the validator knows and nothing else uses (RFC 9381 §5.5: as an ed25519 secret).
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The public half.
    #[cfg(feature = "hosts")]
    #[must_use]
    pub fn key(&self) -> SortitionKey {
        let hash = Sha512::digest(self.0);
        let scalar = *hash.first_chunk().expect("64 bytes");
        SortitionKey(EdwardsPoint::mul_base_clamped(scalar).compress().to_bytes())
    }

    /// What shows the one output for an input; `None` never but where no point is found in 256 tries, a chance of
    /// about 2^-256.
    #[cfg(feature = "hosts")]
    #[must_use]
    pub fn prove(&self, input: &[u8]) -> Option<Proof> {
        let secret = Secret::from_slice(&self.0).expect("32 bytes");
        Suite.prove(&secret, input).ok()?.try_into().ok()
    }

    /// Without the feature `hosts` nothing is proven.
    #[cfg(not(feature = "hosts"))]
    #[must_use]
    pub fn prove(&self, _input: &[u8]) -> Option<Proof> {
        None
    }
}

impl fmt::Debug for SortitionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SortitionSecret")
    }
}

/// The seed by which a validator checks users' requests (SPEC §III.9): of its output, so that nobody can foresee which
/// requests it will look at, and everybody can tell afterwards which it should have.
#[must_use]
pub fn request_seed(output: &Output, validator: HostId) -> i64 {
    let sha = Sha256::new_with_prefix(b"sphere-pow request checks 1").chain_update(output);
    let digest = sha.chain_update(validator.to_le_bytes()).finalize();
    i64::from_le_bytes(*digest.first_chunk().expect("32 bytes")) & i64::MAX
}
