//! The cryptography of a dealing: Shamir's sharing, and HPKE to hosts' keys.

use super::dealing::{Deal, Dealing, Part, SHARE_BYTES};
use super::{Opener, SealKey, Seat, Seating};
use crate::message::HostId;
use blahaj::{Share, Sharks};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::{Kem, X25519HkdfSha256};
use hpke::{Deserializable, OpModeR, OpModeS, Serializable};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const INFO: &[u8] = b"sphere-pow seed sealed share 1";

impl Deal {
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
