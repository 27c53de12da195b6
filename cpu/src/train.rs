//! Training in integers on the CPU: [`TrainExecutor`] runs core's plan on threads, with products by pairs of i16.
//!
//! Bits: every sum is exact, so all [`Kernels`] and thread counts give core's states.

use crate::exact::Kernels;
use crate::exact::kernels::{Isa, Job, PAIRED, Present};
use crate::threads;
use core::ops::ControlFlow;
use sphere_pow_core::train::{Executor, Known, Op, Opening, Run, Verdict};

/// Rows of one block: with two vectors of outputs, twelve accumulators of sixteen registers.
const BLOCK: usize = 6;
/// Blocks of rows of a task.
const BLOCKS: usize = 8;
/// Products fewer than this are not worth a second thread.
const PARALLEL: usize = 1 << 20;

/// Core's executor with this machine's instructions, on rayon's current threads.
#[derive(Clone, Copy, Debug)]
pub struct TrainExecutor {
    kernels: Present,
}

impl TrainExecutor {
    /// One with `kernels`, by default this machine's best; `None` when it lacks them.
    #[must_use]
    pub fn new(kernels: Option<Kernels>) -> Option<Self> {
        Some(Self { kernels: Present::new(kernels.unwrap_or_else(Kernels::best))? })
    }

    /// Which they are.
    #[must_use]
    pub fn kernels(&self) -> Kernels {
        self.kernels.kernels()
    }

    /// [`Opening::check`], which ends with `None` where `on_step` breaks. Compiled in this crate, for speed, where the
    /// caller is compiled for size.
    pub fn check(
        &self,
        run: &Run,
        opening: &Opening,
        known: &Known<'_>,
        on_step: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Option<Verdict> {
        let verdict = opening.check(run, self, known, || match on_step() {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(()),
        });
        verdict.ok()
    }

    fn multiply(self, a: Side<'_>, b: Side<'_>, out: &mut [i32]) {
        assert_eq!(a.depth, b.depth, "both sides are as deep");
        assert_eq!(out.len(), a.count * b.count, "out is [rows, columns]");
        let panel = 2 * PAIRED * a.depth.div_ceil(2);
        let mut panels = vec![0; b.count.div_ceil(PAIRED) * panel];
        let is_large = a.count * b.count * a.depth >= PARALLEL;
        let pack: Vec<_> = panels.chunks_mut(panel).enumerate().collect();
        let pack_one = |(ix, panel): (usize, &mut [i16])| b.pack::<PAIRED>(ix * PAIRED, panel);
        let tasks: Vec<_> = out.chunks_mut(BLOCKS * BLOCK * b.count).enumerate().collect();
        if is_large {
            threads::for_each(pack, &mut || (), pack_one);
            let panels = panels.as_slice();
            threads::for_each(tasks, &mut || (), |(task, out)| {
                self.kernels.run(Product { a, panels, columns: b.count, first: task * BLOCKS * BLOCK, out });
            });
        } else {
            pack.into_iter().for_each(pack_one);
            for (task, out) in tasks {
                let first = task * BLOCKS * BLOCK;
                self.kernels.run(Product { a, panels: &panels, columns: b.count, first, out });
            }
        }
    }
}

/// One side of a product: `count` vectors of `depth`.
#[derive(Clone, Copy)]
struct Side<'a> {
    values: &'a [i16],
    count: usize,
    depth: usize,
    /// `[depth, count]` instead of `[count, depth]`.
    is_deep_first: bool,
}

impl<'a> Side<'a> {
    fn new(values: &'a [i16], depth: usize, is_deep_first: bool) -> Self {
        Self { values, count: values.len() / depth, depth, is_deep_first }
    }

