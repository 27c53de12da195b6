//! Documents: one total reader of every shape in which proofs travel (SPEC, "Documents").
//!
//! [`read`] takes any bytes and gives a [`Document`] or a [`ReadError`]; it finds profile and shape by itself. What
//! the network's nodes, chain and explorers give, our own proof files and the `exact` profile's proofs become
//! [`Batch`]es in one form; what a document leaves out stays `None` for the verifier to say. Text that enters a hash
//! is taken as given. Limits are checked before anything is allocated, unknown members are skipped without being
//! kept, and one odd batch of several is set aside by name and place.

mod error;
mod exact;
mod gonka;
mod model;
mod other;
mod path;
mod sequence;
mod walk;

pub use error::{Place, ReadError, ReadErrorKind};

use crate::exact::Exact;
use crate::gonka::Gonka;
use crate::identity::{BlockHash, Nonce, PublicKey};
use crate::profile::Profile;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// Most bytes of a document.
pub const MAX_DOCUMENT_BYTES: usize = 1 << 28;
/// Most nonces of a document, over all its batches.
pub const MAX_NONCES: usize = 1 << 24;
/// Most batches of a document, those that are set aside included: more than the longest document holds of our own
/// lines.
pub const MAX_BATCHES: usize = 1 << 19;
/// Deepest nesting of wrappers that is followed; what is skipped may be nested at will.
pub const MAX_NESTING: usize = 16;

/// Which shape a document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// A: what an ML node posts to `/generated`; also lists and receivers' answers of them.
    ProofBatch,
    /// B: what an ML node posts to `/validated`: `dist` is the validator's, `received_dist` the claim.
    ValidatedBatch,
    /// C: the API node's `GET /v1/poc-batches/{height}`.
    ApiBatches,
    /// D: the chain's `poc_batches_for_stage/{height}`, by REST or RPC.
    ChainBatches,
    /// E: transactions that submit batches, `MsgExec` unwrapped.
    Transaction,
    /// G: the body that starts an ML node: context without claims.
    Init,
    /// H: a single proof.
    Single,
    /// A proof of the `exact` profile as JSON.
    ExactProof,
    /// A proof of the `exact` profile as bytes.
    ExactBytes,
    /// What `sphere-pow mine` writes: a batch a line.
    ProofFile,
}

/// What one batch of a document says, and what it leaves out.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<P: Profile> {
    /// Where it stands.
    pub place: Place,
    /// The account that submitted it.
    pub participant: Option<String>,
    /// Who mined.
    pub public_key: Option<PublicKey>,
    /// On which block.
    pub block_hash: Option<BlockHash>,
    /// Its height.
    pub block_height: Option<i64>,
    /// Which of the host's nodes.
    pub node_id: Option<u64>,
    /// The model.
    pub params: Option<P::Params>,
    /// What prices a win beside the model.
    pub price: Option<P::Price>,
    /// The nonces claimed, in order.
    pub nonces: Vec<Nonce>,
    /// What is claimed of each; `None` where a document leaves the column out for a second opinion.
    pub claims: Option<Vec<P::Claim>>,
    /// How far the search had come, in a proof file.
    pub progress: Option<Progress>,
}

/// How far a search had come when it wrote a line of a proof file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Nodes that share the nonces.
    pub node_count: u64,
    /// The group of this line's device.
    pub group: u64,
    /// Groups that share the node's nonces.
    pub groups: u64,
    /// Nonces tried for the line.
    pub tried: u64,
    /// The last of them.
    pub last: Nonce,
}

/// A batch of whichever profile.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyBatch {
    /// Of [`Gonka`].
    Gonka(Batch<Gonka>),
    /// Of [`Exact`].
    Exact(Batch<Exact>),
}

/// A part of a document that is no batch, beside parts that are.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    /// The account it is of, where it says.
    pub participant: Option<String>,
    /// What is wrong, and where.
    pub error: ReadError,
}

/// The end of a proof file that a crash cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Torn {
    /// The line, from 1.
    pub line: usize,
    /// Bytes there are of it.
    pub bytes: usize,
}

/// A document read.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its shape; of several, the first.
    pub shape: Shape,
    /// Its batches, in order.
    pub batches: Vec<AnyBatch>,
    /// What is wrong with the rest.
    pub rejected: Vec<Rejected>,
    /// What is cut off.
    pub torn: Option<Torn>,
}

/// A model read from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelFile<M> {
    /// Its sizes.
    pub params: M,
    /// What the file left out and was taken from the network's defaults, by field, in words.
    pub notes: Vec<String>,
}

/// Reads model sizes as files have them: bare, within the chain's answer, or within the request that starts a node;
/// numbers as JSON numbers, as text, or as the chain's `{value, exponent}` (SPEC §0.5).
///
/// # Errors
/// [`ReadError`], naming the field and its place.
pub fn read_model<M: crate::profile::Model>(bytes: &[u8]) -> Result<ModelFile<M>, ReadError> {
    model::file(bytes)
}

/// Reads a document of any shape (SPEC §0.2 to §0.4). Total: any bytes give a document or an error, in time linear in
/// their number and memory near that of the claims read.
///
/// # Errors
/// [`ReadError`], with what is wrong, where, and what was expected, when there is nothing in it to judge.
pub fn read(bytes: &[u8]) -> Result<Document, ReadError> {
    if bytes.len() > MAX_DOCUMENT_BYTES {
        let kind = ReadErrorKind::Size { got: bytes.len(), max: MAX_DOCUMENT_BYTES };
        return Err(ReadError { place: Place::default(), kind });
    }
    if bytes.starts_with(b"SPXP") { exact::bytes(bytes) } else { sequence::read(bytes) }
}
