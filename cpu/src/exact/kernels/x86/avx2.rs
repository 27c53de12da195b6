//! 32 bytes at a time.
#![allow(unsafe_code, reason = "SIMD intrinsics; each block says why it may run")]

use super::super::{Isa, PAIRED, PANEL, QUAD, Table, Words, check_tile, each, unbiased};
use core::arch::x86_64::*;

/// AVX2, and AVX-VNNI where `VNNI`. Private to x86 and reached only through `run`.
pub(super) struct Avx2<const VNNI: bool>;

/// Outputs of one vector of accumulators.
const OUTPUTS: usize = 8;

impl<const VNNI: bool> Avx2<VNNI> {
    /// `acc` plus, for each output, the four products of a quad.
    ///
    /// With weights a pair of products is at most `2 * 110 * 127 = 27940`, with wide panels at most
    /// `2 * 127 * 127 = 32258`: no pair saturates i16.
    ///
    /// # Safety
    /// AVX2, and AVX-VNNI where `VNNI`, are present.
    #[inline(always)]
    unsafe fn add_quad<const WIDE: bool>(acc: __m256i, panel: __m256i, x: __m256i) -> __m256i {
        // SAFETY: the caller's.
        unsafe {
            if VNNI {
                return _mm256_dpbusd_avx_epi32(acc, panel, x);
            }
            let pairs = if WIDE {
                // |x| times the unbiased value with the sign of x: both within 127.
                let signed = _mm256_xor_si256(panel, _mm256_set1_epi8(-128));
                _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(signed, x))
            } else {
                _mm256_maddubs_epi16(panel, x)
            };
            _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        }
    }

    /// R rows by two vectors of outputs.
    ///
    /// # Safety
    /// AVX2, and AVX-VNNI where `VNNI`, are present. From `panel` on lie `quads` times 64 bytes, each
    /// `QUAD * PANEL` after the last; each row of `x` has `QUAD * quads` bytes.
    #[inline(always)]
    unsafe fn part<const R: usize, const WIDE: bool>(
        panel: *const u8,
        quads: usize,
        x: [*const i8; R],
        start: [i32; R],
    ) -> [[__m256i; 2]; R] {
        // SAFETY: the caller's; loads are unaligned ones.
        unsafe {
            let mut acc = each(start, [_mm256_setzero_si256(); 2], |start| [_mm256_set1_epi32(start); 2]);
            for k in 0..quads {
                let panel = panel.add(k * QUAD * PANEL);
                let panels = [_mm256_loadu_si256(panel.cast()), _mm256_loadu_si256(panel.add(32).cast())];
                for (acc, x) in acc.iter_mut().zip(x) {
                    let x = _mm256_set1_epi32(x.add(k * QUAD).cast::<i32>().read_unaligned());
                    acc[0] = Self::add_quad::<WIDE>(acc[0], panels[0], x);
                    acc[1] = Self::add_quad::<WIDE>(acc[1], panels[1], x);
                }
            }
            acc
        }
    }

    /// R rows by the panel, R at most 4.
    #[inline(always)]
    fn rows<const R: usize, const WIDE: bool>(
        panel: &[u8],
        x: &[&[i8]],
        sums: &[i32],
        out: &mut [[i32; PANEL]],
    ) {
        let x: [&[i8]; R] = x.try_into().expect("R rows");
        let start = unbiased::<R, WIDE>(sums.try_into().expect("R sums"));
        let quads = check_tile(panel, x);
        // Where the bias is taken out of each value, none is left in the sums.
        let start = if WIDE && !VNNI { [0; R] } else { start };
        for first in (0..PANEL).step_by(2 * OUTPUTS) {
            // SAFETY: `check_tile` held: the panel has `quads` times PANEL quads, of which these are the 16
            // from `first` on, and the rows are as deep. An array of i32 of `out` has 16 from `first` on.
            // This runs only compiled for its instructions.
            unsafe {
                let panel = panel.as_ptr().add(first * QUAD);
                let acc =
                    Self::part::<R, WIDE>(panel, quads, each(x, core::ptr::null(), <[i8]>::as_ptr), start);
                for (out, acc) in out.iter_mut().zip(acc) {
                    let out = out[first..][..2 * OUTPUTS].as_mut_ptr();
                    _mm256_storeu_si256(out.cast(), acc[0]);
                    _mm256_storeu_si256(out.add(OUTPUTS).cast(), acc[1]);
                }
            }
        }
    }
}

impl<const VNNI: bool> Isa for Avx2<VNNI> {
    type Words = Words256;

