//! What lanes earn, kept back until fraud no longer pays (SPEC §IV.9.7).

use super::super::committee::{MAX_SEATS, Seats};
use super::super::ratio::Ratio;
use super::super::reputation::{STANDING_DAYS, Standing};
use super::verdict::Outcome;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// One, in the units of probabilities here.
const ONE: u128 = 1 << 64;

/// The least number of rounds W to keep rewards back so that no share of false segments pays: above 1 / (n (1 - b^k)), for
/// `average` segments n checked of a lane, each by `seats` k checkers, of which a share b of the weight would hide it.
/// b^k is rounded up at each power, in units of 2^-64. `None` where no number is enough: nothing is checked, or all hide it,
/// or it passes a u32.
#[must_use]
pub fn least_rounds(average: &Seats, hiding: Ratio, seats: u32) -> Option<u32> {
    // n (1 - b^k), in units of 2^-64 / 1000.
    let caught = u128::from(average.thousandths()) * (ONE - all_hide(hiding, seats));
    if caught == 0 {
        return None;
    }
    u32::try_from(1000 * ONE / caught + 1).ok()
}

/// b^k, rounded up at each power, in units of 2^-64.
fn all_hide(hiding: Ratio, seats: u32) -> u128 {
    // Below 2^64 2^32.
    (0..seats).fold(ONE, |power, _| (power * hiding.num()).div_ceil(hiding.den()).min(ONE))
}

/// As [`least_rounds`], where checkers draw their own seats, `seats` k on average, and each the segments that it repeats, n on
/// average: above 1 / (1 - e^(-min(n, 1) k (1 - b))). No share of false segments is caught with less than that share of the chance
/// with which a lane is caught that is false in all of them. The power is rounded up. `None` where no number is enough.
#[must_use]
pub fn least_rounds_of_own_draws(average: &Seats, hiding: Ratio, seats: u32) -> Option<u32> {
    // e^x as the sum of its first terms is too small, so e^-x is too large.
    let honest = hiding.den().saturating_sub(hiding.num());
    // At most 1000 · 2^12 · 2^32, of which terms below 2^72 are multiplied by it.
    let x = u128::from(average.thousandths().min(1000)) * u128::from(seats.min(MAX_SEATS)) * honest;
    let (mut term, mut sum, mut i) = (ONE, ONE, 1);
    while term > 0 && sum < 1 << 72 {
        term = term * x / (1000 * hiding.den() * i);
        (sum, i) = (sum + term, i + 1);
    }
    let missed = (u128::MAX / sum + 1).min(ONE);
    u32::try_from(ONE.checked_div(ONE - missed)? + 1).ok()
}

/// ln 100, in thousandths, rounded up.
const LN_100: u128 = 4606;

/// The least number of rounds within which who fakes one segment of each lane is seen in 99 of 100 cases at least: of `segments` M of a
/// lane `average` n are drawn, for all of `seats` k checkers, of which a share b of the weight would hide it. One round misses
/// it with 1 - (n / M) (1 - b^k), which is below e^-((n / M) (1 - b^k)). `None` as of [`least_rounds`].
#[must_use]
pub fn rounds_to_see(average: &Seats, segments: u32, hiding: Ratio, seats: u32) -> Option<u32> {
    let seen = drawn(average, segments) * (ONE - all_hide(hiding, seats));
    rounds_by(segments, ONE, seen)
}

/// As [`rounds_to_see`], where checkers draw their own seats, `seats` k on average, and each the segments that it repeats, n on
/// average: a round misses one false segment with e^-((n / M) k (1 - b)) at most.
#[must_use]
pub fn rounds_to_see_by_own_draws(average: &Seats, segments: u32, hiding: Ratio, seats: u32) -> Option<u32> {
    let honest = hiding.den().saturating_sub(hiding.num());
    let seen = drawn(average, segments) * u128::from(seats.min(MAX_SEATS)) * honest;
    rounds_by(segments, hiding.den(), seen)
}

/// Segments drawn on average, in thousandths.
fn drawn(average: &Seats, segments: u32) -> u128 {
    u128::from(average.thousandths()).min(1000 * u128::from(segments))
}

/// ln 100 divided by `seen / (1000 · segments · unit)`, rounded up.
fn rounds_by(segments: u32, unit: u128, seen: u128) -> Option<u32> {
    // At most 2^13 2^32 2^64.
    u32::try_from(
        (LN_100 * u128::from(segments) * unit).checked_add(seen)?.checked_sub(1)?.checked_div(seen)?,
    )
    .ok()
}

