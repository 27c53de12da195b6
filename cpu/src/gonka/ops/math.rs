//! Scalar functions without branches, which compilers turn into vector code; the same bits on every target.

/// `x` rounded to the nearest f16, ties to even, as an f32.
#[inline(always)]
pub(super) fn round(x: f32) -> f32 {
    let bits = x.to_bits();
    let (sign, magnitude) = (bits & 0x8000_0000, bits & 0x7fff_ffff);
    let normal = (magnitude + 0xfff + (magnitude >> 13 & 1)) & !0x1fff;
    // Between 1/2 and 1 the f32 step is 2^-24, the step of subnormal f16.
    let subnormal = ((f32::from_bits(magnitude) + 0.5) - 0.5).to_bits();
    let finite = if magnitude < 0x3880_0000 { subnormal } else { normal };
    let infinity = 0x7f80_0000;
    let special = if magnitude > infinity { magnitude | 0x0040_0000 } else { infinity };
    f32::from_bits(sign | if finite >= 0x4780_0000 { special } else { finite })
}

/// Rounds every value to f16.
#[inline(always)]
pub(super) fn round_all(values: &mut [f32]) {
    for value in values {
        *value = round(*value);
    }
}

/// e^x, within 2 ulp for |x| <= 87, clamped beyond.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    // 1.5 * 2^23: adding it rounds to an integer, which then sits in the low bits.
    const SHIFT: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * core::f32::consts::LOG2_E + SHIFT;
    let n = shifted - SHIFT;
    // ln 2 in two parts: products of n with the first are exact.
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    // Cephes' expf polynomial.
    let p = 1.987_569_1e-4_f32;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_6e-1;
    let p = p * r + 0.5;
    let p = (p * (r * r) + r) + 1.0;
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
}

#[cfg(test)]
mod tests {
    use super::{exp, round};
    use half::f16;

    #[test]
    fn rounds_as_half_does() {
        for bits in
            (0..=u32::MAX).step_by(977).chain(0x3300_0000..0x3300_4000).chain(0x477f_d000..0x4780_1000)
        {
            let x = f32::from_bits(bits);
            let (got, want) = (round(x), f16::from_f32(x).to_f32());
            assert!(
                got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan()),
                "{x:e} {got:e} {want:e}"
            );
        }
    }

    #[test]
    fn exponentials_are_within_two_ulp() {
        for i in -870_000..=870_000_i32 {
            let x = f64::from(i) as f32 * 1e-4;
            let (got, want) = (exp(x), f64::from(x).exp());
            let ulp = (f64::from(got) - want).abs() / (want * f64::from(f32::EPSILON));
            assert!(ulp <= 2.0, "exp({x}) = {got:e}, {ulp} ulp off");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1000.0) < 1e-37);
    }
}
