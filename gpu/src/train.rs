//! The GPU executor of training: a lane's steps with all between them on the device, core's bits.
//!
//! In reading order: [`kernels`] holds the host side of `shaders/train/`, [`layout`] says where tensors lie, [`buffers`]
//! what a batch needs room for, [`attention`], [`forward`] and [`backward`] record core's plan, [`self_test`] holds a step to core's, and
//! [`trainer`] joins these.

pub mod attention;
pub mod backward;
pub mod buffers;
pub mod forward;
pub mod kernels;
pub mod layout;
pub mod self_test;
pub mod trainer;

pub use kernels::product::Method;
pub use trainer::{GpuTrainer, GpuTrainerOptions};
