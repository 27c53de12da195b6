//! Training in integers (SPEC Part IV): a run of many hosts, each step of which anybody repeats to the bit.
//!
//! In reading order: [`params`] sizes a run, [`values`] holds the few roundings, [`stream`] derives keys and draws
//! batches, [`text`] is what is learnt, [`ops`] has one operation a file with its backward pass, [`model`] joins them
//! over an [`Executor`], [`state`] is what a lane carries from step to step, [`lane`] repeats its steps, [`commit`] says
//! what a lane publishes, [`opening`] judges a segment of it, [`report`] says so, and [`merge`] is the outer step that every host repeats.
//! [`float`] judges lanes whose steps are in floats, by a tolerance.

pub mod commit;
pub mod executor;
pub mod float;
pub mod lane;
pub mod merge;
pub mod model;
pub mod opening;
pub mod ops;
pub mod params;
pub mod report;
pub mod state;
pub mod stream;
pub mod text;
pub mod values;

pub use executor::{Executor, Op, Plain};
pub use lane::{Lane, Run};
pub use opening::{Known, Opening, OpeningError, Verdict};
pub use params::{Params, ParamsError, Preset};
pub use report::{Report, nats};
pub use state::State;
pub use text::{Text, TextError};
