//! The ops of the forward pass (SPEC §II.6), one readable reference twin per file. Every accumulator is an i32
//! or u32 whose bound is written beside it, and debug builds check for overflow.

mod attention;
mod embed;
mod lanes;
mod linear;
mod merge;
mod norm;
mod requantise;
mod swiglu;

pub use attention::{AttentionShape, attention, attention_weights};
pub use embed::embed;
pub use lanes::lanes;
pub use linear::{Requant, dot, linear};
pub use merge::merge;
pub use norm::{norm, scale_of};
pub use requantise::{clamp_int8, log2_sqrt, rounding_shift};
pub use swiglu::swiglu;
