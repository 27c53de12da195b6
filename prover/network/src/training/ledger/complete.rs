//! When a phase has nothing left to wait for.

use super::{LaneState, Ledger, Phase};

impl Ledger {
    /// Whether half of the phase's window is over.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.deadline.saturating_sub(self.height) <= self.rules.window / 2
    }

    /// Whether all that is due in the phase is said.
    pub(super) fn is_complete(&self) -> bool {
        let drawn = || self.lanes.iter().filter(|lane| lane.is_drawn());
        let hosts = (0..).take(self.accounts.len());
        let mut weighty = hosts.filter(|host| self.weight(*host) > 0);
        match self.phase {
            Phase::Train | Phase::Again => self.lanes.iter().all(|lane| !lane.commitments.is_empty()),
            Phase::Draw => true,
            Phase::Sortition => weighty.all(|host| !self.must_draw(host) || self.outputs.contains_key(&host)),
            Phase::Open => drawn().all(|lane| lane.opened.is_some()),
            Phase::Seal => drawn()
                .filter(|lane| lane.opened.is_some())
                .all(|lane| lane.checkers.iter().all(|checker| checker.seal.is_some() || checker.misses)),
            Phase::Show => drawn().all(|lane| lane.opened.is_none() || lane.shown.is_some()),
            Phase::Reveal => {
                let shown = drawn().filter(|lane| lane.shown.is_some()).flat_map(|lane| &lane.checkers);
                let mut sealed = shown.filter(|checker| checker.seal.is_some());
                sealed.all(|checker| checker.agrees.is_some() || checker.misses)
                    && weighty.all(|host| self.has_held(host))
            }
            Phase::Judge => {
                let tried: Vec<_> = self.lanes.iter().filter(|lane| lane.case(true).is_disputed()).collect();
                let has_said = |lane: &LaneState, host| host == lane.holder || lane.votes.contains_key(&host);
                weighty.all(|host| tried.iter().all(|lane| has_said(lane, host)))
            }
            Phase::Merge => self.agreed_root().is_some(),
            Phase::Done => false,
        }
    }
}
