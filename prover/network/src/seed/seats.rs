//! Seats by voting power: who holds how many of the shares that a withheld secret is recovered from.

use super::SealKey;
use crate::message::HostId;
use sha2::{Digest, Sha256};
use std::num::NonZeroU8;

/// A host with seats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Who.
    pub host: HostId,
    /// What its shares are sealed to.
    pub key: SealKey,
    /// Its first seat, from 0.
    pub first: u8,
    /// How many it has: 1 or more.
    pub count: u8,
}

/// The seats of a round, fixed when it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seating {
    /// Ascending by host.
    seats: Vec<Seat>,
    threshold: u8,
}

impl Seating {
    /// Seats by powers. Each host has its part of them (seats × its power / all power) cut down; those left over go to
    /// the hosts by what was cut off, drawn systematically in an order that `randomness` shuffles. So each host has
    /// less than 1 seat more or less than its part and, before `randomness` is known, its part on average: dividing
    /// power among many hosts gains no seat.
    ///
    /// Five twelfths of the seats recover, rounded up: halfway from a third to a half. Parts of h hosts stray by less
    /// than h / 2 seats in all, so with no more than a sixth as many hosts as seats, hosts with more than half of the
    /// power always recover and hosts with less than a third never. With more hosts that is so of the seats, and of the
    /// power as nearly as a draw of so many seats is.
    ///
    /// Hosts without power have no seats; without any power there are none.
    ///
    /// # Shapes
    /// - `powers`: ascending by host; together below 2^64.
    #[must_use]
    pub fn new(
        seats: NonZeroU8,
        powers: impl Iterator<Item = (HostId, SealKey, u64)>,
        randomness: &[u8; 32],
    ) -> Self {
        let powers: Vec<_> = powers.filter(|(_, _, power)| *power > 0).collect();
        let all: u128 = powers.iter().map(|(_, _, power)| u128::from(*power)).sum();
        if all == 0 {
            return Self::default();
        }
        let seats = u128::from(seats.get());
        let part = |power: u64| (seats * u128::from(power) / all, seats * u128::from(power) % all);
        let mut counts: Vec<u128> = powers.iter().map(|(_, _, power)| part(*power).0).collect();
        // Intervals of the remainders one after the other, in drawn order; a seat at each multiple of all power.
        let hash = |label: &[u8], host: HostId| -> [u8; 32] {
            let mut sha = Sha256::new_with_prefix(label);
            sha.update(randomness);
            sha.update(host.to_le_bytes());
            sha.finalize().into()
        };
        let mut order: Vec<usize> = (0..powers.len()).collect();
        order.sort_by_cached_key(|ix| hash(b"sphere-pow seed seats 1", powers[*ix].0));
        let start = hash(b"sphere-pow seed seats start 1", 0);
        let mut sum = u128::from_le_bytes(std::array::from_fn(|ix| start[ix])) % all;
        for ix in order {
            sum += part(powers[ix].2).1;
            if sum >= all {
                sum -= all;
                counts[ix] += 1;
            }
        }
        let mut first = 0;
        let seat = |((host, key, _), count): (&(HostId, SealKey, u64), u128)| {
            let count = u8::try_from(count).expect("of 255 seats at most");
            let seat = Seat { host: *host, key: *key, first, count };
            first += count;
            seat
        };
        let seated = powers.iter().zip(counts).filter(|(_, count)| *count > 0).map(seat).collect();
        Self { seats: seated, threshold: u8::try_from((5 * seats).div_ceil(12)).expect("below the seats") }
    }

    /// The hosts with seats, ascending.
    #[must_use]
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Seats whose shares recover; with fewer, nothing is known of a secret.
    #[must_use]
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// A host's place among those with seats.
    #[must_use]
    pub fn place(&self, host: HostId) -> Option<usize> {
        self.seats.binary_search_by_key(&host, |seat| seat.host).ok()
    }
}
