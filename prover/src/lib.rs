//! Mines and verifies transformer-based proofs of work on any GPU through wgpu, or on the CPU.
//!
//! [`gonka`] and [`exact`] hold what belongs to one profile: a device ready to compute, whichever kind it is, the
//! search on it, and the verification of somebody else's claims. [`mine`] drives several devices over their nonces
//! and writes what they find to a [`ledger`]. The command line in `main.rs` and [`cli`] only reads arguments and
//! prints.
#![deny(unsafe_code)]

pub mod cli;
pub mod device;
pub mod error;
pub mod exact;
pub mod gonka;
pub mod ledger;
pub mod mine;
pub mod nonce_list;
pub mod rates;

pub use error::ProverError;
