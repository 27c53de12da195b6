//! Kernels in plain Rust, written so that compilers vectorise them.

use super::{Isa, PANEL, QUAD, Table, WEIGHT_BIAS, WIDE_BIAS, Words, check_tile};

/// What every target can run.
pub(crate) struct Portable;

/// Depth worked on at a time, widened to i16.
const DEPTH: usize = 256;

impl Isa for Portable {
    type Words = [u32; 4];

    #[inline(always)]
    fn tile<const R: usize, const WIDE: bool>(
        panel: &[u8],
        x: [&[i8]; R],
        _sums: [i32; R],
        out: &mut [[i32; PANEL]; R],
    ) {
        check_tile(panel, x);
        let bias = i16::from(if WIDE { WIDE_BIAS } else { WEIGHT_BIAS });
        *out = [[0; PANEL]; R];
        let (mut wide_x, mut weights) = ([[0_i16; DEPTH]; R], [0_i16; DEPTH]);
        for (part, panel) in panel.chunks(DEPTH * PANEL).enumerate() {
            let depth = panel.len() / PANEL;
            for (wide, x) in wide_x.iter_mut().zip(x) {
                for (wide, x) in wide.iter_mut().zip(&x[part * DEPTH..][..depth]) {
                    *wide = i16::from(*x);
                }
            }
            let (quads, _) = panel.as_chunks::<QUAD>();
            for n in 0..PANEL {
                let (weights, _) = weights.as_chunks_mut::<QUAD>();
                for (weights, quads) in weights.iter_mut().zip(quads[n..].iter().step_by(PANEL)) {
                    *weights = quads.map(|byte| i16::from(byte) - bias);
                }
                for (out, x) in out.iter_mut().zip(&wide_x) {
                    out[n] += dot(&weights.as_flattened()[..depth], &x[..depth]);
                }
            }
        }
    }
}

/// At most 256 products within `127 * 127`: below 2^23. Wrapping, so that checks do not keep it from vectors.
#[inline(always)]
fn dot(a: &[i16], b: &[i16]) -> i32 {
    let products = a.iter().zip(b).map(|(a, b)| i32::from(*a).wrapping_mul(i32::from(*b)));
    products.fold(0, i32::wrapping_add)
}

impl Words for [u32; 4] {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        [word; 4]
    }
    #[inline(always)]
    fn load(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        core::array::from_fn(|i| u32::from_le_bytes(words[i]))
    }
    #[inline(always)]
    fn store(self, bytes: &mut [u8]) {
        bytes.copy_from_slice(self.map(u32::to_le_bytes).as_flattened());
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        core::array::from_fn(|i| self[i].wrapping_add(other[i]))
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        core::array::from_fn(|i| self[i] ^ other[i])
    }
    #[inline(always)]
    fn rotate<const N: i32>(self) -> Self {
        self.map(|word| word.rotate_left(N.cast_unsigned()))
    }
    #[inline(always)]
    fn lookup(self, table: &Table) -> Self {
        self.map(|word| u32::from_le_bytes(word.to_le_bytes().map(|byte| table.plain[usize::from(byte)])))
    }
}
