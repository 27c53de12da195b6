//! Tables of 256 bytes, read many at a time.

use super::Words;
use sphere_pow_core::exact::tables;

/// What is added to weights in panels, which makes them bytes of 18 to 110.
pub(crate) const WEIGHT_BIAS: u8 = 64;

/// A table of 256 bytes in two forms.
pub(crate) struct Table {
    /// Entry by entry.
    pub(crate) plain: [u8; 256],
    /// For byte shuffles of 16 entries that give 0 for an index with its top bit set and else look at its lower
    /// 4 bits. For b below 128 and b' = b, or b from 128 on and b' = b - 128, the entry is the XOR over j from 0
    /// to b' / 16 of `shuffle(steps[j], b' - 16 j)`, with `steps[8 + j]` in the second case: each step is what
    /// the entries of its sixteen differ by from those of the one before.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only x86 shuffles so"))]
    pub(crate) steps: [[u8; 16]; 16],
}

impl Table {
    const fn new(plain: [u8; 256]) -> Self {
        let mut steps = [[0; 16]; 16];
        let mut h = 0;
        while h < 16 {
            let mut i = 0;
            while i < 16 {
                let mut entry = plain[16 * h + i];
                if h % 8 > 0 {
                    entry ^= plain[16 * h - 16 + i];
                }
                steps[h][i] = entry;
                i += 1;
            }
            h += 1;
        }
        Self { plain, steps }
    }
}

const fn biased(table: &[i8; 256], bias: u8) -> [u8; 256] {
    let mut out = [0; 256];
    let mut b = 0;
    while b < 256 {
        out[b] = table[b].cast_unsigned().wrapping_add(bias);
        b += 1;
    }
    out
}

/// `NORMAL` plus [`WEIGHT_BIAS`]: keystream bytes to a panel's bytes.
pub(crate) static WEIGHT: Table = Table::new(biased(&tables::NORMAL, WEIGHT_BIAS));

/// Lower bytes of `EXP2`.
pub(crate) static EXP2_LOW: Table = Table::new(exp2_bytes(0));
/// Upper bytes of `EXP2`.
pub(crate) static EXP2_HIGH: Table = Table::new(exp2_bytes(1));

const fn exp2_bytes(which: usize) -> [u8; 256] {
    let mut out = [0; 256];
    let mut i = 0;
    while i < 256 {
        out[i] = tables::EXP2[i].to_le_bytes()[which];
        i += 1;
    }
    out
}

/// `SILU` as it is, to be read by gate + 128.
pub(crate) static SILU: Table = Table::new(biased(&tables::SILU, 0));

impl Table {
    /// Puts every byte through the table.
    ///
    /// # Panics
    /// When `bytes` are no whole number of vectors.
    #[inline(always)]
    pub(crate) fn apply<W: Words>(&self, bytes: &mut [u8]) {
        assert!(bytes.len().is_multiple_of(4 * W::LANES), "whole vectors");
        for bytes in bytes.chunks_exact_mut(4 * W::LANES) {
            W::load(bytes).lookup(self).store(bytes);
        }
    }
}
