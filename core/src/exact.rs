//! The `exact` profile (SPEC Part II): a chaotic transformer in integers, the same bits on every machine.
//!
//! In reading order: [`params`] sizes a model, [`stream`] derives keys and reads their keystreams, [`tables`]
//! holds the three tables, [`weights`] addresses every tensor at random, [`puzzle`] joins these for a block and
//! gives inputs and targets, [`plan`] lists the forward pass, [`forward`] runs it readably over [`ops`],
//! [`verdict`] turns logits into a digest and a win, [`proof`] carries claims and [`verify`] judges them;
//! [`transcript`] commits to every layer of every nonce, and judges what a beacon draws of that.

mod fields;
pub mod forward;
pub mod ops;
pub mod params;
pub mod plan;
pub mod proof;
pub mod puzzle;
pub mod stream;
pub mod tables;
pub mod transcript;
pub mod verdict;
pub mod verify;
pub mod weights;

pub use params::{Params, ParamsError, Preset};
pub use proof::{Claim, DecodeError, Proof};
pub use puzzle::{Inputs, Puzzle};
pub use verdict::{Digest, Verdict};
pub use verify::Exact;
