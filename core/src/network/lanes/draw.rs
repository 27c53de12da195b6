//! Which segments of a lane are checked, and by whom (SPEC §IV.9.3).

use super::super::committee::{Electorate, Seats};
use super::super::sample::places;
use alloc::vec::Vec;
use core::ops::Range;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256, Sha512};

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

/// What a validator draws of a lane for itself: whether it checks it, and which segments. Nobody else can foresee it, so no
/// maker of a block can choose what is looked at; the beacon that the output is of only sees to it that the trainer has
/// committed before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnDraw {
    output: [u8; 64],
    place: Place,
}

impl OwnDraw {
    /// Of a lane of a round, by the output of the validator's verifiable random function.
    #[must_use]
    pub fn new(output: &[u8; 64], round: u32, lane: u32) -> Self {
        let mut sha = Sha512::new_with_prefix(b"sphere-pow lane sortition 1");
        sha.update(output);
        sha.update(round.to_le_bytes());
        sha.update(lane.to_le_bytes());
        let output: [u8; 64] = sha.finalize().into();
        let beacon = *output.first_chunk().expect("64 bytes");
        Self { output, place: Place { beacon, round, lane } }
    }

    /// How many seats the validator has among the checkers of the lane of `host`: `seats` on average fall to all
    /// ([`Electorate::sortition`]).
    #[must_use]
    pub fn seats(&self, electorate: &Electorate, validator: usize, host: usize, seats: u32) -> u32 {
        electorate.sortition(&self.output, validator, host, &Seats::jury(seats))
    }

    /// The segments that it repeats with so many seats: for each as many on average as [`Place::segments`] draws.
    ///
    /// # Units
    /// As [`Place::segments`].
    #[must_use]
    pub fn segments(&self, segments: u32, average: &Seats, seats: u32, unchecked: u32) -> Vec<u32> {
        let average = Seats::averaging(average.thousandths().saturating_mul(seats));
        self.place.segments(segments, &average, unchecked)
    }
}

/// What a checker repeats of all segments drawn: of each run with one of its `own` those from its first to the last own one.
/// The run's first state is all that is opened of it.
///
/// # Shapes
/// - `all`, `own`: ascending; the result too.
#[must_use]
pub fn part(all: &[u32], own: &[u32]) -> Vec<u32> {
    let of = |run: Range<u32>| {
        let end = own.iter().rev().find(|segment| run.contains(segment)).map_or(run.start, |last| last + 1);
        run.start..end
    };
    runs(all).into_iter().flat_map(of).collect()
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

    #[test]
    fn a_checker_repeats_what_leads_to_its_own() {
        let all = [0, 1, 3, 7, 8, 9];
        assert_eq!(part(&all, &[1, 8]), [0, 1, 7, 8]);
        assert_eq!(part(&all, &[3]), [3]);
        assert_eq!(part(&all, &[]), [0; 0]);
        assert_eq!(part(&all, &all), all);
    }

    #[test]
    fn own_draws_fill_the_seats_on_average_and_each_its_share_of_segments() {
        let electorate = Electorate::new(&[3, 1, 0, 4, 2]).unwrap();
        let full = Seats::of(16, &standing(30), Decimal::hundredths(1));
        let (mut seats, mut segments) = ([0_u32; 5], 0);
        for n in 0..4000_u32 {
            for (validator, sum) in seats.iter_mut().enumerate() {
                let mut output = [validator as u8; 64];
                output[..4].copy_from_slice(&n.to_le_bytes());
                let own = OwnDraw::new(&output, 7, n % 5);
                let count = own.seats(&electorate, validator, 4, 2);
                *sum += count;
                segments += own.segments(16, &full, count, 0).len();
            }
        }
        // 2 seats among weights 3, 1, 0, 4; five deviations of at most 63.
        for (count, expected) in seats.iter().zip([3000, 1000, 0, 4000, 0_u32]) {
            assert!(count.abs_diff(expected) < 5 * 63, "{seats:?}");
        }
        // 0.16 of each of 8000 seats: a deviation of 33.
        assert!(segments.abs_diff(1280) < 5 * 36, "{segments}");
        let own = OwnDraw::new(&[1; 64], 7, 0);
        assert_eq!(own.segments(16, &full, 1, LONGEST_UNCHECKED - 1).len(), 1);
        assert_eq!(own.segments(16, &Seats::jury(16), 3, 0).len(), 16);
    }
}