/// For how many rounds to keep back what a host earns that is checked the less the longer it is honest: the least number such that
/// whenever it cheats, what it has at stake is that of as many rounds as its standing then asks for (`least` of it). It is a day
/// older with each round.
///
/// # Units
/// - `standing`: after the round; `least`: [`least_rounds`] or what is more, rising with honest days.
#[must_use]
pub fn wait_of_standing(standing: &Standing, least: impl Fn(&Standing) -> Option<u32>) -> Option<u32> {
    // Of these days, and those before that have not vested.
    let mut older = *standing;
    let ages: Vec<Option<u32>> = (0..=STANDING_DAYS)
        .map(|_| {
            let rounds = least(&older);
            older.work_honestly();
            rounds
        })
        .collect();
    // Full by then, and for good.
    let full = ages.last().copied().flatten()?;
    if full > STANDING_DAYS {
        return Some(full);
    }
    let is_due = |age: &u32| ages[*age as usize].is_none_or(|rounds| rounds > *age);
    Some((0..full).rev().find(is_due).map_or(0, |age| age + 1))
}

/// How a lane's reward is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Units for a lane.
    pub reward: u64,
    /// Segments of a lane, each a part of the work of training it.
    pub segments: u32,
}

/// What a checker does of a lane's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// In segments, the end as one.
    pub parts: u64,
    /// Whether it revealed, and the outcome bears its word out.
    pub is_borne_out: bool,
}

/// Where a lane's reward goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Units for the trainer.
    pub trainer: u64,
    /// Units for each checker.
    pub checkers: Vec<u64>,
    /// Units for nobody: not minted.
    pub unpaid: u64,
}

impl Terms {
    /// Shares a lane's reward by work, to the unit: trainer, checkers and `unpaid` add up to the reward.
    ///
    /// Of a lane that counts, a checker gets what its part is of all work that is due; the trainer gets what no checker would,
    /// and those that were silent are not paid. Of a lane with a proven fraud, those that accused share all. Otherwise nobody
    /// is paid.
    ///
    /// # Shapes
    /// - `checkers`: `[checkers]`; so many shares, too.
    #[must_use]
    pub fn shares(&self, outcome: Outcome, checkers: &[Checked]) -> Shares {
        let counts = outcome.is_accepted();
        let sum: u128 = checkers
            .iter()
            .filter(|checker| counts || checker.is_borne_out)
            .map(|checker| u128::from(checker.parts))
            .sum();
        let work = sum + if counts { u128::from(self.segments) } else { 0 };
        let share = |checker: &Checked| {
            // Parts are below 2^64, and so is the share, of a whole that they are of.
            let share = (u128::from(self.reward) * u128::from(checker.parts)).checked_div(work);
            u64::try_from(share.unwrap_or(0)).expect("at most the reward")
        };
        let is_paid = counts || outcome == Outcome::Convicted;
        let paid = |checker: &Checked| if is_paid && checker.is_borne_out { share(checker) } else { 0 };
        let due: u64 = if counts { checkers.iter().map(share).sum() } else { self.reward };
        let shares: Vec<u64> = checkers.iter().map(paid).collect();
        let unpaid = due - shares.iter().sum::<u64>();
        Shares { trainer: self.reward - due, checkers: shares, unpaid }
    }
}

/// For how many rounds a host's rewards are kept back: `rounds` ([`least_rounds`]) of those in which it trains, one in
/// W / (U w) where its weight w of W is worth less than one of U lanes, rounded up. Kept back for fewer, what a host that
/// trains now and then could lose would be less than what it gains by fraud. `u64::MAX` for one that never trains.
#[must_use]
pub fn wait_of(rounds: u32, lanes: u32, weight: u64, total: u64) -> u64 {
    let (due, total) = (u128::from(lanes) * u128::from(weight), u128::from(total));
    if due == 0 {
        return u64::MAX;
    }
    let stretched = (u128::from(rounds) * total).div_ceil(due);
    u64::try_from(stretched).unwrap_or(u64::MAX).max(rounds.into())
}

/// Rewards that are not vested, by host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escrow<Id> {
    /// Rounds in which they vest, with units.
    held: BTreeMap<Id, Vec<(u64, u64)>>,
}

/// What the end of a round makes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed<Id> {
    /// Units that are a host's own from now on.
    pub vested: BTreeMap<Id, u64>,
    /// Units that hosts lost.
    pub forfeited: u64,
}

impl<Id> Default for Escrow<Id> {
    fn default() -> Self {
        Self { held: BTreeMap::new() }
    }
}

