//! AArch64's 16 bytes at a time: widening products, or dot products where there are any.
#![allow(unsafe_code, reason = "SIMD intrinsics; each block says why it may run")]

use super::{
    Isa, Job, Kernels, PANEL, Present, QUAD, Table, WEIGHT_BIAS, WIDE_BIAS, Words, check_tile, each,
};
use core::arch::aarch64::*;
use core::arch::asm;

/// Runs `job` compiled for `present`, one of this module's.
pub(super) fn run<J: Job>(present: Present, job: J) -> J::Output {
    #[target_feature(enable = "neon,dotprod")]
    fn with_dot<J: Job>(job: J) -> J::Output {
        job.run::<Neon<true>>()
    }
    match present.kernels() {
        // SAFETY: `Present` is made only for kernels that the machine has.
        Kernels::NeonDot => unsafe { with_dot(job) },
        _ => job.run::<Neon<false>>(),
    }
}

/// NEON, with dot products where `DOT`. Private to this module and reached only through `run`.
struct Neon<const DOT: bool>;

/// Outputs of one vector of bytes, and of one of sums.
const OUTPUTS: usize = 4;
/// Vectors of outputs in one part of a panel.
const VECTORS: usize = 2;
/// Quads that lie in 16 bytes of a row.
const QUADS: usize = 4;

/// Sums of `R` rows by two vectors of outputs.
type Sums<const R: usize> = [[int32x4_t; VECTORS]; R];

/// The weights of [`QUADS`] quads without their bias: `[vector][quad]`.
///
/// # Safety
/// From `panel` on lie [`QUADS`] times `QUAD * OUTPUTS * VECTORS` bytes, each `QUAD * PANEL` after the last.
#[inline(always)]
unsafe fn load_weights<const WIDE: bool>(panel: *const u8) -> [[int8x16_t; QUADS]; VECTORS] {
    // SAFETY: the caller's.
    unsafe {
        let bias = vdupq_n_u8(if WIDE { WIDE_BIAS } else { WEIGHT_BIAS });
        let mut weights = [[vdupq_n_s8(0); QUADS]; VECTORS];
        for (v, weights) in weights.iter_mut().enumerate() {
            for (k, weights) in weights.iter_mut().enumerate() {
                let bytes = vld1q_u8(panel.add(k * QUAD * PANEL + v * QUAD * OUTPUTS));
                *weights = vreinterpretq_s8_u8(vsubq_u8(bytes, bias));
            }
        }
        weights
    }
}

