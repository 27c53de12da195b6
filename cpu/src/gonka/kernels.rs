//! The hot kernels of the profile for each SIMD level.
//!
//! A kernel is written once as a `Job`, generic over `Isa`; `Simd::run` compiles it for every level and
//! picks one at run time. Only the inner products of `Isa` are written with intrinsics; everything else is
//! plain code over lanes that the compiler vectorises.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(crate) mod amx;
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::simd::Simd;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use crate::simd::SimdLevel;
use half::f16;

/// Lanes of a panel: so many rows (tokens) lie side by side in memory.
pub const LANES: usize = 32;
/// Most outputs of one [`Isa::tile`].
pub(crate) const TILE: usize = 12;
/// Depth of one block of widened weights: [`TILE`] rows of it and a panel's share stay in the first caches.
pub(crate) const DEPTH: usize = 512;
/// Distance between rows of widened weights; no power of two, so that rows fall into different cache sets.
pub(crate) const STRIDE: usize = DEPTH + 16;

impl Simd {
    /// Runs `job` compiled for this level.
    pub(crate) fn run<J: Job>(self, job: J) -> J::Output {
        match self.level() {
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512 | SimdLevel::Amx => x86::run_avx512(self, job),
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx2 => x86::run_avx2(self, job),
            #[cfg(target_arch = "aarch64")]
            SimdLevel::Neon => job.run::<portable::Fused>(),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            _ => job.run::<wasm::Simd128>(),
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            _ => job.run::<portable::Portable>(),
        }
    }
}

/// Asks for `values` to be brought into the second cache; a hint, where the target has one.
#[inline(always)]
pub(crate) fn prefetch(values: &[f16]) {
    #[cfg(target_arch = "x86_64")]
    x86::prefetch(values);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// Work to be compiled for every level. `run` must be `#[inline(always)]`, and all it calls in hot loops too.
pub(crate) trait Job {
    type Output;
    fn run<I: Isa>(self) -> Self::Output;
}

/// The inner products that are worth intrinsics.
pub(crate) trait Isa {
    /// `dst = f32(src)`; same lengths.
    fn widen(src: &[f16], dst: &mut [f32]);

    /// `out[n][lane] += sum over k of weights[n][k] * x[k][lane]` for `n < N`.
    ///
    /// # Shapes
    /// - `weights`: rows [`STRIDE`] apart, N of them.
    /// - `x`: `[depth, LANES]`, depth at most [`DEPTH`].
    /// - `out`: `[N, LANES]`.
    fn tile<const N: usize>(weights: &[f32], x: &[f32], out: &mut [f32]);

    /// `[n][r] = sum over k of weights[n][k] * x[r][k]`; all of one length.
    fn dots<const R: usize>(weights: [&[f16]; 4], x: [&[f32]; R]) -> [[f32; R]; 4];

    /// Splits f16 values into two bf16 each, as bits: `src = high + low`; same lengths.
    #[inline(always)]
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn split(src: &[f16], high: &mut [u16], low: &mut [u16]) {
        for ((x, high), low) in src.iter().zip(high).zip(low) {
            let x = portable::widen_one(*x);
            let head = x.to_bits() & 0xffff_0000;
            (*high, *low) = ((head >> 16) as u16, ((x - f32::from_bits(head)).to_bits() >> 16) as u16);
        }
    }

    /// Reads eight draws of the ziggurat: the weights they stand for as f16, and which are accepted as bits.
    fn weights_from_draws(draws: &[u64; 8]) -> ([f16; 8], u8);
}
