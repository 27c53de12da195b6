#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! - [`rules`]: what a network agrees on before its first block.
//! - [`message`], [`ledger`]: what hosts say, and what it adds up to: a pure function of the blocks.
//! - [`seed`]: where a Sprint's seed comes from.
//! - [`sortition`]: who checks, drawn by each validator for itself.
//! - [`host`]: what a host does, as a machine of inputs and outputs.
//! - [`peer`]: a host over the agreement, one of a real network.
//! - [`exact`]: its worker that really computes.
//! - [`scenario`], [`boxed`], [`report`]: networks in a box by name, played in simulated time or by processes.
//! - [`training`]: networks that train a model, with lanes that others check.
//! - [`simulate`]: many hosts in one thread, work counted instead of done.
#![forbid(unsafe_code)]

#[cfg(feature = "hosts")]
pub mod boxed;
#[cfg(feature = "hosts")]
pub mod exact;
pub mod host;
#[cfg(feature = "hosts")]
pub mod joint;
pub mod ledger;
pub mod message;
#[cfg(feature = "hosts")]
pub mod peer;
#[cfg(feature = "hosts")]
mod play;
pub mod report;
pub mod rules;
#[cfg(feature = "hosts")]
pub mod scenario;
pub mod seed;
#[cfg(feature = "hosts")]
mod signed;
pub mod simulate;
pub mod sortition;
pub mod training;
