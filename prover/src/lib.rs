#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! In reading order: [`profiles`] is the one table of profiles and what the command needs of each; [`session`] makes
//! the devices that the arguments name ready; [`search`] drives them over their nonces and writes what they win to a
//! [`ledger`]; [`serve`] does so as a network's API node says; [`commands`] reads arguments and prints. What is valid is core's to say.
#![deny(unsafe_code)]

pub mod blobs;
pub mod checkpoint;
pub mod clock;
pub mod commands;
pub mod console;
pub mod device;
pub mod error;
pub mod input;
pub mod ledger;
pub mod memory;
pub mod nonce_list;
pub mod options;
pub mod profiles;
mod program;
pub mod rates;
pub mod search;
pub mod sensors;
pub mod serve;
pub mod session;
pub mod signals;
pub mod watch;

pub use error::ProverError;
