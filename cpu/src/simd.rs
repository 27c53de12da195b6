//! SIMD levels: what this machine can run. The kernels for each are the profiles' own.

mod detect;

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(crate) use detect::has_amx;

use core::fmt;

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
            SimdLevel::Avx2 => detect::has_avx2(),
            #[cfg(target_arch = "x86_64")]
            SimdLevel::Avx512 => detect::has_avx512(),
            #[cfg(not(target_arch = "x86_64"))]
            SimdLevel::Avx2 | SimdLevel::Avx512 => false,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            SimdLevel::Amx => detect::has_amx(),
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
}
