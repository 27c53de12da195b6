//! The branch joins the stream.

use super::norm::norm;
use super::requantise::rounding_shift;
use alloc::vec;

/// `stream = rounding_shift(normed, 1) + norm(branch)`, SPEC §II.6.8.
///
/// The branch is normed before it is added and the stream is halved, so that one branch replaces 80 % of the
/// stream's variance whatever its size.
///
/// # Shapes
/// - `normed`: `[rows, dim]` i32, |value| <= 16368: the normed stream that the branch started from.
/// - `branch`: `[rows, dim]` i32, any values.
/// - `stream`: `[rows, dim]` i32, |value| <= 24552: fits i16. Overwritten.
///
/// # Accuracy
/// Exact.
pub fn merge(normed: &[i32], branch: &[i32], dim: usize, stream: &mut [i32]) {
    let mut scaled = vec![0; branch.len()];
    norm(branch, dim, &mut scaled);
    for ((h, n), b) in stream.iter_mut().zip(normed).zip(scaled) {
        *h = rounding_shift(*n, 1) + b;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_at_its_largest_fits_i16() {
        let mut branch = [0; 4096];
        branch[0] = i32::MAX;
        let mut stream = [0; 4096];
        merge(&[16_368; 4096], &branch, 4096, &mut stream);
        assert_eq!(stream[0], 24_552);
        assert_eq!(stream[1], 8184);
    }
}
