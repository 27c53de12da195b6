//! Training by hosts that do not trust each other (SPEC §IV.9): a network of its own over the same agreement.
//!
//! - [`rules`], [`message`], [`ledger`]: what hosts say of a run, and what it adds up to: a pure function of the blocks.
//! - [`duty`]: what a host does about it, cheats included.
//! - [`blobs`]: deltas, states and parameters, fetched by their hashes from whoever has them.
//! - [`worker`]: what really trains, checks and merges.
//! - [`replay`]: what a run learns, trained again from its reports.
//! - [`peer`], [`scenario`], [`boxed`], [`report`]: the host over the agreement, and boxes of them by name.

#[cfg(feature = "hosts")]
pub mod blobs;
#[cfg(feature = "hosts")]
pub mod boxed;
pub mod duty;
pub mod ledger;
pub mod message;
#[cfg(feature = "hosts")]
pub mod peer;
#[cfg(feature = "hosts")]
pub mod replay;
pub mod report;
pub mod rules;
#[cfg(feature = "hosts")]
pub mod scenario;
#[cfg(feature = "hosts")]
pub mod worker;
