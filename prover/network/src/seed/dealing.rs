//! A secret shared so that those with enough seats recover it: sealed shares that follow from the secret alone.

use super::{Opener, SealKey, Seat, Seating};
use crate::message::HostId;
use blahaj::{Share, Sharks};
use borsh::{BorshDeserialize, BorshSerialize};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::{Kem, X25519HkdfSha256};
use hpke::{Deserializable, OpModeR, OpModeS, Serializable};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// Bytes of one seat's share.
pub const SHARE_BYTES: usize = 32;
/// Bytes that sealing adds.
const TAG_BYTES: usize = 16;
const INFO: &[u8] = b"sphere-pow seed sealed share 1";

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
    fn hash(&self, label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
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
    fn bound(&self, host: HostId) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.dealer.to_le_bytes());
        bytes[12..].copy_from_slice(&host.to_le_bytes());
        bytes
    }

    /// The one dealing of a secret: coefficients and the randomness of sealing follow from it.
    #[must_use]
    pub fn of(&self, secret: &[u8; 32], seating: &Seating) -> Dealing {
        let seed = self.hash(b"sphere-pow seed coefficients 1", &[secret]);
        let mut shares = Sharks(seating.threshold()).dealer_rng(secret, &mut ChaCha20Rng::from_seed(seed));
        let part = |seat: &Seat| {
            let own = shares.by_ref().take(usize::from(seat.count));
            // The first byte of each is the seat, which is known.
            let own: Vec<u8> = own.flat_map(|share| Vec::from(&share).split_off(1)).collect();
            let seed = self.hash(b"sphere-pow seed sealing 1", &[secret, &seat.host.to_le_bytes()]);
            let (encapsulated, sealed) = seal(&seat.key, &own, &self.bound(seat.host), seed);
            Part { encapsulated, sealed, digest: self.digest(seat.host, &own) }
        };
        Dealing { parts: seating.seats().iter().map(part).collect() }
    }

    /// The shares of a host, out of its part; `None` where it was not sealed to this host's key, or holds other shares
    /// than its digest says.
    #[must_use]
    pub fn open(&self, host: HostId, part: &Part, opener: &Opener) -> Option<Vec<u8>> {
        type Dhkem = X25519HkdfSha256;
        let secret = <Dhkem as Kem>::PrivateKey::from_bytes(opener.bytes()).ok()?;
        let encapsulated = <Dhkem as Kem>::EncappedKey::from_bytes(&part.encapsulated).ok()?;
        let shares = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Dhkem>(
            &OpModeR::Base,
            &secret,
            &encapsulated,
            INFO,
            &part.sealed,
            &self.bound(host),
        );
        shares.ok().filter(|shares| self.digest(host, shares) == part.digest)
    }
}

/// Seals to a key: the encapsulated key and the sealed bytes.
fn seal(key: &SealKey, plain: &[u8], bound: &[u8], seed: [u8; 32]) -> ([u8; 32], Vec<u8>) {
    type Dhkem = X25519HkdfSha256;
    let key = <Dhkem as Kem>::PublicKey::from_bytes(key.bytes()).expect("32 bytes");
    let (encapsulated, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Dhkem>(
        &OpModeS::Base,
        &key,
        INFO,
        plain,
        bound,
        &mut ChaCha20Rng::from_seed(seed),
    )
    .expect("a point of large order, and one short message");
    (encapsulated.to_bytes().into(), sealed)
}

/// The secret that shares come to: of the first seats that are enough, which is as good as any where the dealing is
/// true. `None` for fewer. What comes of a false dealing's shares leads to no true dealing.
#[must_use]
pub fn recover<'a>(
    seating: &Seating,
    shares: impl Iterator<Item = (&'a Seat, &'a [u8])>,
) -> Option<[u8; 32]> {
    let points =
        shares.flat_map(|(seat, shares)| (u16::from(seat.first)..).zip(shares.chunks_exact(SHARE_BYTES)));
    // The secret itself is at 0, the first seat's share at 1.
    let point = |(seat, share): (u16, &[u8])| {
        let seat = u8::try_from(seat + 1).ok()?;
        Share::try_from([&[seat], share].concat().as_slice()).ok()
    };
    let enough: Vec<Share> = points.filter_map(point).take(usize::from(seating.threshold())).collect();
    Sharks(seating.threshold()).recover(&enough).ok()?.try_into().ok()
}
