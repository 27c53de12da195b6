//! wasm's 16 bytes at a time: products of i16, added in pairs. No relaxed instructions.
//!
//! A build has simd128 or not, so nothing here is looked for at run time, and the intrinsics are safe; only
//! loads and stores through pointers are not.
#![allow(unsafe_code, reason = "loads and stores; each block says why it may run")]

use super::{Isa, PAIRED, PANEL, QUAD, Table, Words, check_tile, each, unbiased};
use core::arch::wasm32::*;

/// wasm with simd128.
pub(super) struct Simd128;

/// Outputs of one part of a panel: with two rows, 8 sums, 4 vectors of weights and one of a row in 16 registers.
const OUTPUTS: usize = 8;
/// Vectors of i32 for them: two sums an output.
const VECTORS: usize = OUTPUTS / 2;

/// Sums of `R` rows by the [`OUTPUTS`] from where `panel` starts.
///
/// # Safety
/// From `panel` on lie `quads` times `QUAD * OUTPUTS` bytes, each `QUAD * PANEL` after the last; each row of `x`
/// has `QUAD * quads` bytes.
#[inline(always)]
unsafe fn part<const R: usize>(panel: *const u8, quads: usize, x: [*const i8; R]) -> [[v128; VECTORS]; R] {
    let mut acc = [[i32x4_splat(0); VECTORS]; R];
    for k in 0..quads {
        // SAFETY: the caller's; wasm's loads need no alignment.
        unsafe {
            let panel = panel.add(k * QUAD * PANEL);
            let mut weights = [i32x4_splat(0); VECTORS];
            for (v, weights) in weights.iter_mut().enumerate() {
                *weights = u16x8_load_extend_u8x8(panel.add(8 * v));
            }
            for (acc, x) in acc.iter_mut().zip(x) {
                let x = i16x8_extend_low_i8x16(v128_load32_splat(x.add(k * QUAD).cast()));
                for (acc, weights) in acc.iter_mut().zip(weights) {
                    // Bytes of at most 255 by 127: a pair is far below i32's limit.
                    *acc = i32x4_add(*acc, i32x4_dot_i16x8(weights, x));
                }
            }
        }
    }
    acc
}

// A call costs nothing beside its loops; inlined into every use it would be a fifth of the whole wasm.
#[inline(never)]
fn rows<const R: usize, const WIDE: bool>(panel: &[u8], x: &[&[i8]], sums: &[i32], out: &mut [[i32; PANEL]]) {
    let x: [&[i8]; R] = x.try_into().expect("R rows");
    let start = unbiased::<R, WIDE>(sums.try_into().expect("R sums"));
    let quads = check_tile(panel, x);
    for first in (0..PANEL).step_by(OUTPUTS) {
        // SAFETY: `check_tile` held: the panel has `quads` times PANEL quads, of which these are the OUTPUTS
        // from `first` on, and the rows are as deep.
        let acc = unsafe {
            part::<R>(panel.as_ptr().add(first * QUAD), quads, each(x, core::ptr::null(), <[i8]>::as_ptr))
        };
        for ((out, acc), start) in out.iter_mut().zip(acc).zip(start) {
            let (out, _) = out[first..][..OUTPUTS].as_chunks_mut::<4>();
            for (out, pair) in out.iter_mut().zip(acc.as_chunks::<2>().0) {
                let (even, odd) = (
                    i32x4_shuffle::<0, 2, 4, 6>(pair[0], pair[1]),
                    i32x4_shuffle::<1, 3, 5, 7>(pair[0], pair[1]),
                );
                let sum = i32x4_add(i32x4_splat(start), i32x4_add(even, odd));
                // SAFETY: four i32 are there.
                unsafe { v128_store(out.as_mut_ptr().cast(), sum) };
            }
        }
    }
}

impl Isa for Simd128 {
    type Words = Words128;

    #[inline(always)]
    fn tile<const R: usize, const WIDE: bool>(
        panel: &[u8],
        x: [&[i8]; R],
        sums: [i32; R],
        out: &mut [[i32; PANEL]; R],
    ) {
        let mut row = 0;
        while row < R {
            let step = (R - row).min(2);
            let (x, sums, out) = (&x[row..][..step], &sums[row..][..step], &mut out[row..][..step]);
            match step {
                2 => rows::<2, WIDE>(panel, x, sums, out),
                _ => rows::<1, WIDE>(panel, x, sums, out),
            }
            row += step;
        }
    }

