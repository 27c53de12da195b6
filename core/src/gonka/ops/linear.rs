//! Linear layers.

use half::f16;

/// `out = x weightᵀ` with f32 accumulation in order of k, SPEC §I.4.
///
/// # Shapes
/// - `x`: `[rows, cols]`.
/// - `weight`: `[width, cols]`.
/// - `out`: `[rows, width]`.
///
/// # Accuracy
/// bounded: other orders of summation move a distance by about 6e-7 (DESIGN, accuracy budget).
///
/// # Panics
/// When the lengths do not fit.
pub fn linear(x: &[f16], weight: &[f16], cols: usize, out: &mut [f16]) {
    let (rows, width) = (x.len() / cols, weight.len() / cols);
    assert_eq!(out.len(), rows * width, "out is [rows, width]");
    for (x, out) in x.chunks_exact(cols).zip(out.chunks_exact_mut(width)) {
        for (w, out) in weight.chunks_exact(cols).zip(out) {
            let dot: f32 = x.iter().zip(w).map(|(x, w)| x.to_f32() * w.to_f32()).sum();
            *out = f16::from_f32(dot);
        }
    }
}