    /// Vectors from `first` on as `[depth / 2, W, 2]`; what lies beyond the last vector or depth is zero.
    ///
    /// Not for inlining: within a kernel the compiler runs out of patience and leaves its iterators as calls.
    #[inline(never)]
    fn pack<const W: usize>(&self, first: usize, out: &mut [i16]) {
        let width = W.min(self.count - first);
        if width < W || self.depth % 2 == 1 {
            out.fill(0);
        }
        let (pairs, _) = out.as_chunks_mut::<2>();
        if self.is_deep_first {
            for (rows, out) in self.values.chunks(2 * self.count).zip(pairs.chunks_exact_mut(W)) {
                let (low, high) = rows.split_at(self.count);
                // Past an odd depth lies nothing.
                let (low, high) = (&low[first..][..width], high.get(first..first + width));
                if let (Some(low), Some(high)) =
                    (low.first_chunk::<W>(), high.and_then(<[_]>::first_chunk::<W>))
                {
                    for n in 0..W {
                        out[n] = [low[n], high[n]];
                    }
                } else {
                    for (n, low) in low.iter().enumerate() {
                        out[n] = [*low, high.map_or(0, |high| high[n])];
                    }
                }
            }
        } else {
            let vectors = self.values[first * self.depth..].chunks_exact(self.depth).take(width);
            for (n, vector) in vectors.enumerate() {
                let (whole, rest) = vector.as_chunks::<2>();
                for (out, pair) in pairs.chunks_exact_mut(W).zip(whole) {
                    out[n] = *pair;
                }
                if let [last] = rest {
                    pairs[whole.len() * W + n][0] = *last;
                }
            }
        }
    }
}

/// Rows from `first` on, as many as `out` has.
struct Product<'a> {
    a: Side<'a>,
    panels: &'a [i16],
    columns: usize,
    first: usize,
    out: &'a mut [i32],
}

impl Job for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self) {
        let pairs = self.a.depth.div_ceil(2);
        let mut block = vec![0; 2 * BLOCK * pairs];
        for (ix, out) in self.out.chunks_mut(BLOCK * self.columns).enumerate() {
            self.a.pack::<BLOCK>(self.first + ix * BLOCK, &mut block);
            for (panel, first) in self.panels.chunks_exact(2 * PAIRED * pairs).zip((0..).step_by(PAIRED)) {
                let mut tile = [[0; PAIRED]; BLOCK];
                I::pairs::<BLOCK>(&block, panel, &mut tile);
                let width = PAIRED.min(self.columns - first);
                for (out, tile) in out.chunks_exact_mut(self.columns).zip(&tile) {
                    match out[first..].first_chunk_mut::<PAIRED>() {
                        Some(out) => *out = *tile,
                        None => out[first..].copy_from_slice(&tile[..width]),
                    }
                }
            }
        }
    }
}

/// An op of core's, compiled for every set of instructions.
struct Compiled<O>(O);

impl<O: Op> Job for Compiled<O> {
    type Output = O::Output;

    #[inline(always)]
    fn run<I: Isa>(self) -> O::Output {
        self.0.run()
    }
}

impl Executor for TrainExecutor {
    fn product(&self, a: &[i16], b: &[i16], depth: usize, out: &mut [i32]) {
        self.multiply(Side::new(a, depth, false), Side::new(b, depth, false), out);
    }

    fn through(&self, a: &[i16], b: &[i16], columns: usize, out: &mut [i32]) {
        let depth = b.len() / columns;
        self.multiply(Side::new(a, depth, false), Side::new(b, depth, true), out);
    }

    fn gradient(&self, a: &[i16], b: &[i16], depth: usize, out: &mut [i32]) {
        self.multiply(Side::new(a, depth, true), Side::new(b, depth, true), out);
    }

    fn for_each<T: Send>(&self, tasks: Vec<T>, work: impl Fn(T) + Sync + Send) {
        threads::for_each(tasks, &mut || (), &work);
    }

    fn run<O: Op>(&self, op: O) -> O::Output {
        self.kernels.run(Compiled(op))
    }
}
