//! Seats follow power, dealings follow secrets, and few seats say nothing.

use hpke::Serializable;
use hpke::kem::{Kem, X25519HkdfSha256};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};
use sphere_pow_consensus::Key;
use sphere_pow_network::message::HostId;
use sphere_pow_network::seed::{Deal, Opener, SHARE_BYTES, SealKey, Seat, Seating, recover};
use std::collections::BTreeMap;
use std::num::NonZeroU8;

fn key(host: HostId) -> Key {
    Key::from_seed([host as u8 + 1; 32])
}

fn seal_key(host: HostId) -> SealKey {
    SealKey::of_ed25519(&key(host).id().0).unwrap()
}

fn opener(host: HostId) -> Opener {
    Opener::new(key(host).exchange_secret())
}

#[test]
fn fewer_seats_than_the_threshold_say_nothing_of_a_secret() {
    let seating =
        &Seating::new(NonZeroU8::new(64).unwrap(), (0..5).map(|host| (host, seal_key(host), 100)), &[9; 32]);
    let (deal, secret) = (Deal { epoch: 1, dealer: 4 }, [0x5a; 32]);
    let dealing = deal.of(&secret, seating);
    let open = |host: u32| {
        let shares = deal.open(host, &dealing.parts[host as usize], &opener(host)).unwrap();
        (&seating.seats()[host as usize], shares)
    };
    // Two of five hold 25 or 26 of 27 seats: they add what they can guess.
    let two = [open(0), open(1)];
    let given = || two.iter().map(|(seat, shares)| (*seat, &shares[..]));
    assert_eq!(recover(seating, given()), None);
    let missing = usize::from(seating.threshold() - two[0].0.count - two[1].0.count);
    assert!(missing > 0);
    // One share is guessed each way, the others the same.
    let guesses: Vec<Vec<u8>> = (0..=255)
        .map(|byte| [[byte; SHARE_BYTES].to_vec(), vec![0; (missing - 1) * SHARE_BYTES]].concat())
        .collect();
    let guessed = |guess| recover(seating, given().chain([(&seating.seats()[2], guess)])).unwrap();
    // Each guess makes another secret of what they have: any secret is as likely as before.
    let mut first: Vec<u8> = guesses.iter().map(|guess| guessed(guess.as_slice())[0]).collect();
    first.sort_unstable();
    assert!(first.into_iter().eq(0..=255));
    // A part opens for its own host, Sprint and dealer only.
    let part = &dealing.parts[0];
    assert_eq!(deal.open(0, part, &opener(1)), None);
    assert_eq!(Deal { epoch: 2, ..deal }.open(0, part, &opener(0)), None);
    assert_eq!(Deal { dealer: 0, ..deal }.open(0, part, &opener(0)), None);
}

#[test]
fn a_dealing_is_as_specified() {
    let seats = (0..3).map(|host| (host, seal_key(host), 1));
    let seating = Seating::new(NonZeroU8::new(255).unwrap(), seats, &[3; 32]);
    assert_eq!(seating.threshold(), 107);
    let (deal, secret) = (Deal { epoch: 5, dealer: 2 }, [0xa5; 32]);
    let dealing = deal.of(&secret, &seating);
    let shares: Vec<u8> = (0..3)
        .flat_map(|host| deal.open(host, &dealing.parts[host as usize], &opener(host)).unwrap())
        .collect();
    assert_eq!(shares.len(), 255 * SHARE_BYTES);
    // At 1 a polynomial is the sum of its coefficients: of each byte of the secret 106, each of a word of the stream.
    let mut sha = Sha256::new_with_prefix(b"sphere-pow seed coefficients 1");
    sha.update(5_u64.to_le_bytes());
    sha.update(2_u32.to_le_bytes());
    sha.update(secret);
    let mut stream = ChaCha20Rng::from_seed(sha.finalize().into());
    for (byte, share) in secret.iter().zip(&shares) {
        assert_eq!((0..106).fold(*byte, |sum, _| sum ^ stream.next_u32() as u8), *share);
    }
    // The ephemeral key is derived from the first 32 bytes of a stream.
    let mut sha = Sha256::new_with_prefix(b"sphere-pow seed sealing 1");
    sha.update(5_u64.to_le_bytes());
    sha.update(2_u32.to_le_bytes());
    sha.update(secret);
    sha.update(1_u32.to_le_bytes());
    let mut material = [0; 32];
    ChaCha20Rng::from_seed(sha.finalize().into()).fill_bytes(&mut material);
    let (_, ephemeral) = X25519HkdfSha256::derive_keypair(&material);
    assert_eq!(ephemeral.to_bytes().as_slice(), dealing.parts[1].encapsulated);
    // All of it, so that no other version of a library makes another one unseen.
    let hash = Sha256::digest(borsh::to_vec(&dealing).unwrap());
    assert_eq!(hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), PINNED);
}

