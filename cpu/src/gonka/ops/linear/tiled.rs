//! Linear layers on matrix tiles: f16 values split in two bf16 values that sum to them exactly.

use super::Weight;
use crate::gonka::Activation;
use crate::gonka::kernels::amx::{DEPTH, OUTPUTS, STEP, STRIDE, SplitWeights, Tiles};
use crate::gonka::kernels::{Isa, Job, LANES};
use crate::gonka::ops::Run;
use crate::gonka::ops::math::round_all;
use crate::gonka::ops::product::cached_depth;
use crate::simd::Simd;
use core::ops::Range;
use half::f16;

/// The high and the low part of `x`, as bf16 bits in the upper half: each exact, together `x`.
#[inline(always)]
fn split(x: f32) -> (u32, u32) {
    let high = x.to_bits() & 0xffff_0000;
    (high, (x - f32::from_bits(high)).to_bits())
}

/// Inputs as the tiles want them: panels of pairs `[depth / 2, LANES]`, the even feature in the low half.
pub(super) struct SplitInput<'a> {
    high: &'a [u32],
    low: &'a [u32],
    /// u32 of a panel; the depth is padded with zeros to whole steps.
    panel: usize,
}

impl<'a> SplitInput<'a> {
    /// Splits all panels, in `scratch`.
    pub(super) fn new(run: &mut Run<'_>, input: &Activation, scratch: &'a mut Vec<u32>) -> Self {
        let panel = input.width().next_multiple_of(STEP) / 2 * LANES;
        let n = input.panels().len();
        if scratch.len() < 2 * n * panel {
            *scratch = vec![0; 2 * n * panel];
            crate::memory::prefer_large_pages(scratch);
        }
        let (high, low) = scratch[..2 * n * panel].split_at_mut(n * panel);
        let simd = run.simd;
        // A few tasks a panel.
        let pairs = 256 * LANES;
        let mut tasks = Vec::new();
        let parts = high.chunks_exact_mut(panel).zip(low.chunks_exact_mut(panel));
        for (x, (high, low)) in input.panels().zip(parts) {
            let mut x = x.chunks(2 * pairs);
            for (high, low) in high.chunks_mut(pairs).zip(low.chunks_mut(pairs)) {
                tasks.push((x.next().unwrap_or_default(), high, low));
            }
        }
        run.tasks(0, tasks, |(x, high, low)| simd.run(SplitPairs { x, high, low }));
        Self { high, low, panel }
    }
}

struct SplitPairs<'a> {
    x: &'a [f32],
    high: &'a mut [u32],
    low: &'a mut [u32],
}

impl Job for SplitPairs<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let mut x = self.x.chunks(2 * LANES);
        let out = self.high.as_chunks_mut::<LANES>().0.iter_mut().zip(self.low.as_chunks_mut::<LANES>().0);
        for (high, low) in out {
            let mut pair = [0.0; 2 * LANES];
            let got = x.next().unwrap_or_default();
            pair[..got.len()].copy_from_slice(got);
            for lane in 0..LANES {
                let (even_high, even_low) = split(pair[lane]);
                let (odd_high, odd_low) = split(pair[LANES + lane]);
                high[lane] = even_high >> 16 | odd_high;
                low[lane] = even_low >> 16 | odd_low;
            }
        }
    }
}

/// One task of a layer: outputs from `first` on, slices `[width, LANES]` a panel.
pub(super) fn multiply(
    simd: Simd,
    input: &SplitInput<'_>,
    weight: Weight<'_>,
    first: usize,
    out: &mut [&mut [f32]],
) {
    let tiles = Tiles::new().expect("this level exists where tiles do");
    let width = out[0].len() / LANES;
    let mut weights = Box::new(SplitWeights { high: [0; OUTPUTS * STRIDE], low: [0; OUTPUTS * STRIDE] });
    let together = cached_depth(out.len()).max(DEPTH);
    let stretches = (0..weight.cols).step_by(together).map(|start| start..weight.cols.min(start + together));
    let blocks: Vec<(usize, Range<usize>)> = stretches
        .flat_map(|stretch| (0..width).step_by(OUTPUTS).map(move |row| (row, stretch.clone())))
        .flat_map(|(row, stretch)| {
            let end = stretch.end;
            stretch.step_by(DEPTH).map(move |from| (row, from..end.min(from + DEPTH)))
        })
        .collect();
    for (i, (row, block)) in blocks.iter().enumerate() {
        let n = OUTPUTS.min(width - row);
        simd.run(SplitBlock { weight, first: first + row, n, block: block.clone(), weights: &mut weights });
        let (next_row, next_block) = blocks.get(i + 1).unwrap_or(&blocks[i]);
        let ahead = weight.address(first + next_row, next_block.start);
        let row_bytes = weight.cols * size_of::<f16>();
        for (panel, out) in out.iter_mut().enumerate() {
            let out = &mut out[row * LANES..][..n * LANES];
            if block.start == 0 {
                out.fill(0.0);
            }
            let len = block.len().next_multiple_of(STEP) / 2 * LANES;
            let at = panel * input.panel + block.start / 2 * LANES;
            let (high, low) = (&input.high[at..][..len], &input.low[at..][..len]);
            // Each panel asks for a share of the next block's rows, one a step.
            let steps = DEPTH / STEP;
            let asked = panel * steps % OUTPUTS;
            let ahead = (ahead.wrapping_byte_add(asked * row_bytes), row_bytes);
            if n == OUTPUTS {
                tiles.multiply(&weights, high, low, out, ahead);
            } else {
                // Rows beyond n hold older weights: finite, computed and thrown away.
                let mut padded = [0.0; OUTPUTS * LANES];
                padded[..out.len()].copy_from_slice(out);
                tiles.multiply(&weights, high, low, &mut padded, ahead);
                out.copy_from_slice(&padded[..out.len()]);
            }
            if block.end == weight.cols {
                simd.run(Round(out));
            }
        }
    }
}

struct Round<'a>(&'a mut [f32]);

impl Job for Round<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        round_all(self.0);
    }
}

/// Splits `n` rows of weights, columns `block`, padded with zeros to a whole step.
struct SplitBlock<'a> {
    weight: Weight<'a>,
    first: usize,
    n: usize,
    block: Range<usize>,
    weights: &'a mut SplitWeights,
}

impl Job for SplitBlock<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let (len, whole) = (self.block.len(), self.block.len().next_multiple_of(STEP));
        for i in 0..self.n {
            let (high, pad_high) = self.weights.high[i * STRIDE..][..whole].split_at_mut(len);
            let (low, pad_low) = self.weights.low[i * STRIDE..][..whole].split_at_mut(len);
            self.weight.split::<I>(self.first + i, self.block.clone(), high, low);
            pad_high.fill(0);
            pad_low.fill(0);
        }
    }
}
