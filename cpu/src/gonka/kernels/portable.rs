//! Kernels in plain Rust, written so that compilers vectorise them.

use super::{DEPTH, Isa, LANES, STRIDE};
use crate::gonka::pool::ziggurat;
use half::f16;

/// Multiply, then add: the same bits on every target.
pub(crate) struct Portable;

/// Fused multiply-add, for targets that have it in hardware.
#[cfg_attr(not(target_arch = "aarch64"), allow(dead_code, reason = "not every target has it"))]
pub(crate) struct Fused;

impl Isa for Portable {
    #[inline(always)]
    fn widen(src: &[f16], dst: &mut [f32]) {
        widen(src, dst);
    }
    #[inline(always)]
    fn tile<const N: usize>(weights: &[f32], x: &[f32], out: &mut [f32]) {
        tile::<false, 8>(N, weights, x, out);
    }
    #[inline(always)]
    fn dots<const R: usize>(weights: [&[f16]; 4], x: [&[f32]; R]) -> [[f32; R]; 4] {
        weights.map(|weights| x.map(|x| dot::<false>(weights, x)))
    }
    #[inline(always)]
    fn weights_from_draws(draws: &[u64; 8]) -> ([f16; 8], u8) {
        ziggurat::weights_from_draws(draws)
    }
}

impl Isa for Fused {
    #[inline(always)]
    fn widen(src: &[f16], dst: &mut [f32]) {
        widen(src, dst);
    }
    #[inline(always)]
    fn tile<const N: usize>(weights: &[f32], x: &[f32], out: &mut [f32]) {
        tile::<true, 16>(N, weights, x, out);
    }
    #[inline(always)]
    fn dots<const R: usize>(weights: [&[f16]; 4], x: [&[f32]; R]) -> [[f32; R]; 4] {
        weights.map(|weights| x.map(|x| dot::<true>(weights, x)))
    }
    #[inline(always)]
    fn weights_from_draws(draws: &[u64; 8]) -> ([f16; 8], u8) {
        ziggurat::weights_from_draws(draws)
    }
}

#[inline(always)]
fn multiply_add<const FUSE: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSE { a.mul_add(b, c) } else { a * b + c }
}

/// One f16 to f32 without branches.
#[inline(always)]
pub(crate) fn widen_one(value: f16) -> f32 {
    let bits = u32::from(value.to_bits());
    let (sign, magnitude) = ((bits & 0x8000) << 16, (bits & 0x7fff) << 13);
    // 2^112 moves the exponent's bias, of subnormals too.
    let finite = f32::from_bits(magnitude) * f32::from_bits((127 + 112) << 23);
    let special = f32::from_bits(magnitude | 0x7f80_0000);
    let size = if magnitude >= 0x7c00 << 13 { special } else { finite };
    f32::from_bits(size.to_bits() | sign)
}

#[inline(always)]
fn widen(src: &[f16], dst: &mut [f32]) {
    assert_eq!(src.len(), dst.len(), "as many f32 as f16");
    for (dst, src) in dst.iter_mut().zip(src) {
        *dst = widen_one(*src);
    }
}

/// Four outputs by `WIDTH` lanes at a time, in registers.
#[inline(always)]
fn tile<const FUSE: bool, const WIDTH: usize>(n: usize, weights: &[f32], x: &[f32], out: &mut [f32]) {
    let (x, _) = x.as_chunks::<LANES>();
    assert!(x.len() <= DEPTH && n.is_multiple_of(4), "a block of weights is at most DEPTH deep");
    for (quad, out) in out[..n * LANES].chunks_exact_mut(4 * LANES).enumerate() {
        let row = |i: usize| &weights[(4 * quad + i) * STRIDE..][..x.len()];
        let rows = [row(0), row(1), row(2), row(3)];
        for first in (0..LANES).step_by(WIDTH) {
            let mut sums = [[0.0_f32; WIDTH]; 4];
            for (i, sums) in sums.iter_mut().enumerate() {
                sums.copy_from_slice(&out[i * LANES + first..][..WIDTH]);
            }
            for (k, x) in x.iter().enumerate() {
                let x: &[f32; WIDTH] = x[first..][..WIDTH].try_into().expect("WIDTH lanes");
                for i in 0..4 {
                    let weight = rows[i][k];
                    for lane in 0..WIDTH {
                        sums[i][lane] = multiply_add::<FUSE>(weight, x[lane], sums[i][lane]);
                    }
                }
            }
            for (i, sums) in sums.iter().enumerate() {
                out[i * LANES + first..][..WIDTH].copy_from_slice(sums);
            }
        }
    }
}

/// Sixteen partial sums, added as a tree.
#[inline(always)]
fn dot<const FUSE: bool>(weights: &[f16], x: &[f32]) -> f32 {
    const WIDTH: usize = 16;
    let mut sums = [0.0_f32; WIDTH];
    let (weight_chunks, weight_rest) = weights.as_chunks::<WIDTH>();
    let (x_chunks, x_rest) = x.as_chunks::<WIDTH>();
    for (weights, x) in weight_chunks.iter().zip(x_chunks) {
        for lane in 0..WIDTH {
            sums[lane] = multiply_add::<FUSE>(widen_one(weights[lane]), x[lane], sums[lane]);
        }
    }
    for ((sum, weight), x) in sums.iter_mut().zip(weight_rest).zip(x_rest) {
        *sum = multiply_add::<FUSE>(widen_one(*weight), *x, *sum);
    }
    let mut width = WIDTH;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0]
}
