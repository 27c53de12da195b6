//! Linear layers.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod tiled;

use super::Run;
use super::math::round;
use super::product::product;
use crate::gonka::kernels::{Isa, Job, TILE, prefetch};
use crate::gonka::{Activation, LentPool};
use core::ops::Range;
use half::f16;
use sphere_pow_core::gonka::weights::TensorView;
use std::sync::Mutex;

/// Work of one task: small enough that a stop takes effect at once, large enough to be worth a thread.
const TASK_FLOPS: Range<u64> = 2_000_000..1_000_000_000;

/// Bytes of lent rows that a task copies: they stay in the second cache.
const LENT_BYTES: usize = 1 << 18;

/// A weight matrix `[rows, cols]`, read where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Weight<'a> {
    /// Empty when they are lent.
    values: &'a [f16],
    lender: Option<&'a dyn LentPool>,
    view: Option<TensorView>,
    rows: usize,
    cols: usize,
}

impl<'a> Weight<'a> {
    /// A tensor of the weight pool.
    #[must_use]
    pub fn view(pool: &'a [f16], view: TensorView) -> Self {
        Self { values: pool, lender: None, view: Some(view), rows: view.rows, cols: view.cols }
    }

    /// A tensor of a weight pool kept elsewhere.
    #[must_use]
    pub fn lent(lender: &'a dyn LentPool, view: TensorView) -> Self {
        Self { lender: Some(lender), ..Self::view(&[], view) }
    }

    /// A plain matrix `[rows, cols]`, row-major.
    ///
    /// # Panics
    /// When `values` is no whole number of rows.
    #[must_use]
    pub fn matrix(values: &'a [f16], cols: usize) -> Self {
        assert!(values.len().is_multiple_of(cols), "values are [rows, cols]");
        Self { values, lender: None, view: None, rows: values.len() / cols, cols }
    }

    /// `width` rows from `first` on, where they can be read, and the number there of the first: copied to `scratch` when
    /// they are lent.
    pub(super) fn near<'b>(
        &self,
        first: usize,
        width: usize,
        scratch: &'b mut Vec<f16>,
    ) -> (Weight<'b>, usize)
    where
        'a: 'b,
    {
        let (Some(lender), Some(view)) = (self.lender, self.view) else {
            return (*self, first);
        };
        scratch.resize(width * self.cols, f16::ZERO);
        lender.read_tensor(view, first * self.cols, scratch);
        (Weight::matrix(scratch, self.cols), 0)
    }

    /// Values `range` of row `row`, widened.
    #[inline(always)]
    pub(super) fn widen<I: Isa>(&self, row: usize, range: Range<usize>, dst: &mut [f32]) {
        let range = row * self.cols + range.start..row * self.cols + range.end;
        let Some(view) = self.view else {
            return I::widen(&self.values[range], dst);
        };
        let mut dst = dst;
        for run in view.runs(range) {
            let (head, rest) = dst.split_at_mut(run.len());
            I::widen(&self.values[run], head);
            dst = rest;
        }
    }

    /// Values `range` of row `row`, split in two bf16 each.
    #[inline(always)]
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn split<I: Isa>(&self, row: usize, range: Range<usize>, high: &mut [u16], low: &mut [u16]) {
        let range = row * self.cols + range.start..row * self.cols + range.end;
        let Some(view) = self.view else {
            return I::split(&self.values[range], high, low);
        };
        let (mut high, mut low) = (high, low);
        for run in view.runs(range) {
            let n = run.len();
            I::split(&self.values[run], &mut high[..n], &mut low[..n]);
            (high, low) = (&mut high[n..], &mut low[n..]);
        }
    }

    /// Where a value lies, as a hint: following ones may lie elsewhere.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn address(&self, row: usize, col: usize) -> *const f16 {
        let at = row * self.cols + col;
        let place = self.view.map_or(at, |view| view.runs(at..at + 1).next().map_or(0, |run| run.start));
        &raw const self.values[place]
    }

    /// Brings values `range` of row `row`, if there are such, into the second cache.
    #[inline(always)]
    fn prefetch(&self, row: usize, range: Range<usize>) {
        if row < self.rows {
            let range = row * self.cols + range.start..row * self.cols + range.end;
            match self.view {
                None => prefetch(&self.values[range]),
                Some(view) => view.runs(range).for_each(|run| prefetch(&self.values[run])),
            }
        }
    }

    /// One row, copied to `scratch` only when it lies in pieces.
    fn row<'b>(&self, row: usize, scratch: &'b mut Vec<f16>) -> &'b [f16]
    where
        'a: 'b,
    {
        let range = row * self.cols..(row + 1) * self.cols;
        let Some(view) = self.view else {
            return &self.values[range];
        };
        match view.runs(range.clone()).next() {
            Some(run) if run.len() == self.cols => &self.values[run],
            _ => {
                scratch.resize(self.cols, f16::ZERO);
                view.read(self.values, range.start, scratch);
                scratch
            }
        }
    }
}

