//! What the engine is generic over, filled in: votes, proposals and who speaks in which round.

use crate::identity::{Hash, HostId};
use crate::validators::{Validator, Validators};
use arc_malachitebft_core_types as types;
use arc_malachitebft_signing_ed25519::Ed25519;
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;
use types::{NilOrVal, Round, SignedExtension, VoteType};

/// The engine's context.
#[derive(Clone, Debug)]
pub(crate) struct Agreement;

/// A block's height; the first is 1.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Height(pub(crate) u64);

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl types::Height for Height {
    const ZERO: Self = Self(0);
    const INITIAL: Self = Self(1);

    fn increment_by(&self, n: u64) -> Self {
        Self(self.0.saturating_add(n))
    }

    fn decrement_by(&self, n: u64) -> Option<Self> {
        self.0.checked_sub(n).map(Self)
    }

    fn as_u64(&self) -> u64 {
        self.0
    }
}

/// What is agreed on: a block, by its hash. Blocks themselves stay outside the engine.
impl types::Value for Hash {
    type Id = Self;

    fn id(&self) -> Self {
        *self
    }
}

/// A vote for a block or for none.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Vote {
    pub(crate) kind: VoteType,
    pub(crate) height: u64,
    pub(crate) round: u32,
    pub(crate) block: NilOrVal<Hash>,
    pub(crate) host: HostId,
}

impl types::Vote<Agreement> for Vote {
    fn height(&self) -> Height {
        Height(self.height)
    }

    fn round(&self) -> Round {
        Round::new(self.round)
    }

    fn value(&self) -> &NilOrVal<Hash> {
        &self.block
    }

    fn take_value(self) -> NilOrVal<Hash> {
        self.block
    }

    fn vote_type(&self) -> VoteType {
        self.kind
    }

    fn validator_address(&self) -> &HostId {
        &self.host
    }

    fn extension(&self) -> Option<&SignedExtension<Agreement>> {
        None
    }

    fn take_extension(&mut self) -> Option<SignedExtension<Agreement>> {
        None
    }

    // Extensions are off at every height, so the engine never extends a vote.
    fn extend(self, _: SignedExtension<Agreement>) -> Self {
        self
    }
}

/// A proposal of a block in a round.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) struct Proposal {
    pub(crate) height: u64,
    pub(crate) round: u32,
    pub(crate) block: Hash,
    /// The earlier round in which more than two thirds prevoted this block.
    pub(crate) polka: Option<u32>,
    pub(crate) host: HostId,
}

impl types::Proposal<Agreement> for Proposal {
    fn height(&self) -> Height {
        Height(self.height)
    }

    fn round(&self) -> Round {
        Round::new(self.round)
    }

    fn value(&self) -> &Hash {
        &self.block
    }

    fn take_value(self) -> Hash {
        self.block
    }

    fn pol_round(&self) -> Round {
        self.polka.map_or(Round::Nil, Round::new)
    }

    fn validator_address(&self) -> &HostId {
        &self.host
    }
}

/// Blocks travel whole, so there are no parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoPart;

impl types::ProposalPart<Agreement> for NoPart {
    fn is_first(&self) -> bool {
        true
    }

    fn is_last(&self) -> bool {
        true
    }
}

/// The number of a round that has begun.
///
/// The engine's `Nil` stands for "no round yet" and never reaches a vote; 0 would stand for it.
fn number(round: Round) -> u32 {
    round.as_u32().unwrap_or(0)
}

impl types::Context for Agreement {
    type Address = HostId;
    type Height = Height;
    type ProposalPart = NoPart;
    type Proposal = Proposal;
    type Validator = Validator;
    type ValidatorSet = Validators;
    type Timeouts = types::LinearTimeouts;
    type Value = Hash;
    type Vote = Vote;
    type Extension = ();
    type SigningScheme = Ed25519;

    fn select_proposer<'a>(&self, set: &'a Validators, height: Height, round: Round) -> &'a Validator {
        set.proposer(height.0, number(round))
    }

    fn new_proposal(
        &self,
        height: Height,
        round: Round,
        block: Hash,
        pol_round: Round,
        host: HostId,
    ) -> Proposal {
        Proposal { height: height.0, round: number(round), block, polka: pol_round.as_u32(), host }
    }

    fn new_prevote(&self, height: Height, round: Round, block: NilOrVal<Hash>, host: HostId) -> Vote {
        Vote { kind: VoteType::Prevote, height: height.0, round: number(round), block, host }
    }

    fn new_precommit(&self, height: Height, round: Round, block: NilOrVal<Hash>, host: HostId) -> Vote {
        Vote { kind: VoteType::Precommit, height: height.0, round: number(round), block, host }
    }
}
