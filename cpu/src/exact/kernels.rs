//! Instructions for integers: which this machine has, and the few kernels written for them.
//!
//! A task is written once as a [`Job`], generic over [`Isa`]; `Present::run` compiles it for every set of
//! instructions and picks one at run time. Only dot products and keystream words are written with intrinsics;
//! the rest is plain code that the compiler vectorises. Every set gives the same bits: all arithmetic here is
//! exact, so only speed depends on the choice.

mod chacha;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg_attr(
    all(target_arch = "wasm32", target_feature = "simd128"),
    allow(dead_code, reason = "its place is taken")
)]
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
mod table;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use chacha::{Stream, Words, make_panel};
pub(crate) use table::{EXP2_HIGH, EXP2_LOW, SILU, Table, WEIGHT_BIAS};

use crate::simd::SimdLevel;
use core::fmt;

/// Outputs of one panel of weights, side by side in memory.
pub(crate) const PANEL: usize = if cfg!(target_arch = "x86_64") { 32 } else { 16 };
/// Summands that lie together in a panel: what one instruction adds up.
pub(crate) const QUAD: usize = 4;
/// Outputs of one panel of pairs.
pub(crate) const PAIRED: usize = 16;
/// Depths of tiles are multiples of this.
pub(crate) const DEPTH_STEP: usize = 16;
/// Bias of a panel that is not of weights but of activations: any i8 from -127 on.
pub(crate) const WIDE_BIAS: u8 = 128;

/// A set of kernels for integers. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kernels {
    /// Plain code for what the target always has.
    Portable,
    /// wasm's 128-bit vectors, in builds that have them.
    Simd128,
    /// AArch64's baseline: widening multiplications.
    Neon,
    /// AArch64 with dot products.
    NeonDot,
    /// AVX2: byte products added in pairs, which 7-bit weights keep exact.
    Avx2,
    /// AVX2 with dot products (AVX-VNNI).
    AvxVnni,
    /// AVX-512 F, BW, DQ and VL: as AVX2, twice as wide.
    Avx512,
    /// AVX-512 with dot products (VNNI).
    Avx512Vnni,
}

impl Kernels {
    /// Every set, slowest first.
    pub const ALL: [Self; 8] = [
        Self::Portable,
        Self::Simd128,
        Self::Neon,
        Self::NeonDot,
        Self::Avx2,
        Self::AvxVnni,
        Self::Avx512,
        Self::Avx512Vnni,
    ];

    /// Its name as users write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Simd128 => "simd128",
            Self::Neon => "neon",
            Self::NeonDot => "neon-dot",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avx-vnni",
            Self::Avx512 => "avx512",
            Self::Avx512Vnni => "avx512-vnni",
        }
    }

    /// The set of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kernels| kernels.name() == name)
    }

    /// The level it belongs to.
    #[must_use]
    pub const fn level(self) -> SimdLevel {
        match self {
            Self::Portable | Self::Simd128 => SimdLevel::Portable,
            Self::Neon | Self::NeonDot => SimdLevel::Neon,
            Self::Avx2 | Self::AvxVnni => SimdLevel::Avx2,
            Self::Avx512 | Self::Avx512Vnni => SimdLevel::Avx512,
        }
    }

    /// The fastest set of `level` on this machine.
    #[must_use]
    pub fn of_level(level: SimdLevel) -> Option<Self> {
        Self::available().filter(|kernels| kernels.level() == level).last()
    }

    /// Whether this machine can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            // A wasm with simd128 would only be larger for both.
            Self::Portable => !Self::Simd128.is_available(),
            Self::Simd128 => cfg!(all(target_arch = "wasm32", target_feature = "simd128")),
            Self::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot => std::arch::is_aarch64_feature_detected!("dotprod"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 | Self::AvxVnni | Self::Avx512 | Self::Avx512Vnni => x86::has(self),
            #[allow(unreachable_patterns, reason = "each target has its own sets")]
            _ => false,
        }
    }

    /// Every set of this machine, slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kernels| kernels.is_available())
    }

    /// The fastest set of this machine.
    #[must_use]
    pub fn best() -> Self {
        Self::available().last().unwrap_or(Self::Portable)
    }
}

impl fmt::Display for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of kernels that this machine was found to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Present(Kernels);

impl Present {
    /// `kernels`, when this machine has them.
    pub(crate) fn new(kernels: Kernels) -> Option<Self> {
        kernels.is_available().then_some(Self(kernels))
    }

