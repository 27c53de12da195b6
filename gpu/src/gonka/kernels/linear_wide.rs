//! Host side of `shaders/gonka/linear_wide.wgsl`: [`super::linear`] with another kernel, recorded there.

use super::linear::Dims;
use super::members;
use crate::kernel::{Access, Kernel};

/// See the kernel's file.
pub const KERNEL: Kernel = Kernel {
    name: "linear_wide",
    entry_point: "linear_wide",
    source: sphere_pow_shaders::gonka::LINEAR_WIDE,
    dims_bytes: size_of::<Dims>(),
    dims_members: members!(Dims; k_quads, out_quads, first_row, first_weight, chunk_column),
    buffers: &[Access::Read, Access::Read, Access::Write],
};
