//! RMS norm.

use super::math::round;
use super::{Run, Weight};
use crate::gonka::Activation;
use crate::gonka::kernels::{Isa, Job, LANES};

/// Normalises each row by its root mean square and scales it by `weight`, SPEC §I.4.
///
/// # Shapes
/// - `input`, `output`: `[rows, dim]`.
/// - `weight`: `[1, dim]`.
///
/// # Panics
/// When the shapes do not fit.
pub fn rms_norm(
    run: &mut Run<'_>,
    input: &Activation,
    weight: Weight<'_>,
    eps: f32,
    output: &mut Activation,
) {
    let dim = input.width();
    assert_eq!((output.rows(), output.width()), (input.rows(), dim), "input and output are [rows, dim]");
    assert_eq!(input.lanes(), output.lanes(), "as many rows, as many lanes");
    let (simd, lanes) = (run.simd, input.lanes());
    let mut widened = vec![0.0; dim];
    let mut scratch = Vec::new();
    let (weight, _) = weight.near(0, 1, &mut scratch);
    simd.run(WidenRow { weight, dst: &mut widened });
    let weight = &widened;
    let tasks = input.panels().zip(output.panels_mut()).collect();
    run.tasks(0, tasks, |(x, out)| {
        if lanes == 1 {
            simd.run(Norm::<1> { x, weight, eps, out });
        } else {
            simd.run(Norm::<LANES> { x, weight, eps, out });
        }
    });
}

struct WidenRow<'a> {
    weight: Weight<'a>,
    dst: &'a mut [f32],
}

impl Job for WidenRow<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        self.weight.widen::<I>(0, 0..self.dst.len(), self.dst);
    }
}

/// One panel `[dim, L]`; sums run over features in order, lane by lane, as the twin's.
struct Norm<'a, const L: usize> {
    x: &'a [f32],
    weight: &'a [f32],
    eps: f32,
    out: &'a mut [f32],
}

impl<const L: usize> Job for Norm<'_, L> {
    type Output = ();
    #[inline(always)]
    #[expect(clippy::cast_precision_loss, reason = "dim is at most 2^16")]
    fn run<I: Isa>(self) {
        let (x, out) = (self.x.as_chunks::<L>().0, self.out.as_chunks_mut::<L>().0);
        let mut scale = [0.0_f32; L];
        for x in x {
            for lane in 0..L {
                scale[lane] += x[lane] * x[lane];
            }
        }
        for scale in &mut scale {
            *scale = 1.0 / (*scale / x.len() as f32 + self.eps).sqrt();
        }
        for ((x, weight), out) in x.iter().zip(self.weight).zip(out) {
            for lane in 0..L {
                out[lane] = round(round(x[lane] * scale[lane]) * weight);
            }
        }
    }
}