/// SHA-256 of a dealing's bytes.
const PINNED: &str = "a20047c1054d3704043f6c7353d45bf29559106c391653f0435f281ff83f4b96";

#[test]
fn no_key_of_small_order_is_sealed_to() {
    // The neutral point, the point of order 2, one of order 4, and bytes that are no point.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let mut none = [0; 32];
    none[0] = 2;
    for key in [neutral, minus_one, [0; 32], none] {
        assert_eq!(SealKey::of_ed25519(&key), None, "{key:?}");
    }
}

/// Powers of hosts, which all have one key.
fn seated(seats: u8, powers: &[u64], randomness: &[u8; 32]) -> Seating {
    let key = seal_key(0);
    let hosts = (0..).zip(powers).map(|(host, power)| (host, key, *power));
    Seating::new(NonZeroU8::new(seats).unwrap(), hosts, randomness)
}

#[test]
fn divided_power_gains_no_seat() {
    // A third of the power in parts of 0.6 seats, the rest in parts of 0.53: largest remainders would give each of the
    // former a seat, 36 of 64. Drawn, they have 21.6 on average.
    let powers: Vec<u64> = [60; 36].into_iter().chain([53; 80]).collect();
    let divided = |draw: u8| {
        let seating = seated(64, &powers, &[draw; 32]);
        seating.seats().iter().filter(|seat| seat.host < 36).map(|seat| f64::from(seat.count)).sum::<f64>()
    };
    let mean = (0..=255).map(divided).sum::<f64>() / 256.0;
    assert!((mean - 21.6).abs() < 1.0, "{mean}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With few hosts, any with more than half of the power recover and any with less than a third do not.
    #[test]
    fn seats_follow_power(
        powers in prop::collection::vec(prop_oneof![Just(0), 1..10_u64, 1..=u64::MAX / 16], 1..=10),
        randomness in any::<[u8; 32]>(),
    ) {
        let seating = seated(64, &powers, &randomness);
        let all: u128 = powers.iter().map(|power| u128::from(*power)).sum();
        let counts: BTreeMap<HostId, u128> =
            seating.seats().iter().map(|seat| (seat.host, seat.count.into())).collect();
        prop_assert_eq!(counts.values().sum::<u128>(), if all == 0 { 0 } else { 64 });
        for subset in 0..1_u32 << powers.len() {
            let members = || (0..powers.len() as u32).filter(|host| subset >> host & 1 == 1);
            let power: u128 = members().map(|host| u128::from(powers[host as usize])).sum();
            let seats: u128 = members().filter_map(|host| counts.get(&host)).sum();
            let recovers = all > 0 && seats >= seating.threshold().into();
            prop_assert!(2 * power <= all || recovers, "{seats} of {power}");
            prop_assert!(3 * power >= all || !recovers, "{seats} of {power}");
        }
        // Seats follow each other.
        let ends = seating.seats().iter().map(|seat| seat.first + seat.count);
        let firsts: Vec<u8> = [0].into_iter().chain(ends).take(seating.seats().len()).collect();
        prop_assert_eq!(seating.seats().iter().map(|Seat { first, .. }| *first).collect::<Vec<_>>(), firsts);
    }
}
