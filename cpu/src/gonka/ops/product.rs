//! The matrix product that linear layers and attention share.

use super::math::round_all;
use crate::gonka::kernels::{DEPTH, Isa, LANES, STRIDE, TILE};
use core::ops::Range;

/// `out[n] = round(sum over k of weight[n][k] * x[k])` over all panels.
///
/// Weights are widened block by block, [`TILE`] rows by [`DEPTH`], into a scratch that stays in the first cache
/// while every panel uses it; sums wait in `out` between blocks.
///
/// # Shapes
/// - `fill(n, range, dst)`: writes values `range` of weight row `n`.
/// - `ahead(n, range)`: told a little before those values will be wanted; `n` may be beyond the last row.
/// - `panels`: inputs `[depth, LANES]` and outputs `[rows, LANES]`.
#[inline(always)]
pub(super) fn product<I: Isa>(
    rows: usize,
    depth: usize,
    fill: impl Fn(usize, Range<usize>, &mut [f32]),
    ahead: impl Fn(usize, Range<usize>),
    panels: &mut [(&[f32], &mut [f32])],
) {
    let mut scratch = Scratch([0.0; TILE * STRIDE]);
    let scratch = &mut scratch.0;
    let together = cached_depth(panels.len());
    for start in (0..depth).step_by(together) {
        let end = depth.min(start + together);
        for row in (0..rows).step_by(TILE) {
            let n = TILE.min(rows - row);
            for from in (start..end).step_by(DEPTH) {
                let block = from..end.min(from + DEPTH);
                for i in 0..n {
                    fill(row + i, block.clone(), &mut scratch[i * STRIDE..][..block.len()]);
                }
                // Far memory answers while the panels use this block: the rest of these rows, or the next rows.
                let wanted = if block.end < end {
                    (row, block.end..end.min(block.end + DEPTH))
                } else {
                    (row + TILE, start..end.min(start + DEPTH))
                };
                let share = TILE.div_ceil(panels.len());
                for (panel, (x, out)) in panels.iter_mut().enumerate() {
                    for i in panel * share..TILE.min((panel + 1) * share) {
                        ahead(wanted.0 + i, wanted.1.clone());
                    }
                    let x = &x[block.start * LANES..block.end * LANES];
                    let out = &mut out[row * LANES..][..n * LANES];
                    if from == 0 {
                        out.fill(0.0);
                    }
                    block_product::<I>(n, scratch, x, out);
                    if block.end == depth {
                        round_all(out);
                    }
                }
            }
        }
    }
}

/// Depth up to which the inputs of all panels stay in the second cache together, in whole blocks.
pub(super) fn cached_depth(panels: usize) -> usize {
    const CACHE_BYTES: usize = 1 << 20;
    (CACHE_BYTES / (panels * LANES * size_of::<f32>()) / DEPTH).max(1) * DEPTH
}

/// Widened weights, 25 KB, on cache lines.
#[repr(align(64))]
struct Scratch([f32; TILE * STRIDE]);

#[inline(always)]
fn block_product<I: Isa>(n: usize, weights: &[f32], x: &[f32], out: &mut [f32]) {
    match n {
        12 => I::tile::<12>(weights, x, out),
        8 => I::tile::<8>(weights, x, out),
        4 => I::tile::<4>(weights, x, out),
        _ => {
            // Rows beyond n hold older weights: finite, computed and thrown away.
            let mut padded = [0.0; TILE * LANES];
            padded[..out.len()].copy_from_slice(out);
            I::tile::<12>(weights, x, &mut padded);
            out.copy_from_slice(&padded[..out.len()]);
        }
    }
}