    /// Which they are.
    pub(crate) fn kernels(self) -> Kernels {
        self.0
    }

    /// Runs `job` compiled for them.
    pub(crate) fn run<J: Job>(self, job: J) -> J::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kernels::Avx2 | Kernels::AvxVnni | Kernels::Avx512 | Kernels::Avx512Vnni => x86::run(self, job),
            #[cfg(target_arch = "aarch64")]
            Kernels::Neon | Kernels::NeonDot => neon::run(self, job),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            _ => job.run::<simd128::Simd128>(),
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            _ => job.run::<portable::Portable>(),
        }
    }
}

/// Work to be compiled for every set. `run` must be `#[inline(always)]`, and all it calls in hot loops too.
pub(crate) trait Job {
    type Output;
    fn run<I: Isa>(self) -> Self::Output;
}

/// What is worth intrinsics.
pub(crate) trait Isa {
    /// A vector of keystream words.
    type Words: Words;

    /// `out[r][n] = sum over k of (panel[k][n] - bias) x[r][k]`, exact.
    ///
    /// Without `WIDE` the panel holds weights: the bias is [`WEIGHT_BIAS`] and every |value - bias| is at most
    /// 46, and so at most 110 as it lies there. With `WIDE` the bias is [`WIDE_BIAS`] and every |value - bias|
    /// at most 127.
    ///
    /// # Shapes
    /// - `panel`: `[depth / QUAD, PANEL, QUAD]`, depth a multiple of [`DEPTH_STEP`] and at most 16384 for
    ///   weights, 1024 for wide panels.
    /// - `x`: R rows `[depth]` within ±127; `sums`: their sums.
    ///
    /// # Accuracy
    /// Exact, with biased partial sums within `127 * 110 * 16384 + 64 * 127 * 16384 < 2^29` for weights and
    /// `127 * 255 * 1024 + 128 * 127 * 1024 < 2^26` for wide panels.
    fn tile<const R: usize, const WIDE: bool>(
        panel: &[u8],
        x: [&[i8]; R],
        sums: [i32; R],
        out: &mut [[i32; PANEL]; R],
    );

    /// `out[r][n] = sum over p of a[p][r] · b[p][n]`, each a product of two pairs; exact where the sums fit i32.
    ///
    /// # Shapes
    /// - `a`: `[pairs, R, 2]`, `b`: `[pairs, PAIRED, 2]`.
    #[inline(always)]
    fn pairs<const R: usize>(a: &[i16], b: &[i16], out: &mut [[i32; PAIRED]; R]) {
        *out = [[0; PAIRED]; R];
        let (a, b) = (a.as_chunks::<2>().0.as_chunks::<R>().0, b.as_chunks::<2>().0.as_chunks::<PAIRED>().0);
        for (a, b) in a.iter().zip(b) {
            for (out, a) in out.iter_mut().zip(a) {
                let [a0, a1] = [i32::from(a[0]), i32::from(a[1])];
                for n in 0..PAIRED {
                    out[n] += a0 * i32::from(b[n][0]) + a1 * i32::from(b[n][1]);
                }
            }
        }
    }
}

/// `from.map(f)` as a loop: the array's own `map` stays a call, compiled for the baseline, where a caller has grown large.
#[inline(always)]
pub(crate) fn each<const R: usize, T: Copy, U: Copy>(from: [T; R], filler: U, f: impl Fn(T) -> U) -> [U; R] {
    let mut out = [filler; R];
    for (out, x) in out.iter_mut().zip(from) {
        *out = f(x);
    }
    out
}

/// What accumulators start from where the panel's bias is left in the products.
#[inline(always)]
#[allow(dead_code, reason = "not every target's kernels keep the bias")]
fn unbiased<const R: usize, const WIDE: bool>(sums: [i32; R]) -> [i32; R] {
    each(sums, 0, |sum| -i32::from(if WIDE { WIDE_BIAS } else { WEIGHT_BIAS }) * sum)
}

/// Holds the shapes of a [`Isa::tile`] and gives its number of quads.
#[inline(always)]
fn check_tile<const R: usize>(panel: &[u8], x: [&[i8]; R]) -> usize {
    let depth = panel.len() / PANEL;
    assert!(depth.is_multiple_of(DEPTH_STEP) && panel.len() == depth * PANEL, "a panel is [depth, PANEL]");
    assert!(x.iter().all(|x| x.len() == depth), "rows are as deep as the panel");
    depth / QUAD
}

#[cfg(test)]
mod tests;
