//! Kernels for AVX2 and AVX-512.
#![allow(unsafe_code, reason = "SIMD intrinsics; each block says why it may run")]

use super::portable::widen_one;
use super::{DEPTH, Isa, Job, LANES, STRIDE};
use crate::gonka::pool::ziggurat::{self, KI, WI};
use crate::simd::{Simd, SimdLevel};
use core::arch::x86_64::*;
use half::f16;

pub(crate) fn run_avx2<J: Job>(simd: Simd, job: J) -> J::Output {
    #[target_feature(enable = "avx2,fma,f16c")]
    fn compiled<J: Job>(job: J) -> J::Output {
        job.run::<Avx2>()
    }
    assert_eq!(simd.level(), SimdLevel::Avx2);
    // SAFETY: a `Simd` of this level exists only where `has_avx2` held.
    unsafe { compiled(job) }
}

pub(crate) fn run_avx512<J: Job>(simd: Simd, job: J) -> J::Output {
    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
    fn compiled<J: Job>(job: J) -> J::Output {
        job.run::<Avx512>()
    }
    assert!(simd.level() >= SimdLevel::Avx512);
    // SAFETY: a `Simd` of these levels exists only where `has_avx512` held.
    unsafe { compiled(job) }
}

/// AVX2, FMA and F16C. Private to this module and reached only through [`run_avx2`].
struct Avx2;

/// AVX-512. Private to this module and reached only through [`run_avx512`].
struct Avx512;

