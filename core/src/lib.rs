#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! Two profiles share one shape:
//! - [`exact`]: integers end to end, the same bits everywhere, and no shortcut that pays (SPEC Part II).
//! - [`gonka`]: compatible with the network's own scheme to within hardware noise (SPEC Part I).
//!
//! Over both, and the same for each:
//! - [`profile`]: a profile as a type, and what computes it.
//! - [`document`]: one reader of every shape in which proofs travel.
//! - [`verify`]: one judge.
//!
//! Beside both:
//! - [`train`]: training in integers, which anybody repeats to the bit (SPEC Part IV).
//!
//! What both use:
//! - [`identity`]: block hashes, public keys and nonces as types that cannot hold a bad value.
//! - [`text`]: strangers' text in messages.
//! - [`json`]: documents' values without a tree.
//! - [`network`]: the rules by which the network weighs proofs and pays hosts (SPEC Part III).
//! - [`statistics`]: the cap probability on a sphere and the exact binomial tail.
#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod document;
pub mod exact;
pub mod gonka;
pub mod identity;
pub mod json;
pub mod network;
pub mod profile;
pub mod statistics;
pub mod text;
pub mod train;
pub mod verify;

pub use half::f16;