    #[inline(always)]
    fn pairs<const R: usize>(a: &[i16], b: &[i16], out: &mut [[i32; PAIRED]; R]) {
        let pairs = a.len() / (2 * R);
        assert_eq!((a.len(), b.len()), (pairs * 2 * R, pairs * 2 * PAIRED), "as many pairs on both sides");
        let mut row = 0;
        while row < R {
            let step = (R - row).min(2);
            let out = &mut out[row..][..step];
            // SAFETY: the lengths were held, and the rows from `row` on are there.
            unsafe {
                let a = a.as_ptr().add(2 * row);
                match step {
                    2 => pair_rows::<2>(a, R, b.as_ptr(), pairs, out),
                    _ => pair_rows::<1>(a, R, b.as_ptr(), pairs, out),
                }
            }
            row += step;
        }
    }
}

/// As [`Isa::pairs`], for `N` of `rows` rows, the first of which is where `a` points.
///
/// # Safety
/// From each `rows` pairs of the `pairs` times that `a` has, N lie before the end; `b` has `pairs` times [`PAIRED`].
#[inline(never)]
unsafe fn pair_rows<const N: usize>(
    a: *const i16,
    rows: usize,
    b: *const i16,
    pairs: usize,
    out: &mut [[i32; PAIRED]],
) {
    const VECTORS: usize = PAIRED / 4;
    let mut acc = [[i32x4_splat(0); VECTORS]; N];
    for p in 0..pairs {
        // SAFETY: the caller's; wasm's loads need no alignment.
        unsafe {
            let b = b.add(2 * PAIRED * p);
            let b = [
                v128_load(b.cast()),
                v128_load(b.add(8).cast()),
                v128_load(b.add(16).cast()),
                v128_load(b.add(24).cast()),
            ];
            for (r, acc) in acc.iter_mut().enumerate() {
                let a = v128_load32_splat(a.add(2 * (p * rows + r)).cast());
                for (acc, b) in acc.iter_mut().zip(b) {
                    *acc = i32x4_add(*acc, i32x4_dot_i16x8(a, b));
                }
            }
        }
    }
    for (out, acc) in out.iter_mut().zip(acc) {
        for (out, acc) in out.as_chunks_mut::<4>().0.iter_mut().zip(acc) {
            // SAFETY: four i32 are there.
            unsafe { v128_store(out.as_mut_ptr().cast(), acc) };
        }
    }
}

/// Four words.
#[derive(Clone, Copy)]
pub(crate) struct Words128(v128);

impl Words for Words128 {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        Self(u32x4_splat(word))
    }
    #[inline(always)]
    fn load(bytes: &[u8]) -> Self {
        assert_eq!(bytes.len(), 16, "4 words");
        // SAFETY: 16 bytes are there.
        unsafe { Self(v128_load(bytes.as_ptr().cast())) }
    }
    #[inline(always)]
    fn store(self, bytes: &mut [u8]) {
        assert_eq!(bytes.len(), 16, "4 words");
        // SAFETY: 16 bytes are there.
        unsafe { v128_store(bytes.as_mut_ptr().cast(), self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(i32x4_add(self.0, other.0))
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(v128_xor(self.0, other.0))
    }
    #[inline(always)]
    fn rotate<const N: i32>(self) -> Self {
        let n = N.cast_unsigned();
        Self(match N {
            16 => i16x8_shuffle::<1, 0, 3, 2, 5, 4, 7, 6>(self.0, self.0),
            8 => i8x16_shuffle::<3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14>(self.0, self.0),
            _ => v128_or(u32x4_shl(self.0, n), u32x4_shr(self.0, 32 - n)),
        })
    }
    #[inline(always)]
    fn lookup(self, table: &Table) -> Self {
        // An index beyond 15 gives 0, so that each byte finds its entry in one of the sixteens.
        let (mut index, mut entry) = (self.0, u8x16_splat(0));
        for part in table.plain.as_chunks::<16>().0 {
            // SAFETY: 16 bytes are there.
            let part = unsafe { v128_load(part.as_ptr().cast()) };
            entry = v128_or(entry, i8x16_swizzle(part, index));
            index = u8x16_sub(index, u8x16_splat(16));
        }
        Self(entry)
    }
}
