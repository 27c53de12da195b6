//! Squared ReLU (SPEC §IV.4.4, §IV.5.4).

use crate::train::values::{ACTIVATION, GRADIENT, quantise};

/// Widest row.
const MAX_HIDDEN: usize = 1024;

/// `a = max(acc, 0)` with 14 bits and `a²` as int8; gives both exponents.
///
/// # Shapes
/// - `acc`: `[hidden]`, unit `2^e`; `a`: `[hidden]` within 16383; `out`: `[hidden]` within 127. Both overwritten.
#[inline(always)]
pub fn squared_relu(acc: &[i32], e: i32, a: &mut [i16], out: &mut [i16]) -> (i32, i32) {
    let mut wide = [0_i32; MAX_HIDDEN];
    let wide = &mut wide[..acc.len()];
    for (wide, acc) in wide.iter_mut().zip(acc) {
        *wide = (*acc).max(0);
    }
    let ea = quantise(wide, e, GRADIENT, a);
    for (wide, a) in wide.iter_mut().zip(&*a) {
        *wide = i32::from(*a) * i32::from(*a);
    }
    (ea, quantise(wide, 2 * ea, ACTIVATION, out))
}

/// Gradient by `acc` from that by `a²`: `2 a g`; gives its exponent.
///
/// # Shapes
/// - `g`: `[hidden]` within ±16383, unit `2^e`; `a`: `[hidden]`, unit `2^ea`; `out`: `[hidden]`. Overwritten.
#[inline(always)]
pub fn squared_relu_backward(g: &[i16], e: i32, a: &[i16], ea: i32, out: &mut [i16]) -> i32 {
    let mut wide = [0_i32; MAX_HIDDEN];
    let wide = &mut wide[..g.len()];
    for ((wide, g), a) in wide.iter_mut().zip(g).zip(a) {
        *wide = i32::from(*g) * i32::from(*a);
    }
    quantise(wide, e + ea + 1, GRADIENT, out)
}
