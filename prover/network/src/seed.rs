//! The seed of a Sprint: what hosts bound themselves to before any of it was known.

use crate::message::HostId;
use sha2::{Digest, Sha256};

/// What a host publishes of its secret: SHA-256 with the Sprint and the host, so that no commitment is of use to
/// another one, or in another Sprint.
#[must_use]
pub fn commitment(epoch: u64, dealer: HostId, secret: &[u8; 32]) -> [u8; 32] {
    let mut sha = Sha256::new_with_prefix(b"sphere-pow seed commitment 1");
    sha.update(epoch.to_le_bytes());
    sha.update(dealer.to_le_bytes());
    sha.update(secret);
    sha.finalize().into()
}

/// A host's secret for a Sprint, from a key that only the host has: nothing is stored, and a host that crashed
/// reveals what it committed to.
#[must_use]
pub fn secret(key: &[u8; 32], epoch: u64) -> [u8; 32] {
    let mut sha = Sha256::new_with_prefix(b"sphere-pow seed secret 1");
    sha.update(key);
    sha.update(epoch.to_le_bytes());
    sha.finalize().into()
}

/// The round of commitments and reveals before a Sprint.
#[derive(Clone, Debug, Default)]
pub(crate) struct Round {
    /// By host: what it bound itself to.
    commitments: Vec<Option<[u8; 32]>>,
    /// By host: what was revealed.
    secrets: Vec<Option<[u8; 32]>>,
}

impl Round {
    pub(crate) fn new(hosts: usize) -> Self {
        Self { commitments: vec![None; hosts], secrets: vec![None; hosts] }
    }

    pub(crate) fn grow(&mut self, hosts: usize) {
        self.commitments.resize(hosts, None);
        self.secrets.resize(hosts, None);
    }

    pub(crate) fn hash_into(&self, sha: &mut Sha256) {
        for slot in self.commitments.iter().chain(&self.secrets) {
            sha.update(slot.unwrap_or_default());
        }
    }

    pub(crate) fn commitment(&self, dealer: HostId) -> Option<&[u8; 32]> {
        self.commitments.get(dealer as usize)?.as_ref()
    }

    pub(crate) fn is_revealed(&self, dealer: HostId) -> bool {
        self.secrets.get(dealer as usize).is_some_and(Option::is_some)
    }

    pub(crate) fn bind(&mut self, dealer: HostId, commitment: [u8; 32]) {
        if let Some(slot) = self.commitments.get_mut(dealer as usize) {
            *slot = Some(commitment);
        }
    }

    pub(crate) fn reveal(&mut self, dealer: HostId, secret: [u8; 32]) {
        if let Some(slot) = self.secrets.get_mut(dealer as usize) {
            *slot = Some(secret);
        }
    }

    /// Hosts that are bound and did not reveal.
    pub(crate) fn withheld(&self) -> impl Iterator<Item = HostId> {
        let pairs = self.commitments.iter().zip(&self.secrets).zip(0..);
        pairs.filter(|((bound, secret), _)| bound.is_some() && secret.is_none()).map(|(_, host)| host)
    }

    /// The next seed: SHA-256 over the last one, the Sprint, and all secrets in the hosts' order.
    pub(crate) fn seed(&self, last: &[u8; 32], epoch: u64) -> [u8; 32] {
        let mut sha = Sha256::new_with_prefix(b"sphere-pow seed 1");
        sha.update(last);
        sha.update(epoch.to_le_bytes());
        for (secret, host) in self.secrets.iter().zip(0_u32..) {
            if let Some(secret) = secret {
                sha.update(host.to_le_bytes());
                sha.update(secret);
            }
        }
        sha.finalize().into()
    }
}
