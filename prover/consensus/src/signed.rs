//! Votes, proposals and certificates with their signatures, and whether these hold.
#![allow(clippy::result_large_err, reason = "the engine's error, which it takes by value")]

use crate::context::{Agreement, Height, Proposal, Vote};
use crate::identity::{Hash, HostId, Key};
use crate::validators::Validators;
use arc_malachitebft_core_types as types;
use arc_malachitebft_signing_ed25519::Signature;
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeSet;
use types::{NilOrVal, Round, RoundCertificateType, ThresholdParam, VoteType};

/// What a host signs. The label and the network's name keep its signatures from counting anywhere else.
pub(crate) trait Signable: BorshSerialize {
    const LABEL: &'static [u8];
    fn host(&self) -> HostId;

    fn signed_bytes(&self, chain: &Hash) -> Vec<u8> {
        let mut bytes = [Self::LABEL, &chain.0].concat();
        self.serialize(&mut bytes).expect("a Vec takes all that is written");
        bytes
    }
}

impl Signable for Vote {
    const LABEL: &'static [u8] = b"sphere-pow-consensus/vote/1";

    fn host(&self) -> HostId {
        self.host
    }
}

impl Signable for Proposal {
    const LABEL: &'static [u8] = b"sphere-pow-consensus/proposal/1";

    fn host(&self) -> HostId {
        self.host
    }
}

/// A message and its host's signature, which nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Signed<T> {
    pub(crate) message: T,
    pub(crate) signature: [u8; 64],
}

impl<T: Signable> Signed<T> {
    pub(crate) fn new(message: T, key: &Key, chain: &Hash) -> Self {
        let signature = key.sign(&message.signed_bytes(chain));
        Self { message, signature }
    }
}

impl<T> Signed<T> {
    pub(crate) fn into_engine(self) -> types::SignedMessage<Agreement, T> {
        types::SignedMessage::new(self.message, Signature::from_bytes(self.signature))
    }

    pub(crate) fn of_engine(signed: types::SignedMessage<Agreement, T>) -> Self {
        Self { message: signed.message, signature: signed.signature.to_bytes() }
    }
}

/// More than two thirds' prevotes for a block.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Polka {
    pub(crate) height: u64,
    pub(crate) round: u32,
    pub(crate) block: Hash,
    pub(crate) signatures: Vec<(HostId, [u8; 64])>,
}

impl Polka {
    pub(crate) fn of_engine(polka: &types::PolkaCertificate<Agreement>) -> Self {
        let signatures = polka.polka_signatures.iter().map(|s| (s.address, s.signature.to_bytes()));
        Self {
            height: polka.height.0,
            round: polka.round.as_u32().unwrap_or(0),
            block: polka.value_id,
            signatures: signatures.collect(),
        }
    }

    pub(crate) fn into_engine(self) -> types::PolkaCertificate<Agreement> {
        let signatures = self.signatures.into_iter();
        types::PolkaCertificate {
            height: Height(self.height),
            round: Round::new(self.round),
            value_id: self.block,
            polka_signatures: signatures
                .map(|(id, bytes)| types::PolkaSignature::new(id, Signature::from_bytes(bytes)))
                .collect(),
        }
    }
}

/// Why a round may be entered: more than two thirds' precommits of the round before, or more than a third's votes in it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct RoundEntry {
    pub(crate) height: u64,
    pub(crate) round: u32,
    pub(crate) by_skip: bool,
    pub(crate) votes: Vec<(VoteType, NilOrVal<Hash>, HostId, [u8; 64])>,
}

impl RoundEntry {
    pub(crate) fn of_engine(entry: &types::RoundCertificate<Agreement>) -> Self {
        let votes = entry.round_signatures.iter();
        Self {
            height: entry.height.0,
            round: entry.round.as_u32().unwrap_or(0),
            by_skip: entry.cert_type == RoundCertificateType::Skip,
            votes: votes.map(|s| (s.vote_type, s.value_id, s.address, s.signature.to_bytes())).collect(),
        }
    }

    pub(crate) fn into_engine(self) -> types::RoundCertificate<Agreement> {
        let votes = self.votes.into_iter().map(|(kind, block, host, bytes)| {
            types::RoundSignature::new(kind, block, host, Signature::from_bytes(bytes))
        });
        let cert_type =
            if self.by_skip { RoundCertificateType::Skip } else { RoundCertificateType::Precommit };
        types::RoundCertificate {
            height: Height(self.height),
            round: Round::new(self.round),
            cert_type,
            round_signatures: votes.collect(),
        }
    }
}

