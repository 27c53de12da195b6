//! The GPU executor of the `gonka` profile: f16 values, f32 sums.
//!
//! In reading order: [`kernels`] holds the host side of `shaders/gonka/`, [`layout`] says what is padded to what and how
//! much memory it takes, [`pool`] keeps the weight pool on the device and makes tensors of it, [`steps`] and
//! [`forward`] run core's plan, [`self_test`] refuses a device that computes wrongly, [`tune`] measures tiles, of which [`choose`] takes the fastest that are right, [`prepare`] and
//! [`executor`] join these, and [`measure`] times them.

pub mod choose;
pub mod engine;
pub mod executor;
pub mod forward;
pub mod kernels;
pub mod layout;
pub mod measure;
pub mod pool;
pub mod prepare;
pub mod self_test;
pub mod steps;
pub mod tune;

pub use engine::GpuEngine;
pub use executor::{GpuExecutor, GpuOptions};
pub use pool::PoolSource;
pub use prepare::Prepared;
