//! Which segments of a lane are checked, and by whom (SPEC §IV.9.3).

use super::super::committee::{Electorate, Seats};
use super::super::sample::places;
use alloc::vec::Vec;
use core::ops::Range;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// A host that trains has a segment drawn at least once in so many of its rounds.
pub const LONGEST_UNCHECKED: u32 = 10;

/// What a beacon draws of a lane is a function of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Randomness of a height after that at which the lane's commitment was final.
    pub beacon: [u8; 32],
    /// The round.
    pub round: u32,
    /// The lane.
    pub lane: u32,
}

impl Place {
    fn key(&self, label: &[u8]) -> [u8; 32] {
        let mut sha = Sha256::new_with_prefix(label);
        sha.update(self.beacon);
        sha.update(self.round.to_le_bytes());
        sha.update(self.lane.to_le_bytes());
        sha.finalize().into()
    }

    /// The segments that are repeated, ascending: on average `average` of `segments`, the fraction at random, every set
    /// of a size equally likely.
    ///
    /// # Units
    /// - `average`: [`Seats::of`] `segments` by the host's standing.
    /// - `unchecked`: rounds in a row that the host has trained and nothing was drawn of it; from
    ///   [`LONGEST_UNCHECKED`] - 1 on at least one segment is drawn.
    #[must_use]
    pub fn segments(&self, segments: u32, average: &Seats, unchecked: u32) -> Vec<u32> {
        let mut rng = ChaCha20Rng::from_seed(self.key(b"sphere-pow lane segments 1"));
        let least = u32::from(unchecked.saturating_add(1) >= LONGEST_UNCHECKED);
        let size = average.drawn(&mut rng).max(least).min(segments);
        let drawn = places(&mut rng, segments.into(), size.into());
        drawn.into_iter().map(|place| u32::try_from(place).expect("below a u32")).collect()
    }

    /// Who checks the lane of `host`: `seats` drawn by weight, never the host itself. Each with its number of seats.
    #[must_use]
    pub fn checkers(&self, electorate: &Electorate, host: usize, seats: u32) -> Vec<(usize, u32)> {
        electorate.committee(&self.key(b"sphere-pow lane checkers 1"), host, &Seats::jury(seats))
    }
}

/// Segments that follow each other, as runs. Only the state before a run is opened before checkers have bound themselves
/// to what comes after each of its segments: one within would show them the answer.
///
/// # Shapes
/// - `segments`: ascending.
#[must_use]
pub fn runs(segments: &[u32]) -> Vec<Range<u32>> {
    segments.chunk_by(|a, b| a + 1 == *b).map(|run| run[0]..run[run.len() - 1] + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::decimal::Decimal;
    use super::super::super::reputation::Standing;
    use super::*;

    fn place(n: u32) -> Place {
        let mut beacon = [3; 32];
        beacon[..4].copy_from_slice(&n.to_le_bytes());
        Place { beacon, round: 7, lane: 2 }
    }

    fn standing(days: u32) -> Standing {
        let mut standing = Standing::default();
        (0..days).for_each(|_| standing.work_honestly());
        standing
    }

    #[test]
    fn new_hosts_are_checked_whole_and_standing_ones_on_average() {
        let floor = Decimal::hundredths(1);
        let all: Vec<u32> = (0..16).collect();
        assert_eq!(place(1).segments(16, &Seats::of(16, &standing(0), floor), 0), all);
        // 16 · 0.01 = 0.16 segments on average, of 20,000 draws: a deviation of 52.
        let full = Seats::of(16, &standing(30), floor);
        let drawn: usize = (0..20_000).map(|n| place(n).segments(16, &full, 0).len()).sum();
        assert!(drawn.abs_diff(3200) < 5 * 52, "{drawn}");
        for n in 0..100 {
            assert_eq!(place(n).segments(16, &full, LONGEST_UNCHECKED - 1).len(), 1);
        }
    }

    #[test]
    fn every_segment_is_drawn_as_often() {
        let floor = Decimal::hundredths(1);
        let some = Seats::of(16, &standing(20), floor);
        assert_eq!(some.thousandths(), 16 * 340);
        let mut seen = [0_u32; 16];
        for n in 0..2000 {
            let drawn = place(n).segments(16, &some, 0);
            assert!(drawn.is_sorted() && matches!(drawn.len(), 5 | 6), "{drawn:?}");
            drawn.iter().for_each(|segment| seen[*segment as usize] += 1);
        }
        // 2000 draws of 0.34 each: a deviation of 21.
        assert!(seen.iter().all(|count| count.abs_diff(680) < 5 * 21), "{seen:?}");
    }

    #[test]
    fn lanes_of_one_host_have_checkers_of_their_own() {
        let electorate = Electorate::new(&[1; 50]).unwrap();
        let one = place(1);
        let other = Place { lane: 3, ..one };
        assert_ne!(one.checkers(&electorate, 4, 5), other.checkers(&electorate, 4, 5));
        for n in 0..100 {
            let checkers = place(n).checkers(&electorate, 4, 5);
            assert!(checkers.iter().all(|(host, _)| *host != 4));
            assert_eq!(checkers.iter().map(|(_, seats)| seats).sum::<u32>(), 5);
        }
    }

    #[test]
    fn runs_join_neighbours() {
        assert_eq!(runs(&[]), []);
        assert_eq!(runs(&[0, 1, 3, 7, 8, 9]), [0..2, 3..4, 7..10]);
    }
}
