//! Mines and verifies transformer-based proofs of work on any GPU through wgpu, or on the CPU.
//!
//! [`backend`] is one device ready to compute distances, whichever kind it is; [`mine`] drives several of them
//! over their nonces and writes what they find to a [`ledger`]; [`verify`] recomputes somebody else's claims.
//! The command line in `main.rs` and [`cli`] only reads arguments and prints.
#![deny(unsafe_code)]

pub mod backend;
pub mod cli;
pub mod error;
pub mod gpu;
pub mod known_answer;
pub mod ledger;
pub mod mine;
pub mod nonce_list;
pub mod rates;
pub mod verify;

pub use error::ProverError;
