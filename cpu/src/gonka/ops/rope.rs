//! Rotary position embedding.

use super::Run;
use super::math::round;
use crate::gonka::Activation;
use crate::gonka::kernels::{Isa, Job, LANES};
use sphere_pow_core::gonka::ops::RopeTable;

/// Rotates pairs (2i, 2i+1) of each head in place, SPEC §I.4.
///
/// # Shapes
/// - `x`: `[rows, width]`, width a multiple of the table's head width.
/// - `position(row)`: the row's position, below the table's.
///
/// # Panics
/// When a position is beyond the table.
pub fn rope(
    run: &mut Run<'_>,
    x: &mut Activation,
    table: &RopeTable,
    position: impl Fn(usize) -> usize + Sync,
) {
    let (simd, lanes, rows) = (run.simd, x.lanes(), x.rows());
    let tasks = x.panels_mut().enumerate().collect();
    run.tasks(0, tasks, |(panel, x)| {
        // Cosine and sine of every pair, lane by lane: [pairs, lanes].
        let (mut cos, mut sin) = (vec![0.0; table.pairs * lanes], vec![0.0; table.pairs * lanes]);
        for lane in 0..lanes.min(rows - panel * lanes) {
            let first = position(panel * lanes + lane) * table.pairs;
            for pair in 0..table.pairs {
                cos[pair * lanes + lane] = table.cos[first + pair].to_f32();
                sin[pair * lanes + lane] = table.sin[first + pair].to_f32();
            }
        }
        if lanes == 1 {
            simd.run(Rotate::<1> { x, cos: &cos, sin: &sin });
        } else {
            simd.run(Rotate::<LANES> { x, cos: &cos, sin: &sin });
        }
    });
}

/// One panel `[width, L]`.
struct Rotate<'a, const L: usize> {
    x: &'a mut [f32],
    cos: &'a [f32],
    sin: &'a [f32],
}

impl<const L: usize> Job for Rotate<'_, L> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let (cos, sin) = (self.cos.as_chunks::<L>().0, self.sin.as_chunks::<L>().0);
        for head in self.x.as_chunks_mut::<L>().0.chunks_exact_mut(2 * cos.len()) {
            for (([a, b], cos), sin) in head.as_chunks_mut::<2>().0.iter_mut().zip(cos).zip(sin) {
                for lane in 0..L {
                    let (x, y) = (a[lane], b[lane]);
                    a[lane] = round(x * cos[lane] - y * sin[lane]);
                    b[lane] = round(x * sin[lane] + y * cos[lane]);
                }
            }
        }
    }
}
