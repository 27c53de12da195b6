//! The `gonka` profile (SPEC Part I): what the live network computes, to within hardware noise.
//!
//! In reading order: [`params`] sizes a model, [`seed`] and [`rng`] make its numbers, [`weights`] lays every
//! tensor over one pool, [`plan`] lists the forward pass, [`forward`] runs it readably over [`ops`],
//! [`geometry`] turns logits into a distance, [`puzzle`] joins these for a block, [`proof`] and [`verify`]
//! judge batches of claims, [`known_answer`] tests devices, and [`shapes`] reads them as the network's nodes, chain and explorers give them.

pub mod forward;
pub mod geometry;
pub mod known_answer;
pub mod ops;
pub mod params;
pub mod plan;
pub mod proof;
pub mod puzzle;
pub mod rng;
pub mod seed;
pub mod shapes;
pub mod verify;
pub mod weights;

pub use params::{Params, ParamsError, Preset};
pub use puzzle::Puzzle;
