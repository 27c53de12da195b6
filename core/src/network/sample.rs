//! Which of a participant's nonces a validator checks: the network's draw, and ours (SPEC §III.7).

use super::go_rand::GoRand;
use crate::identity::{BlockHash, PublicKey};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// validation_sample_size: how many nonces the network's validators check.
pub const DEFAULT_SAMPLE: u32 = 200;
/// Most nonces of a participant that [`network_sample`] shuffles: 64 MiB.
pub const MAX_SHUFFLED: u32 = 1 << 24;
/// Largest sample that [`draw`] makes.
pub const MAX_SAMPLE: u64 = 1 << 20;

/// A sample that cannot be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// More nonces than can be shuffled in memory.
    #[error("{got} nonces to shuffle, expected at most {MAX_SHUFFLED}")]
    TooMany {
        /// Number of nonces.
        got: u32,
    },
    /// A larger sample than [`MAX_SAMPLE`].
    #[error("a sample of {got} nonces, expected at most {MAX_SAMPLE}")]
    TooLarge {
        /// The size asked for.
        got: u64,
    },
    /// The randomness could have been known before the commitment was final.
    #[error("the randomness is of height {beacon}, expected one after the commitment's, {commitment}")]
    TooEarly {
        /// Height that fixed the randomness.
        beacon: u64,
        /// Height at which the commitment was final.
        commitment: u64,
    },
}

/// The seed of the network's draw: the first 8 bytes, big-endian, of
/// SHA-256(`{validator}:{block hash}:{height}`), SPEC §III.7.
#[must_use]
pub fn network_seed(validator: &PublicKey, block: &BlockHash, height: u64) -> i64 {
    let digest = Sha256::digest(alloc::format!("{validator}:{block}:{height}"));
    i64::from_be_bytes(*digest.first_chunk().expect("32 bytes"))
}

/// The places that the network's validator checks among `n` joined nonces: the first `size` of Go's `Perm(n)`, in
/// that order, or all in order when `size` is not below n, SPEC §III.7.
///
/// At launch `block` and `height` are those of the stage's start: known before the first nonce is submitted, so
/// a prover knows every place that no validator looks at.
///
/// # Errors
/// [`SampleError::TooMany`] above [`MAX_SHUFFLED`] nonces.
pub fn network_sample(
    validator: &PublicKey,
    block: &BlockHash,
    height: u64,
    n: u32,
    size: u32,
) -> Result<Vec<u32>, SampleError> {
    if n > MAX_SHUFFLED {
        return Err(SampleError::TooMany { got: n });
    }
    if size >= n {
        return Ok((0..n).collect());
    }
    let mut places = GoRand::new(network_seed(validator, block, height)).perm(n);
    places.truncate(size as usize);
    Ok(places)
}

/// What a participant can no longer change: its claims, in an order that depends on nothing but themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// Hash over the claims.
    pub root: [u8; 32],
    /// Number of claims.
    pub count: u64,
    /// Height from which on nothing can be added: the end of the batch window.
    pub height: u64,
}

/// Randomness that a height fixed: a block's hash, or what hosts revealed there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beacon {
    /// The randomness.
    pub value: [u8; 32],
    /// The height.
    pub height: u64,
}

/// The places that our validator checks among a commitment's claims: `size` different ones, ascending, every set
/// of that size equally likely; all when `size` is not below their number, SPEC §III.7.
///
/// # Errors
/// [`SampleError::TooEarly`] unless the beacon's height is after the commitment's, [`SampleError::TooLarge`].
pub fn draw(
    commitment: &Commitment,
    beacon: &Beacon,
    validator: &PublicKey,
    participant: &PublicKey,
    size: u64,
) -> Result<Vec<u64>, SampleError> {
    if beacon.height <= commitment.height {
        return Err(SampleError::TooEarly { beacon: beacon.height, commitment: commitment.height });
    }
    let size = size.min(commitment.count);
    if size > MAX_SAMPLE {
        return Err(SampleError::TooLarge { got: size });
    }
    let mut rng = ChaCha20Rng::from_seed(key(commitment, beacon, validator, participant));
    Ok(places(&mut rng, commitment.count, size).into_iter().collect())
}

/// `size` different places below `count`, at most as many, every set of that size equally likely.
pub(super) fn places(rng: &mut ChaCha20Rng, count: u64, size: u64) -> BTreeSet<u64> {
    // Floyd's: after step `last` the set is a uniform subset of the places up to `last`.
    let mut places = BTreeSet::new();
    for last in count - size..count {
        let place = below(rng, last + 1);
        if !places.insert(place) {
            places.insert(last);
        }
    }
    places
}

