//! The inner product for wasm's simd128: [`Portable`]'s bits, more of its speed than compilers find.
#![allow(unsafe_code, reason = "SIMD loads; each block says why it may run")]

use super::portable::{Portable, widen_one};
use super::{DEPTH, Isa, LANES, STRIDE};
use core::arch::wasm32::*;
use half::f16;

/// simd128, without relaxed instructions: multiplies, then adds, in the order of [`Portable`].
pub(crate) struct Simd128;

impl Isa for Simd128 {
    #[inline(always)]
    fn widen(src: &[f16], dst: &mut [f32]) {
        assert_eq!(src.len(), dst.len(), "as many f32 as f16");
        let (sources, source_rest) = src.as_chunks::<4>();
        let (targets, target_rest) = dst.as_chunks_mut::<4>();
        for (source, target) in sources.iter().zip(targets) {
            // SAFETY: four values to read and four to write; wasm's loads and stores need no alignment.
            unsafe {
                let halves = u32x4_load_extend_u16x4(source.as_ptr().cast());
                v128_store(target.as_mut_ptr().cast(), widen_four(halves));
            }
        }
        for (target, source) in target_rest.iter_mut().zip(source_rest) {
            *target = widen_one(*source);
        }
    }

    #[inline(always)]
    fn tile<const N: usize>(weights: &[f32], x: &[f32], out: &mut [f32]) {
        let depth = x.len() / LANES;
        assert!(N.is_multiple_of(4) && depth <= DEPTH, "a block of weights is at most DEPTH deep");
        assert!(weights.len() >= (N - 1) * STRIDE + depth && out.len() >= N * LANES, "N rows");
        for quad in (0..N).step_by(4) {
            for lane in (0..LANES).step_by(8) {
                // SAFETY: four rows of weights from `quad` on, `depth` long; `depth` rows of x, `LANES` wide, of
                // which 8 lanes are read; four rows of out, of which the same lanes are read and written.
                unsafe {
                    four_by_eight(
                        depth,
                        weights.as_ptr().add(quad * STRIDE),
                        x.as_ptr().add(lane),
                        out.as_mut_ptr().add(quad * LANES + lane),
                    );
                }
            }
        }
    }

    #[inline(always)]
    fn dots<const R: usize>(weights: [&[f16]; 4], x: [&[f32]; R]) -> [[f32; R]; 4] {
        Portable::dots(weights, x)
    }

    #[inline(always)]
    fn weights_from_draws(draws: &[u64; 8]) -> ([f16; 8], u8) {
        Portable::weights_from_draws(draws)
    }
}

/// As [`widen_one`], four at a time.
#[inline(always)]
fn widen_four(halves: v128) -> v128 {
    let magnitude = u32x4_shl(v128_and(halves, u32x4_splat(0x7fff)), 13);
    let sign = u32x4_shl(v128_and(halves, u32x4_splat(0x8000)), 16);
    let finite = f32x4_mul(magnitude, u32x4_splat((127 + 112) << 23));
    let is_special = i32x4_ge(magnitude, u32x4_splat(0x7c00 << 13));
    let special = v128_or(magnitude, u32x4_splat(0x7f80_0000));
    v128_or(v128_bitselect(special, finite, is_special), sign)
}

/// Four outputs by eight lanes in registers: eight sums, two loads and four broadcasts a step.
///
/// One step a turn: of several, compilers load all values first, more than there are registers.
///
/// # Safety
/// - `weights`: four rows of `depth` values, [`STRIDE`] apart.
/// - `x`: `depth` rows of 8 values, [`LANES`] apart.
/// - `out`: four rows of 8 values, [`LANES`] apart.
// A call costs nothing beside its loop; inlined, eight copies would be in every use.
#[inline(never)]
unsafe fn four_by_eight(depth: usize, weights: *const f32, x: *const f32, out: *mut f32) {
    // SAFETY: as the caller promises.
    unsafe {
        let at = |row: usize, half: usize| out.add(row * LANES + half * 4).cast::<v128>();
        let mut sums = [[f32x4_splat(0.0); 2]; 4];
        for (row, sums) in sums.iter_mut().enumerate() {
            *sums = [v128_load(at(row, 0)), v128_load(at(row, 1))];
        }
        for k in 0..depth {
            let x = x.add(k * LANES).cast::<v128>();
            let x = [v128_load(x), v128_load(x.add(1))];
            for (row, sums) in sums.iter_mut().enumerate() {
                let weight = v128_load32_splat(weights.add(row * STRIDE + k).cast());
                sums[0] = f32x4_add(sums[0], f32x4_mul(weight, x[0]));
                sums[1] = f32x4_add(sums[1], f32x4_mul(weight, x[1]));
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            v128_store(at(row, 0), sums[0]);
            v128_store(at(row, 1), sums[1]);
        }
    }
}
