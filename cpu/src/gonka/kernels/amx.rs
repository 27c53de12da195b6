//! Matrix tiles: AMX in bf16, on Linux.
//!
//! A f16 value has 11 significant bits, a bf16 value 8; so any f16 value is the sum of two bf16 values, and
//! the product of two f16 values the sum of four products, all exact. The unit adds them in f32, like fused
//! multiply-adds, sixteen times as many a cycle as AVX-512.
#![allow(unsafe_code, reason = "AMX instructions and one system call; each block says why it may run")]

use core::arch::asm;
use core::marker::PhantomData;
use half::f16;

/// Outputs of one [`Tiles::multiply`].
pub(crate) const OUTPUTS: usize = 32;
/// Depth of one step of a tile: pairs of bf16 fill its rows.
pub(crate) const STEP: usize = 32;
/// Depth of one block of split weights.
pub(crate) const DEPTH: usize = 256;
/// Distance between rows of split weights, in values.
pub(crate) const STRIDE: usize = DEPTH + 32;
/// Lanes of a panel, in bytes of f32 or of pairs of bf16.
const PANEL_BYTES: usize = super::LANES * 4;

/// Split weights `[OUTPUTS, DEPTH]`, rows [`STRIDE`] apart: `high + low` is the weight.
#[repr(C, align(64))]
pub(crate) struct SplitWeights {
    pub(crate) high: [u16; OUTPUTS * STRIDE],
    pub(crate) low: [u16; OUTPUTS * STRIDE],
}

/// This thread's tiles, set up; given back on drop. Stays on its thread.
pub(crate) struct Tiles(PhantomData<*const ()>);

impl Tiles {
    /// Sets all eight tiles to 16 rows of 64 bytes; `None` where there are none.
    pub(crate) fn new() -> Option<Self> {
        #[repr(C, align(64))]
        struct Config([u8; 64]);
        if !crate::simd::has_amx() {
            return None;
        }
        let mut config = Config([0; 64]);
        config.0[0] = 1;
        for tile in 0..8 {
            config.0[16 + 2 * tile] = 64;
            config.0[48 + tile] = 16;
        }
        // SAFETY: AMX is present and permitted, the configuration is a valid one of palette 1.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const config, options(nostack, readonly)) };
        Some(Self(PhantomData))
    }

