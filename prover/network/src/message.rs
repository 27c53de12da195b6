//! What hosts say to the ledger.

use crate::ledger::Checks;
use crate::seed::Dealing;
use crate::sortition::Proof;
use borsh::{BorshDeserialize, BorshSerialize};

/// A host's number in the ledger: the order in which accounts were opened.
pub type HostId = u32;

/// A message of a host. Who sent it is known by its signature, which whoever orders messages checks.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// Binds the sender to a secret that the next Sprint's seed is made of.
    Commit {
        /// The Sprint.
        epoch: u64,
        /// [`crate::seed::commitment`] of the secret.
        commitment: [u8; 32],
        /// The secret, shared, where the rules have it recovered.
        dealing: Option<Box<Dealing>>,
    },
    /// The secret of a host that committed to it. Whoever knows it may send it.
    Reveal {
        /// The Sprint.
        epoch: u64,
        /// Whose secret it is.
        dealer: HostId,
        /// The secret.
        secret: [u8; 32],
    },
    /// The sender's shares of the secret of a host that has not revealed it.
    Share {
        /// The Sprint.
        epoch: u64,
        /// Whose secret it is.
        dealer: HostId,
        /// Of all seats of the sender, one after the other.
        shares: Vec<u8>,
    },
    /// What the sender has done in this Sprint.
    Claim {
        /// The Sprint.
        epoch: u64,
        /// What was done.
        claim: Claim,
    },
    /// What shows whose claims the sender checks, where validators draw for themselves. All do, whether they check any.
    Draw {
        /// The Sprint.
        epoch: u64,
        /// Over [`crate::sortition::input`].
        proof: Proof,
    },
    /// What the beacon asks to see of the sender's claim.
    Open {
        /// The Sprint.
        epoch: u64,
        /// In the profile's form; empty in a simulation.
        openings: Vec<u8>,
    },
    /// What the sender found when it checked a claim.
    Vote {
        /// The Sprint.
        epoch: u64,
        /// Whose claim.
        host: HostId,
        /// In which round of checks.
        checks: Checks,
        /// Which of the things that the beacon drew is false, by its place; `None` for none.
        fault: Option<u32>,
    },
}

impl Message {
    /// The Sprint that it belongs to.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        match self {
            Self::Commit { epoch, .. }
            | Self::Reveal { epoch, .. }
            | Self::Share { epoch, .. }
            | Self::Claim { epoch, .. }
            | Self::Draw { epoch, .. }
            | Self::Open { epoch, .. }
            | Self::Vote { epoch, .. } => *epoch,
        }
    }

    /// The kind of message.
    #[must_use]
    pub fn what(&self) -> &'static str {
        match self {
            Self::Commit { .. } => "commitment",
            Self::Reveal { .. } => "reveal",
            Self::Share { .. } => "share",
            Self::Claim { .. } => "claim",
            Self::Draw { .. } => "draw",
            Self::Open { .. } => "opening",
            Self::Vote { .. } => "vote",
        }
    }
}

/// A host's claim on a Sprint.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Claim {
    /// Units of work: nonces computed, or wins, as [`crate::rules::Pricing`] says.
    pub count: u64,
    /// The commitment or proof in the profile's form; empty in a simulation.
    pub document: Vec<u8>,
}

/// Why the ledger does not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such host.
    #[error("host {got}, expected one of {hosts}")]
    Stranger {
        /// The number given.
        got: HostId,
        /// How many there are.
        hosts: u32,
    },
    /// Not the Sprint that is on.
    #[error("a message for Sprint {got}, expected {expected}")]
    Epoch {
        /// The message's.
        got: u64,
        /// The one that is on.
        expected: u64,
    },
    /// Outside of the message's window.
    #[error("a {what} at height {height}, expected {from} to {to}")]
    Window {
        /// The kind of message.
        what: &'static str,
        /// The block's height.
        height: u64,
        /// First height of the window.
        from: u64,
        /// Last height of the window.
        to: u64,
    },
    /// Not the sender's to say.
    #[error("a {what} of a host that has no part in it")]
    NoPart {
        /// The kind of message.
        what: &'static str,
    },
    /// Said before; the first one stands.
    #[error("a second {what}")]
    Repeated {
        /// The kind of message.
        what: &'static str,
    },
    /// A secret that the dealer is not bound to.
    #[error("a secret that does not lead to the commitment of host {dealer}")]
    WrongSecret {
        /// The dealer.
        dealer: HostId,
    },
    /// A proof that is not the sender's over this Sprint's beacon.
    #[error("a draw whose proof does not verify")]
    WrongProof,
    /// A dealing that leaves hosts with seats out, or has parts for others, or where nothing is dealt.
    #[error("a dealing in {got} parts, expected {expected}")]
    Parts {
        /// Parts of it; 0 for none.
        got: usize,
        /// Hosts with seats.
        expected: usize,
    },
    /// A part of a dealing that is not of its host's seats.
    #[error("{got} sealed bytes for host {host}, expected {expected}")]
    PartLength {
        /// Whom it is for.
        host: HostId,
        /// Its length.
        got: usize,
        /// That of all shares of the host's seats.
        expected: usize,
    },
    /// Shares that the dealing does not have for the sender.
    #[error("shares that do not lead to their digest in the dealing of host {dealer}")]
    WrongShare {
        /// The dealer.
        dealer: HostId,
    },
    /// Nothing was done.
    #[error("a claim of 0, expected 1 or more")]
    Nothing,
}
