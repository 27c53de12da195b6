//! What becomes of a lane (SPEC §IV.9.4, §IV.9.5): checkers bind themselves to what they computed before the trainer shows
//! what it committed to; one that differs is enough for all to decide.

use sha2::{Digest, Sha256};

/// What a checker binds itself to before the trainer's leaves are opened: SHA-256 with its key and the round's seed, so
/// that another's seal is of no use to it.
///
/// # Shapes
/// - `leaves`: `[segments drawn]`, the leaf after each, ascending.
#[must_use]
pub fn seal(checker: &[u8; 32], seed: &[u8; 32], lane: u32, leaves: &[[u8; 32]]) -> [u8; 32] {
    let mut sha = Sha256::new_with_prefix(b"sphere-pow lane seal 1");
    sha.update(checker);
    sha.update(seed);
    sha.update(lane.to_le_bytes());
    leaves.iter().for_each(|leaf| sha.update(leaf));
    sha.finalize().into()
}

/// Weight behind each answer in a trial. The four add up to the weight of all but the trainer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// Weight that found no fraud.
    pub valid: u128,
    /// Weight that found fraud.
    pub fraud: u128,
    /// Weight that could not get what it was to repeat.
    pub missing: u128,
    /// Weight that said nothing.
    pub silent: u128,
}

/// What a lane has come to when its last window closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// Commitments of its host that differ: none, one, or more.
    pub commitments: u32,
    /// Whether hosts of more than half of the weight have its delta, and it is one.
    pub is_held: bool,
    /// Whether its host showed what was drawn of it.
    pub is_shown: bool,
    /// Seats of checkers that found what the host had committed to.
    pub agreeing: u32,
    /// Seats of checkers that found something else.
    pub accusing: u32,
    /// Seats of checkers that could not get what they were to repeat.
    pub missing: u32,
    /// What everybody found, where a checker accused or missed something.
    pub trial: Trial,
}

/// What becomes of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It counts: all checkers that spoke found what its host had committed to.
    Accepted,
    /// It counts: most of the weight did not find what a checker said.
    Cleared,
    /// Fraud: most of the weight found what a checker said.
    Convicted,
    /// Fraud: its host committed to two things.
    Void,
    /// It does not count: nobody committed in time.
    Missing,
    /// It does not count: too few have its delta.
    Unheld,
    /// It does not count: its host did not show what was drawn, or gave it to too few.
    Withheld,
    /// It does not count: no checker spoke.
    Unchecked,
    /// It does not count: there was a trial, and no answer has most of the weight.
    Undecided,
}

impl Outcome {
    /// Whether the lane's delta is merged, and its host paid.
    #[must_use]
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Accepted | Self::Cleared)
    }

    /// Whether the host is shown to have cheated: it loses its standing and all that is not vested.
    #[must_use]
    pub fn is_fraud(self) -> bool {
        matches!(self, Self::Convicted | Self::Void)
    }

    /// Whether the host loses all that is not vested: fraud, and what would be shown as fraud were it not withheld.
    /// Otherwise whoever sees a false segment drawn would rather be silent than caught.
    #[must_use]
    pub fn forfeits(self) -> bool {
        self.is_fraud() || self == Self::Withheld
    }

    /// Whether a checker that spoke said what is true, as far as that is known: results are equal to the bit, so there is no
    /// honest error.
    ///
    /// `concerned`: of a convicted lane, whether what most of the weight found false is in the checker's part ([`super::draw::part`])
    /// or is the end, which all look at; `None` where no place has most of the weight.
    #[must_use]
    pub fn is_true_word(self, accused: bool, concerned: Option<bool>) -> Option<bool> {
        match self {
            Self::Accepted | Self::Cleared => Some(!accused),
            Self::Convicted => concerned.map(|concerned| concerned == accused),
            _ => None,
        }
    }
}

impl Case {
    /// Whether everybody has to decide.
    #[must_use]
    pub fn is_disputed(&self) -> bool {
        self.commitments == 1 && self.is_shown && (self.accusing > 0 || self.missing > 0)
    }

