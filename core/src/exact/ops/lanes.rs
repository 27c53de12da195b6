//! The int8 copy of a normed row that the matrices read, turned by its position.

use super::requantise::{clamp_int8, rounding_shift};

/// `out[j] = clamp8((normed[(j + 4 position) mod dim] + 4) >> 3)`, SPEC §II.6.4.
///
/// The turn is the profile's position encoding. It also keeps positions from growing alike: equal rows at two
/// positions still meet different columns of every matrix.
///
/// # Shapes
/// - `normed`: `[rows, dim]` i32, |value| <= 16368.
/// - `position_of`: position of a row, 0..tokens.
/// - `out`: `[rows, dim]` i8 within ±127. Overwritten.
///
/// # Accuracy
/// Exact.
pub fn lanes(normed: &[i32], dim: usize, position_of: impl Fn(usize) -> usize, out: &mut [i8]) {
    for (row_ix, (row, out)) in normed.chunks_exact(dim).zip(out.chunks_exact_mut(dim)).enumerate() {
        let (head, tail) = row.split_at(4 * position_of(row_ix) % dim);
        for (y, n) in out.iter_mut().zip(tail.iter().chain(head)) {
            *y = clamp_int8(rounding_shift(*n, 3));
        }
    }
}
