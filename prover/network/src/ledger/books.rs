//! The books of one Sprint: claims, what was opened, and votes.

use crate::message::{Claim, HostId, Refusal};
use crate::sortition::Output;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Which of two rounds of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Checks {
    /// A few validators, drawn for each claim.
    Committee,
    /// Those who decide after a member of the committee found fraud.
    Jury,
}

/// What becomes of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It counts: nobody found fraud, or there was nobody to look.
    Accepted,
    /// It counts: a jury did not find what a member of the committee said.
    Cleared,
    /// It does not: a jury found fraud too.
    Convicted,
    /// It does not: the host did not show what the beacon drew.
    Withheld,
    /// It does not: the host claimed two things.
    Void,
}

impl Outcome {
    /// Whether the claim counts.
    #[must_use]
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Accepted | Self::Cleared)
    }
}

/// A member of a committee or jury.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) host: HostId,
    /// Votes that it has: seats, or its weight where all validators judge.
    pub(super) votes: u64,
    pub(super) vote: Option<Finding>,
}

/// What a member found: the first place that is false, or none.
pub(super) type Finding = Option<u32>;

/// A claim and what was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    claim: Claim,
    is_void: bool,
    openings: Option<Vec<u8>>,
    /// Ascending by host.
    pub(super) committee: Vec<Member>,
    /// Present once fraud was found; ascending by host.
    pub(super) jury: Option<Vec<Member>>,
}

impl Entry {
    /// The claim.
    #[must_use]
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// What the host showed.
    #[must_use]
    pub fn openings(&self) -> Option<&[u8]> {
        self.openings.as_deref()
    }

