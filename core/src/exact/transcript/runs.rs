//! Which nonces a host computed (SPEC §II.12.4): runs of equal steps, none of which can hold a nonce twice.

use super::TranscriptError;
use crate::identity::Nonce;

/// Most runs of a commitment: what a host with many devices has, and few enough to compare each with each.
pub const MAX_RUNS: usize = 2048;

/// The nonces first, first + step, …, `count` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first nonce.
    pub first: Nonce,
    /// From one nonce to the next, 1 or more.
    pub step: u64,
    /// How many, 1 or more.
    pub count: u64,
}

impl Run {
    /// The last nonce; `None` when the run is empty, does not move or leaves 0 to 2^63 - 1.
    #[must_use]
    pub fn last(&self) -> Option<Nonce> {
        let span = self.count.checked_sub(1)?.checked_mul(self.step).filter(|_| self.step > 0)?;
        Nonce::new(self.first.get().checked_add(span)?).ok()
    }

    /// The nonce at a place in the run.
    #[must_use]
    pub fn nonce(&self, index: u64) -> Option<Nonce> {
        Run { count: index.checked_add(1)?, ..*self }.last().filter(|_| index < self.count)
    }

    /// Whether two runs may share a nonce: their ranges overlap, and the steps' common divisor divides the distance
    /// of their first nonces. Both must have a [`Self::last`].
    fn may_meet(&self, other: &Self) -> bool {
        let (Some(own_last), Some(other_last)) = (self.last(), other.last()) else { return true };
        if own_last < other.first || other_last < self.first {
            return false;
        }
        self.first.get().abs_diff(other.first.get()).is_multiple_of(common_divisor(self.step, other.step))
    }
}

fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Checks run `index` of a commitment against those before it; `previous` is the run before it in its interval.
///
/// # Errors
/// [`TranscriptError::Run`], [`TranscriptError::Order`] or [`TranscriptError::Overlap`], in this order.
pub(super) fn check(
    index: usize,
    run: &Run,
    previous: Option<&Run>,
    before: impl Iterator<Item = Run>,
) -> Result<(), TranscriptError> {
    let Run { first, step, count } = *run;
    if run.last().is_none() {
        return Err(TranscriptError::Run { index, first: first.get(), step, count });
    }
    if let Some(previous) = previous.filter(|previous| previous.first >= first) {
        let (got, previous) = (first.get(), previous.first.get());
        return Err(TranscriptError::Order { index, got, previous });
    }
    match before.enumerate().find(|(_, other)| run.may_meet(other)) {
        Some((other, _)) => Err(TranscriptError::Overlap { index, other }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(first: u64, step: u64, count: u64) -> Run {
        Run { first: Nonce::new(first).expect("below 2^63"), step, count }
    }

    #[test]
    fn ends_are_within_the_nonces_or_absent() {
        assert_eq!(run(5, 3, 4).last(), Nonce::new(14).ok());
        assert_eq!(run(5, 3, 4).nonce(3), Nonce::new(14).ok());
        assert_eq!(run(5, 3, 4).nonce(4), None);
        assert_eq!(run(Nonce::MAX.get(), u64::MAX, 1).last(), Some(Nonce::MAX));
        for bad in [run(0, 1, 0), run(0, 0, 1), run(Nonce::MAX.get(), 1, 2), run(1, u64::MAX, u64::MAX)] {
            assert_eq!(bad.last(), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn runs_that_share_a_nonce_are_told(a in 0..40_u64, s in 1..8_u64, n in 1..9_u64, b in 0..40_u64, t in 1..8_u64, m in 1..9_u64) {
            let (x, y) = (run(a, s, n), run(b, t, m));
            let all = |run: Run| (0..run.count).filter_map(move |ix| run.nonce(ix));
            let shares = all(x).any(|nonce| all(y).any(|other| other == nonce));
            let told = check(1, &y, None, core::iter::once(x)) == Err(TranscriptError::Overlap { index: 1, other: 0 });
            prop_assert!(told || !shares);
            // Runs of one step are told exactly.
            let z = run(b, s, m);
            let shares = all(x).any(|nonce| all(z).any(|other| other == nonce));
            prop_assert_eq!(check(1, &z, None, core::iter::once(x)).is_err(), shares);
        }
    }
}
