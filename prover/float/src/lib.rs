#![doc = include_str!("../README.md")]
//!
//! In reading order: [`Arithmetic`] says in what numbers products are computed, `model` is the forward pass on burn's
//! tensors, and [`Steps`] joins it with burn's gradients and an optimiser.

mod arithmetic;
mod model;
mod steps;

// For its feature only.
use gemm as _;

pub use arithmetic::Arithmetic;
pub use steps::Steps;
