//! Which messages a run's ledger takes, and which may still wait for their time.

use super::super::message::{Finding, Message, Refusal, Shown, Word};
use super::{LaneState, Ledger};
use crate::message::HostId;
use crate::sortition::Output;
use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::network::lanes::verdict::seal;
use sphere_pow_core::train::commit::root_of;

impl Ledger {
    /// Whether [`Self::apply`] would take a message in the next block.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn admits(&self, sender: HostId, message: &Message) -> Result<(), Refusal> {
        self.admitted(sender, message).map(|_| ())
    }

    /// As [`Self::admits`]; with what a draw's proof comes to, so that nobody verifies it again.
    pub(super) fn admitted(&self, sender: HostId, message: &Message) -> Result<Option<Output>, Refusal> {
        let (hosts, lanes, what) = (self.accounts.len(), self.lanes.len(), message.word.what());
        let account = self.accounts.get(sender as usize).ok_or(Refusal::Stranger { got: sender, hosts })?;
        if message.attempt != self.attempt {
            return Err(Refusal::Attempt { got: message.attempt, expected: self.attempt });
        }
        if !message.word.phases().contains(&self.phase) {
            return Err(Refusal::Phase { what, phase: self.phase });
        }
        let lane = self.lanes.get(message.lane as usize).ok_or(Refusal::Lane { got: message.lane, lanes })?;
        let part = |is_so: bool| if is_so { Ok(()) } else { Err(Refusal::NoPart { what }) };
        let first = |is_so: bool| if is_so { Ok(()) } else { Err(Refusal::Repeated { what }) };
        let leaves = |got: usize, expected: usize| {
            if got == expected { Ok(()) } else { Err(Refusal::Leaves { what, got, expected }) }
        };
        match &message.word {
            Word::Commit { root, delta } => {
                part(lane.holder == sender)?;
                let is_known =
                    lane.commitments.iter().any(|known| (&known.root, &known.delta) == (root, delta));
                first(!is_known && lane.commitments.len() < 2)
            }
            Word::Hold { lanes } => {
                part(self.weight(sender) > 0)?;
                first(!self.has_held(sender))?;
                let is_committed =
                    |lane: &u32| self.lanes.get(*lane as usize).is_some_and(LaneState::is_drawn);
                let is_list = lanes.is_sorted_by(|a, b| a < b) && lanes.iter().all(is_committed);
                if is_list { Ok(()) } else { Err(Refusal::List) }
            }
            Word::Draw { proof } => {
                part(self.must_draw(sender))?;
                first(!self.outputs.contains_key(&sender))?;
                return self.verified(sender, proof).map(Some).ok_or(Refusal::WrongProof);
            }
            Word::Open { leaves: opened } => {
                part(lane.holder == sender && lane.is_drawn())?;
                first(lane.opened.is_none())?;
                leaves(opened.len(), lane.runs().len())
            }
            Word::Seal { .. } => {
                let checker = lane.checker(sender).filter(|_| lane.opened.is_some());
                let checker = checker.ok_or(Refusal::NoPart { what })?;
                first(checker.seal.is_none() && !checker.misses)
            }
            Word::Show { leaves: shown } => {
                part(lane.holder == sender && lane.opened.is_some())?;
                first(lane.shown.is_none())?;
                leaves(shown.len(), lane.places(self.rules.params.raw().segments).len())?;
                self.lead(lane, shown)
            }
            Word::Reveal { leaves: found, .. } => {
                let checker = lane.checker(sender).filter(|_| lane.shown.is_some());
                let checker = checker.ok_or(Refusal::NoPart { what })?;
                let sealed = checker.seal.ok_or(Refusal::NoPart { what })?;
                first(checker.agrees.is_none() && !checker.misses)?;
                leaves(found.len(), checker.drawn.len())?;
                let is_right = seal(&account.key, &self.seed, message.lane, found) == sealed;
                if is_right { Ok(()) } else { Err(Refusal::WrongSeal) }
            }
            Word::Miss => {
                let checker = lane.checker(sender).filter(|_| lane.opened.is_some());
                let checker = checker.ok_or(Refusal::NoPart { what })?;
                first(checker.agrees.is_none() && !checker.misses)
            }
            Word::Judge { finding } => {
                part(self.weight(sender) > 0 && sender != lane.holder && lane.case(true).is_disputed())?;
                first(!lane.votes.contains_key(&sender))?;
                let segments = self.rules.params.raw().segments;
                match finding {
                    Finding::Fraud { places } if !lane.can_be_false(places, segments) => Err(Refusal::List),
                    _ => Ok(()),
                }
            }
            Word::Root { .. } => {
                part(self.weight(sender) > 0)?;
                first(!self.has_merged(sender))
            }
        }
        .map(|()| None)
    }

    /// Whether leaves lead to the lane's root, and those before runs are what was opened.
    fn lead(&self, lane: &LaneState, shown: &[Shown]) -> Result<(), Refusal> {
        let params = &self.rules.params;
        let root = lane.commitments.first().map(|commitment| Hash::from_bytes(commitment.root));
        let starts: Vec<u32> = lane.runs().into_iter().map(|run| run.start).collect();
        for (j, Shown { leaf, path }) in lane.places(params.raw().segments).into_iter().zip(shown) {
            let path: Vec<Hash> = path.iter().copied().map(Hash::from_bytes).collect();
            let leads = root_of(&self.run, params, Hash::from_bytes(*leaf), j, &path) == root;
            let opened = starts.binary_search(&j).ok().and_then(|run| lane.opened.as_ref()?.get(run));
            if !leads || opened.is_some_and(|opened| opened != leaf) {
                return Err(Refusal::Path { leaf: j });
            }
        }
        Ok(())
    }

    /// Whether a message will never be taken. Messages may arrive before their phase, from hosts that are a block ahead.
    #[must_use]
    pub fn is_stale(&self, sender: HostId, message: &Message) -> bool {
        let is_next = message.attempt == self.attempt + 1;
        if sender as usize >= self.accounts.len() || message.attempt > self.attempt && !is_next {
            return true;
        }
        if is_next {
            return false;
        }
        let phases = message.word.phases();
        message.attempt < self.attempt
            || *phases.end() < self.phase
            || phases.contains(&self.phase) && self.admits(sender, message).is_err()
    }
}