    #[inline(always)]
    fn tile<const R: usize, const WIDE: bool>(
        panel: &[u8],
        x: [&[i8]; R],
        sums: [i32; R],
        out: &mut [[i32; PANEL]; R],
    ) {
        // 4 rows by 2 vectors are 8 accumulators, of 16 registers.
        let mut row = 0;
        while row < R {
            let step = if R - row >= 4 {
                4
            } else if R - row >= 2 {
                2
            } else {
                1
            };
            let (x, sums, out) = (&x[row..][..step], &sums[row..][..step], &mut out[row..][..step]);
            match step {
                4 => Self::rows::<4, WIDE>(panel, x, sums, out),
                2 => Self::rows::<2, WIDE>(panel, x, sums, out),
                _ => Self::rows::<1, WIDE>(panel, x, sums, out),
            }
            row += step;
        }
    }

    #[inline(always)]
    fn pairs<const R: usize>(a: &[i16], b: &[i16], out: &mut [[i32; PAIRED]; R]) {
        let pairs = a.len() / (2 * R);
        assert_eq!((a.len(), b.len()), (pairs * 2 * R, pairs * 2 * PAIRED), "as many pairs on both sides");
        // SAFETY: the lengths were held; loads and stores are unaligned ones, and an array of `out` has two vectors.
        // This runs only compiled for its instructions.
        unsafe {
            let mut acc = [[_mm256_setzero_si256(); 2]; R];
            for p in 0..pairs {
                let b = b.as_ptr().add(p * 2 * PAIRED);
                let b = [_mm256_loadu_si256(b.cast()), _mm256_loadu_si256(b.add(PAIRED).cast())];
                for (r, acc) in acc.iter_mut().enumerate() {
                    let a = a.as_ptr().add((p * R + r) * 2).cast::<i32>().read_unaligned();
                    let a = _mm256_set1_epi32(a);
                    acc[0] = _mm256_add_epi32(acc[0], _mm256_madd_epi16(a, b[0]));
                    acc[1] = _mm256_add_epi32(acc[1], _mm256_madd_epi16(a, b[1]));
                }
            }
            for (out, acc) in out.iter_mut().zip(acc) {
                _mm256_storeu_si256(out.as_mut_ptr().cast(), acc[0]);
                _mm256_storeu_si256(out.as_mut_ptr().add(OUTPUTS).cast(), acc[1]);
            }
        }
    }
}

/// Eight words.
#[derive(Clone, Copy)]
pub(crate) struct Words256(__m256i);

// SAFETY of the blocks below: loads and stores are of slices whose length was held; the type is used only in
// code compiled for AVX2.
impl Words for Words256 {
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        // SAFETY: AVX2 is present.
        unsafe { Self(_mm256_set1_epi32(word.cast_signed())) }
    }
    #[inline(always)]
    fn load(bytes: &[u8]) -> Self {
        assert_eq!(bytes.len(), 32, "8 words");
        // SAFETY: 32 bytes are there; AVX2 is present.
        unsafe { Self(_mm256_loadu_si256(bytes.as_ptr().cast())) }
    }
    #[inline(always)]
    fn store(self, bytes: &mut [u8]) {
        assert_eq!(bytes.len(), 32, "8 words");
        // SAFETY: 32 bytes are there; AVX2 is present.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), self.0) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: AVX2 is present.
        unsafe { Self(_mm256_add_epi32(self.0, other.0)) }
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: AVX2 is present.
        unsafe { Self(_mm256_xor_si256(self.0, other.0)) }
    }
    #[inline(always)]
    fn rotate<const N: i32>(self) -> Self {
        // SAFETY: AVX2 is present.
        unsafe {
            let bytes = |indices: [i8; 16]| {
                let indices = _mm_loadu_si128(indices.as_ptr().cast());
                _mm256_shuffle_epi8(self.0, _mm256_broadcastsi128_si256(indices))
            };
            Self(match N {
                16 => bytes([2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13]),
                12 => _mm256_or_si256(_mm256_slli_epi32::<12>(self.0), _mm256_srli_epi32::<20>(self.0)),
                8 => bytes([3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14]),
                7 => _mm256_or_si256(_mm256_slli_epi32::<7>(self.0), _mm256_srli_epi32::<25>(self.0)),
                _ => unreachable!("ChaCha20 rotates by 16, 12, 8 and 7"),
            })
        }
    }
    #[inline(always)]
    fn lookup(self, table: &Table) -> Self {
        // SAFETY: a step has 16 bytes; AVX2 is present.
        unsafe {
            let (low, high) = table.steps.split_at(8);
            let mut entry = _mm256_setzero_si256();
            for (steps, flip) in [(low, 0), (high, -128)] {
                // Bytes of the other half are negative from the start on.
                let mut index = _mm256_xor_si256(self.0, _mm256_set1_epi8(flip));
                for step in steps {
                    let step = _mm256_broadcastsi128_si256(_mm_loadu_si128(step.as_ptr().cast()));
                    entry = _mm256_xor_si256(entry, _mm256_shuffle_epi8(step, index));
                    index = _mm256_subs_epi8(index, _mm256_set1_epi8(16));
                }
            }
            Self(entry)
        }
    }
}