    /// What becomes of it. Of several reasons not to count, the first in this order: nothing committed, two things
    /// committed, not shown, not checked, a trial, not held.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.commitments {
            0 => return Outcome::Missing,
            1 => {}
            _ => return Outcome::Void,
        }
        if !self.is_shown {
            return Outcome::Withheld;
        }
        if self.agreeing == 0 && !self.is_disputed() {
            return Outcome::Unchecked;
        }
        if self.is_disputed() {
            let Trial { valid, fraud, missing, silent } = self.trial;
            let half = (valid + fraud + missing + silent) / 2;
            if fraud > half {
                return Outcome::Convicted;
            }
            if fraud + missing > half {
                return Outcome::Withheld;
            }
            if valid <= half {
                return Outcome::Undecided;
            }
        }
        match (self.is_held, self.is_disputed()) {
            (false, _) => Outcome::Unheld,
            (true, false) => Outcome::Accepted,
            (true, true) => Outcome::Cleared,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Case = Case {
        commitments: 1,
        is_held: true,
        is_shown: true,
        agreeing: 2,
        accusing: 0,
        missing: 0,
        trial: Trial { valid: 0, fraud: 0, missing: 0, silent: 0 },
    };

    fn tried(valid: u128, fraud: u128, silent: u128) -> Outcome {
        Case { accusing: 1, trial: Trial { valid, fraud, missing: 0, silent }, ..GOOD }.outcome()
    }

    #[test]
    fn each_condition_is_needed() {
        assert_eq!(GOOD.outcome(), Outcome::Accepted);
        assert_eq!(Case { commitments: 0, ..GOOD }.outcome(), Outcome::Missing);
        assert_eq!(Case { commitments: 2, ..GOOD }.outcome(), Outcome::Void);
        assert_eq!(Case { is_held: false, ..GOOD }.outcome(), Outcome::Unheld);
        assert_eq!(Case { is_shown: false, is_held: false, ..GOOD }.outcome(), Outcome::Withheld);
        assert_eq!(Case { agreeing: 0, ..GOOD }.outcome(), Outcome::Unchecked);
    }

    #[test]
    fn one_accuser_is_enough_for_a_trial_and_half_is_no_majority() {
        assert!(Case { accusing: 1, ..GOOD }.is_disputed() && !GOOD.is_disputed());
        assert!(!Case { accusing: 1, is_shown: false, ..GOOD }.is_disputed());
        assert_eq!(tried(51, 49, 0), Outcome::Cleared);
        assert_eq!(tried(49, 51, 0), Outcome::Convicted);
        assert_eq!(tried(50, 50, 0), Outcome::Undecided);
        // Silence decides for neither side.
        assert_eq!(tried(40, 10, 50), Outcome::Undecided);
        assert_eq!(tried(0, 0, 0), Outcome::Undecided);
    }

    #[test]
    fn what_most_cannot_get_is_withheld() {
        let missed = |valid, fraud, missing, silent| {
            let trial = Trial { valid, fraud, missing, silent };
            Case { agreeing: 0, missing: 1, trial, ..GOOD }.outcome()
        };
        assert_eq!(missed(0, 0, 60, 40), Outcome::Withheld);
        assert_eq!(missed(0, 30, 30, 40), Outcome::Withheld);
        assert_eq!(missed(10, 51, 30, 9), Outcome::Convicted);
        // Only the checker could not.
        assert_eq!(missed(60, 0, 40, 0), Outcome::Cleared);
        assert_eq!(missed(50, 0, 50, 0), Outcome::Undecided);
    }

    #[test]
    fn false_words_are_those_that_the_trial_does_not_bear_out() {
        for concerned in [None, Some(false), Some(true)] {
            let cleared = [true, false].map(|accused| Outcome::Cleared.is_true_word(accused, concerned));
            assert_eq!(cleared, [Some(false), Some(true)]);
            let convicted = [true, false].map(|accused| Outcome::Convicted.is_true_word(accused, concerned));
            assert_eq!(convicted, [concerned, concerned.map(|concerned| !concerned)]);
            for outcome in [Outcome::Undecided, Outcome::Withheld, Outcome::Unheld] {
                assert_eq!([true, false].map(|accused| outcome.is_true_word(accused, concerned)), [None; 2]);
            }
        }
    }

    #[test]
    fn a_seal_is_one_checkers_of_one_lane() {
        let leaves = [[1; 32], [2; 32]];
        let own = seal(&[7; 32], &[8; 32], 3, &leaves);
        let others = [
            seal(&[6; 32], &[8; 32], 3, &leaves),
            seal(&[7; 32], &[9; 32], 3, &leaves),
            seal(&[7; 32], &[8; 32], 4, &leaves),
            seal(&[7; 32], &[8; 32], 3, &leaves[..1]),
        ];
        assert!(!others.contains(&own));
    }
}
