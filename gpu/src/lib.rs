//! The GPU executor: runs core's plan by WGSL kernels through wgpu, on Vulkan, Metal or DX12.
//!
//! In reading order: [`device`] finds adapters and says which are usable, [`context`] opens one, [`kernels`] holds
//! the host side of every kernel in `shaders/`, [`recorder`] turns their dispatches into submits of bounded time,
//! [`layout`] says what is padded to what and how much memory it takes, [`pool`] keeps the weight pool on the
//! device and makes tensors of it, [`forward`] runs a plan, [`self_test`] refuses a device that computes wrongly,
//! [`tune`] picks the fastest tile, and [`executor`] joins these. [`exact`] is the executor of the other profile
//! on the same ground.
//!
//! Nothing here knows the verdict: inputs or nonces go in, logits come out.
#![deny(unsafe_code)]

pub mod context;
pub mod device;
pub mod engine;
pub mod error;
pub mod exact;
pub mod executor;
pub mod fence;
pub mod forward;
pub mod kernels;
pub mod layout;
pub mod pace;
pub mod pool;
pub mod recorder;
pub mod self_test;
pub mod tune;

pub use device::{DeviceInfo, DeviceSelector, devices};
pub use engine::GpuEngine;
pub use error::GpuError;
pub use exact::{ExactGpuExecutor, ExactGpuOptions};
pub use executor::{GpuExecutor, GpuOptions};

use std::ops::ControlFlow;

/// Told the share of the work done, 0 to 1, between submits; may stop it.
pub type Progress<'a> = &'a mut dyn FnMut(f32) -> ControlFlow<()>;
