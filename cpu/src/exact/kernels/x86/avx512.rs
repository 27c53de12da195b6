//! 64 bytes at a time.
#![allow(unsafe_code, reason = "SIMD intrinsics; each block says why it may run")]

use super::super::{Isa, PAIRED, PANEL, QUAD, Table, Words, check_tile, each, unbiased};
use core::arch::x86_64::*;

/// AVX-512 F and BW, with VNNI and VBMI where so. Private to x86 and reached only through `run`.
pub(super) struct Avx512<const VNNI: bool, const VBMI: bool>;

/// Outputs of one vector of accumulators.
const OUTPUTS: usize = 16;
/// Vectors of a panel.
const VECTORS: usize = PANEL / OUTPUTS;

impl<const VNNI: bool, const VBMI: bool> Avx512<VNNI, VBMI> {
    /// `acc` plus, for each output, the four products of a quad.
    ///
    /// With weights a pair of products is at most `2 * 110 * 127 = 27940`, with wide panels at most
    /// `2 * 127 * 127 = 32258`: no pair saturates i16.
    ///
    /// # Safety
    /// AVX-512 F and BW, and VNNI where so, are present.
    #[inline(always)]
    unsafe fn add_quad<const WIDE: bool>(acc: __m512i, panel: __m512i, x: __m512i) -> __m512i {
        // SAFETY: the caller's.
        unsafe {
            if VNNI {
                return _mm512_dpbusd_epi32(acc, panel, x);
            }
            let pairs = if WIDE {
                // |x| times the unbiased value with the sign of x: both within 127.
                let signed = _mm512_xor_si512(panel, _mm512_set1_epi8(-128));
                let zero = _mm512_setzero_si512();
                let signed = _mm512_mask_sub_epi8(signed, _mm512_movepi8_mask(x), zero, signed);
                _mm512_maddubs_epi16(_mm512_abs_epi8(x), signed)
            } else {
                _mm512_maddubs_epi16(panel, x)
            };
            _mm512_add_epi32(acc, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))
        }
    }
}

impl<const VNNI: bool, const VBMI: bool> Isa for Avx512<VNNI, VBMI> {
    type Words = Words512<VBMI>;

    #[inline(always)]
    fn tile<const R: usize, const WIDE: bool>(
        panel: &[u8],
        x: [&[i8]; R],
        sums: [i32; R],
        out: &mut [[i32; PANEL]; R],
    ) {
        let quads = check_tile(panel, x);
        // Where the bias is taken out of each value, none is left in the sums.
        let start = if WIDE && !VNNI { [0; R] } else { unbiased::<R, WIDE>(sums) };
        let (panel, x) = (panel.as_ptr(), each(x, core::ptr::null(), <[i8]>::as_ptr));
        // SAFETY: `check_tile` held: the panel has `quads` times PANEL quads and the rows are as deep. A row of
        // `out` has PANEL i32. This runs only compiled for its instructions.
        unsafe {
            let mut acc =
                each(start, [_mm512_setzero_si512(); VECTORS], |start| [_mm512_set1_epi32(start); VECTORS]);
            for k in 0..quads {
                let panel = panel.add(k * QUAD * PANEL);
                let mut panels = [_mm512_setzero_si512(); VECTORS];
                for (v, to) in panels.iter_mut().enumerate() {
                    *to = _mm512_loadu_si512(panel.add(v * QUAD * OUTPUTS).cast());
                }
                for (acc, x) in acc.iter_mut().zip(x) {
                    let x = _mm512_set1_epi32(x.add(k * QUAD).cast::<i32>().read_unaligned());
                    for (acc, panel) in acc.iter_mut().zip(panels) {
                        *acc = Self::add_quad::<WIDE>(*acc, panel, x);
                    }
                }
            }
            for (out, acc) in out.iter_mut().zip(acc) {
                for (v, acc) in acc.into_iter().enumerate() {
                    _mm512_storeu_si512(out[v * OUTPUTS..][..OUTPUTS].as_mut_ptr().cast(), acc);
                }
            }
        }
    }

