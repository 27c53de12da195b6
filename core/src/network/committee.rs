//! Which validators check a claim: a committee drawn by weight, the smaller the better the host's standing
//! (SPEC §III.12). Either one beacon draws all seats, or each validator draws its own by a verifiable random function,
//! which nobody else could foresee.

use super::reputation::Standing;
use super::{decimal::Decimal, sample::below};
use alloc::vec::Vec;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// Most seats that a committee may have.
pub const MAX_SEATS: u32 = 4096;

/// Validators' weights, ready for draws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Electorate {
    /// Running sums of the weights: validator i holds the numbers from `sums[i]` to `sums[i + 1]`.
    sums: Vec<u64>,
}

impl Electorate {
    /// The electorate of these weights; `None` when they add up to more than a u64.
    ///
    /// # Shapes
    /// - `weights`: `[validators]`; a weight of 0 is never drawn.
    #[must_use]
    pub fn new(weights: &[u64]) -> Option<Self> {
        let mut sums = Vec::with_capacity(weights.len() + 1);
        let mut sum = 0_u64;
        sums.push(sum);
        for weight in weights {
            sum = sum.checked_add(*weight)?;
            sums.push(sum);
        }
        Some(Self { sums })
    }

    /// W: the sum of all weights.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sums.last().copied().unwrap_or(0)
    }

    /// The weight of a validator; 0 for a stranger.
    #[must_use]
    pub fn weight(&self, validator: usize) -> u64 {
        match self.sums.get(validator..validator.saturating_add(2)) {
            Some([from, to]) => to - from,
            _ => 0,
        }
    }

    /// The committee that checks `host`'s claim, ascending: `seats` are filled one by one, each by a validator drawn
    /// with its weight, never the host itself. Each member with its number of seats. Empty where nobody else has
    /// weight.
    ///
    /// # Units
    /// `beacon`: randomness that a height after the claims' window fixed, as in [`super::sample::draw`].
    #[must_use]
    pub fn committee(&self, beacon: &[u8; 32], host: usize, seats: &Seats) -> Vec<(usize, u32)> {
        let own = self.weight(host);
        let others = self.total() - own;
        if others == 0 {
            return Vec::new();
        }
        let mut members = Vec::new();
        let before = self.sums.get(host).copied().unwrap_or(u64::MAX);
        let mut sha = Sha256::new_with_prefix(b"sphere-pow committee 1");
        sha.update(beacon);
        sha.update((host as u64).to_le_bytes());
        let mut rng = ChaCha20Rng::from_seed(sha.finalize().into());
        for _ in 0..seats.drawn(&mut rng) {
            let drawn = below(&mut rng, others);
            let drawn = if drawn < before { drawn } else { drawn + own };
            // The last running sum that is not above the number: zero weights share theirs with the next validator.
            members.push(self.sums.partition_point(|sum| *sum <= drawn) - 1);
        }
        members.sort_unstable();
        members.chunk_by(|a, b| a == b).map(|seats| (seats[0], seats.len() as u32)).collect()
    }

    /// How many seats `validator` has in the committee that checks `host`'s claim when each validator draws for itself:
    /// each seat is its own with the chance of its weight among the others', whoever else sits there. So all committees
    /// of a host have on average as many seats as [`Self::committee`] fills, and what one validator draws says nothing
    /// about the others.
    ///
    /// # Units
    /// `output`: of the validator's verifiable random function, 64 bytes, over randomness that a height after the
    /// claims' window fixed.
    #[must_use]
    pub fn sortition(&self, output: &[u8; 64], validator: usize, host: usize, seats: &Seats) -> u32 {
        let weight = self.weight(validator);
        if weight == 0 || validator == host {
            return 0;
        }
        let others = self.total() - self.weight(host);
        let mut sha = Sha256::new_with_prefix(b"sphere-pow sortition 1");
        sha.update(output);
        sha.update((host as u64).to_le_bytes());
        let mut rng = ChaCha20Rng::from_seed(sha.finalize().into());
        (0..seats.drawn(&mut rng)).filter(|_| below(&mut rng, others) < weight).count() as u32
    }
}

/// How many seats a committee has on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seats {
    thousandths: u32,
}

impl Seats {
    /// The seats for a host of a standing: `full` times the probability with which its work is checked
    /// ([`Standing::check_probability`]), in thousandths; the fraction is a seat with that chance.
    ///
    /// `full` above [`MAX_SEATS`] counts as that.
    #[must_use]
    pub fn of(full: u32, standing: &Standing, floor: Decimal) -> Self {
        let full = i128::from(full.min(MAX_SEATS));
        let thousand = Decimal::from(1000_u64);
        let chance = standing.check_probability(floor).checked_mul(thousand).map_or(1000, Decimal::whole);
        let thousandths = full * chance.clamp(0, 1000);
        Self { thousandths: u32::try_from(thousandths).expect("at most 4096000") }
    }

