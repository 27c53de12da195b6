//! The `exact` profile on the CPU: [`CpuExecutor`] turns nonces into logits, running core's plan with int8
//! kernels. Weights lie packed in memory, or are made from their streams as they are used.
//!
//! Bits: every step is exact integer arithmetic, so all [`Kernels`], thread counts, batches and memory limits
//! give core's logits.

mod activations;
mod engine;
mod executor;
mod forward;
pub(crate) mod kernels;
mod ops;
mod run;
mod transcript;
mod weights;

pub use engine::CpuEngine;
pub use executor::{CpuError, CpuExecutor, CpuOptions, Footprint, OnState, Progress};
pub use kernels::Kernels;
pub use ops::gemm::Gemm;
