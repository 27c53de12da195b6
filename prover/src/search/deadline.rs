//! The last batch before a deadline: one that is cut short is not counted.

use std::time::Duration;

/// Share of a batch's time that a smaller one takes as well: a GPU makes every matrix from the pool for each batch.
const FIXED: f64 = 0.125;
/// Share of the time left that is planned for: batches are not alike.
const PLANNED: f64 = 0.9;

/// How many nonces can be done in the time `left`, at most `batch`, after a batch of so many took so long.
pub(super) fn fitting(left: Duration, (nonces, took): (usize, Duration), batch: usize) -> usize {
    let batches = PLANNED * left.as_secs_f64() / took.as_secs_f64().max(1e-9);
    let share = ((batches - FIXED) / (1.0 - FIXED)).max(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "saturates, and is limited"
    )]
    let fits = (share * nonces as f64) as usize;
    fits.min(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_batch_that_fits_is_whole_and_the_last_one_is_cut_to_what_is_left() {
        // 100 nonces a second: a whole batch, then ever less, down to none.
        let fits = |left: f64| fitting(Duration::from_secs_f64(left), (100, SECOND), 100);
        assert_eq!((fits(60.0), fits(1.2)), (100, 100));
        assert_eq!((fits(1.0), fits(0.5), fits(0.2), fits(0.1)), (88, 37, 6, 0));
        assert_eq!(fits(0.0), 0);
    }

    #[test]
    fn what_is_planned_is_done_in_time_whatever_the_share_that_stays_up_to_the_one_assumed() {
        for (fixed, left) in [0.0, 0.05, FIXED].into_iter().flat_map(|f| (1..200).map(move |n| (f, n))) {
            let left = f64::from(left) / 100.0;
            let took = |nonces: usize| fixed + (1.0 - fixed) * nonces as f64 / 100.0;
            let nonces = fitting(Duration::from_secs_f64(left), (100, SECOND), 100);
            assert!(nonces == 0 || took(nonces) <= left, "{nonces} in {left} s, {fixed} of it fixed");
        }
    }

    #[test]
    fn a_device_of_one_nonce_at_a_time_begins_none_that_it_cannot_end() {
        let fits = |left| fitting(Duration::from_secs(left), (1, 40 * SECOND), 1);
        assert_eq!((fits(30), fits(44), fits(45)), (0, 0, 1));
        // No clock is that fine.
        assert_eq!(fitting(SECOND, (7, Duration::ZERO), 9), 9);
        assert_eq!(fitting(Duration::MAX, (usize::MAX, Duration::ZERO), 9), 9);
    }
}
