//! Lanes of a training run among hosts that do not trust each other (SPEC §IV.9): who trains, what is checked, what
//! becomes of it, and what it pays. Pure functions of weights, standings, randomness and what was said.
//!
//! In reading order: [`lease`] gives lanes to hosts, [`draw`] the segments that are checked and their checkers,
//! [`verdict`] says what becomes of a lane, and [`escrow`] keeps what it earned until fraud no longer pays.

pub mod draw;
pub mod escrow;
pub mod lease;
pub mod verdict;

/// Whether a round with so many accepted lanes moves the parameters: at least half of all, rounded up. Otherwise it is
/// repeated with a new seed (SPEC §IV.9.6).
#[must_use]
pub fn is_enough(accepted: u32, lanes: u32) -> bool {
    accepted >= lanes.div_ceil(2)
}

/// Lanes of a round: the run's, and those that rounds before it still owe, [`lease::MAX_LANES`] at most (SPEC §IV.9.1).
#[must_use]
pub fn leased(lanes: u32, owed: u32) -> u32 {
    lanes.saturating_add(owed).min(lease::MAX_LANES)
}

/// Lanes that a round leaves to the next: of `leased` those that did not count, as many as a round has of its own at most. So
/// what is lost in one round is trained in the next, and a run merges as many lanes as if none had been lost.
#[must_use]
pub fn owed(lanes: u32, leased: u32, accepted: u32) -> u32 {
    leased.saturating_sub(accepted).min(lanes)
}

/// The attempt from which a host counts again that attempt `caught` has shown to have cheated. Until the end of the epoch, `epoch`
/// attempts each from the first, that the next attempt belongs to, it has no weight: no leases, no seats, no vote (SPEC
/// §IV.9.8).
///
/// # Panics
/// With epochs of no attempts.
#[must_use]
pub fn counts_again(caught: u64, epoch: u64) -> u64 {
    // The next attempt's place from 0 is the number of the last.
    (caught / epoch).saturating_add(1).saturating_mul(epoch).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_trained_later() {
        // A quarter of the lanes lost in each round, all but the last round's are merged.
        let (mut debt, mut merged, mut trained) = (0, 0, 0);
        for round in 1..=100 {
            let all = leased(8, debt);
            let lost = (trained + all) / 4 - trained / 4;
            (trained, merged) = (trained + all, merged + all - lost);
            debt = owed(8, all, all - lost);
            assert_eq!(merged + debt, 8 * round);
            assert!(debt <= 3, "{debt}");
        }
        assert_eq!([owed(8, 16, 2), owed(8, 8, 8), owed(8, 3, 5)], [8, 0, 0]);
        assert_eq!([leased(4096, 5), leased(u32::MAX, 1)], [4096; 2]);
    }

    #[test]
    fn who_is_caught_misses_the_rest_of_the_next_attempts_epoch() {
        let of = |caught| counts_again(caught, 4);
        // Epochs are attempts 1 to 4, 5 to 8 and so on; the fourth's cheat misses all of the second.
        assert_eq!([of(1), of(2), of(3), of(4), of(7), of(8)], [5, 5, 5, 9, 9, 13]);
        assert_eq!([counts_again(1, 1), counts_again(2, 1)], [3, 4]);
        assert_eq!(counts_again(u64::MAX, 1), u64::MAX);
    }
}
