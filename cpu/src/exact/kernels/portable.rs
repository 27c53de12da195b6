//! Kernels in plain Rust, written so that compilers vectorise them.

use super::{Isa, PANEL, QUAD, Table, Words, check_tile, unbiased};

/// What every target can run.
pub(crate) struct Portable;

impl Isa for Portable {
    type Words = [u32; 4];

    #[inline(always)]
    fn tile<const R: usize, const WIDE: bool>(
        panel: &[u8],
        x: [&[i8]; R],
        sums: [i32; R],
        out: &mut [[i32; PANEL]; R],
    ) {
        check_tile(panel, x);
        let (quads, _) = panel.as_chunks::<{ QUAD * PANEL }>();
        let start = unbiased::<R, WIDE>(sums);
        for ((x, start), out) in x.into_iter().zip(start).zip(out) {
            let (x, _) = x.as_chunks::<QUAD>();
            // Two sums an output, each of two products a quad.
            let mut acc = [0_i32; 2 * PANEL];
            for (quads, x) in quads.iter().zip(x) {
                let x = x.map(i16::from);
                let x = [x[0], x[1], x[2], x[3], x[0], x[1], x[2], x[3]];
                for (acc, quads) in acc.as_chunks_mut::<4>().0.iter_mut().zip(quads.as_chunks::<8>().0) {
                    let products: [i32; 8] =
                        core::array::from_fn(|i| i32::from(i16::from(quads[i])) * i32::from(x[i]));
                    for (i, acc) in acc.iter_mut().enumerate() {
                        *acc += products[2 * i] + products[2 * i + 1];
                    }
                }
            }
            for (out, acc) in out.iter_mut().zip(acc.as_chunks::<2>().0) {
                *out = start + acc[0] + acc[1];
            }
        }
    }
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
