//! The seed of a Sprint: what hosts bound themselves to before any of it was known.
//!
//! Whoever could withhold its secret after it has seen the others' would choose between two seeds. So each host shares
//! its secret when it binds itself ([`Dealing`]), and what it withholds is recovered. All of a dealing follows from the
//! secret, so that whoever knows the secret sees whether the dealing is true; a false one counts neither revealed nor
//! recovered.

mod dealing;
mod keys;
#[cfg(feature = "hosts")]
mod sealing;
#[cfg(not(feature = "hosts"))]
#[path = "seed/unsealed.rs"]
mod sealing;
mod seats;

pub use dealing::{Deal, Dealing, Part, SHARE_BYTES, sealed_len};
pub use keys::{Opener, SealKey};
pub use sealing::recover;
pub use seats::{Seat, Seating};

use crate::message::{HostId, Refusal};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

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
    /// Where secrets are shared.
    recovery: Option<Recovery>,
}

/// What a round holds beside commitments and reveals.
#[derive(Clone, Debug, Default)]
struct Recovery {
    seating: Seating,
    /// By dealer.
    dealings: BTreeMap<HostId, Dealing>,
    /// By dealer and place among the seated: shares that its dealing's digest is of.
    shares: BTreeMap<(HostId, usize), Vec<u8>>,
    /// Dealers whose secret was recovered and counts.
    recovered: Vec<HostId>,
    /// Dealers whose secret is known and leads to another dealing than theirs.
    false_dealers: Vec<HostId>,
}

impl Round {
    /// A round of so many hosts; with seats, secrets are shared among them.
    pub(crate) fn new(hosts: usize, seating: Option<Seating>) -> Self {
        let recovery = seating.map(|seating| Recovery { seating, ..Recovery::default() });
        Self { commitments: vec![None; hosts], secrets: vec![None; hosts], recovery }
    }

    pub(crate) fn grow(&mut self, hosts: usize) {
        self.commitments.resize(hosts, None);
        self.secrets.resize(hosts, None);
    }

    pub(crate) fn hash_into(&self, sha: &mut Sha256) {
        for slot in self.commitments.iter().chain(&self.secrets) {
            sha.update(slot.unwrap_or_default());
        }
        let Some(recovery) = &self.recovery else { return };
        for (dealer, dealing) in &recovery.dealings {
            sha.update(dealer.to_le_bytes());
            sha.update(Sha256::digest(borsh::to_vec(dealing).expect("bytes in memory")));
        }
        // Which shares they are, the dealings say.
        for (dealer, place) in recovery.shares.keys() {
            sha.update(dealer.to_le_bytes());
            sha.update((*place as u64).to_le_bytes());
        }
    }

    pub(crate) fn commitment(&self, dealer: HostId) -> Option<&[u8; 32]> {
        self.commitments.get(dealer as usize)?.as_ref()
    }

    pub(crate) fn is_revealed(&self, dealer: HostId) -> bool {
        self.secrets.get(dealer as usize).is_some_and(Option::is_some)
    }

    pub(crate) fn seating(&self) -> Option<&Seating> {
        self.recovery.as_ref().map(|recovery| &recovery.seating)
    }

    /// Whether a dealing has a part of the right length for each host with seats.
    pub(crate) fn may_bind(&self, dealing: Option<&Dealing>) -> Result<(), Refusal> {
        let seats = self.seating().map_or(&[][..], Seating::seats);
        let parts = dealing.map_or(&[][..], |dealing| &dealing.parts);
        if dealing.is_some() != self.recovery.is_some() || parts.len() != seats.len() {
            return Err(Refusal::Parts { got: parts.len(), expected: seats.len() });
        }
        for (part, seat) in parts.iter().zip(seats) {
            let (got, expected) = (part.sealed.len(), sealed_len(seat));
            if got != expected {
                return Err(Refusal::PartLength { host: seat.host, got, expected });
            }
        }
        Ok(())
    }

    pub(crate) fn bind(&mut self, dealer: HostId, commitment: [u8; 32], dealing: Option<Dealing>) {
        if let Some(slot) = self.commitments.get_mut(dealer as usize) {
            *slot = Some(commitment);
        }
        if let (Some(recovery), Some(dealing)) = (&mut self.recovery, dealing) {
            recovery.dealings.insert(dealer, dealing);
        }
    }

    pub(crate) fn reveal(&mut self, dealer: HostId, secret: [u8; 32]) {
        if let Some(slot) = self.secrets.get_mut(dealer as usize) {
            *slot = Some(secret);
        }
    }

