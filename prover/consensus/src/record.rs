//! The write-ahead log: what the engine was told at the current height, and what it said.

use crate::block::Block;
use crate::context::{Agreement, Height, Proposal, Vote};
use crate::identity::{Hash, HostId};
use crate::signed::{Polka, Signed};
use arc_malachitebft_core_consensus as engine;
use arc_malachitebft_core_types as types;
use borsh::{BorshDeserialize, BorshSerialize};
use engine::{Input, ProposedValue};
use std::sync::Arc;
use types::{Round, Timeout, TimeoutKind, Validity, ValueOrigin};

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Record {
    /// A block that later records name by its hash.
    Block(Arc<Block>),
    Vote(Signed<Vote>),
    Proposal(Signed<Proposal>),
    Polka(Polka),
    /// That a block is there, and whether it may follow.
    Value {
        height: u64,
        round: u32,
        polka: Option<u32>,
        proposer: HostId,
        block: Hash,
        is_valid: bool,
    },
    Timeout {
        step: Step,
        round: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(crate) enum Step {
    Propose,
    Prevote,
    Precommit,
    Rebroadcast,
}

impl Step {
    pub(crate) fn of_engine(kind: TimeoutKind) -> Option<Self> {
        match kind {
            TimeoutKind::Propose => Some(Self::Propose),
            TimeoutKind::Prevote => Some(Self::Prevote),
            TimeoutKind::Precommit => Some(Self::Precommit),
            TimeoutKind::Rebroadcast => Some(Self::Rebroadcast),
            // Only with a target time, which no height has.
            TimeoutKind::FinalizeHeight(_) => None,
        }
    }

    pub(crate) fn into_engine(self, round: u32) -> Timeout {
        let kind = match self {
            Self::Propose => TimeoutKind::Propose,
            Self::Prevote => TimeoutKind::Prevote,
            Self::Precommit => TimeoutKind::Precommit,
            Self::Rebroadcast => TimeoutKind::Rebroadcast,
        };
        Timeout::new(Round::new(round), kind)
    }
}

impl Record {
    /// The record of an input that the engine wants kept; `None` for those that it never asks to keep.
    pub(crate) fn of_engine(input: Input<Agreement>) -> Option<Self> {
        Some(match input {
            Input::Vote(vote) => Self::Vote(Signed::of_engine(vote)),
            Input::Proposal(proposal) => Self::Proposal(Signed::of_engine(proposal)),
            Input::PolkaCertificate(polka) => Self::Polka(Polka::of_engine(&polka)),
            Input::ProposedValue(value, _) => Self::Value {
                height: value.height.0,
                round: value.round.as_u32()?,
                polka: value.valid_round.as_u32(),
                proposer: value.proposer,
                block: value.value,
                is_valid: value.validity.is_valid(),
            },
            Input::TimeoutElapsed(timeout) => {
                Self::Timeout { step: Step::of_engine(timeout.kind)?, round: timeout.round.as_u32()? }
            }
            _ => return None,
        })
    }

    /// What to tell the engine again; `None` for a block, which stays outside it.
    pub(crate) fn into_engine(self) -> Option<Input<Agreement>> {
        Some(match self {
            Self::Block(_) => return None,
            Self::Vote(vote) => Input::Vote(vote.into_engine()),
            Self::Proposal(proposal) => Input::Proposal(proposal.into_engine()),
            Self::Polka(polka) => Input::PolkaCertificate(polka.into_engine()),
            Self::Value { height, round, polka, proposer, block, is_valid } => {
                let value = ProposedValue {
                    height: Height(height),
                    round: Round::new(round),
                    valid_round: polka.map_or(Round::Nil, Round::new),
                    proposer,
                    value: block,
                    validity: Validity::from_bool(is_valid),
                };
                Input::ProposedValue(value, ValueOrigin::Consensus)
            }
            Self::Timeout { step, round } => Input::TimeoutElapsed(step.into_engine(round)),
        })
    }
}
