//! SIMD levels: what this machine can run, and the hot kernels for each.
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

use core::fmt;
use half::f16;

/// Lanes of a panel: so many rows (tokens) lie side by side in memory.
pub const LANES: usize = 32;
/// Most outputs of one [`Isa::tile`].
pub(crate) const TILE: usize = 12;
/// Depth of one block of widened weights: [`TILE`] rows of it and a panel's share stay in the first caches.
pub(crate) const DEPTH: usize = 512;
/// Distance between rows of widened weights; no power of two, so that rows fall into different cache sets.
pub(crate) const STRIDE: usize = DEPTH + 16;

/// A set of instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SimdLevel {
    /// What the target always has: SSE2, wasm simd128, or scalar. Multiplies, then adds.
    Portable,
    /// AArch64's baseline, with fused multiply-add.
    Neon,
    /// AVX2, FMA and F16C.
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    Avx512,
    /// AVX-512, and the matrix tiles of AMX in bf16 for layers of many rows.
    Amx,
}

impl SimdLevel {
    /// Every level, slowest first.
    pub const ALL: [Self; 5] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512, Self::Amx];

    /// Its name as users write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Amx => "amx",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl fmt::Display for SimdLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A level that this machine was found to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Simd(SimdLevel);

impl Simd {
    /// `level`, when this machine has it.
    #[must_use]
    pub fn new(level: SimdLevel) -> Option<Self> {
        let present = match level {
            SimdLevel::Portable => true,
            SimdLevel::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx2 => x86::has_avx2(),
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512 => x86::has_avx512(),
            #[cfg(not(target_arch = "x86_64"))]
            SimdLevel::Avx2 | SimdLevel::Avx512 => false,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            SimdLevel::Amx => amx::has_amx(),
            #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
            SimdLevel::Amx => false,
        };
        present.then_some(Self(level))
    }

    /// Every level of this machine, slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        SimdLevel::ALL.into_iter().filter_map(Self::new)
    }

    /// The fastest level of this machine.
    #[must_use]
    pub fn best() -> Self {
        Self::available().last().unwrap_or(Self(SimdLevel::Portable))
    }

    /// Which level this is.
    #[must_use]
    pub fn level(self) -> SimdLevel {
        self.0
    }

    /// Runs `job` compiled for this level.
    pub(crate) fn run<J: Job>(self, job: J) -> J::Output {
        match self.0 {
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