/// `acc` plus the dot products of each four bytes of `weights` with quad `LANE` of `x`.
///
/// # Safety
/// Runs only compiled for dot products. The intrinsic for this is not stable yet.
#[inline(always)]
unsafe fn dot<const LANE: i32>(acc: int32x4_t, weights: int8x16_t, x: int8x16_t) -> int32x4_t {
    let mut acc = acc;
    // SAFETY: reads and writes registers only; the caller's that the instruction is there.
    unsafe {
        asm!(
            // Code outside `run`, which never runs, is compiled without the feature.
            ".arch_extension dotprod",
            "sdot {acc:v}.4s, {weights:v}.16b, {x:v}.4b[{lane}]",
            acc = inout(vreg) acc,
            weights = in(vreg) weights,
            x = in(vreg) x,
            lane = const LANE,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    acc
}

/// # Safety
/// As [`load_weights`] asks for every [`QUADS`] quads of `quads`, and each row of `x` has `QUAD * quads` bytes; the
/// machine has dot products.
#[inline(always)]
unsafe fn part_by_dots<const R: usize, const WIDE: bool>(
    panel: *const u8,
    quads: usize,
    x: [*const i8; R],
) -> Sums<R> {
    // SAFETY: the caller's.
    unsafe {
        let mut acc = [[vdupq_n_s32(0); VECTORS]; R];
        for k in (0..quads).step_by(QUADS) {
            let weights = load_weights::<WIDE>(panel.add(k * QUAD * PANEL));
            for (acc, x) in acc.iter_mut().zip(x) {
                let x = vld1q_s8(x.add(k * QUAD));
                for (acc, weights) in acc.iter_mut().zip(weights) {
                    *acc = dot::<0>(*acc, weights[0], x);
                    *acc = dot::<1>(*acc, weights[1], x);
                    *acc = dot::<2>(*acc, weights[2], x);
                    *acc = dot::<3>(*acc, weights[3], x);
                }
            }
        }
        acc
    }
}

/// # Safety
/// As [`load_weights`] asks for every [`QUADS`] quads of `quads`, and each row of `x` has `QUAD * quads` bytes.
#[inline(always)]
unsafe fn part_by_products<const R: usize, const WIDE: bool>(
    panel: *const u8,
    quads: usize,
    x: [*const i8; R],
) -> Sums<R> {
    // SAFETY: the caller's.
    unsafe {
        // The lower and the upper two outputs of a vector, two sums each.
        let mut acc = [[[vdupq_n_s32(0); 2]; VECTORS]; R];
        for k in (0..quads).step_by(QUADS) {
            let weights = load_weights::<WIDE>(panel.add(k * QUAD * PANEL));
            for (acc, x) in acc.iter_mut().zip(x) {
                let mut quads = [vdupq_n_s8(0); QUADS];
                for (i, quad) in quads.iter_mut().enumerate() {
                    let word = x.add((k + i) * QUAD).cast::<i32>().read_unaligned();
                    *quad = vreinterpretq_s8_s32(vdupq_n_s32(word));
                }
                for (acc, weights) in acc.iter_mut().zip(&weights) {
                    // i16 takes four products of weights, `4 * 46 * 127 = 23368`, but only two wide ones,
                    // `2 * 127 * 127 = 32258`.
                    let step = if WIDE { 2 } else { QUADS };
                    for from in (0..QUADS).step_by(step) {
                        let low = |x| vget_low_s8(x);
                        let mut sums = [
                            vmull_s8(low(weights[from]), low(quads[from])),
                            vmull_high_s8(weights[from], quads[from]),
                        ];
                        for i in from + 1..from + step {
                            sums[0] = vmlal_s8(sums[0], low(weights[i]), low(quads[i]));
                            sums[1] = vmlal_high_s8(sums[1], weights[i], quads[i]);
                        }
                        acc[0] = vpadalq_s16(acc[0], sums[0]);
                        acc[1] = vpadalq_s16(acc[1], sums[1]);
                    }
                }
            }
        }
        acc.map(|acc| acc.map(|[low, high]| vpaddq_s32(low, high)))
    }
}

impl<const DOT: bool> Neon<DOT> {
    /// R rows by the panel, R at most 4: 16 sums at most, of 32 registers.
    #[inline(always)]
    fn rows<const R: usize, const WIDE: bool>(panel: &[u8], x: &[&[i8]], out: &mut [[i32; PANEL]]) {
        let x: [&[i8]; R] = x.try_into().expect("R rows");
        let quads = check_tile(panel, x);
        for first in (0..PANEL).step_by(OUTPUTS * VECTORS) {
            // SAFETY: `check_tile` held: the panel has `quads` times PANEL quads, of which these are the 8 from
            // `first` on, the rows are as deep, and `quads` is a multiple of QUADS. A row of `out` has 8 i32
            // from `first` on. With `DOT` this runs only compiled for dot products.
            unsafe {
                let (panel, x) =
                    (panel.as_ptr().add(first * QUAD), each(x, core::ptr::null(), <[i8]>::as_ptr));
                let acc = if DOT {
                    part_by_dots::<R, WIDE>(panel, quads, x)
                } else {
                    part_by_products::<R, WIDE>(panel, quads, x)
                };
                for (out, acc) in out.iter_mut().zip(acc) {
                    let (out, _) = out[first..][..OUTPUTS * VECTORS].as_chunks_mut::<OUTPUTS>();
                    for (out, acc) in out.iter_mut().zip(acc) {
                        vst1q_s32(out.as_mut_ptr(), acc);
                    }
                }
            }
        }
    }
}

impl<const DOT: bool> Isa for Neon<DOT> {
    type Words = WordsNeon;

    #[inline(always)]
    fn tile<const R: usize, const WIDE: bool>(
        panel: &[u8],
        x: [&[i8]; R],
        _sums: [i32; R],
        out: &mut [[i32; PANEL]; R],
    ) {
        let mut row = 0;
        while row < R {
            let step = if R - row >= 4 {
                4
            } else if R - row >= 2 {
                2
            } else {
                1
            };
            let (x, out) = (&x[row..][..step], &mut out[row..][..step]);
            match step {
                4 => Self::rows::<4, WIDE>(panel, x, out),
                2 => Self::rows::<2, WIDE>(panel, x, out),
                _ => Self::rows::<1, WIDE>(panel, x, out),
            }
            row += step;
        }
    }
}

/// Four words.
#[derive(Clone, Copy)]
pub(crate) struct WordsNeon(uint32x4_t);

impl Words for WordsNeon {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        // SAFETY: NEON is AArch64's baseline.
        unsafe { Self(vdupq_n_u32(word)) }
    }
    #[inline(always)]
    fn load(bytes: &[u8]) -> Self {
        assert_eq!(bytes.len(), 16, "4 words");
        // SAFETY: 16 bytes are there.
        unsafe { Self(vreinterpretq_u32_u8(vld1q_u8(bytes.as_ptr()))) }
    }
    #[inline(always)]
    fn store(self, bytes: &mut [u8]) {
        assert_eq!(bytes.len(), 16, "4 words");
        // SAFETY: 16 bytes are there.
        unsafe { vst1q_u8(bytes.as_mut_ptr(), vreinterpretq_u8_u32(self.0)) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: NEON is AArch64's baseline.
        unsafe { Self(vaddq_u32(self.0, other.0)) }
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: NEON is AArch64's baseline.
        unsafe { Self(veorq_u32(self.0, other.0)) }
    }
    #[inline(always)]
    fn rotate<const N: i32>(self) -> Self {
        // SAFETY: NEON is AArch64's baseline.
        unsafe {
            Self(match N {
                16 => vreinterpretq_u32_u16(vrev32q_u16(vreinterpretq_u16_u32(self.0))),
                12 => vsliq_n_u32::<12>(vshrq_n_u32::<20>(self.0), self.0),
                8 => vsliq_n_u32::<8>(vshrq_n_u32::<24>(self.0), self.0),
                7 => vsliq_n_u32::<7>(vshrq_n_u32::<25>(self.0), self.0),
                _ => unreachable!("ChaCha20 rotates by 16, 12, 8 and 7"),
            })
        }
    }
    #[inline(always)]
    fn lookup(self, table: &Table) -> Self {
        // SAFETY: each part of the table has 64 bytes; NEON is AArch64's baseline.
        unsafe {
            // An index beyond 63 gives 0, so that each byte finds its entry in one of the parts.
            let mut index = vreinterpretq_u8_u32(self.0);
            let mut entry = vdupq_n_u8(0);
            for part in table.plain.as_chunks::<64>().0 {
                entry = vorrq_u8(entry, vqtbl4q_u8(vld1q_u8_x4(part.as_ptr()), index));
                index = vsubq_u8(index, vdupq_n_u8(64));
            }
            Self(vreinterpretq_u32_u8(entry))
        }
    }
}
