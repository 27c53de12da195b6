//! Weights from draws: the frequent case by table, the rest by core's ziggurat.

use super::stream::Draws;
use half::f16;
use sphere_pow_core::gonka::rng::{Ziggurat, weight_from_normal, ziggurat_tables};

/// Standard deviation of a weight.
pub(crate) const DEVIATION: f64 = 0.02;
/// Magnitudes below `KI[level]` are accepted at once.
pub(crate) static KI: [u64; 256] = ziggurat_tables::KI;
/// Normal per unit of magnitude.
pub(crate) static WI: [f64; 256] = {
    let mut table = [0.0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = f64::from_bits(ziggurat_tables::WI_BITS[i]);
        i += 1;
    }
    table
};

/// The next weight, by as many draws as it takes.
pub(super) fn weight(draws: &mut Draws) -> f16 {
    weight_from_normal(Ziggurat::new().draw(|| draws.draw()))
}

/// What eight draws stand for when accepted, and which are, as bits.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "as core's twin")]
pub(crate) fn weights_from_draws(draws: &[u64; 8]) -> ([f16; 8], u8) {
    let (mut weights, mut accepted) = ([f16::ZERO; 8], 0);
    for (i, (draw, weight)) in draws.iter().zip(&mut weights).enumerate() {
        let (level, magnitude) = (usize::from(*draw as u8), draw >> 9 & 0x000f_ffff_ffff_ffff);
        let size = (magnitude as i64) as f64 * WI[level] * DEVIATION;
        let sign = ((*draw >> 8 & 1) as u16) << 15;
        *weight = f16::from_bits(narrow(size as f32) | sign);
        accepted |= u8::from(magnitude < KI[level]) << i;
    }
    (weights, accepted)
}

/// The f16 nearest to `x`, which is from 0 to 1, ties to even.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "values below 2^15")]
fn narrow(x: f32) -> u16 {
    let bits = x.to_bits();
    let normal = ((bits + 0xfff + (bits >> 13 & 1)) >> 13).wrapping_sub((127 - 15) << 10);
    // Between 1/2 and 1 the f32 step is 2^-24, the step of subnormal f16.
    let subnormal = (x + 0.5).to_bits() - 0.5_f32.to_bits();
    (if bits < 0x3880_0000 { subnormal } else { normal }) as u16
}

#[cfg(test)]
mod tests {
    use super::narrow;
    use half::f16;

    #[test]
    fn narrows_as_half_does() {
        for bits in (0..=1.0_f32.to_bits()).step_by(61).chain(0x3300_0000..0x3300_4000) {
            let x = f32::from_bits(bits);
            assert_eq!(narrow(x), f16::from_f32(x).to_bits(), "{x:e}");
        }
    }
}
