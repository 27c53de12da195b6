//! Ops without neighbours.

use half::f16;

/// `gate = f16(f16(silu(gate)) * up)`, SPEC §I.4.
///
/// # Shapes
/// - `gate`, `up`: `[rows, hidden]`.
///
/// # Panics
/// When the lengths differ.
pub fn swiglu(gate: &mut [f16], up: &[f16]) {
    assert_eq!(gate.len(), up.len(), "gate and up are [rows, hidden]");
    for (gate, up) in gate.iter_mut().zip(up) {
        let x = gate.to_f32();
        let silu = f16::from_f32(x / (1.0 + libm::expf(-x)));
        *gate = f16::from_f32(silu.to_f32() * up.to_f32());
    }
}

/// `x = f16(x + y)`, SPEC §I.4.
///
/// # Shapes
/// - `x`, `y`: `[rows, dim]`.
///
/// # Panics
/// When the lengths differ.
pub fn add(x: &mut [f16], y: &[f16]) {
    assert_eq!(x.len(), y.len(), "x and y are [rows, dim]");
    for (x, y) in x.iter_mut().zip(y) {
        *x = f16::from_f32(x.to_f32() + y.to_f32());
    }
}
