//! A secret shared so that those with enough seats recover it: sealed shares that follow from the secret alone.

use super::Seat;
use crate::message::HostId;
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};

/// Bytes of one seat's share.
pub const SHARE_BYTES: usize = 32;
/// Bytes that sealing adds.
const TAG_BYTES: usize = 16;

/// The shares of one host's seats, sealed to it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Part {
    /// The encapsulated key of HPKE (RFC 9180).
    pub encapsulated: [u8; 32],
    /// The shares of its seats, one after the other, sealed: [`sealed_len`] bytes.
    pub sealed: Vec<u8>,
    /// [`Deal::digest`] of the shares, so that wrong ones are known at once.
    pub digest: [u8; 32],
}

/// A shared secret.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Dealing {
    /// One for each host with seats, ascending by host.
    pub parts: Vec<Part>,
}

/// Bytes of a part's sealed shares.
#[must_use]
pub fn sealed_len(seat: &Seat) -> usize {
    usize::from(seat.count) * SHARE_BYTES + TAG_BYTES
}

/// Whose dealing it is, of which Sprint: nothing of one is of use in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deal {
    /// The Sprint.
    pub epoch: u64,
    /// Who deals.
    pub dealer: HostId,
}

impl Deal {
    pub(super) fn hash(&self, label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut sha = Sha256::new_with_prefix(label);
        sha.update(self.epoch.to_le_bytes());
        sha.update(self.dealer.to_le_bytes());
        for part in parts {
            sha.update(part);
        }
        sha.finalize().into()
    }

    /// What a dealing says of a host's shares.
    #[must_use]
    pub fn digest(&self, host: HostId, shares: &[u8]) -> [u8; 32] {
        self.hash(b"sphere-pow seed share 1", &[&host.to_le_bytes(), shares])
    }

    /// What is sealed along with a host's shares.
    #[cfg(feature = "hosts")]
    pub(super) fn bound(&self, host: HostId) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.dealer.to_le_bytes());
        bytes[12..].copy_from_slice(&host.to_le_bytes());
        bytes
    }
}
