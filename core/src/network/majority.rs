//! Validators' votes on a claim and what they decide, silence included (SPEC §III.5).

use alloc::collections::BTreeMap;

/// What a validator says of a participant's claim. All else in its message decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vote {
    /// No fraud detected.
    Valid,
    /// Fraud detected.
    Fraud,
}

/// What two votes of one validator on one claim come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Revote {
    /// The last one stands: the network's rule. Depends on the order within the window.
    LastStands,
    /// Fraud stands: ours. Does not depend on any order.
    FraudStands,
}

/// The votes of one stage, by (participant, validator).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ballot<Id> {
    revote: Revote,
    votes: BTreeMap<Id, BTreeMap<Id, Vote>>,
}

impl<Id: Ord> Ballot<Id> {
    /// No votes yet.
    #[must_use]
    pub fn new(revote: Revote) -> Self {
        Self { revote, votes: BTreeMap::new() }
    }

    /// Takes a vote that [`super::message::accept_validation`] has let through.
    pub fn record(&mut self, participant: Id, validator: Id, vote: Vote) {
        let slot = self.votes.entry(participant).or_default().entry(validator);
        match self.revote {
            Revote::LastStands => drop(slot.insert_entry(vote)),
            Revote::FraudStands => drop(slot.and_modify(|old| *old = vote.max(*old)).or_insert(vote)),
        }
    }

    /// Adds up the weights behind the votes on `participant`. Votes of strangers to `validators` do not count.
    ///
    /// # Shapes
    /// - `validators`: weight by member of the current epoch's group.
    #[must_use]
    pub fn tally(&self, participant: &Id, validators: &BTreeMap<Id, u64>) -> Tally {
        let votes = self.votes.get(participant);
        let mut tally = Tally::default();
        for (validator, weight) in validators {
            let part = match votes.and_then(|votes| votes.get(validator)) {
                Some(Vote::Valid) => &mut tally.valid,
                Some(Vote::Fraud) => &mut tally.fraud,
                None => &mut tally.silent,
            };
            *part += u128::from(*weight);
        }
        tally
    }
}

/// Weight behind each answer to one claim. The three add up to the group's whole weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Weight that found no fraud.
    pub valid: u128,
    /// Weight that found fraud.
    pub fraud: u128,
    /// Weight that said nothing.
    pub silent: u128,
}

/// What becomes of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// It counts.
    Accepted,
    /// It does not.
    Rejected,
}

impl Tally {
    /// W.
    #[must_use]
    pub fn total(&self) -> u128 {
        self.valid + self.fraud + self.silent
    }

    /// Accepted when the valid weight is above ⌊W/2⌋: silence counts against the claim, SPEC §III.5.
    #[must_use]
    pub fn majority(&self) -> Decision {
        if self.valid > self.total() / 2 { Decision::Accepted } else { Decision::Rejected }
    }

    /// The network's later rule: above ⌊2W/3⌋ decides either way; between, the guardians who voted decide when
    /// they agree, and the claim is rejected when they do not or there are none, SPEC §III.5.
    ///
    /// # Shapes
    /// - `guardians`: the votes of those guardians that voted.
    #[must_use]
    pub fn two_thirds(&self, guardians: impl IntoIterator<Item = Vote>) -> Decision {
        let bar = 2 * self.total() / 3;
        if self.valid > bar {
            return Decision::Accepted;
        }
        if self.fraud > bar {
            return Decision::Rejected;
        }
        let mut guardians = guardians.into_iter().peekable();
        if guardians.peek().is_some() && guardians.all(|vote| vote == Vote::Valid) {
            Decision::Accepted
        } else {
            Decision::Rejected
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ballot(revote: Revote, votes: &[(u8, Vote)]) -> Ballot<u8> {
        let mut ballot = Ballot::new(revote);
        votes.iter().for_each(|(validator, vote)| ballot.record(0, *validator, *vote));
        ballot
    }

    #[test]
    fn half_is_not_a_majority_and_silence_counts_against() {
        let group = BTreeMap::from([(1, 50), (2, 30), (3, 20)]);
        let tally = |votes: &[(u8, Vote)]| ballot(Revote::LastStands, votes).tally(&0, &group);
        use Vote::{Fraud, Valid};
        assert_eq!(tally(&[(1, Valid)]).majority(), Decision::Rejected);
        assert_eq!(tally(&[(1, Valid), (3, Valid)]).majority(), Decision::Accepted);
        assert_eq!(tally(&[(2, Valid), (3, Valid), (1, Fraud)]).majority(), Decision::Rejected);
        assert_eq!(tally(&[]), Tally { valid: 0, fraud: 0, silent: 100 });
        assert_eq!(tally(&[]).majority(), Decision::Rejected);
        // A stranger's vote does not count.
        assert_eq!(tally(&[(1, Valid), (9, Valid)]).valid, 50);
        // W = 101: 50 is not above ⌊W/2⌋, 51 is.
        assert_eq!(Tally { valid: 50, fraud: 51, silent: 0 }.majority(), Decision::Rejected);
        assert_eq!(Tally { valid: 51, fraud: 50, silent: 0 }.majority(), Decision::Accepted);
        assert_eq!(Tally::default().majority(), Decision::Rejected);
    }

    #[test]
    fn two_thirds_leaves_the_middle_to_agreeing_guardians() {
        use Vote::{Fraud, Valid};
        let clear = Tally { valid: 67, fraud: 0, silent: 33 };
        assert_eq!(clear.two_thirds([Fraud]), Decision::Accepted);
        let split = Tally { valid: 66, fraud: 34, silent: 0 };
        assert_eq!(split.two_thirds([]), Decision::Rejected);
        assert_eq!(split.two_thirds([Valid, Valid]), Decision::Accepted);
        assert_eq!(split.two_thirds([Valid, Fraud]), Decision::Rejected);
        assert_eq!(split.two_thirds([Fraud]), Decision::Rejected);
        // W = 101: above ⌊202/3⌋ = 67.
        assert_eq!(Tally { valid: 67, fraud: 34, silent: 0 }.two_thirds([]), Decision::Rejected);
        assert_eq!(Tally { valid: 68, fraud: 33, silent: 0 }.two_thirds([]), Decision::Accepted);
        let bad = Tally { valid: 33, fraud: 67, silent: 0 };
        assert_eq!(bad.two_thirds([Valid]), Decision::Rejected);
    }

    #[test]
    fn revotes_follow_their_rule() {
        let group = BTreeMap::from([(1, 10)]);
        let valid = |revote, votes: &[Vote]| {
            let votes: alloc::vec::Vec<_> = votes.iter().map(|vote| (1, *vote)).collect();
            ballot(revote, &votes).tally(&0, &group).valid
        };
        use Vote::{Fraud, Valid};
        assert_eq!(valid(Revote::LastStands, &[Fraud, Valid]), 10);
        assert_eq!(valid(Revote::LastStands, &[Valid, Fraud]), 0);
        assert_eq!(valid(Revote::FraudStands, &[Fraud, Valid]), 0);
        assert_eq!(valid(Revote::FraudStands, &[Valid, Fraud]), 0);
        assert_eq!(valid(Revote::FraudStands, &[Valid, Valid]), 10);
    }
}