impl<Id: Ord + Clone> Escrow<Id> {
    /// Units held of a host.
    #[must_use]
    pub fn held(&self, host: &Id) -> u64 {
        self.held.get(host).map_or(0, |entries| sum(entries.iter().map(|(_, units)| *units)))
    }

    /// All hosts with what is held of them: rounds in which units vest, and units.
    pub fn entries(&self) -> impl Iterator<Item = (&Id, &[(u64, u64)])> {
        self.held.iter().map(|(host, entries)| (host, &entries[..]))
    }

    /// Ends a round, which counts up from call to call: what was earned in it comes in, to be kept back for as many
    /// rounds as `wait` says of its host; whoever is at fault loses all that is held, this round's too; what is due vests.
    ///
    /// Sums past 2^64 - 1 stay there: no rewards of real terms reach them.
    pub fn close(
        &mut self,
        round: u64,
        earned: &BTreeMap<Id, u64>,
        at_fault: &BTreeSet<Id>,
        wait: impl Fn(&Id) -> u64,
    ) -> Closed<Id> {
        for (host, units) in earned.iter().filter(|(_, units)| **units > 0) {
            let due = round.saturating_add(wait(host));
            self.held.entry(host.clone()).or_default().push((due, *units));
        }
        let mut closed = Closed { vested: BTreeMap::new(), forfeited: 0 };
        for host in at_fault {
            let lost = self.held.remove(host).unwrap_or_default();
            closed.forfeited = sum(lost.iter().map(|(_, units)| *units).chain([closed.forfeited]));
        }
        for (host, entries) in &mut self.held {
            let units = sum(entries.extract_if(.., |(due, _)| *due <= round).map(|(_, units)| units));
            if units > 0 {
                closed.vested.insert(host.clone(), units);
            }
        }
        self.held.retain(|_, entries| !entries.is_empty());
        closed
    }
}

