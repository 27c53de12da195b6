//! Which host trains which lane: by weight, to less than a few lanes over all rounds (SPEC §IV.9.1).

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Most lanes of a run (SPEC §IV.1).
pub const MAX_LANES: u32 = 4096;

/// A lane in the units of what hosts are owed.
const LANE: i64 = 1 << 32;

/// What hosts are owed of lanes, in units of 2^-32 lanes: what their weights gave them less what they were leased.
///
/// Without it the largest remainders would win in each round anew: with fewer lanes than hosts, the heaviest hosts would
/// train for ever and the others never.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credits {
    owed: Vec<i64>,
}

impl Credits {
    /// What each host is owed, by number, in units of 2^-32 lanes.
    #[must_use]
    pub fn owed(&self) -> &[i64] {
        &self.owed
    }

    /// Leases a round's lanes, [`MAX_LANES`] at most: each host is owed `lanes · w / W` more, and lane after lane goes to whom most is owed, the
    /// lowest number among equals. Gives the number of lanes of each host; lanes are numbered by host
    /// ([`holders`]). Without any weight nobody gets one.
    ///
    /// Hosts without weight are owed nothing. In the first round these are the largest remainders.
    ///
    /// # Shapes
    /// - `weights`: `[hosts]`; the result too.
    pub fn lease(&mut self, lanes: u32, weights: &[u64]) -> Vec<u32> {
        let lanes = lanes.min(MAX_LANES);
        let mut counts = alloc::vec![0; weights.len()];
        self.owed.resize(weights.len(), 0);
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        if total == 0 {
            self.owed.fill(0);
            return counts;
        }
        let mut queue = BinaryHeap::with_capacity(weights.len());
        for (ix, (owed, weight)) in self.owed.iter_mut().zip(weights).enumerate() {
            if *weight == 0 {
                *owed = 0;
                continue;
            }
            // At most 2^12 2^64 2^32 before the division, and 2^44 after it.
            let due = ((u128::from(lanes) * u128::from(*weight)) << 32) / total;
            *owed = owed.saturating_add(i64::try_from(due).expect("at most 2^44"));
            queue.push((*owed, Reverse(ix)));
        }
        for _ in 0..lanes {
            let Some((owed, Reverse(ix))) = queue.pop() else { break };
            counts[ix] += 1;
            self.owed[ix] = owed.saturating_sub(LANE);
            queue.push((self.owed[ix], Reverse(ix)));
        }
        counts
    }

    /// Who takes over `lanes` lanes whose hosts are gone: those who are there, in the order of what they are owed, the
    /// lowest number first among equals, again from the first when there are more lanes. It is a gift: they are owed no
    /// less for it, and who let a lane go no more. Empty where nobody is there.
    ///
    /// # Shapes
    /// - `is_there`: `[hosts]`.
    #[must_use]
    pub fn release(&self, lanes: usize, is_there: &[bool]) -> Vec<usize> {
        let owed = |host: usize| self.owed.get(host).copied().unwrap_or(0);
        let mut hosts: Vec<usize> =
            is_there.iter().enumerate().filter_map(|(host, is_there)| is_there.then_some(host)).collect();
        hosts.sort_by_key(|host| (Reverse(owed(*host)), *host));
        hosts.iter().copied().cycle().take(if hosts.is_empty() { 0 } else { lanes }).collect()
    }
}

/// The host of each lane: those of the first host come first.
///
/// # Shapes
/// - `counts`: `[hosts]`, of [`Credits::lease`].
#[must_use]
pub fn holders(counts: &[u32]) -> Vec<usize> {
    let of = |(host, count): (usize, &u32)| core::iter::repeat_n(host, *count as usize);
    counts.iter().enumerate().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_round_is_the_largest_remainders() {
        // Quotas 2.4, 1.2, 0.4, of which the remainders 0.4 are equal: the first host has it.
        assert_eq!(Credits::default().lease(4, &[6, 3, 1]), [3, 1, 0]);
        assert_eq!(Credits::default().lease(5, &[0, 1, 0, 1]), [0, 3, 0, 2]);
        assert_eq!(Credits::default().lease(4, &[0, 0]), [0, 0]);
        assert_eq!(Credits::default().lease(u32::MAX, &[u64::MAX; 2]), [MAX_LANES / 2; 2]);
        assert_eq!(holders(&[2, 0, 1]), [0, 0, 2]);
    }

    #[test]
    fn light_hosts_have_their_turn() {
        let mut credits = Credits::default();
        let mut trained = [0; 10];
        for _ in 0..30 {
            for (host, count) in credits.lease(2, &[1; 10]).into_iter().enumerate() {
                trained[host] += count;
            }
        }
        assert_eq!(trained, [6; 10]);
    }

    #[test]
    fn who_is_there_takes_over() {
        let mut credits = Credits::default();
        assert_eq!(credits.lease(2, &[5, 4, 3]), [1, 1, 0]);
        assert_eq!(credits.release(3, &[true, false, true]), [2, 0, 2]);
        assert_eq!(credits.release(3, &[false; 3]), [0; 0]);
        let before = credits.clone();
        let _ = credits.release(1, &[true; 3]);
        assert_eq!(credits, before);
    }
}
