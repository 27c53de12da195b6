#![doc = include_str!("../README.md")]

mod error;
mod headers;
mod replies;
mod state;

pub use error::ChainError;
pub use state::{Fact, Value};

use headers::Headers;
use serde::Serialize;
use sphere_pow_core::text;
use sphere_pow_core::verify::Given;
use std::str::FromStr;

/// Most bytes of replies that are read.
pub const MAX_REPLIES_BYTES: usize = 64 << 20;
/// How long validators of a chain of this kind stay answerable for what they signed, less a margin: chains of the Cosmos
/// SDK unbond in 21 days unless they say otherwise, and so does the network.
pub const TRUSTING_PERIOD_SECONDS: u64 = 14 * 86_400;

/// The block that whoever verifies trusts: by an explorer, a friend, a node of their own. All else follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Its height.
    pub height: u64,
    /// The hash of its header.
    pub hash: [u8; 32],
}

impl FromStr for Trust {
    type Err = ChainError;

    /// Reads `HEIGHT:HASH`, the hash as 64 hex digits.
    fn from_str(given: &str) -> Result<Self, ChainError> {
        let wrong = || ChainError::Trust { got: given.to_owned() };
        let (height, hash) = given.split_once(':').ok_or_else(wrong)?;
        let height: u64 = height.parse().map_err(|_| wrong())?;
        Ok(Self { height, hash: text::bytes32(hash).ok_or_else(wrong)? })
    }
}

/// When it is, and for how long signatures bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// Seconds since 1970, as the verifier's clock says.
    pub now: u64,
    /// Seconds after a block's time for which its validators are trusted to sign later ones honestly: less than the chain's
    /// time of unbonding, see [`TRUSTING_PERIOD_SECONDS`].
    pub trusting: u64,
}

/// A block that follows from the trusted one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// Its height.
    pub height: u64,
    /// Its hash, as the network's hosts put it into their seeds: 64 upper-case hex digits.
    pub hash: String,
    /// Its time, seconds since 1970.
    pub time: i64,
    /// What binds it to the trusted block.
    pub by: Binding,
}

/// What binds a block to the trusted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Binding {
    /// It is the trusted block.
    Trusted,
    /// Validators signed it: more than two thirds of its own, and more than a third of those that were trusted before.
    Signatures,
    /// A later block that is bound names its hash.
    Successor,
}

/// What follows from a trusted block.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Confirmation {
    /// The chain's name.
    pub chain_id: String,
    /// The height of the trusted block.
    pub trusted_height: u64,
    /// The blocks that follow, by height.
    pub blocks: Vec<Block>,
    /// What the chain's state is proven to hold, by height.
    pub facts: Vec<Fact>,
}

/// What a verdict needs of a chain, from replies of any node: each follows from the trusted block or is refused.
///
/// `replies` are what CometBFT's RPC answers, as it answers, one after the other in any order, with or without the
/// `{"jsonrpc", "id", "result"}` around them: of `commit`, `validators`, `header`, `block`, `blockchain` and
/// `abci_query` with `prove=true`.
///
/// # Errors
/// [`ChainError`] for the first reply that is none of these, does not follow, or lacks another to follow by.
pub fn confirm(replies: &str, trust: &Trust, period: &Period) -> Result<Confirmation, ChainError> {
    let replies = replies::read(replies)?;
    let headers = Headers::follow(&replies, trust, period)?;
    let mut facts = Vec::new();
    for query in &replies.queries {
        facts.push(state::prove(query, &headers)?);
    }
    facts.sort_by_key(|fact| fact.height);
    let (chain_id, blocks) = headers.into_blocks();
    Ok(Confirmation { chain_id, trusted_height: trust.height, blocks, facts })
}

impl Confirmation {
    /// What whoever verifies a proof of the block at `height` need not say themselves: the block's hash, and what was
    /// in force at that height of the model, the radius, and the key of the account `account`. Of several of a
    /// kind the one of the greatest height counts that is not above the block's.
    ///
    /// # Errors
    /// [`ChainError::NoBlock`] where no block of that height follows, [`ChainError::NoAccount`] where an account is named whose
    /// key does not.
    pub fn given(&self, height: u64, account: Option<&str>) -> Result<Given, ChainError> {
        let block = self.blocks.iter().find(|block| block.height == height);
        let block = block.ok_or_else(|| ChainError::NoBlock {
            height,
            known: self.blocks.iter().map(|block| block.height).collect(),
        })?;
        let mut given = Given {
            block_hash: Some(block.hash.clone()),
            block_height: i64::try_from(height).ok(),
            ..Given::default()
        };
        // Ascending, so that the last counts.
        for fact in self.facts.iter().filter(|fact| fact.height <= height) {
            match &fact.value {
                Value::Model { params, r_target, .. } => {
                    given.params = Some(params.to_string());
                    given.r_target = *r_target;
                }
                Value::Account { address, public_key } if account == Some(address) => {
                    given.public_key = Some(public_key.clone());
                }
                Value::Account { .. } | Value::Other { .. } => {}
            }
        }
        match account {
            Some(address) if given.public_key.is_none() => {
                Err(ChainError::NoAccount { address: address.to_owned(), height })
            }
            _ => Ok(given),
        }
    }

    /// What is confirmed, in words, the trust first.
    #[must_use]
    pub fn summary(&self) -> String {
        let shown = |text: &str| text::shown(text);
        let mut lines = vec![format!(
            "CONFIRMED by chain {}, if its block {} is what you trust it to be",
            shown(&self.chain_id),
            self.trusted_height
        )];
        for block in &self.blocks {
            let by = match block.by {
                Binding::Trusted => "trusted",
                Binding::Signatures => "signed by the validators",
                Binding::Successor => "named by its successor",
            };
            lines.push(format!("block {}: {} ({by})", block.height, block.hash));
        }
        for fact in &self.facts {
            let height = fact.height;
            lines.push(match &fact.value {
                Value::Model { params, r_target, .. } => {
                    let radius = r_target.map_or_else(|| "none".to_owned(), |radius| radius.to_string());
                    format!("after block {height}: radius {radius}, model {params}")
                }
                Value::Account { address, public_key } => {
                    format!("after block {height}: account {} has key {public_key}", shown(address))
                }
                Value::Other { store, key, value } => {
                    let n = value.len() / 2;
                    format!("after block {height}: store {} has {n} bytes at {key}", shown(store))
                }
            });
        }
        lines.join("\n") + "\n"
    }
}
