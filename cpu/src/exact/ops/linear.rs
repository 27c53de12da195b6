//! Matrix products of int8 rows with panels of weights.

use crate::exact::activations::{Operand, Panels};
use crate::exact::kernels::{Isa, Job, PANEL};
use crate::exact::run::Run;
use crate::exact::weights::Weights;
use core::sync::atomic::Ordering;
use sphere_pow_core::exact::ops::{Requant, rounding_shift};
use sphere_pow_core::exact::weights::Tensor;

/// Where the results of a matrix go, and what becomes of them on the way.
pub(crate) enum Output<'a> {
    /// [`Requant::Int8`].
    Int8(&'a mut Panels<i8>),
    /// [`Requant::Branch`], clamped to what norm looks at.
    Branch(&'a mut Panels<i16>),
    /// [`Requant::Raw`].
    Raw(&'a mut Panels<i32>),
}

/// One panel of an output, `[rows, PANEL]`.
pub(crate) enum OutputPanel<'a> {
    Int8(&'a mut [i8]),
    Branch(&'a mut [i16]),
    Raw(&'a mut [i32]),
}

/// `output = requant(x weightᵀ)` for matrices of one input, SPEC §II.6.5.
///
/// # Shapes
/// - `x`: `[rows, inputs]`, of which `rows` rows are used.
/// - each output: as many rows, as wide as its matrix.
pub(crate) fn linear(run: &mut Run<'_>, x: &Operand, weights: &Weights, outputs: Vec<(Tensor, Output<'_>)>) {
    let mut tasks = Vec::new();
    for (tensor, output) in outputs {
        let panels: Vec<OutputPanel<'_>> = match output {
            Output::Int8(out) => out.panels_mut().map(OutputPanel::Int8).collect(),
            Output::Branch(out) => out.panels_mut().map(OutputPanel::Branch).collect(),
            Output::Raw(out) => out.panels_mut().map(OutputPanel::Raw).collect(),
        };
        tasks.extend(panels.into_iter().enumerate().map(|(ix, out)| (tensor, ix, out)));
    }
    let (kernels, done) = (run.kernels, run.done);
    let ops = 2 * (x.rows() * x.width() * PANEL) as u64;
    run.tasks(tasks, |(tensor, ix, out), scratch| {
        let panel = weights.panel(kernels, tensor, ix, &mut scratch.panel);
        kernels.run(Linear { panel, x, out });
        done.fetch_add(ops, Ordering::Relaxed);
    });
}

/// One panel's outputs for all rows.
pub(crate) struct Linear<'a> {
    pub(crate) panel: &'a [u8],
    pub(crate) x: &'a Operand,
    pub(crate) out: OutputPanel<'a>,
}

impl Job for Linear<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Self { panel, x, out } = self;
        let inputs = x.width();
        match out {
            // |acc| <= 5842 inputs < 2^27 (core's `linear`), so no rounding overflows.
            OutputPanel::Int8(out) => {
                let shift = Requant::Int8.shift(inputs).expect("int8 is shifted");
                rows::<I, i8>(panel, x, out, |acc| rounding_shift(acc, shift).clamp(-127, 127) as i8);
            }
            OutputPanel::Branch(out) => {
                let shift = Requant::Branch.shift(inputs).expect("branches are shifted");
                rows::<I, i16>(panel, x, out, |acc| rounding_shift(acc, shift).clamp(-1023, 1023) as i16);
            }
            OutputPanel::Raw(out) => rows::<I, i32>(panel, x, out, |acc| acc),
        }
    }
}

#[inline(always)]
fn rows<I: Isa, T>(panel: &[u8], x: &Operand, out: &mut [T], requant: impl Fn(i32) -> T + Copy) {
    let (out, _) = out.as_chunks_mut::<PANEL>();
    let mut row = 0;
    while row < out.len() {
        let left = &mut out[row..];
        row += match left.len() {
            8.. => block::<I, T, 8>(panel, x, row, left, requant),
            4.. => block::<I, T, 4>(panel, x, row, left, requant),
            2.. => block::<I, T, 2>(panel, x, row, left, requant),
            _ => block::<I, T, 1>(panel, x, row, left, requant),
        };
    }
}

#[inline(always)]
fn block<I: Isa, T, const R: usize>(
    panel: &[u8],
    x: &Operand,
    row: usize,
    out: &mut [[T; PANEL]],
    requant: impl Fn(i32) -> T,
) -> usize {
    let mut acc = [[0; PANEL]; R];
    // Loops, not `from_fn`, which would leave its closure compiled for the baseline.
    let (mut rows, mut sums) = ([&[][..]; R], [0; R]);
    for (r, (values, sum)) in rows.iter_mut().zip(&mut sums).enumerate() {
        (*values, *sum) = (x.row(row + r), x.sum(row + r));
    }
    I::tile::<R, false>(panel, rows, sums, &mut acc);
    for (out, acc) in out.iter_mut().zip(&acc) {
        for (out, acc) in out.iter_mut().zip(acc) {
            *out = requant(*acc);
        }
    }
    R
}
