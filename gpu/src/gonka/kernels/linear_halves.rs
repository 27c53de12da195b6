//! Host side of `shaders/gonka/linear_halves.wgsl`: [`super::linear`] with another kernel, recorded there.

use super::linear::kernel;
use crate::kernel::Kernel;

/// See the kernel's file.
pub const KERNEL: Kernel = kernel("linear_halves", sphere_pow_shaders::gonka::LINEAR_HALVES);
/// See the kernel's file.
pub const GATED: Kernel = kernel("linear_halves", sphere_pow_shaders::gonka::LINEAR_HALVES_GATED);