/// SHA-256 of the tag, then each field with its length before it, SPEC §III.7.
fn key(commitment: &Commitment, beacon: &Beacon, validator: &PublicKey, participant: &PublicKey) -> [u8; 32] {
    let mut sha = Sha256::new_with_prefix(b"sphere-pow sample 1");
    let (count, heights) = (commitment.count.to_le_bytes(), [commitment.height, beacon.height]);
    let heights = heights.map(u64::to_le_bytes);
    let fields: [&[u8]; 7] = [
        &commitment.root,
        &count,
        &heights[0],
        &beacon.value,
        &heights[1],
        validator.as_str().as_bytes(),
        participant.as_str().as_bytes(),
    ];
    for field in fields {
        sha.update(u32::try_from(field.len()).expect("fields are short").to_le_bytes());
        sha.update(field);
    }
    sha.finalize().into()
}

/// Uniform below `n` > 0: a little-endian 64-bit draw, again while it is at or above the last whole multiple.
pub(super) fn below(rng: &mut ChaCha20Rng, n: u64) -> u64 {
    // 2^64 mod n draws at the top would favour small remainders.
    let uneven = n.wrapping_neg() % n;
    loop {
        let value = rng.next_u64();
        if value <= u64::MAX - uneven {
            return value % n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> PublicKey {
        PublicKey::new(name).unwrap()
    }

    fn commitment(count: u64) -> Commitment {
        Commitment { root: [7; 32], count, height: 365 }
    }

    fn sample(count: u64, size: u64, beacon: u8) -> Vec<u64> {
        let beacon = Beacon { value: [beacon; 32], height: 366 };
        draw(&commitment(count), &beacon, &named("v"), &named("p"), size).unwrap()
    }

    #[test]
    fn draws_are_sets_of_the_size_asked_for() {
        let places = sample(10_000, 200, 1);
        assert_eq!(places.len(), 200);
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]) && places[199] < 10_000);
        assert_ne!(places, sample(10_000, 200, 2));
        assert_eq!(sample(5, 200, 1), [0, 1, 2, 3, 4]);
        assert_eq!(sample(5, 5, 1), [0, 1, 2, 3, 4]);
        assert!(sample(0, 200, 1).is_empty() && sample(9, 0, 1).is_empty());
        assert_eq!(sample(u64::MAX, 3, 1).len(), 3);
    }

    #[test]
    fn every_place_is_drawn_equally_often() {
        let mut seen = [0_u32; 10];
        for beacon in 0..=255 {
            for validator in 0..16 {
                let beacon = Beacon { value: [beacon; 32], height: 366 };
                let validator = named(&alloc::format!("v{validator}"));
                for place in draw(&commitment(10), &beacon, &validator, &named("p"), 3).unwrap() {
                    seen[usize::try_from(place).unwrap()] += 1;
                }
            }
        }
        // 4096 draws of 3 in 10: mean 1229, deviation 29.
        assert!(seen.iter().all(|n| (1229 - 5 * 29..1229 + 5 * 29).contains(n)), "{seen:?}");
    }

    #[test]
    fn bounds_that_do_not_divide_the_range_favour_no_place() {
        // Of 2^64 words a third more would fall below 2^62 without a second draw: half of all, not a third.
        let mut rng = ChaCha20Rng::from_seed([9; 32]);
        let low = (0..3000).filter(|_| below(&mut rng, 3 << 62) < 1 << 62).count();
        assert!((1000 - 5 * 26..1000 + 5 * 26).contains(&low), "{low}");
    }

    #[test]
    fn randomness_known_before_the_commitment_is_refused() {
        let early = Beacon { value: [1; 32], height: 365 };
        let refused = draw(&commitment(10), &early, &named("v"), &named("p"), 3);
        assert_eq!(refused, Err(SampleError::TooEarly { beacon: 365, commitment: 365 }));
        let late = Beacon { height: 366, ..early };
        let all = draw(&commitment(1 << 30), &late, &named("v"), &named("p"), 1 << 30);
        assert_eq!(all, Err(SampleError::TooLarge { got: 1 << 30 }));
        let block = BlockHash::new("AB").unwrap();
        let many = network_sample(&named("v"), &block, 1, MAX_SHUFFLED + 1, 2);
        assert_eq!(many, Err(SampleError::TooMany { got: MAX_SHUFFLED + 1 }));
    }

    #[test]
    fn at_launch_a_prover_knows_what_nobody_checks() {
        let block = BlockHash::new(&"AB".repeat(32)).unwrap();
        let n = 20_000_u32;
        let seen: BTreeSet<u32> = (0..20)
            .flat_map(|v| network_sample(&named(&alloc::format!("02{v:064x}")), &block, 300, n, 200).unwrap())
            .collect();
        // All inputs are public at the stage's start: 20 validators leave four fifths to junk.
        assert!(seen.len() <= 4000 && seen.len() > 3500, "{}", seen.len());
    }
}
