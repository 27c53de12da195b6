//! Host side of `shaders/gonka/linear_wide.wgsl`: [`super::linear`] with another kernel, recorded there.

use super::linear::kernel;
use crate::kernel::Kernel;

/// See the kernel's file.
pub const KERNEL: Kernel = kernel("linear_wide", sphere_pow_shaders::gonka::LINEAR_WIDE);
/// See the kernel's file.
pub const GATED: Kernel = kernel("linear_wide", sphere_pow_shaders::gonka::LINEAR_WIDE_GATED);