    /// Whether somebody has to check it, so that the host has to open it.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        !self.committee.is_empty() && !self.is_void
    }

    /// The places that members of the committee call false, ascending: all that a jury has to look at.
    #[must_use]
    pub fn accused(&self) -> Vec<u32> {
        let mut places: Vec<u32> = self.committee.iter().filter_map(|member| member.vote.flatten()).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Whether `host` has voted in a round of checks.
    #[must_use]
    pub fn has_voted(&self, host: HostId, checks: Checks) -> bool {
        self.place(host, checks).is_some_and(|place| self.members(checks)[place].vote.is_some())
    }

    /// Where a host stands among the members.
    fn place(&self, host: HostId, checks: Checks) -> Option<usize> {
        self.members(checks).binary_search_by_key(&host, |member| member.host).ok()
    }

    pub(super) fn is_void(&self) -> bool {
        self.is_void
    }

    pub(super) fn members(&self, checks: Checks) -> &[Member] {
        match checks {
            Checks::Committee => &self.committee,
            Checks::Jury => self.jury.as_deref().unwrap_or(&[]),
        }
    }

    fn members_mut(&mut self, checks: Checks) -> &mut [Member] {
        match checks {
            Checks::Committee => &mut self.committee,
            Checks::Jury => self.jury.as_deref_mut().unwrap_or(&mut []),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    /// By host.
    entries: Vec<Option<Entry>>,
    /// (checker, host), ascending.
    committee_duties: Vec<(HostId, HostId)>,
    jury_duties: Vec<(HostId, HostId)>,
    beacon: Option<[u8; 32]>,
    /// What validators drew.
    outputs: BTreeMap<HostId, Output>,
}

impl Books {
    pub(super) fn new(hosts: usize) -> Self {
        Self { entries: vec![None; hosts], ..Self::default() }
    }

    pub(super) fn grow(&mut self, hosts: usize) {
        self.entries.resize(hosts, None);
    }

    pub(super) fn beacon(&self) -> Option<&[u8; 32]> {
        self.beacon.as_ref()
    }

    pub(super) fn fix_beacon(&mut self, beacon: &[u8; 32]) {
        self.beacon = Some(*beacon);
    }

    pub(super) fn draw(&mut self, host: HostId, output: Output) {
        self.outputs.insert(host, output);
    }

    pub(super) fn output(&self, host: HostId) -> Option<&Output> {
        self.outputs.get(&host)
    }

    /// What validators drew, ascending by host.
    pub(super) fn outputs(&self) -> &BTreeMap<HostId, Output> {
        &self.outputs
    }

    pub(super) fn entry(&self, host: HostId) -> Option<&Entry> {
        self.entries.get(host as usize)?.as_ref()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (HostId, &Entry)> {
        (0..).zip(&self.entries).filter_map(|(host, entry)| Some((host, entry.as_ref()?)))
    }

    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = (HostId, &mut Entry)> {
        (0..).zip(&mut self.entries).filter_map(|(host, entry)| Some((host, entry.as_mut()?)))
    }

    pub(super) fn duties(&self, checker: HostId, checks: Checks) -> impl Iterator<Item = HostId> {
        let duties = match checks {
            Checks::Committee => &self.committee_duties,
            Checks::Jury => &self.jury_duties,
        };
        let from = duties.partition_point(|duty| duty.0 < checker);
        duties[from..].iter().take_while(move |duty| duty.0 == checker).map(|duty| duty.1)
    }

    /// Notes who has to check what, after committees or juries were drawn.
    pub(super) fn index(&mut self, checks: Checks) {
        let mut duties = Vec::new();
        for (host, entry) in self.entries() {
            duties.extend(entry.members(checks).iter().map(|member| (member.host, host)));
        }
        duties.sort_unstable();
        match checks {
            Checks::Committee => self.committee_duties = duties,
            Checks::Jury => self.jury_duties = duties,
        }
    }

    pub(super) fn may_claim(&self, host: HostId, claim: &Claim) -> Result<(), Refusal> {
        let is_known = self.entry(host).is_some_and(|entry| entry.claim == *claim || entry.is_void);
        if is_known { Err(Refusal::Repeated { what: "claim" }) } else { Ok(()) }
    }

    /// Two different claims void each other, whichever comes first.
    pub(super) fn claim(&mut self, host: HostId, claim: Claim) {
        match &mut self.entries[host as usize] {
            Some(entry) => entry.is_void = true,
            none => {
                let (committee, jury) = (Vec::new(), None);
                *none = Some(Entry { claim, is_void: false, openings: None, committee, jury });
            }
        }
    }

    pub(super) fn may_open(&self, host: HostId) -> Result<(), Refusal> {
        let what = "opening";
        let entry = self.entry(host).filter(|entry| entry.is_drawn()).ok_or(Refusal::NoPart { what })?;
        if entry.openings.is_some() { Err(Refusal::Repeated { what }) } else { Ok(()) }
    }

    pub(super) fn open(&mut self, host: HostId, openings: Vec<u8>) {
        if let Some(entry) = &mut self.entries[host as usize] {
            entry.openings = Some(openings);
        }
    }

    /// Nobody has to check what was not opened.
    pub(super) fn close_openings(&mut self) {
        let entries = &self.entries;
        let is_open =
            |host: HostId| entries[host as usize].as_ref().is_some_and(|entry| entry.openings.is_some());
        self.committee_duties.retain(|(_, host)| is_open(*host));
    }

    pub(super) fn may_vote(
        &self,
        from: HostId,
        host: HostId,
        fault: Finding,
        checks: Checks,
    ) -> Result<(), Refusal> {
        let what = "vote";
        let entry =
            self.entry(host).filter(|entry| entry.openings.is_some()).ok_or(Refusal::NoPart { what })?;
        let member = entry.members(checks).get(entry.place(from, checks).ok_or(Refusal::NoPart { what })?);
        let changes = member.is_some_and(|member| member.vote != Some(after(member.vote, fault)));
        if changes { Ok(()) } else { Err(Refusal::Repeated { what }) }
    }

    pub(super) fn vote(&mut self, from: HostId, host: HostId, fault: Finding, checks: Checks) {
        let Some(entry) = self.entries.get_mut(host as usize).and_then(Option::as_mut) else { return };
        if let Some(place) = entry.place(from, checks) {
            let member = &mut entry.members_mut(checks)[place];
            member.vote = Some(after(member.vote, fault));
        }
    }

    pub(super) fn hash_into(&self, sha: &mut Sha256) {
        sha.update(self.beacon.unwrap_or_default());
        for (host, output) in &self.outputs {
            sha.update(host.to_le_bytes());
            sha.update(output);
        }
        for (host, entry) in self.entries() {
            sha.update(host.to_le_bytes());
            sha.update(entry.claim.count.to_le_bytes());
            sha.update(Sha256::digest(&entry.claim.document));
            sha.update([u8::from(entry.is_void), u8::from(entry.openings.is_some())]);
            sha.update(Sha256::digest(entry.openings().unwrap_or_default()));
            for member in entry.committee.iter().chain(entry.members(Checks::Jury)) {
                sha.update(member.host.to_le_bytes());
                let vote = member.vote.map_or(0, |fault| fault.map_or(1, |place| 2 + u64::from(place)));
                sha.update(vote.to_le_bytes());
            }
        }
    }
}

/// What two findings of one validator come to: fraud stands, and of two faults the first place, whichever comes first.
fn after(before: Option<Finding>, fault: Finding) -> Finding {
    before.flatten().into_iter().chain(fault).min()
}