/// `output = round(input weightᵀ)`, SPEC §I.4.
///
/// # Shapes
/// - `input`: `[rows, cols]`.
/// - `weight`: `[width, cols]`.
/// - `output`: `[rows, width]`.
///
/// # Panics
/// When the shapes do not fit.
pub fn linear(run: &mut Run<'_>, input: &Activation, weight: Weight<'_>, output: &mut Activation) {
    assert_eq!(input.width(), weight.cols, "input is [rows, cols]");
    assert_eq!((output.rows(), output.width()), (input.rows(), weight.rows), "output is [rows, width]");
    assert_eq!(input.lanes(), output.lanes(), "as many rows, as many lanes");
    let per_feature = 2 * (input.rows() * weight.cols) as u64;
    let simd = run.simd;
    let lent = weight
        .lender
        .map_or(usize::MAX, |_| (LENT_BYTES / 2 / weight.cols).max(1).next_multiple_of(8 * TILE));
    let chunk = task_width(weight.rows, per_feature).min(lent);
    let parts: Vec<_> = output.split_features(chunk).into_iter().enumerate().collect();
    // The last part is smaller: each counts as the mean, or progress would be through before the work.
    let flops = per_feature * weight.rows as u64 / parts.len().max(1) as u64;
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if simd.level() == crate::simd::SimdLevel::Amx && input.lanes() > 1 && weight.lender.is_none() {
        let mut scratch = core::mem::take(&mut run.scratch);
        let input = tiled::SplitInput::new(run, input, &mut scratch);
        run.tasks(flops, parts, |(part, mut out)| {
            tiled::multiply(simd, &input, weight, part * chunk, &mut out);
        });
        run.scratch = scratch;
        return;
    }
    // Rows that were lent go where others lay: no task zeroes memory for them.
    let spare = Mutex::new(Vec::new());
    run.tasks(flops, parts, |(part, out)| {
        let mut scratch =
            spare.lock().map_or_else(|_| Vec::new(), |mut spare| spare.pop().unwrap_or_default());
        let width = out[0].len() / input.lanes();
        let (near, first) = weight.near(part * chunk, width, &mut scratch);
        if input.lanes() == 1 {
            simd.run(Rows { input, weight: near, first, out });
        } else {
            simd.run(Panels { input, weight: near, first, out });
        }
        if let Ok(mut spare) = spare.lock() {
            spare.push(scratch);
        }
    });
}

/// Outputs of one task: a few tasks a thread, within [`TASK_FLOPS`].
fn task_width(rows: usize, flops_each: u64) -> usize {
    let outputs = |flops: u64| usize::try_from(flops / flops_each).unwrap_or(usize::MAX).max(1);
    let wanted = rows.div_ceil(4 * crate::threads::current_count());
    wanted.clamp(outputs(TASK_FLOPS.start), outputs(TASK_FLOPS.end)).next_multiple_of(8 * TILE)
}

/// Many rows: a vector holds one feature of many rows, weights are broadcast.
struct Panels<'a> {
    input: &'a Activation,
    weight: Weight<'a>,
    first: usize,
    out: Vec<&'a mut [f32]>,
}

impl Job for Panels<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let lanes = self.input.lanes();
        let rows = self.out[0].len() / lanes;
        let mut panels: Vec<_> = self.input.panels().zip(self.out).collect();
        let fill = |n: usize, range, dst: &mut [f32]| self.weight.widen::<I>(self.first + n, range, dst);
        let ahead = |n: usize, range| self.weight.prefetch(self.first + n, range);
        product::<I>(rows, self.weight.cols, fill, ahead, &mut panels);
    }
}

/// Few rows: a vector holds many features of one row, as many of one weight row.
struct Rows<'a> {
    input: &'a Activation,
    weight: Weight<'a>,
    first: usize,
    out: Vec<&'a mut [f32]>,
}

impl Job for Rows<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        let width = self.out[0].len();
        let mut scratch: [Vec<f16>; 4] = Default::default();
        let x: Vec<&[f32]> = self.input.panels().collect();
        for n in (0..width).step_by(4) {
            // The last quad repeats its last row.
            let mut i = 0;
            let weights = scratch.each_mut().map(|scratch| {
                let row = self.first + (n + i).min(width - 1);
                i += 1;
                self.weight.row(row, scratch)
            });
            for (x, out) in x.chunks(4).zip(self.out.chunks_mut(4)) {
                match *x {
                    [a, b, c, d] => store(I::dots(weights, [a, b, c, d]), n, out),
                    [a, b, c] => store(I::dots(weights, [a, b, c]), n, out),
                    [a, b] => store(I::dots(weights, [a, b]), n, out),
                    [a] => store(I::dots(weights, [a]), n, out),
                    _ => {}
                }
            }
        }
    }
}

#[inline(always)]
fn store<const R: usize>(dots: [[f32; R]; 4], n: usize, out: &mut [&mut [f32]]) {
    for (r, out) in out.iter_mut().enumerate() {
        for (out, dots) in out[n..].iter_mut().zip(&dots) {
            *out = round(dots[r]);
        }
    }
}
