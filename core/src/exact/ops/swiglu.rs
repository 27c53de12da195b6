//! The feed-forward's gate.

use super::requantise::{clamp_int8, rounding_shift};
use crate::exact::tables::SILU;

/// `gate = clamp8((SILU[gate + 128] up + 8) >> 4)`, SPEC §II.6.7.
///
/// # Shapes
/// - `gate`: `[rows, hidden]` i8 within ±127. In: `w1 x`; out: the gated value.
/// - `up`: `[rows, hidden]` i8 within ±127, `w3 x`.
///
/// # Accuracy
/// Exact. |SILU| <= 125, the product at most 15,875.
pub fn swiglu(gate: &mut [i8], up: &[i8]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        let silu = SILU[usize::from(gate.cast_unsigned() ^ 0x80)];
        *gate = clamp_int8(rounding_shift(i32::from(silu) * i32::from(*up), 4));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_clamped() {
        let mut gate = [127, 127, -127, 0, -1];
        swiglu(&mut gate, &[127, -127, 127, 127, 127]);
        assert_eq!(gate[..2], [127, -127]);
        // silu(-127/32) is -2 and silu(0) and silu(-1/32) are 0.
        assert_eq!(gate[2..], [-16, 0, 0]);
    }
}
