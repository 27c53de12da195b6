//! What can be wrong with replies of a node.

use sphere_pow_core::text::shown;

/// Why nothing is confirmed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The trusted block is none.
    #[error("{} is no trusted block, expected HEIGHT:HASH, the hash of 64 hex digits", shown(.got))]
    Trust {
        /// What was given.
        got: String,
    },
    /// The replies are larger than is read.
    #[error("{got} bytes of replies, expected at most {most}")]
    Size {
        /// Their bytes.
        got: usize,
        /// The most.
        most: usize,
    },
    /// A reply that is no JSON.
    #[error("reply {nr} is no JSON: {reason}")]
    Json {
        /// Which, from 1.
        nr: usize,
        /// What is wrong.
        reason: String,
    },
    /// A reply of another kind.
    #[error(
        "reply {nr} is {got}, expected what /commit, /validators, /header, /block, /blockchain or /abci_query answer"
    )]
    Shape {
        /// Which, from 1.
        nr: usize,
        /// What it is.
        got: String,
    },
    /// A node's own refusal.
    #[error("reply {nr} is a refusal of the node: {}", shown(.message))]
    Refusal {
        /// Which, from 1.
        nr: usize,
        /// Its words.
        message: String,
    },
    /// A member of a reply that is not what it has to be.
    #[error("reply {nr}: {what}: {reason}")]
    Member {
        /// Which, from 1.
        nr: usize,
        /// The member.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Replies that do not go together.
    #[error("two {what} of height {height} differ")]
    Conflict {
        /// Of which kind.
        what: &'static str,
        /// The height.
        height: u64,
    },
    /// No header of the trusted block.
    #[error("no header of the trusted block {height} is among the replies")]
    NoTrusted {
        /// Its height.
        height: u64,
    },
    /// The header is not the one that is trusted.
    #[error("block {height} has hash {got}, expected the trusted {expected}")]
    Untrusted {
        /// The trusted height.
        height: u64,
        /// The hash of the header there.
        got: String,
        /// The trusted hash.
        expected: String,
    },
    /// A validator set that a step needs.
    #[error(
        "no validators of height {height} are among the replies, which block {block} needs to be checked"
    )]
    NoValidators {
        /// The height.
        height: u64,
        /// The block.
        block: u64,
    },
    /// Validators that are not those the header names.
    #[error("the validators of height {height} are not those that block {block} names")]
    Validators {
        /// Whose.
        height: u64,
        /// Which block names others.
        block: u64,
    },
    /// Too few of the validators trusted before signed: a block between would help.
    #[error(
        "block {height} has too few signatures of validators known from block {from}: add a commit between them"
    )]
    Step {
        /// The block.
        height: u64,
        /// The last that follows.
        from: u64,
    },
    /// A block whose signatures do not hold.
    #[error("block {height} does not follow from block {from}: {reason}")]
    Forged {
        /// The block.
        height: u64,
        /// The last that follows.
        from: u64,
        /// What is wrong.
        reason: String,
    },
    /// The trusted block is too old for signatures to bind.
    #[error(
        "block {height} of {date} is {days} days old, and validators are trusted for {most}: trust a later block"
    )]
    Expired {
        /// The block that later ones were to follow from.
        height: u64,
        /// Its date.
        date: String,
        /// Its age in days.
        days: u64,
        /// The trusting period in days.
        most: u64,
    },
    /// A header that its successor does not name.
    #[error("block {height} has hash {got}, but its successor names {expected}")]
    Broken {
        /// The block.
        height: u64,
        /// The hash of its header.
        got: String,
        /// What the successor says.
        expected: String,
    },
    /// A header that nothing binds.
    #[error("nothing binds block {height}: it has no signatures, and its successor is not among the replies")]
    Unbound {
        /// The block.
        height: u64,
    },
    /// A proof of state without the header that holds its root.
    #[error("the state after block {height} is committed to by block {}, which is not among the replies", .height + 1)]
    NoRoot {
        /// The height of the state.
        height: u64,
    },
    /// A proof that does not lead to the root.
    #[error("the proof of {} in store {} does not lead to what block {} commits to", shown(.key), shown(.store), .height + 1)]
    Proof {
        /// The store.
        store: String,
        /// The key, in hex.
        key: String,
        /// The height of the state.
        height: u64,
    },
    /// A proven value that is not what its place says.
    #[error("{what} after block {height}: {reason}")]
    Value {
        /// What it should be.
        what: &'static str,
        /// The height of the state.
        height: u64,
        /// What is wrong.
        reason: String,
    },
    /// No block of the wanted height.
    #[error("no block of height {height} is confirmed, only {known:?}")]
    NoBlock {
        /// The wanted height.
        height: u64,
        /// The confirmed ones.
        known: Vec<u64>,
    },
    /// No key of the wanted account.
    #[error("no key of account {} up to height {height} is confirmed", shown(.address))]
    NoAccount {
        /// The account.
        address: String,
        /// The height.
        height: u64,
    },
}

impl ChainError {
    /// A stable name for the error, the same on every surface.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Trust { .. } => "trust",
            Self::Size { .. } => "size",
            Self::Json { .. } | Self::Shape { .. } | Self::Refusal { .. } | Self::Member { .. } => "reply",
            Self::Conflict { .. } => "conflict",
            Self::NoTrusted { .. }
            | Self::NoValidators { .. }
            | Self::Step { .. }
            | Self::Unbound { .. }
            | Self::NoRoot { .. } => "missing-reply",
            Self::Untrusted { .. } => "untrusted",
            Self::Validators { .. } | Self::Forged { .. } | Self::Broken { .. } | Self::Proof { .. } => {
                "forged"
            }
            Self::Expired { .. } => "expired",
            Self::Value { .. } => "value",
            Self::NoBlock { .. } | Self::NoAccount { .. } => "unconfirmed",
        }
    }
}
