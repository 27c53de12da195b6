//! How a host checks another's lane: it repeats what is drawn from what was opened, and looks at the end.

use super::super::duty::{Case, Checking, Trial};
use super::super::message::{Finding, Word};
use super::Worker;
use sphere_pow_core::network::lanes::verdict::seal;
use sphere_pow_core::train::State;
use sphere_pow_core::train::commit::delta;

/// Why a host cannot repeat what it is to.
enum Lack {
    /// It has not what all have.
    Own,
    /// The trainer does not give what it opened, nor does anybody else.
    Theirs,
}

impl Worker {
    /// Whether it says of a lane that all is well because of whose it is.
    fn covers(&self, case: &Case) -> bool {
        let strategy = &self.identity.strategy;
        strategy.checking == Checking::Cover && strategy.is_friend(case.holder)
    }

    /// The leaf after each segment that it is to repeat.
    fn leaves(&mut self, trial: &Trial) -> Result<Vec<[u8; 32]>, Lack> {
        let case = &trial.case;
        let key = (case.attempt, case.lane);
        if let Some((_, found)) = self.found.get(&key).filter(|(runs, _)| *runs == trial.runs) {
            return Ok(found.clone());
        }
        if self.covers(case) {
            // Friends tell each other what they have made of their lanes.
            let made = self.make(case, None).ok_or(Lack::Own)?;
            let segments = trial.runs.iter().cloned().flatten();
            return Ok(segments.map(|j| *made.tree.transcripts()[j as usize + 1].as_bytes()).collect());
        }
        let (agreed, run) = (self.agreed(case).ok_or(Lack::Own)?, self.run.clone());
        let leaf = |j: u32, bytes: &[u8]| *run.id().leaf(case.round, case.lane, j, bytes).as_bytes();
        let (mut found, len) = (Vec::new(), State::bytes_of(run.params()));
        for (range, opened) in trial.runs.iter().zip(&trial.opened) {
            let start = State::start(run.params(), &agreed.theta);
            let state = if range.start == 0 && leaf(0, &start.to_bytes()) == *opened {
                Some(start)
            } else {
                let is_right = |bytes: &[u8]| leaf(range.start, bytes) == *opened;
                let blob = self.peers.fetch(&self.shelf, (opened, len), case.holder as usize, is_right);
                let bytes = blob.ok_or(Lack::Theirs)?;
                State::from_bytes(run.params(), &bytes).ok()
            };
            let Some(mut state) = state else {
                // No step has made it, so nothing is what comes after.
                found.extend(range.clone().map(|_| [0; 32]));
                continue;
            };
            for segment in range.clone() {
                self.repeat(case, segment, &mut state);
                found.push(leaf(segment + 1, &state.to_bytes()));
            }
        }
        self.found.insert(key, (trial.runs.clone(), found.clone()));
        Ok(found)
    }

    pub(super) fn check(&mut self, trial: &Trial) -> Option<Word> {
        match self.leaves(trial) {
            Ok(leaves) => {
                let seal = seal(&self.identity.key, &trial.case.seed, trial.case.lane, &leaves);
                Some(Word::Seal { seal })
            }
            Err(Lack::Theirs) if trial.is_last => Some(Word::Miss),
            Err(_) => None,
        }
    }

    /// Whether a lane begins with the agreed parameters, and its delta is that of its last state.
    fn is_end_right(&mut self, trial: &Trial) -> Result<bool, Lack> {
        let (case, [first, last]) = (&trial.case, trial.ends.ok_or(Lack::Own)?);
        if self.covers(case) {
            return Ok(true);
        }
        let (agreed, run) = (self.agreed(case).ok_or(Lack::Own)?, self.run.clone());
        let leaf = |j: u32, bytes: &[u8]| *run.id().leaf(case.round, case.lane, j, bytes).as_bytes();
        if leaf(0, &State::start(run.params(), &agreed.theta).to_bytes()) != first {
            return Ok(false);
        }
        let published = self.fetch(case, &trial.delta).ok_or(Lack::Theirs)?;
        let segments = run.params().raw().segments;
        let (is_right, len) = (|bytes: &[u8]| leaf(segments, bytes) == last, State::bytes_of(run.params()));
        let blob = self.peers.fetch(&self.shelf, (&last, len), case.holder as usize, is_right);
        let state = State::from_bytes(run.params(), &blob.ok_or(Lack::Theirs)?).ok();
        Ok(state.is_some_and(|state| delta(&agreed.theta, &state.theta()) == *published))
    }

    /// What was found, and whether the end is right.
    fn all_of(&mut self, trial: &Trial) -> Result<(Vec<[u8; 32]>, bool), Lack> {
        Ok((self.leaves(trial)?, self.is_end_right(trial)?))
    }

    pub(super) fn reveal(&mut self, trial: &Trial) -> Option<Word> {
        let strategy = &self.identity.strategy;
        let accuses = strategy.checking == Checking::Accuse && !strategy.is_friend(trial.case.holder);
        match self.all_of(trial) {
            Ok((leaves, is_right)) => Some(Word::Reveal { leaves, is_end_right: is_right && !accuses }),
            Err(Lack::Theirs) if trial.is_last => Some(Word::Miss),
            Err(_) => None,
        }
    }

    pub(super) fn judge(&mut self, trial: &Trial) -> Option<Word> {
        let finding = match self.all_of(trial) {
            Ok((leaves, is_end_right)) => {
                let segments = trial.runs.iter().cloned().flatten();
                let compared = segments.zip(leaves.iter().zip(&trial.after));
                let wrong = compared.filter(|(_, (own, shown))| own != shown).map(|(segment, _)| segment);
                let end = (!is_end_right).then(|| self.run.params().raw().segments);
                let places: Vec<u32> = wrong.chain(end).collect();
                if places.is_empty() { Finding::Right } else { Finding::Fraud { places } }
            }
            Err(Lack::Theirs) if trial.is_last => Finding::Missing,
            Err(_) => return None,
        };
        Some(Word::Judge { finding })
    }
}