/// Checks signatures of one network's validators and remembers those of the current height that held: the engine
/// asks for a vote when it comes, and again within each certificate.
#[derive(Debug)]
pub(crate) struct Verifier {
    chain: Hash,
    held: BTreeSet<Hash>,
}

/// More than this many signatures of a height are not remembered, only checked.
const MOST_HELD: usize = 16_384;

type CertificateError = types::CertificateError<Agreement>;

impl Verifier {
    pub(crate) fn new(chain: Hash) -> Self {
        Self { chain, held: BTreeSet::new() }
    }

    pub(crate) fn forget(&mut self) {
        self.held.clear();
    }

    /// Whether a validator of `set` has signed `message`.
    pub(crate) fn holds<T: Signable>(&mut self, set: &Validators, message: &T, signature: &[u8; 64]) -> bool {
        let Some(validator) = set.find(&message.host()) else { return false };
        let bytes = message.signed_bytes(&self.chain);
        let mark = Hash::of(&[&message.host().0, signature, &bytes]);
        if self.held.contains(&mark) {
            return true;
        }
        let holds = validator.has_signed(&bytes, signature);
        if holds && self.held.len() < MOST_HELD {
            self.held.insert(mark);
        }
        holds
    }

    /// Checks that distinct validators of `set` with more than `threshold` of its power have signed the votes.
    fn quorum(
        &mut self,
        set: &Validators,
        votes: impl Iterator<Item = (Vote, [u8; 64])>,
        threshold: ThresholdParam,
    ) -> Result<(), CertificateError> {
        let mut seen = BTreeSet::new();
        let mut signed = 0;
        for (vote, signature) in votes {
            if !seen.insert(vote.host) {
                return Err(CertificateError::DuplicateVote(vote.host));
            }
            if set.find(&vote.host).is_none() {
                return Err(CertificateError::UnknownValidator(vote.host));
            }
            if !self.holds(set, &vote, &signature) {
                let signature = Signature::from_bytes(signature);
                let bad = types::CommitSignature::new(vote.host, signature);
                return Err(CertificateError::InvalidCommitSignature(bad));
            }
            // Each host counts once, and the set's sum is bounded.
            signed += set.power(&vote.host);
        }
        if threshold.is_met(signed, set.total()) {
            return Ok(());
        }
        let expected = threshold.min_expected(set.total());
        Err(CertificateError::NotEnoughVotingPower { signed, total: set.total(), expected })
    }

    pub(crate) fn commit(
        &mut self,
        set: &Validators,
        commit: &types::CommitCertificate<Agreement>,
    ) -> Result<(), CertificateError> {
        let (height, round) = (commit.height.0, commit.round.as_u32().unwrap_or(0));
        let block = NilOrVal::Val(commit.value_id);
        let votes = commit.commit_signatures.iter().map(|s| {
            let vote = Vote { kind: VoteType::Precommit, height, round, block, host: s.address };
            (vote, s.signature.to_bytes())
        });
        self.quorum(set, votes, ThresholdParam::TWO_F_PLUS_ONE)
    }

    pub(crate) fn polka(
        &mut self,
        set: &Validators,
        polka: &types::PolkaCertificate<Agreement>,
    ) -> Result<(), CertificateError> {
        let (height, round) = (polka.height.0, polka.round.as_u32().unwrap_or(0));
        let block = NilOrVal::Val(polka.value_id);
        let votes = polka.polka_signatures.iter().map(|s| {
            let vote = Vote { kind: VoteType::Prevote, height, round, block, host: s.address };
            (vote, s.signature.to_bytes())
        });
        self.quorum(set, votes, ThresholdParam::TWO_F_PLUS_ONE)
    }

    pub(crate) fn round(
        &mut self,
        set: &Validators,
        entry: &types::RoundCertificate<Agreement>,
    ) -> Result<(), CertificateError> {
        let (height, round) = (entry.height.0, entry.round.as_u32().unwrap_or(0));
        let by_skip = entry.cert_type == RoundCertificateType::Skip;
        let stray = entry.round_signatures.iter().find(|s| !by_skip && s.vote_type == VoteType::Prevote);
        if let Some(stray) = stray {
            return Err(CertificateError::InvalidVoteType(stray.address));
        }
        let votes = entry.round_signatures.iter().map(|s| {
            let vote = Vote { kind: s.vote_type, height, round, block: s.value_id, host: s.address };
            (vote, s.signature.to_bytes())
        });
        let threshold = if by_skip { ThresholdParam::F_PLUS_ONE } else { ThresholdParam::TWO_F_PLUS_ONE };
        self.quorum(set, votes, threshold)
    }
}