    /// So many seats on average, in thousandths; those of [`MAX_SEATS`] at most.
    #[must_use]
    pub fn averaging(thousandths: u32) -> Self {
        Self { thousandths: thousandths.min(MAX_SEATS * 1000) }
    }

    /// A jury of this many seats, whatever the host's standing; [`MAX_SEATS`] at most.
    #[must_use]
    pub fn jury(seats: u32) -> Self {
        Self { thousandths: seats.min(MAX_SEATS) * 1000 }
    }

    /// Whole seats: a fraction is one with that chance.
    pub(super) fn drawn(self, rng: &mut ChaCha20Rng) -> u32 {
        let is_rounded_up = below(rng, 1000) < u64::from(self.thousandths % 1000);
        self.thousandths / 1000 + u32::from(is_rounded_up)
    }

    /// The average, in thousandths of a seat.
    #[must_use]
    pub fn thousandths(&self) -> u32 {
        self.thousandths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(full: u32) -> Seats {
        Seats::of(full, &Standing::default(), Decimal::ZERO)
    }

    #[test]
    fn committees_are_sets_of_others_with_weight() {
        let electorate = Electorate::new(&[5, 0, 1, 70, 0, 24]).unwrap();
        for beacon in 0..200 {
            for host in 0..7 {
                let committee = electorate.committee(&[beacon; 32], host, &seats(3));
                assert_eq!(committee.iter().map(|(_, seats)| seats).sum::<u32>(), 3);
                assert!(committee.is_sorted_by(|a, b| a.0 < b.0));
                assert!(
                    committee.iter().all(|(member, _)| *member != host && electorate.weight(*member) > 0)
                );
            }
        }
    }

    #[test]
    fn seats_fall_to_validators_by_weight() {
        let weights = [100, 300, 0, 600];
        let electorate = Electorate::new(&weights).unwrap();
        let mut drawn = [0_u32; 4];
        for n in 0..10_000_u32 {
            let mut beacon = [0; 32];
            beacon[..4].copy_from_slice(&n.to_le_bytes());
            // A stranger's claim: everybody may sit.
            for (member, seats) in electorate.committee(&beacon, 9, &seats(1)) {
                drawn[member] += seats;
            }
        }
        assert_eq!(drawn[2], 0);
        // Four standard deviations.
        for (count, expected) in [(drawn[0], 1000), (drawn[1], 3000), (drawn[3], 6000)] {
            assert!(count.abs_diff(expected) < 200, "{drawn:?}");
        }
    }

    #[test]
    fn validators_draw_seats_of_others_by_weight() {
        let weights = [100, 300, 0, 600, 1000];
        let electorate = Electorate::new(&weights).unwrap();
        // 2.5 seats of the claim of the last one, of which the others have a tenth, three and six.
        let half = Seats::averaging(2500);
        let mut drawn = [0_u32; 6];
        for n in 0..8_000_u32 {
            let mut output = [0; 64];
            output[..4].copy_from_slice(&n.to_le_bytes());
            for (validator, count) in drawn.iter_mut().enumerate() {
                output[63] = validator as u8;
                *count += electorate.sortition(&output, validator, 4, &half);
            }
        }
        assert_eq!((drawn[2], drawn[4], drawn[5]), (0, 0, 0));
        // Four standard deviations.
        for (count, expected) in [(drawn[0], 2000), (drawn[1], 6000), (drawn[3], 12_000)] {
            assert!(count.abs_diff(expected) < 300, "{drawn:?}");
        }
    }

    #[test]
    fn standing_saves_checks_down_to_the_floor() {
        let mut standing = Standing::default();
        let floor = Decimal::new(5, 2).unwrap();
        assert_eq!(Seats::of(10, &standing, floor).thousandths(), 10_000);
        for _ in 0..15 {
            standing.work_honestly();
        }
        assert_eq!(Seats::of(10, &standing, floor).thousandths(), 5_050);
        for _ in 0..15 {
            standing.work_honestly();
        }
        assert_eq!(Seats::of(10, &standing, floor).thousandths(), 500);
        // Half a seat on average.
        let electorate = Electorate::new(&[1; 50]).unwrap();
        let half = Seats::of(10, &standing, floor);
        let sizes = (0..=255_u8).map(|beacon| electorate.committee(&[beacon; 32], 3, &half).len());
        let filled: usize = sizes.sum();
        assert!((96..160).contains(&filled), "{filled}");
    }

    #[test]
    fn nobody_else_gives_no_committee() {
        assert_eq!(Electorate::new(&[7]).unwrap().committee(&[1; 32], 0, &seats(5)), Vec::new());
        assert_eq!(Electorate::new(&[]).unwrap().committee(&[1; 32], 0, &seats(5)), Vec::new());
        assert_eq!(Electorate::new(&[u64::MAX, 1]), None);
    }
}
