//! Host side of `shaders/gonka/linear_matrix.wgsl`: [`super::linear`] with another kernel, recorded there.

use super::linear::{Leaves, kernel};
use crate::kernel::Kernel;
pub use crate::matrix_tile::{Form, MatrixTile};
use sphere_pow_shaders::gonka::{
    LINEAR_MATRIX_8_HALVES, LINEAR_MATRIX_8_HALVES_GATED, LINEAR_MATRIX_8_QUADS, LINEAR_MATRIX_8_QUADS_GATED,
    LINEAR_MATRIX_16_QUADS, LINEAR_MATRIX_16_QUADS_GATED,
};

/// By blocks of 8, as [`Leaves`] are.
const QUADS_8: [Kernel; 2] =
    [kernel("linear_matrix", LINEAR_MATRIX_8_QUADS), kernel("linear_matrix", LINEAR_MATRIX_8_QUADS_GATED)];
/// By blocks of 8, as [`Leaves`] are.
const HALVES_8: [Kernel; 2] =
    [kernel("linear_matrix", LINEAR_MATRIX_8_HALVES), kernel("linear_matrix", LINEAR_MATRIX_8_HALVES_GATED)];
/// By blocks of 16, as [`Leaves`] are.
const QUADS_16: [Kernel; 2] =
    [kernel("linear_matrix", LINEAR_MATRIX_16_QUADS), kernel("linear_matrix", LINEAR_MATRIX_16_QUADS_GATED)];

impl MatrixTile {
    /// The kernel that makes it.
    ///
    /// # Panics
    /// When there is none: `for_device` gives none such.
    #[must_use]
    pub fn kernel(self, leaves: Leaves) -> &'static Kernel {
        let kernels: &'static [Kernel; 2] = match (self.block, self.form) {
            (8, Form::Quads) => &QUADS_8,
            (8, Form::Halves) => &HALVES_8,
            (16, Form::Quads) => &QUADS_16,
            _ => panic!("no kernel makes {self:?}"),
        };
        &kernels[leaves as usize]
    }
}