#[inline(always)]
pub(crate) fn prefetch(values: &[f16]) {
    for line in values.chunks(32) {
        // SAFETY: SSE is part of x86-64; a prefetch only hints.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
}

/// Where the upper halves of 32 values of 32 bits lie among their 64 halves.
#[cfg(target_os = "linux")]
static UPPER_HALVES: [u16; 32] = {
    let mut places = [0; 32];
    let mut i = 0;
    while i < 32 {
        places[i] = 2 * i as u16 + 1;
        i += 1;
    }
    places
};

fn check_tile(n: usize, weights: &[f32], x: &[f32], out: &[f32]) -> usize {
    let depth = x.len() / LANES;
    assert!(depth <= DEPTH && weights.len() >= (n - 1) * STRIDE + depth && out.len() >= n * LANES);
    depth
}

fn check_dots<const R: usize>(weights: [&[f16]; 4], x: [&[f32]; R]) -> usize {
    let depth = weights[0].len();
    assert!(weights.iter().all(|w| w.len() == depth) && x.iter().all(|x| x.len() == depth));
    depth
}

/// The products of the last `len % WIDTH` elements.
#[inline(always)]
fn add_rest<const R: usize>(from: usize, weights: [&[f16]; 4], x: [&[f32]; R], sums: &mut [[f32; R]; 4]) {
    for (weights, sums) in weights.iter().zip(sums) {
        for (x, sum) in x.iter().zip(sums) {
            for (weight, x) in weights[from..].iter().zip(&x[from..]) {
                *sum += widen_one(*weight) * x;
            }
        }
    }
}

impl Isa for Avx512 {
    #[inline(always)]
    fn widen(src: &[f16], dst: &mut [f32]) {
        assert_eq!(src.len(), dst.len(), "as many f32 as f16");
        let (src_chunks, src_rest) = src.as_chunks::<16>();
        let (dst_chunks, dst_rest) = dst.as_chunks_mut::<16>();
        for (dst, src) in dst_chunks.iter_mut().zip(src_chunks) {
            // SAFETY: reads 16 f16 and writes 16 f32 of arrays of that size; AVX-512 is present here.
            unsafe {
                let bits = _mm256_loadu_si256(src.as_ptr().cast());
                _mm512_storeu_ps(dst.as_mut_ptr(), _mm512_cvtph_ps(bits));
            }
        }
        for (dst, src) in dst_rest.iter_mut().zip(src_rest) {
            *dst = widen_one(*src);
        }
    }

    #[inline(always)]
    fn tile<const N: usize>(weights: &[f32], x: &[f32], out: &mut [f32]) {
        let depth = check_tile(N, weights, x, out);
        let (weights, x, out) = (weights.as_ptr(), x.as_ptr(), out.as_mut_ptr());
        // SAFETY: `check_tile` held: row n < N of `weights` has `depth` values from n * STRIDE, `x` has
        // depth * LANES and `out` N * LANES of them; LANES is two vectors of 16. AVX-512 is present here.
        unsafe {
            let mut sums = [[_mm512_setzero_ps(); 2]; N];
            for (n, sums) in sums.iter_mut().enumerate() {
                sums[0] = _mm512_loadu_ps(out.add(n * LANES));
                sums[1] = _mm512_loadu_ps(out.add(n * LANES + 16));
            }
            for k in 0..depth {
                let x0 = _mm512_loadu_ps(x.add(k * LANES));
                let x1 = _mm512_loadu_ps(x.add(k * LANES + 16));
                for (n, sums) in sums.iter_mut().enumerate() {
                    let weight = _mm512_set1_ps(*weights.add(n * STRIDE + k));
                    sums[0] = _mm512_fmadd_ps(weight, x0, sums[0]);
                    sums[1] = _mm512_fmadd_ps(weight, x1, sums[1]);
                }
            }
            for (n, sums) in sums.iter().enumerate() {
                _mm512_storeu_ps(out.add(n * LANES), sums[0]);
                _mm512_storeu_ps(out.add(n * LANES + 16), sums[1]);
            }
        }
    }

    #[inline(always)]
    fn dots<const R: usize>(weights: [&[f16]; 4], x: [&[f32]; R]) -> [[f32; R]; 4] {
        let depth = check_dots(weights, x);
        let whole = depth - depth % 16;
        let mut result = [[0.0; R]; 4];
        // SAFETY: `check_dots` held: all slices have `depth` values and k + 16 <= depth. AVX-512 is present.
        unsafe {
            let mut sums = [[_mm512_setzero_ps(); R]; 4];
            let mut k = 0;
            while k < whole {
                let x = x.map(|x| _mm512_loadu_ps(x.as_ptr().add(k)));
                for (weights, sums) in weights.iter().zip(&mut sums) {
                    let bits = _mm256_loadu_si256(weights.as_ptr().add(k).cast());
                    let weight = _mm512_cvtph_ps(bits);
                    for (x, sum) in x.iter().zip(sums) {
                        *sum = _mm512_fmadd_ps(weight, *x, *sum);
                    }
                }
                k += 16;
            }
            for (result, sums) in result.iter_mut().zip(&sums) {
                for (result, sum) in result.iter_mut().zip(sums) {
                    *result = _mm512_reduce_add_ps(*sum);
                }
            }
        }
        add_rest(whole, weights, x, &mut result);
        result
    }

    #[inline(always)]
    #[cfg(target_os = "linux")]
    fn split(src: &[f16], high: &mut [u16], low: &mut [u16]) {
        assert!(src.len() == high.len() && src.len() == low.len(), "as many parts as values");
        let (src_chunks, src_rest) = src.as_chunks::<32>();
        let (high_chunks, high_rest) = high.as_chunks_mut::<32>();
        let (low_chunks, low_rest) = low.as_chunks_mut::<32>();
        for ((src, high), low) in src_chunks.iter().zip(high_chunks).zip(low_chunks) {
            // SAFETY: reads and writes 32 values of arrays of 32. AVX-512 F and BW are present here.
            unsafe {
                // Upper halves of two vectors of 16, side by side.
                let upper = _mm512_loadu_si512(UPPER_HALVES.as_ptr().cast());
                let mask = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
                let a = _mm512_cvtph_ps(_mm256_loadu_si256(src.as_ptr().cast()));
                let b = _mm512_cvtph_ps(_mm256_loadu_si256(src.as_ptr().add(16).cast()));
                let (a_bits, b_bits) = (_mm512_castps_si512(a), _mm512_castps_si512(b));
                let a_low = _mm512_sub_ps(a, _mm512_castsi512_ps(_mm512_and_si512(a_bits, mask)));
                let b_low = _mm512_sub_ps(b, _mm512_castsi512_ps(_mm512_and_si512(b_bits, mask)));
                let heads = _mm512_permutex2var_epi16(a_bits, upper, b_bits);
                _mm512_storeu_si512(high.as_mut_ptr().cast(), heads);
                let (a_low, b_low) = (_mm512_castps_si512(a_low), _mm512_castps_si512(b_low));
                let tails = _mm512_permutex2var_epi16(a_low, upper, b_low);
                _mm512_storeu_si512(low.as_mut_ptr().cast(), tails);
            }
        }
        for ((x, high), low) in src_rest.iter().zip(high_rest).zip(low_rest) {
            let x = widen_one(*x);
            let head = x.to_bits() & 0xffff_0000;
            (*high, *low) = ((head >> 16) as u16, ((x - f32::from_bits(head)).to_bits() >> 16) as u16);
        }
    }

    #[inline(always)]
    fn weights_from_draws(draws: &[u64; 8]) -> ([f16; 8], u8) {
        let mut weights = [f16::ZERO; 8];
        // SAFETY: gathers index tables of 256 by a byte; loads and stores are 8 values of arrays of 8.
        // AVX-512 F, DQ and VL are present here.
        let accepted = unsafe {
            let draws = _mm512_loadu_si512(draws.as_ptr().cast());
            let level = _mm512_and_si512(draws, _mm512_set1_epi64(255));
            let magnitude =
                _mm512_and_si512(_mm512_srli_epi64::<9>(draws), _mm512_set1_epi64(0x000f_ffff_ffff_ffff));
            let step = _mm512_i64gather_pd::<8>(level, WI.as_ptr().cast());
            let limit = _mm512_i64gather_epi64::<8>(level, KI.as_ptr().cast());
            let size = _mm512_mul_pd(_mm512_cvtepu64_pd(magnitude), step);
            let sign = _mm512_and_si512(_mm512_slli_epi64::<55>(draws), _mm512_set1_epi64(i64::MIN));
            let normal = _mm512_castsi512_pd(_mm512_or_si512(_mm512_castpd_si512(size), sign));
            let weight = _mm512_cvtpd_ps(_mm512_mul_pd(normal, _mm512_set1_pd(ziggurat::DEVIATION)));
            let bits = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(weight);
            _mm_storeu_si128(weights.as_mut_ptr().cast(), bits);
            _mm512_cmplt_epu64_mask(magnitude, limit)
        };
        (weights, accepted)
    }
}

impl Avx2 {
    /// N outputs by half a panel: `2 N` accumulators, of 16 registers.
    ///
    /// # Safety
    /// As [`check_tile`] holds for the whole panel; AVX2 and FMA are present.
    #[inline(always)]
    unsafe fn half_tile<const N: usize>(weights: *const f32, x: *const f32, depth: usize, out: *mut f32) {
        // SAFETY: the caller's.
        unsafe {
            let mut sums = [[_mm256_setzero_ps(); 2]; N];
            for (n, sums) in sums.iter_mut().enumerate() {
                sums[0] = _mm256_loadu_ps(out.add(n * LANES));
                sums[1] = _mm256_loadu_ps(out.add(n * LANES + 8));
            }
            for k in 0..depth {
                let x0 = _mm256_loadu_ps(x.add(k * LANES));
                let x1 = _mm256_loadu_ps(x.add(k * LANES + 8));
                for (n, sums) in sums.iter_mut().enumerate() {
                    let weight = _mm256_set1_ps(*weights.add(n * STRIDE + k));
                    sums[0] = _mm256_fmadd_ps(weight, x0, sums[0]);
                    sums[1] = _mm256_fmadd_ps(weight, x1, sums[1]);
                }
            }
            for (n, sums) in sums.iter().enumerate() {
                _mm256_storeu_ps(out.add(n * LANES), sums[0]);
                _mm256_storeu_ps(out.add(n * LANES + 8), sums[1]);
            }
        }
    }
}

impl Isa for Avx2 {
    #[inline(always)]
    fn widen(src: &[f16], dst: &mut [f32]) {
        assert_eq!(src.len(), dst.len(), "as many f32 as f16");
        let (src_chunks, src_rest) = src.as_chunks::<8>();
        let (dst_chunks, dst_rest) = dst.as_chunks_mut::<8>();
        for (dst, src) in dst_chunks.iter_mut().zip(src_chunks) {
            // SAFETY: reads 8 f16 and writes 8 f32 of arrays of that size; F16C is present here.
            unsafe {
                let bits = _mm_loadu_si128(src.as_ptr().cast());
                _mm256_storeu_ps(dst.as_mut_ptr(), _mm256_cvtph_ps(bits));
            }
        }
        for (dst, src) in dst_rest.iter_mut().zip(src_rest) {
            *dst = widen_one(*src);
        }
    }

    #[inline(always)]
    fn tile<const N: usize>(weights: &[f32], x: &[f32], out: &mut [f32]) {
        let depth = check_tile(N, weights, x, out);
        let step = if N.is_multiple_of(6) { 6 } else { 4 };
        for first in (0..N).step_by(step) {
            for half in 0..2 {
                // SAFETY: `check_tile` held, N is a multiple of `step`, and each half has 16 lanes.
                unsafe {
                    let (weights, x) = (weights.as_ptr().add(first * STRIDE), x.as_ptr().add(half * 16));
                    let out = out.as_mut_ptr().add(first * LANES + half * 16);
                    if step == 6 {
                        Self::half_tile::<6>(weights, x, depth, out);
                    } else {
                        Self::half_tile::<4>(weights, x, depth, out);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn dots<const R: usize>(weights: [&[f16]; 4], x: [&[f32]; R]) -> [[f32; R]; 4] {
        let depth = check_dots(weights, x);
        let whole = depth - depth % 8;
        let mut result = [[0.0; R]; 4];
        // Two outputs at a time: 2 R accumulators, of 16 registers.
        for pair in 0..2 {
            // SAFETY: `check_dots` held: all slices have `depth` values and k + 8 <= depth. AVX2 is present.
            unsafe {
                let mut sums = [[_mm256_setzero_ps(); R]; 2];
                let mut k = 0;
                while k < whole {
                    let x = x.map(|x| _mm256_loadu_ps(x.as_ptr().add(k)));
                    for (weights, sums) in weights[2 * pair..].iter().zip(&mut sums) {
                        let bits = _mm_loadu_si128(weights.as_ptr().add(k).cast());
                        let weight = _mm256_cvtph_ps(bits);
                        for (x, sum) in x.iter().zip(sums) {
                            *sum = _mm256_fmadd_ps(weight, *x, *sum);
                        }
                    }
                    k += 8;
                }
                for (result, sums) in result[2 * pair..].iter_mut().zip(&sums) {
                    for (result, sum) in result.iter_mut().zip(sums) {
                        let mut lanes = [0.0_f32; 8];
                        _mm256_storeu_ps(lanes.as_mut_ptr(), *sum);
                        *result = lanes.iter().sum();
                    }
                }
            }
        }
        add_rest(whole, weights, x, &mut result);
        result
    }

    #[inline(always)]
    fn weights_from_draws(draws: &[u64; 8]) -> ([f16; 8], u8) {
        ziggurat::weights_from_draws(draws)
    }
}
