//! The GPU executor of the `exact` profile: integers end to end, the same bits on every device.
//!
//! In reading order: [`kernels`] holds the host side of `shaders/exact/`, [`layout`] says what is padded to what
//! and where weights lie, [`weights`] makes them on the device from 32 bytes of key, [`forward`] runs core's plan,
//! [`sizes`] says what fits, [`leaves`] hashes the states that pass, [`self_test`] holds kernels to core's twins, [`choose`] takes the fastest,
//! if they are exact, which [`crate::cache`] remembers, [`executor`] joins these, [`transcript`] does what openings take, and [`measure`] times it.

pub mod choose;
pub mod engine;
pub mod executor;
pub mod forward;
pub mod kernels;
pub mod layout;
pub mod leaves;
pub mod measure;
pub mod self_test;
pub mod sizes;
pub mod transcript;
pub mod weights;

pub use crate::cache::CachePlace;
pub use engine::ExactGpuEngine;
pub use executor::{ExactGpuExecutor, ExactGpuOptions};
pub use kernels::linear::{Method, Variant};
pub use layout::WeightPlace;
