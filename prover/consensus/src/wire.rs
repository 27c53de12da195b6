//! What hosts send each other, and why a message is dropped.

use crate::block::{Block, Decided, MAX_PAYLOAD_BYTES, encode};
use crate::context::{Proposal, Vote};
use crate::evidence::Evidence;
use crate::identity::HostId;
use crate::mempool::MAX_TRANSACTION_BYTES;
use crate::signed::{Polka, RoundEntry, Signed};
use crate::storage::{Storage, StorageError};
use borsh::{BorshDeserialize, BorshSerialize};
use std::sync::Arc;

/// The most bytes of a message: a full block with evidence and a certificate of the most validators, after blocks
/// that fill an answer.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;
/// An answer with blocks ends when they reach this size.
const BATCH_BYTES: usize = 1 << 20;
/// An answer with blocks has at most this many.
pub(crate) const BATCH_BLOCKS: usize = 64;
/// No round comes near; the engine adds 1 to what it is told.
const MAX_ROUND: u32 = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(crate) enum Message {
    /// How high the sender's chain is.
    Status {
        height: u64,
    },
    Proposal(Signed<Proposal>, Arc<Block>),
    Vote(Signed<Vote>),
    Polka(Polka),
    Round(RoundEntry),
    Transaction(Vec<u8>),
    Evidence(Evidence),
    /// Asks for blocks from this height up.
    Ask {
        from: u64,
    },
    Blocks(Vec<Decided>),
}

/// Why a message or transaction came to nothing. Some of it honest hosts cause as well: duplicates, late votes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Dropped {
    /// Longer than any message.
    #[error("a message of {got} bytes, expected at most {MAX_MESSAGE_BYTES}")]
    TooLong {
        /// Its length.
        got: usize,
    },
    /// No message.
    #[error("malformed message: {0}")]
    Malformed(String),
    /// A payload over [`MAX_PAYLOAD_BYTES`]: a peer's, or this host's own application's.
    #[error("a payload of {got} bytes, expected at most {MAX_PAYLOAD_BYTES}")]
    PayloadTooLong {
        /// Its length.
        got: usize,
    },
    /// A transaction over [`MAX_TRANSACTION_BYTES`].
    #[error("a transaction of {got} bytes, expected at most {MAX_TRANSACTION_BYTES}")]
    TransactionTooLong {
        /// Its length.
        got: usize,
    },
    /// For a height that is decided or that this host has yet to catch up with.
    #[error("a message for height {got} at height {at}")]
    OtherHeight {
        /// The message's.
        got: u64,
        /// This host's.
        at: u64,
    },
    /// For a round that this height will not see soon.
    #[error("a message for round {got} in round {at}")]
    FarRound {
        /// The message's.
        got: u32,
        /// This host's.
        at: u32,
    },
    /// A proposal by another than the round's proposer.
    #[error("a proposal by {got}, expected one by {expected}")]
    NotTheProposer {
        /// Who proposes in that round.
        expected: HostId,
        /// Who did.
        got: HostId,
    },
    /// A signature that is not the host's.
    #[error("a signature that is not {0}'s")]
    BadSignature(HostId),
    /// A proposal beside a block that it does not name, or whose maker is not its host.
    #[error("a proposal that does not fit its block")]
    OtherBlock,
    /// A block that may not follow: its place, its state, its evidence, or the application says no.
    #[error("a block that may not follow at height {height}")]
    InvalidBlock {
        /// The height.
        height: u64,
    },
    /// Seen before.
    #[error("known already")]
    Known,
    /// The application does not admit the transaction.
    #[error("a transaction that the application refuses")]
    Refused,
    /// Too much waits already.
    #[error("no room")]
    Full,
    /// Blocks that nobody asked this peer for.
    #[error("blocks that were not asked for")]
    Unasked,
    /// A certificate without the power or signatures that it needs.
    #[error("a certificate that does not hold at height {height}")]
    BadCertificate {
        /// The block's height.
        height: u64,
    },
    /// The engine does not take it.
    #[error("the engine: {0}")]
    Engine(String),
    /// Evidence that is known, too old, or proves nothing.
    #[error("evidence that is known or does not hold")]
    NoEvidence,
}

impl Message {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a peer's bytes. What comes out is well-formed and bounded, and nothing more.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Dropped> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(Dropped::TooLong { got: bytes.len() });
        }
        let message = Self::deserialize_all(bytes).map_err(|e| Dropped::Malformed(e.to_string()))?;
        message.bounded()?;
        Ok(message)
    }

    fn deserialize_all(bytes: &[u8]) -> std::io::Result<Self> {
        borsh::from_slice(bytes)
    }

    fn bounded(&self) -> Result<(), Dropped> {
        let round = match self {
            Self::Proposal(proposal, block) => {
                fits(block)?;
                proposal.message.round
            }
            Self::Vote(vote) => vote.message.round,
            Self::Polka(polka) => polka.round,
            Self::Round(entry) => entry.round,
            Self::Transaction(bytes) if bytes.len() > MAX_TRANSACTION_BYTES => {
                return Err(Dropped::TransactionTooLong { got: bytes.len() });
            }
            Self::Blocks(blocks) => {
                blocks.iter().try_for_each(|decided| fits(&decided.block))?;
                blocks.iter().map(|decided| decided.certificate.round).max().unwrap_or(0)
            }
            Self::Status { .. } | Self::Transaction(_) | Self::Evidence(_) | Self::Ask { .. } => 0,
        };
        if round > MAX_ROUND { Err(Dropped::FarRound { got: round, at: 0 }) } else { Ok(()) }
    }

    /// The height that an agreement's message is for.
    pub(crate) fn height(&self) -> Option<u64> {
        match self {
            Self::Proposal(proposal, _) => Some(proposal.message.height),
            Self::Vote(vote) => Some(vote.message.height),
            Self::Polka(polka) => Some(polka.height),
            Self::Round(entry) => Some(entry.height),
            _ => None,
        }
    }
}

fn fits(block: &Block) -> Result<(), Dropped> {
    let got = block.payload().len();
    if got > MAX_PAYLOAD_BYTES { Err(Dropped::PayloadTooLong { got }) } else { Ok(()) }
}

/// The message that answers [`crate::Output::Serve`]: stored blocks from `from` up, as many as fit.
///
/// # Errors
/// What the storage says.
pub fn serve(storage: &impl Storage, from: u64) -> Result<Vec<u8>, StorageError> {
    let mut blocks = Vec::new();
    let mut bytes = 0;
    for height in (from.max(1)..).take(BATCH_BLOCKS) {
        let Some(decided) = storage.block(height)? else { break };
        bytes += decided.to_bytes().len();
        blocks.push(decided);
        if bytes >= BATCH_BYTES {
            break;
        }
    }
    Ok(Message::Blocks(blocks).to_bytes())
}
