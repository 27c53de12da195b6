//! Proof that a host has contradicted itself.

use crate::context::{Proposal, Vote};
use crate::identity::HostId;
use crate::signed::{Signable, Signed, Verifier};
use crate::validators::Validators;
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::{BTreeMap, BTreeSet};

/// Evidence older than this many heights is no longer taken into a block.
pub const MAX_EVIDENCE_AGE: u64 = 100;
/// The most pieces of evidence in a block.
pub const MAX_EVIDENCE: usize = 16;

/// Two messages of one host, each signed, of which an honest host signs at most one.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Evidence(Kind);

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
enum Kind {
    Votes(Signed<Vote>, Signed<Vote>),
    Proposals(Signed<Proposal>, Signed<Proposal>),
}

/// That a host contradicted itself, as a block states it: every host has seen the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Equivocation {
    /// Who.
    pub host: HostId,
    /// At which height. A host is named at most once a height.
    pub height: u64,
}

impl Evidence {
    pub(crate) fn of_votes(first: Signed<Vote>, second: Signed<Vote>) -> Self {
        Self(Kind::Votes(first, second))
    }

    pub(crate) fn of_proposals(first: Signed<Proposal>, second: Signed<Proposal>) -> Self {
        Self(Kind::Proposals(first, second))
    }

    /// What it claims; whether that holds, `holds` says.
    pub(crate) fn claim(&self) -> Equivocation {
        match &self.0 {
            Kind::Votes(a, _) => Equivocation { host: a.message.host, height: a.message.height },
            Kind::Proposals(a, _) => Equivocation { host: a.message.host, height: a.message.height },
        }
    }

    /// Whether both messages are a validator's of `set`, for one step, and contradict each other.
    fn holds(&self, set: &Validators, verifier: &mut Verifier) -> bool {
        match &self.0 {
            Kind::Votes(a, b) => {
                let step = |vote: &Vote| (vote.kind, vote.height, vote.round, vote.host);
                step(&a.message) == step(&b.message)
                    && a.message.block != b.message.block
                    && both_signed(a, b, set, verifier)
            }
            Kind::Proposals(a, b) => {
                let step = |proposal: &Proposal| (proposal.height, proposal.round, proposal.host);
                step(&a.message) == step(&b.message)
                    && a.message != b.message
                    && both_signed(a, b, set, verifier)
            }
        }
    }
}

fn both_signed<T: Signable>(a: &Signed<T>, b: &Signed<T>, set: &Validators, verifier: &mut Verifier) -> bool {
    verifier.holds(set, &a.message, &a.signature) && verifier.holds(set, &b.message, &b.signature)
}

/// What this host knows of contradictions: those that wait for a block, those that stand in one, and the validators
/// of late heights, by which a proof is judged.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    waiting: BTreeMap<Equivocation, Evidence>,
    stated: BTreeSet<Equivocation>,
    sets: BTreeMap<u64, Validators>,
}

impl Ledger {
    /// The validators of `height`, the height that now begins; what is too old is forgotten.
    pub(crate) fn begin(&mut self, height: u64, set: Validators) {
        self.sets.insert(height, set);
        let oldest = height.saturating_sub(MAX_EVIDENCE_AGE);
        self.sets.retain(|height, _| *height >= oldest);
        self.waiting.retain(|claim, _| claim.height >= oldest);
        self.stated.retain(|claim| claim.height >= oldest);
    }

    /// Whether a block at the current height may carry `evidence`.
    fn is_new(&self, evidence: &Evidence, verifier: &mut Verifier) -> bool {
        let claim = evidence.claim();
        let set = self.sets.get(&claim.height);
        !self.stated.contains(&claim) && set.is_some_and(|set| evidence.holds(set, verifier))
    }

    /// Keeps evidence for the next block of this host; `false` if it is known, too old or none.
    pub(crate) fn keep(&mut self, evidence: &Evidence, verifier: &mut Verifier) -> bool {
        let claim = evidence.claim();
        let is_kept = !self.waiting.contains_key(&claim) && self.is_new(evidence, verifier);
        if is_kept {
            self.waiting.insert(claim, evidence.clone());
        }
        is_kept
    }

    /// What this host would put into a block.
    pub(crate) fn to_state(&self) -> Vec<Evidence> {
        self.waiting.values().take(MAX_EVIDENCE).cloned().collect()
    }

    /// Whether a block's evidence is new, holds, and names no host twice for a height.
    pub(crate) fn accepts(&self, evidence: &[Evidence], verifier: &mut Verifier) -> bool {
        let claims: BTreeSet<_> = evidence.iter().map(Evidence::claim).collect();
        evidence.len() <= MAX_EVIDENCE
            && claims.len() == evidence.len()
            && evidence.iter().all(|evidence| self.is_new(evidence, verifier))
    }

    /// Takes note of a final block's evidence.
    pub(crate) fn state(&mut self, evidence: &[Evidence]) -> Vec<Equivocation> {
        let claims: Vec<_> = evidence.iter().map(Evidence::claim).collect();
        for claim in &claims {
            self.stated.insert(*claim);
            self.waiting.remove(claim);
        }
        claims
    }
}
