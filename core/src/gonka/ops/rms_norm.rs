//! RMS norm.

use half::f16;

/// Normalises each row by its root mean square and scales it by `weight`, SPEC §I.4.
///
/// `f16(f16(x * rsqrt(mean(x²) + eps)) * weight)`: rounded once before and once after the weight.
///
/// # Shapes
/// - `x`, `out`: `[rows, dim]`.
/// - `weight`: `[dim]`.
///
/// # Panics
/// When the lengths do not fit.
pub fn rms_norm(x: &[f16], weight: &[f16], eps: f32, out: &mut [f16]) {
    assert_eq!(x.len(), out.len(), "x and out are [rows, dim]");
    let dim = weight.len();
    #[expect(clippy::cast_precision_loss, reason = "dim is at most 2^16")]
    let n = dim as f32;
    for (x, out) in x.chunks_exact(dim).zip(out.chunks_exact_mut(dim)) {
        let square: f32 = x.iter().map(|v| v.to_f32() * v.to_f32()).sum();
        let scale = 1.0 / libm::sqrtf(square / n + eps);
        for ((x, w), out) in x.iter().zip(weight).zip(out) {
            let normed = f16::from_f32(x.to_f32() * scale);
            *out = f16::from_f32(normed.to_f32() * w.to_f32());
        }
    }
}