fn sum(units: impl Iterator<Item = u64>) -> u64 {
    units.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::super::super::decimal::Decimal;
    use super::*;

    fn average(segments: u32) -> Seats {
        let mut standing = Standing::default();
        (0..30).for_each(|_| standing.work_honestly());
        Seats::of(segments, &standing, Decimal::hundredths(1))
    }

    #[test]
    fn rounds_outlast_what_a_fraud_gains() {
        let third = Ratio::new(1, 3).unwrap();
        // 0.16 segments on average: 6.25 without anybody who hides, 6.25 / (1 - 1/9) = 7.03 with a third and two seats.
        assert_eq!(least_rounds(&average(16), Ratio::percent(0), 2), Some(7));
        assert_eq!(least_rounds(&average(16), third, 2), Some(8));
        assert_eq!(least_rounds(&average(16), third, 1), Some(10));
        // Above, not at: 1 / 1.
        assert_eq!(least_rounds(&Seats::jury(1), Ratio::percent(0), 1), Some(2));
        assert_eq!(least_rounds(&Seats::jury(1), Ratio::percent(100), 3), None);
        assert_eq!(least_rounds(&Seats::jury(0), Ratio::percent(0), 3), None);
        assert_eq!(least_rounds(&Seats::jury(1), Ratio::percent(0), 0), None);
    }

    #[test]
    fn own_draws_take_more_seats_for_the_same_wait() {
        let third = Ratio::new(1, 3).unwrap();
        // 1 / (1 - e^-0.32) = 3.65 without anybody who hides, 1 / (1 - e^(-0.32 · 2/3)) = 5.20 with a third.
        assert_eq!(least_rounds_of_own_draws(&average(16), Ratio::percent(0), 2), Some(4));
        assert_eq!(least_rounds_of_own_draws(&average(16), third, 2), Some(6));
        assert_eq!(least_rounds_of_own_draws(&Seats::jury(16), third, 4096), Some(2));
        assert_eq!(least_rounds_of_own_draws(&average(16), Ratio::percent(100), 2), None);
        assert_eq!(least_rounds_of_own_draws(&average(16), Ratio::percent(101), 2), None);
        assert_eq!(least_rounds_of_own_draws(&average(16), third, 0), None);
    }

    #[test]
    fn one_false_segment_is_seen_in_time() {
        let third = Ratio::new(1, 3).unwrap();
        // 4.606 / 0.01 without anybody who hides, and with a third of them: times 9/8 by two seats' hash, 3/4 by 2 own seats.
        assert_eq!(rounds_to_see(&average(16), 16, Ratio::percent(0), 2), Some(461));
        assert_eq!(rounds_to_see(&average(16), 16, third, 2), Some(519));
        assert_eq!(rounds_to_see_by_own_draws(&average(16), 16, third, 2), Some(346));
        // All of it repeated by one seat, and one segment of four by four.
        assert_eq!(rounds_to_see(&Seats::jury(4), 4, Ratio::percent(0), 1), Some(5));
        assert_eq!(rounds_to_see_by_own_draws(&Seats::jury(1), 4, third, 4), Some(7));
        for nothing in [rounds_to_see, rounds_to_see_by_own_draws] {
            assert_eq!(nothing(&Seats::jury(0), 4, third, 4), None);
            assert_eq!(nothing(&Seats::jury(1), 4, Ratio::percent(100), 4), None);
            assert_eq!(nothing(&Seats::jury(1), 4, third, 0), None);
        }
    }

    #[test]
    fn what_is_at_stake_keeps_up_with_standing() {
        let of = |days: u32| {
            let mut standing = Standing::default();
            (0..days).for_each(|_| standing.work_honestly());
            standing
        };
        for full in [0, 1, 6, 7, 30, 500_u32] {
            // Two rounds, until the last of 30 days asks for all.
            let least =
                |standing: &Standing| Some(if standing.honest_days() < 30 { full.min(2) } else { full });
            let wait = |days: u32| wait_of_standing(&of(days), least).unwrap();
            for now in 0..100_u32 {
                let at_stake = (0..=now).filter(|then| now - then < wait(*then)).count();
                let asked = least(&of(now)).unwrap();
                assert!(at_stake as u32 >= asked.min(now + 1), "{now}: {at_stake} of {asked}");
            }
            assert_eq!((wait(40), wait(0)), (full, if full > 30 { full } else { full.min(2) }));
        }
        assert_eq!(wait_of_standing(&of(0), |_| None), None);
    }

    #[test]
    fn shares_follow_the_work_and_add_up() {
        let terms = Terms { reward: 1000, segments: 16 };
        let of = |outcome, checkers: &[(u64, bool)]| {
            let checked =
                |(parts, is_borne_out): &(u64, bool)| Checked { parts: *parts, is_borne_out: *is_borne_out };
            let shares = terms.shares(outcome, &checkers.iter().map(checked).collect::<Vec<_>>());
            (shares.trainer, shares.checkers, shares.unpaid)
        };
        // Two segments and the end of each: 3 of 16 + 6.
        assert_eq!(of(Outcome::Accepted, &[(3, true), (3, true)]), (728, [136, 136].into(), 0));
        assert_eq!(of(Outcome::Cleared, &[(3, true), (3, false)]), (728, [136, 0].into(), 136));
        assert_eq!(of(Outcome::Convicted, &[(3, true), (3, false)]), (0, [1000, 0].into(), 0));
        assert_eq!(of(Outcome::Convicted, &[(1, true), (2, true)]), (0, [333, 666].into(), 1));
        assert_eq!(of(Outcome::Withheld, &[(3, true)]), (0, [0].into(), 1000));
        assert_eq!(of(Outcome::Accepted, &[]), (1000, [].into(), 0));
    }

    #[test]
    fn fraud_costs_what_is_held_and_no_more() {
        let mut escrow = Escrow::default();
        let (earned, none) = (BTreeMap::from([("a", 10), ("b", 5)]), BTreeSet::new());
        let wait = |host: &&str| if *host == "a" { 2 } else { 3 };
        assert_eq!(escrow.close(0, &earned, &none, wait).vested, BTreeMap::new());
        assert_eq!(escrow.close(1, &earned, &none, wait).vested, BTreeMap::new());
        assert_eq!(escrow.close(2, &earned, &none, wait).vested, BTreeMap::from([("a", 10)]));
        let closed = escrow.close(3, &earned, &BTreeSet::from(["a", "stranger"]), wait);
        assert_eq!(closed, Closed { vested: BTreeMap::from([("b", 5)]), forfeited: 30 });
        assert_eq!((escrow.held(&"a"), escrow.held(&"b")), (0, 15));
    }

    #[test]
    fn who_trains_now_and_then_waits_for_longer() {
        assert_eq!(wait_of(8, 10, 1, 10), 8);
        assert_eq!(wait_of(8, 10, 5, 10), 8);
        // One round in four, and one in 3.5.
        assert_eq!([wait_of(8, 10, 1, 40), wait_of(8, 10, 1, 35)], [32, 28]);
        assert_eq!([wait_of(8, 10, 3, 100), wait_of(0, 1, 1, 9)], [27, 0]);
        assert_eq!([wait_of(8, 10, 0, 40), wait_of(8, 0, 1, 1)], [u64::MAX; 2]);
        assert_eq!(wait_of(u32::MAX, 1, 1, u64::MAX), u64::MAX);
    }
}
