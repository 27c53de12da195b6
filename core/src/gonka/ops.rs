//! One op a file: the readable CPU twin of one kernel (SPEC §I.4).
//!
//! All take and give f16 in row-major order and compute in f32.

mod attention;
mod elementwise;
mod linear;
mod rms_norm;
mod rope;

pub use attention::{AttentionShape, attention};
pub use elementwise::{add, swiglu};
pub use linear::linear;
pub use rms_norm::rms_norm;
pub use rope::{RopeTable, rope};
