//! The `gonka` profile (SPEC Part I): what the live network computes, to within hardware noise.
//!
//! In reading order: [`params`] sizes a model, [`seed`] and [`rng`] make its numbers, [`weights`] lays every
//! tensor over one pool, [`plan`] lists the forward pass, [`forward`] runs it readably over [`ops`],
//! [`geometry`] turns logits into a distance, [`puzzle`] joins these for a block, [`rule`] and [`verify`] say what is
//! made of claims, and [`known_answer`] tests devices.

pub mod forward;
pub mod geometry;
pub mod known_answer;
pub mod ops;
pub mod params;
pub mod plan;
pub mod puzzle;
pub mod rng;
pub mod rule;
pub mod seed;
pub mod verify;
pub mod weights;

pub use params::{Params, ParamsError, Preset};
pub use puzzle::Puzzle;
pub use verify::Gonka;