    /// Whether these are the shares of a host's seats. A reveal does not stand against them: which comes first must
    /// not matter.
    pub(crate) fn may_share(&self, deal: &Deal, host: HostId, shares: &[u8]) -> Result<(), Refusal> {
        let what = "share";
        let (place, part) = self.part(deal.dealer, host).ok_or(Refusal::NoPart { what })?;
        if self.has_shared(deal.dealer, place) {
            return Err(Refusal::Repeated { what });
        }
        let is_right = deal.digest(host, shares) == part.digest;
        if is_right { Ok(()) } else { Err(Refusal::WrongShare { dealer: deal.dealer }) }
    }

    pub(crate) fn share(&mut self, dealer: HostId, host: HostId, shares: Vec<u8>) {
        if let Some(recovery) = &mut self.recovery
            && let Some(place) = recovery.seating.place(host)
        {
            recovery.shares.insert((dealer, place), shares);
        }
    }

    /// The parts for `host` of dealers that have not revealed, which it has not opened for all.
    pub(crate) fn unopened(&self, host: HostId) -> impl Iterator<Item = (HostId, &Part)> {
        let dealers = self.recovery.iter().flat_map(|recovery| recovery.dealings.keys().copied());
        dealers.filter(|dealer| !self.is_revealed(*dealer)).filter_map(move |dealer| {
            let (place, part) = self.part(dealer, host)?;
            (!self.has_shared(dealer, place)).then_some((dealer, part))
        })
    }

    /// Where a host is among the seated, and its part of a dealing.
    fn part(&self, dealer: HostId, host: HostId) -> Option<(usize, &Part)> {
        let recovery = self.recovery.as_ref()?;
        let place = recovery.seating.place(host)?;
        Some((place, recovery.dealings.get(&dealer)?.parts.get(place)?))
    }

    fn has_shared(&self, dealer: HostId, place: usize) -> bool {
        self.recovery.as_ref().is_some_and(|recovery| recovery.shares.contains_key(&(dealer, place)))
    }

    /// Hosts that are bound and did not reveal.
    pub(crate) fn withheld(&self) -> impl Iterator<Item = HostId> {
        let pairs = self.commitments.iter().zip(&self.secrets).zip(0..);
        pairs.filter(|((bound, secret), _)| bound.is_some() && secret.is_none()).map(|(_, host)| host)
    }

    /// Hosts whose secret was recovered, and those whose dealing was false; known when the round is closed.
    pub(crate) fn dealers(&self) -> (&[HostId], &[HostId]) {
        self.recovery.as_ref().map_or((&[], &[]), |recovery| (&recovery.recovered, &recovery.false_dealers))
    }

    /// Ends the round. The next seed: SHA-256 over the last one, the Sprint, and all secrets that count in the hosts'
    /// order: those revealed and, with recovery, those recovered, where the dealing is true.
    pub(crate) fn close(&mut self, last: &[u8; 32], epoch: u64) -> [u8; 32] {
        let mut sha = Sha256::new_with_prefix(b"sphere-pow seed 1");
        sha.update(last);
        sha.update(epoch.to_le_bytes());
        for dealer in (0..).take(self.secrets.len()) {
            if let Some(secret) = self.contribution(epoch, dealer) {
                sha.update(dealer.to_le_bytes());
                sha.update(secret);
            }
        }
        sha.finalize().into()
    }

    fn contribution(&mut self, epoch: u64, dealer: HostId) -> Option<[u8; 32]> {
        let bound = *self.commitment(dealer)?;
        let revealed = self.secrets.get(dealer as usize).copied().flatten();
        let Some(recovery) = &mut self.recovery else { return revealed };
        let dealing = recovery.dealings.get(&dealer)?;
        let secret = revealed.or_else(|| {
            let shares = recovery.shares.range((dealer, 0)..=(dealer, usize::MAX));
            let seats = recovery.seating.seats();
            recover(&recovery.seating, shares.map(|((_, place), shares)| (&seats[*place], shares.as_slice())))
        })?;
        let is_true = bound == commitment(epoch, dealer, &secret)
            && *dealing == Deal { epoch, dealer }.of(&secret, &recovery.seating);
        match (is_true, revealed) {
            (true, Some(_)) => {}
            (true, None) => recovery.recovered.push(dealer),
            (false, _) => recovery.false_dealers.push(dealer),
        }
        is_true.then_some(secret)
    }
}
