#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! The ground floor knows no profile. In reading order: [`device`] finds adapters and says which are usable, [`select`]
//! which one a user means, [`context`] opens it, [`kernel`] is a kernel as text and compiled, which [`compile`] does, [`cache`] remembers the fastest of them,
//! [`recorder`] turns dispatches into submits of bounded time by what [`pace`] has learnt, [`fence`] waits for them, [`measure`] times
//! kernels, [`matrix_tile`] says what matrix units make at once, and [`readback`] brings results home meanwhile. On it stand [`gonka`], [`exact`] and [`train`], beside each other, each with its
//! kernels, plan and tests. [`probe`] tries a driver's matrix units with the kernels of both, in another process.
//!
//! Nothing here knows the verdict: inputs or nonces go in, logits come out.
#![deny(unsafe_code)]

pub mod cache;
pub mod compile;
pub mod context;
pub mod device;
pub mod error;
pub mod exact;
pub mod fence;
pub mod gonka;
pub mod kernel;
pub mod matrix_tile;
pub mod measure;
pub mod pace;
pub mod probe;
pub mod readback;
pub mod recorder;
pub mod select;
mod side_by_side;
pub mod train;

pub use device::{DeviceInfo, devices, one_of_each};
pub use select::DeviceSelector;

pub use error::GpuError;
pub use exact::{ExactGpuExecutor, ExactGpuOptions};
pub use gonka::{GpuEngine, GpuExecutor, GpuOptions};
pub use train::{GpuTrainer, GpuTrainerOptions};

use std::ops::ControlFlow;

/// Told the share of the work done, 0 to 1, between submits; may stop it.
pub type Progress<'a> = &'a mut dyn FnMut(f32) -> ControlFlow<()>;