    #[inline(always)]
    fn pairs<const R: usize>(a: &[i16], b: &[i16], out: &mut [[i32; PAIRED]; R]) {
        let pairs = a.len() / (2 * R);
        assert_eq!((a.len(), b.len()), (pairs * 2 * R, pairs * 2 * PAIRED), "as many pairs on both sides");
        // SAFETY: the lengths were held; loads and stores are unaligned ones, and an array of `out` is one vector.
        // This runs only compiled for its instructions.
        unsafe {
            let mut acc = [_mm512_setzero_si512(); R];
            for p in 0..pairs {
                let b = _mm512_loadu_si512(b.as_ptr().add(p * 2 * PAIRED).cast());
                for (r, acc) in acc.iter_mut().enumerate() {
                    let a = a.as_ptr().add((p * R + r) * 2).cast::<i32>().read_unaligned();
                    let a = _mm512_set1_epi32(a);
                    *acc = if VNNI {
                        _mm512_dpwssd_epi32(*acc, a, b)
                    } else {
                        _mm512_add_epi32(*acc, _mm512_madd_epi16(a, b))
                    };
                }
            }
            for (out, acc) in out.iter_mut().zip(acc) {
                _mm512_storeu_si512(out.as_mut_ptr().cast(), acc);
            }
        }
    }
}

/// Sixteen words.
#[derive(Clone, Copy)]
pub(crate) struct Words512<const VBMI: bool>(__m512i);

impl<const VBMI: bool> Words for Words512<VBMI> {
    const LANES: usize = 16;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        // SAFETY: AVX-512 is present.
        unsafe { Self(_mm512_set1_epi32(word.cast_signed())) }
    }
    #[inline(always)]
    fn load(bytes: &[u8]) -> Self {
        assert_eq!(bytes.len(), 64, "16 words");
        // SAFETY: 64 bytes are there; AVX-512 is present.
        unsafe { Self(_mm512_loadu_si512(bytes.as_ptr().cast())) }
    }
    #[inline(always)]
    fn store(self, bytes: &mut [u8]) {
        assert_eq!(bytes.len(), 64, "16 words");
        // SAFETY: 64 bytes are there; AVX-512 is present.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: AVX-512 is present.
        unsafe { Self(_mm512_add_epi32(self.0, other.0)) }
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: AVX-512 is present.
        unsafe { Self(_mm512_xor_si512(self.0, other.0)) }
    }
    #[inline(always)]
    fn rotate<const N: i32>(self) -> Self {
        // SAFETY: AVX-512 is present.
        unsafe { Self(_mm512_rol_epi32::<N>(self.0)) }
    }
    #[inline(always)]
    fn lookup(self, table: &Table) -> Self {
        // SAFETY: the table has 256 bytes, a step 16; AVX-512, and VBMI where so, are present.
        unsafe {
            if VBMI {
                let part = |i: usize| _mm512_loadu_si512(table.plain[64 * i..][..64].as_ptr().cast());
                let low = _mm512_permutex2var_epi8(part(0), self.0, part(1));
                let high = _mm512_permutex2var_epi8(part(2), self.0, part(3));
                return Self(_mm512_mask_blend_epi8(_mm512_movepi8_mask(self.0), low, high));
            }
            let (low, high) = table.steps.split_at(8);
            let mut entry = _mm512_setzero_si512();
            for (steps, flip) in [(low, 0), (high, -128)] {
                // Bytes of the other half are negative from the start on.
                let mut index = _mm512_xor_si512(self.0, _mm512_set1_epi8(flip));
                for step in steps {
                    let step = _mm512_broadcast_i32x4(_mm_loadu_si128(step.as_ptr().cast()));
                    entry = _mm512_xor_si512(entry, _mm512_shuffle_epi8(step, index));
                    index = _mm512_subs_epi8(index, _mm512_set1_epi8(16));
                }
            }
            Self(entry)
        }
    }
}
