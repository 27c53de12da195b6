//! What hosts agree about, as the agreement sees it.

use crate::block::Header;
use crate::evidence::Equivocation;
use crate::identity::{Hash, HostId};
use crate::mempool::Pending;
use crate::validators::Validators;

/// A replicated application: a state that blocks change, equally on every host.
///
/// `genesis`, `validate` and `commit` must follow from the blocks alone: no clock, no chance, no iteration over hash
/// maps, or hosts part. The state hash in each header makes that show at the next block.
pub trait Application {
    /// Work that takes long, such as mining. The driver runs it elsewhere and hands back its outcome.
    type Job;
    /// What a job came to.
    type Outcome;

    /// Names the validators of the first block and the state before it. Called once, before anything else.
    fn genesis(&mut self) -> Next;

    /// The payload of this host's block at `height`, from what is pending, at most [`crate::MAX_PAYLOAD_BYTES`].
    /// `validate` on every host must take it.
    fn propose(&self, height: u64, pending: &Pending<'_>) -> Vec<u8>;

    /// Whether a block may be decided on the present state. The header's place, state and hashes have been checked.
    fn validate(&self, header: &Header, payload: &[u8]) -> bool;

    /// Applies a final block. Called for each height once, in order; after a restart again from the first.
    fn commit(&mut self, block: &Committed) -> Next;

    /// Work that is due on the present state and has not been handed out in this life of the host.
    ///
    /// Called when the host stands where the network does: after a decision, at the end of catching up, and from time
    /// to time. Never for blocks that are only replayed or caught up with, so stale work need not be sorted out.
    fn jobs(&mut self) -> Vec<Self::Job>;

    /// Takes a job's outcome and says what this host tells the network of it: signed transactions.
    fn finished(&mut self, outcome: Self::Outcome) -> Vec<Vec<u8>>;

    /// Whether a transaction may wait for a block: well-formed, signed by who may, and not applied yet. Asked when it
    /// comes and again after each block, which is how those that a block has applied go.
    fn admit(&self, transaction: &[u8]) -> bool;
}

/// What follows from a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// Who decides the next height, and with what power.
    pub validators: Validators,
    /// The hash of the state that the block has led to; it stands in the next header.
    pub state: Hash,
}

/// A final block, as the application gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its height; the first is 1.
    pub height: u64,
    /// Its hash.
    pub hash: Hash,
    /// The hash of the block below.
    pub previous: Hash,
    /// Who made it.
    pub proposer: HostId,
    /// The application's bytes.
    pub payload: Vec<u8>,
    /// Who was shown to have voted or proposed twice: the block holds the proof, so every host sees the same.
    pub equivocations: Vec<Equivocation>,
}
