//! The network's rules as pure functions: what a proof is worth (SPEC Part III).
//!
//! Heights, times, votes and randomness arrive as arguments. Decisions are made in integers and exact decimals;
//! floats appear where a probability is reported, and where the reference itself decides by one this is said.
//!
//! In reading order:
//! - [`epoch`]: stages and windows by height.
//! - [`message`]: which messages the chain takes.
//! - [`weight`], [`majority`], [`cap`]: from batches and votes to voting weight.
//! - [`sample`], [`go_rand`], [`detection`]: which nonces a validator checks, and what that finds.
//! - [`reputation`], [`committee`]: who checks requests and claims, and how often.
//! - [`reward`]: what hosts earn.
//! - [`difficulty`]: how the radius follows the network's power.
//! - [`lanes`]: who trains, checks and is paid for a training run (SPEC §IV.9).

pub mod cap;
pub mod committee;
pub mod decimal;
pub mod detection;
pub mod difficulty;
pub mod epoch;
pub mod go_rand;
pub mod lanes;
pub mod majority;
pub mod message;
pub mod ratio;
pub mod reputation;
pub mod reward;
pub mod sample;
pub mod weight;
