//! The books of one Sprint: claims, what was opened, and votes.

use crate::message::{Claim, HostId, Refusal};
use sha2::{Digest, Sha256};

/// Which of two rounds of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checks {
    /// A few validators, drawn for each claim.
    Committee,
    /// Those who decide after a member of the committee found fraud.
    Jury,
}

/// What becomes of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        let members = self.members(checks);
        members.binary_search_by_key(&host, |member| member.host).is_ok_and(|ix| members[ix].vote.is_some())
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

    /// Two different claims void each other, whichever comes first.
    pub(super) fn claim(&mut self, host: HostId, claim: Claim) -> Result<(), Refusal> {
        let slot = &mut self.entries[host as usize];
        match slot {
            Some(entry) if entry.claim == claim => Err(Refusal::Repeated { what: "claim" }),
            Some(entry) => {
                entry.is_void = true;
                Ok(())
            }
            None => {
                *slot =
                    Some(Entry { claim, is_void: false, openings: None, committee: Vec::new(), jury: None });
                Ok(())
            }
        }
    }

    pub(super) fn open(&mut self, host: HostId, openings: Vec<u8>) -> Result<(), Refusal> {
        let no_part = Refusal::NoPart { what: "opening" };
        let entry = self.entries[host as usize].as_mut().filter(|entry| entry.is_drawn()).ok_or(no_part)?;
        if entry.openings.is_some() {
            return Err(Refusal::Repeated { what: "opening" });
        }
        entry.openings = Some(openings);
        Ok(())
    }

    /// Nobody has to check what was not opened.
    pub(super) fn close_openings(&mut self) {
        let entries = &self.entries;
        let is_open =
            |host: HostId| entries[host as usize].as_ref().is_some_and(|entry| entry.openings.is_some());
        self.committee_duties.retain(|(_, host)| is_open(*host));
    }

    /// Of two votes of one validator fraud stands, and of two faults the first place, whichever comes first.
    pub(super) fn vote(
        &mut self,
        from: HostId,
        host: HostId,
        fault: Finding,
        checks: Checks,
    ) -> Result<(), Refusal> {
        let entry = self.entries.get_mut(host as usize).and_then(Option::as_mut);
        let entry = entry.filter(|entry| entry.openings.is_some());
        let member =
            entry.and_then(|entry| entry.members_mut(checks).iter_mut().find(|member| member.host == from));
        let member = member.ok_or(Refusal::NoPart { what: "vote" })?;
        let faults = member.vote.flatten().into_iter().chain(fault);
        member.vote = Some(faults.min());
        Ok(())
    }

    pub(super) fn hash_into(&self, sha: &mut Sha256) {
        sha.update(self.beacon.unwrap_or_default());
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
