//! A lane of an attempt, and what was said of it.

use super::super::message::Finding;
use crate::message::HostId;
use borsh::BorshSerialize;
use sphere_pow_core::network::lanes::draw::runs;
use sphere_pow_core::network::lanes::verdict::{Case, Trial};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What a trainer is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize)]
pub struct Commitment {
    /// Root of the tree over its states.
    pub root: [u8; 32],
    /// Hash of its delta.
    pub delta: [u8; 32],
}

/// A checker of a lane.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct Checker {
    /// Who.
    pub host: HostId,
    /// Seats that it fills.
    pub seats: u32,
    /// Segments that it repeats, ascending.
    pub drawn: Vec<u32>,
    /// What it is bound to.
    pub seal: Option<[u8; 32]>,
    /// Whether it found what the trainer shows, once it has revealed.
    pub agrees: Option<bool>,
    /// Whether it said that it cannot get what it needs.
    pub misses: bool,
}

impl Checker {
    pub(crate) fn new(host: HostId, seats: u32, drawn: Vec<u32>) -> Self {
        Self { host, seats, drawn, seal: None, agrees: None, misses: false }
    }
}

/// A lane.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize)]
pub struct LaneState {
    /// Whose lease it was first.
    pub first_holder: HostId,
    /// Whose it is.
    pub holder: HostId,
    /// What was committed; two different ones are fraud.
    pub commitments: Vec<Commitment>,
    /// Segments drawn, by whomever, ascending.
    pub drawn: Vec<u32>,
    /// Who checks, ascending by host.
    pub checkers: Vec<Checker>,
    /// The leaf before each run of segments drawn.
    pub opened: Option<Vec<[u8; 32]>>,
    /// The leaves at [`Self::places`].
    pub shown: Option<Vec<[u8; 32]>>,
    /// Of a trial: who found what.
    pub votes: BTreeMap<HostId, Finding>,
    /// Of a trial that has ended: places that hosts of most of the weight found false, as [`Finding::Fraud`] has them.
    pub false_places: Vec<u32>,
    /// Weight of each answer, once the trial has ended: of no fraud, fraud, what is missing, and silence.
    pub(crate) tally: [u128; 4],
}

impl LaneState {
    pub(crate) fn new(holder: HostId) -> Self {
        Self {
            first_holder: holder,
            holder,
            commitments: Vec::new(),
            drawn: Vec::new(),
            checkers: Vec::new(),
            opened: None,
            shown: None,
            votes: BTreeMap::new(),
            false_places: Vec::new(),
            tally: [0; 4],
        }
    }

    /// Whether something has to be shown of it.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        self.commitments.len() == 1
    }

    /// The runs of its segments drawn.
    #[must_use]
    pub fn runs(&self) -> Vec<Range<u32>> {
        runs(&self.drawn)
    }

    /// Which leaves are shown, ascending: the first, those before runs, those after each segment drawn, and the last of
    /// `segments`.
    #[must_use]
    pub fn places(&self, segments: u32) -> Vec<u32> {
        let starts = self.runs().into_iter().map(|run| run.start);
        let places: BTreeSet<u32> =
            starts.chain(self.drawn.iter().map(|segment| segment + 1)).chain([0, segments]).collect();
        places.into_iter().collect()
    }

    /// The leaf shown at place j.
    #[must_use]
    pub fn leaf(&self, j: u32, segments: u32) -> Option<[u8; 32]> {
        let place = self.places(segments).binary_search(&j).ok()?;
        self.shown.as_ref()?.get(place).copied()
    }

    /// The leaves that are shown after each of these segments, as far as they are drawn.
    #[must_use]
    pub fn after(&self, segments_of: &[u32]) -> Vec<[u8; 32]> {
        // The last place is the end, whatever its number.
        let segments = self.drawn.last().map_or(1, |last| last + 1);
        let (Some(shown), places) = (&self.shown, self.places(segments)) else { return Vec::new() };
        let leaf = |segment: &u32| {
            let place = places.binary_search(&(segment + 1)).ok()?;
            shown.get(place).copied()
        };
        segments_of.iter().filter_map(leaf).collect()
    }

    /// The leaf that was opened before each of these runs, all of which begin where one drawn does.
    #[must_use]
    pub fn opened_before(&self, runs: &[Range<u32>]) -> Option<Vec<[u8; 32]>> {
        let (opened, all) = (self.opened.as_ref()?, self.runs());
        let leaf = |run: &Range<u32>| {
            let place = all.iter().position(|drawn| drawn.start == run.start)?;
            opened.get(place).copied()
        };
        runs.iter().map(leaf).collect()
    }

    pub(super) fn checker(&self, host: HostId) -> Option<&Checker> {
        self.checkers.iter().find(|checker| checker.host == host)
    }

    pub(super) fn checker_mut(&mut self, host: HostId) -> &mut Checker {
        self.checkers.iter_mut().find(|checker| checker.host == host).expect("admitted as a checker's")
    }

    /// Whether these may be places that a trial finds false.
    pub(super) fn can_be_false(&self, places: &[u32], segments: u32) -> bool {
        let is_place = |place: &u32| *place == segments || self.drawn.binary_search(place).is_ok();
        !places.is_empty() && places.is_sorted_by(|a, b| a < b) && places.iter().all(is_place)
    }

    /// Whether what is found false concerns a checker: it is in its part, or is the end. `None` where nothing is.
    pub(super) fn concerns(&self, checker: &Checker, segments: u32) -> Option<bool> {
        let is_in_part = |place: &u32| *place == segments || checker.drawn.binary_search(place).is_ok();
        (!self.false_places.is_empty()).then(|| self.false_places.iter().any(is_in_part))
    }

    /// Segments that checkers repeated that revealed, all together.
    pub(super) fn repeated(&self) -> u32 {
        let spoke = self.checkers.iter().filter(|checker| checker.agrees.is_some());
        spoke.map(|checker| u32::try_from(checker.drawn.len()).unwrap_or(u32::MAX)).sum()
    }

    /// What it has come to.
    #[must_use]
    pub fn case(&self, is_held: bool) -> Case {
        let seats = |agrees: bool| {
            let of = self.checkers.iter().filter(|checker| checker.agrees == Some(agrees));
            of.map(|checker| checker.seats).sum()
        };
        let [valid, fraud, missing, silent] = self.tally;
        let missed = self.checkers.iter().filter(|checker| checker.misses && checker.agrees.is_none());
        Case {
            commitments: u32::try_from(self.commitments.len()).unwrap_or(u32::MAX),
            is_held,
            is_shown: self.shown.is_some(),
            agreeing: seats(true),
            accusing: seats(false),
            missing: missed.map(|checker| checker.seats).sum(),
            trial: Trial { valid, fraud, missing, silent },
        }
    }
}