    /// `out[n][lane] += sum over k of weights[n][k] * x[k][lane]`, both split.
    ///
    /// # Shapes
    /// - `weights`: `[OUTPUTS, STEP * steps]`, at most [`DEPTH`] deep.
    /// - `high`, `low`: `x` as `[STEP * steps / 2, LANES]` pairs of bf16, the even k in the low half.
    /// - `out`: `[OUTPUTS, LANES]`.
    /// - `ahead`: eight lines from this address on are brought into the second cache, and as many at each
    ///   following step `.1` bytes later; weights come from far memory, which the tiles must not wait for.
    #[inline]
    pub(crate) fn multiply(
        &self,
        weights: &SplitWeights,
        high: &[u32],
        low: &[u32],
        out: &mut [f32],
        ahead: (*const f16, usize),
    ) {
        let pairs = high.len() / super::LANES;
        let steps = pairs / (STEP / 2);
        assert!(steps > 0 && steps * STEP <= DEPTH && pairs.is_multiple_of(STEP / 2));
        assert!(low.len() == high.len() && out.len() == OUTPUTS * super::LANES);
        // SAFETY: the tiles are set up on this thread, which `self` cannot leave. By the assertions each tile
        // read lies within its slice: 16 rows of 64 bytes at distance 2 * STRIDE in weights (two tiles one
        // above the other, `steps` side by side) and at PANEL_BYTES in x (two side by side, `steps` one above
        // the other) and out (two by two). Only `out` is written. Prefetches may name any address.
        unsafe {
            asm!(
                "tileloadd tmm0, [{out} + {panel}]",
                "tileloadd tmm1, [{out} + {panel} + 64]",
                "tileloadd tmm2, [{out} + {panel} + {below}]",
                "tileloadd tmm3, [{out} + {panel} + {below} + 64]",
                "2:",
                "tileloadd tmm4, [{wh} + {row}]",
                "tileloadd tmm6, [{xh} + {panel}]",
                "tileloadd tmm7, [{xh} + {panel} + 64]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{wh} + {row} + {second}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "prefetcht0 [{xh} + {below} + 0]",
                "prefetcht0 [{xh} + {below} + 64]",
                "prefetcht0 [{xh} + {below} + 128]",
                "prefetcht0 [{xh} + {below} + 192]",
                "prefetcht0 [{xh} + {below} + 256]",
                "prefetcht0 [{xh} + {below} + 320]",
                "prefetcht0 [{xh} + {below} + 384]",
                "prefetcht0 [{xh} + {below} + 448]",
                "prefetcht0 [{xh} + {below} + 512]",
                "prefetcht0 [{xh} + {below} + 576]",
                "prefetcht0 [{xh} + {below} + 640]",
                "prefetcht0 [{xh} + {below} + 704]",
                "prefetcht0 [{xh} + {below} + 768]",
                "prefetcht0 [{xh} + {below} + 832]",
                "prefetcht0 [{xh} + {below} + 896]",
                "prefetcht0 [{xh} + {below} + 960]",
                "tileloadd tmm6, [{xl} + {panel}]",
                "tileloadd tmm7, [{xl} + {panel} + 64]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "prefetcht0 [{xh} + {below} + 1024]",
                "prefetcht0 [{xh} + {below} + 1088]",
                "prefetcht0 [{xh} + {below} + 1152]",
                "prefetcht0 [{xh} + {below} + 1216]",
                "prefetcht0 [{xh} + {below} + 1280]",
                "prefetcht0 [{xh} + {below} + 1344]",
                "prefetcht0 [{xh} + {below} + 1408]",
                "prefetcht0 [{xh} + {below} + 1472]",
                "prefetcht0 [{xh} + {below} + 1536]",
                "prefetcht0 [{xh} + {below} + 1600]",
                "prefetcht0 [{xh} + {below} + 1664]",
                "prefetcht0 [{xh} + {below} + 1728]",
                "prefetcht0 [{xh} + {below} + 1792]",
                "prefetcht0 [{xh} + {below} + 1856]",
                "prefetcht0 [{xh} + {below} + 1920]",
                "prefetcht0 [{xh} + {below} + 1984]",
                "tileloadd tmm4, [{wl} + {row}]",
                "tileloadd tmm5, [{wl} + {row} + {second}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "prefetcht0 [{xl} + {below} + 0]",
                "prefetcht0 [{xl} + {below} + 64]",
                "prefetcht0 [{xl} + {below} + 128]",
                "prefetcht0 [{xl} + {below} + 192]",
                "prefetcht0 [{xl} + {below} + 256]",
                "prefetcht0 [{xl} + {below} + 320]",
                "prefetcht0 [{xl} + {below} + 384]",
                "prefetcht0 [{xl} + {below} + 448]",
                "prefetcht0 [{xl} + {below} + 512]",
                "prefetcht0 [{xl} + {below} + 576]",
                "prefetcht0 [{xl} + {below} + 640]",
                "prefetcht0 [{xl} + {below} + 704]",
                "prefetcht0 [{xl} + {below} + 768]",
                "prefetcht0 [{xl} + {below} + 832]",
                "prefetcht0 [{xl} + {below} + 896]",
                "prefetcht0 [{xl} + {below} + 960]",
                "tileloadd tmm6, [{xh} + {panel}]",
                "tileloadd tmm7, [{xh} + {panel} + 64]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "prefetcht0 [{xl} + {below} + 1024]",
                "prefetcht0 [{xl} + {below} + 1088]",
                "prefetcht0 [{xl} + {below} + 1152]",
                "prefetcht0 [{xl} + {below} + 1216]",
                "prefetcht0 [{xl} + {below} + 1280]",
                "prefetcht0 [{xl} + {below} + 1344]",
                "prefetcht0 [{xl} + {below} + 1408]",
                "prefetcht0 [{xl} + {below} + 1472]",
                "prefetcht0 [{xl} + {below} + 1536]",
                "prefetcht0 [{xl} + {below} + 1600]",
                "prefetcht0 [{xl} + {below} + 1664]",
                "prefetcht0 [{xl} + {below} + 1728]",
                "prefetcht0 [{xl} + {below} + 1792]",
                "prefetcht0 [{xl} + {below} + 1856]",
                "prefetcht0 [{xl} + {below} + 1920]",
                "prefetcht0 [{xl} + {below} + 1984]",
                "prefetcht1 [{ahead} + 0]",
                "prefetcht1 [{ahead} + 64]",
                "prefetcht1 [{ahead} + 128]",
                "prefetcht1 [{ahead} + 192]",
                "prefetcht1 [{ahead} + 256]",
                "prefetcht1 [{ahead} + 320]",
                "prefetcht1 [{ahead} + 384]",
                "prefetcht1 [{ahead} + 448]",
                "add {ahead}, {ahead_step}",
                "add {wh}, 64",
                "add {wl}, 64",
                "add {xh}, {below}",
                "add {xl}, {below}",
                "dec {steps}",
                "jnz 2b",
                "tilestored [{out} + {panel}], tmm0",
                "tilestored [{out} + {panel} + 64], tmm1",
                "tilestored [{out} + {panel} + {below}], tmm2",
                "tilestored [{out} + {panel} + {below} + 64], tmm3",
                out = in(reg) out.as_mut_ptr(),
                wh = inout(reg) weights.high.as_ptr() => _,
                wl = inout(reg) weights.low.as_ptr() => _,
                xh = inout(reg) high.as_ptr() => _,
                xl = inout(reg) low.as_ptr() => _,
                steps = inout(reg) steps => _,
                ahead = inout(reg) ahead.0 => _,
                ahead_step = in(reg) ahead.1,
                panel = in(reg) PANEL_BYTES,
                row = in(reg) 2 * STRIDE,
                below = const 16 * PANEL_BYTES,
                second = const 16 * 2 * STRIDE,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: the tiles were set up on this thread.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
