//! What is checked of each lane, and by whom: drawn by validators for themselves, or by a block's hash for all.

use super::{Checker, LaneState, Ledger, Phase};
use crate::message::HostId;
use crate::sortition::{Output, Proof};
use sphere_pow_core::network::lanes::draw::{OwnDraw, Place, part};
use std::collections::BTreeSet;

/// What a validator's function is taken of: the attempt, and the hash of the block after all commitments.
#[must_use]
pub fn input(attempt: u64, beacon: &[u8; 32]) -> Vec<u8> {
    [&b"sphere-pow lane sortition input 1"[..], &attempt.to_le_bytes(), beacon].concat()
}

fn host_id(host: usize) -> HostId {
    HostId::try_from(host).expect("a host's number")
}

impl Ledger {
    /// What a host draws from; `None` where it has nothing to draw, or has drawn.
    #[must_use]
    pub fn draws(&self, host: HostId) -> Option<Vec<u8>> {
        let is_due =
            self.phase == Phase::Sortition && self.must_draw(host) && !self.outputs.contains_key(&host);
        is_due.then(|| input(self.attempt, &self.beacon))
    }

    /// Whether a host is one of those who draw what they check.
    pub(super) fn must_draw(&self, host: HostId) -> bool {
        let has_key = self.sortition_keys.get(host as usize).is_some_and(Option::is_some);
        self.weight(host) > 0 && has_key
    }

    /// What a host drew, if its proof shows it.
    pub(super) fn verified(&self, host: HostId, proof: &Proof) -> Option<Output> {
        let key = self.sortition_keys.get(host as usize).copied().flatten()?;
        key.verify(&input(self.attempt, &self.beacon), proof)
    }

    /// Takes the block's hash as what is drawn from.
    pub(super) fn fix_beacon(&mut self, hash: &[u8; 32]) {
        self.beacon = *hash;
        if self.rules.has_sortition {
            self.enter(Phase::Sortition);
        } else {
            self.seat();
        }
    }

    /// Says who checks what, by what was drawn.
    pub(super) fn seat(&mut self) {
        for lane in 0..self.lanes.len() {
            if self.lanes[lane].is_drawn() {
                let checkers = self.own_draws(lane);
                // Nobody has a seat now and then.
                let checkers = if checkers.is_empty() { self.drawn_for_all(lane) } else { checkers };
                self.lanes[lane].sit(checkers);
            }
        }
        self.enter(Phase::Open);
    }

    /// What those who drew for themselves check of a lane.
    fn own_draws(&self, lane: usize) -> Vec<Checker> {
        let state = &self.lanes[lane];
        let account = &self.accounts[state.holder as usize];
        let (segments, average) = (self.rules.params.raw().segments, self.rules.average(&account.standing));
        let number = u32::try_from(lane).expect("at most 4096 lanes");
        let of = |(host, output): (&HostId, &Output)| {
            let own = OwnDraw::new(output, self.round, number);
            let (validator, trainer) = (*host as usize, state.holder as usize);
            let seats = own.seats(&self.electorate, validator, trainer, self.rules.seats);
            let drawn = || own.segments(segments, &average, seats, account.unchecked);
            (seats > 0).then(|| Checker::new(*host, seats, drawn()))
        };
        self.outputs.iter().filter_map(of).collect()
    }

    /// What the beacon has all checkers of a lane check.
    fn drawn_for_all(&self, lane: usize) -> Vec<Checker> {
        let holder = self.lanes[lane].holder as usize;
        let account = &self.accounts[holder];
        let number = u32::try_from(lane).expect("at most 4096 lanes");
        let place = Place { beacon: self.beacon, round: self.round, lane: number };
        let (segments, average) = (self.rules.params.raw().segments, self.rules.average(&account.standing));
        let drawn = place.segments(segments, &average, account.unchecked);
        let checkers = place.checkers(&self.electorate, holder, self.rules.seats);
        checkers.into_iter().map(|(of, seats)| Checker::new(host_id(of), seats, drawn.clone())).collect()
    }
}

impl LaneState {
    /// Seats checkers, each with what it drew: it repeats that and what leads to it.
    pub(super) fn sit(&mut self, mut checkers: Vec<Checker>) {
        let all: BTreeSet<u32> = checkers.iter().flat_map(|checker| &checker.drawn).copied().collect();
        self.drawn = all.into_iter().collect();
        for checker in &mut checkers {
            checker.drawn = part(&self.drawn, &checker.drawn);
        }
        self.checkers = checkers;
    }
}
