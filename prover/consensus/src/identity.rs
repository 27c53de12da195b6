//! Hashes, hosts and their keys.

use arc_malachitebft_core_types::Address;
use arc_malachitebft_signing_ed25519::{PrivateKey, PublicKey, Signature};
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256, Sha512};
use std::fmt;

/// A SHA-256 hash: of a block, of an application's state, of what names a network.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash of `parts`, one after the other, without their lengths: callers keep them unambiguous.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }
}

/// A host, by its ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct HostId(pub [u8; 32]);

impl Address for HostId {}

impl HostId {
    /// Whether `signature` is this host's over `message`. A host whose bytes are no key signs nothing.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        PublicKey::from_bytes(self.0)
            .is_ok_and(|key| key.verify(message, &Signature::from_bytes(*signature)).is_ok())
    }
}

fn hex(bytes: &[u8; 32], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

/// A host's secret ed25519 key. It never prints itself.
#[derive(Clone)]
pub struct Key {
    secret: PrivateKey,
    id: HostId,
}

impl Key {
    /// The key of an RFC 8032 seed of 32 bytes, which must come from a good source and stay secret.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let secret = PrivateKey::from(seed);
        let id = HostId(*secret.public_key().as_bytes());
        Self { secret, id }
    }

    /// The host that this key makes.
    #[must_use]
    pub fn id(&self) -> HostId {
        self.id
    }

    /// Signs `message`. Ed25519 draws no randomness: equal messages have equal signatures.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }

    /// The X25519 secret (RFC 7748, not clamped yet) of the same point of the curve: the half of the seed's SHA-512
    /// that RFC 8032 §5.1.5 makes the signing scalar of. Whoever maps [`Self::id`] to Montgomery form can seal to it.
    #[must_use]
    pub fn exchange_secret(&self) -> [u8; 32] {
        let hash = Sha512::digest(self.secret.inner().as_bytes());
        std::array::from_fn(|ix| hash[ix])
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key of {}", self.id)
    }
}
