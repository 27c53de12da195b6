//! Input bytes to the residual stream.

/// `stream = 16 input`, SPEC §II.6.2: entries of standard deviation 16 become the stream's 256.
///
/// # Shapes
/// - `input`: `[rows, dim]` i8, |entry| <= 46.
/// - `stream`: `[rows, dim]` i32, |value| <= 736. Overwritten.
///
/// # Accuracy
/// Exact.
pub fn embed(input: &[i8], stream: &mut [i32]) {
    for (h, x) in stream.iter_mut().zip(input) {
        *h = 16 * i32::from(*x);
    }
}
