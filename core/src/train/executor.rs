//! What runs the ops: readable loops here, threads and vectors in an executor of another crate.

use alloc::vec::Vec;

/// Work on a row or more that an executor compiles for its instructions: `run`, and what it calls in loops, are
/// `#[inline(always)]`.
pub trait Op {
    /// What comes of it beside what it writes.
    type Output;

    /// Does it.
    fn run(self) -> Self::Output;
}

/// Products and parallel rows. All executors give the same bits: every sum is exact in i32.
pub trait Executor: Sync {
    /// `out = a bᵀ` (SPEC §IV.3).
    ///
    /// # Shapes
    /// - `a`: `[rows, depth]`, `b`: `[columns, depth]`, `out`: `[rows, columns]`. Overwritten.
    ///
    /// # Accuracy
    /// Exact: one side lies within ±16383, the other within ±127, and depth is at most 1024, so that every partial sum
    /// is within `16383 * 127 * 1024 = 2,130,576,384 < 2^31`.
    fn product(&self, a: &[i16], b: &[i16], depth: usize, out: &mut [i32]);

    /// `out = a b`: back through a product.
    ///
    /// # Shapes
    /// - `a`: `[rows, depth]`, `b`: `[depth, columns]`, `out`: `[rows, columns]`. Overwritten.
    fn through(&self, a: &[i16], b: &[i16], columns: usize, out: &mut [i32]);

    /// `out = aᵀ b`: a sum over rows.
    ///
    /// # Shapes
    /// - `a`: `[depth, rows]`, `b`: `[depth, columns]`, `out`: `[rows, columns]`. Overwritten.
    fn gradient(&self, a: &[i16], b: &[i16], depth: usize, out: &mut [i32]);

    /// Does each task, in any order.
    fn for_each<T: Send>(&self, tasks: Vec<T>, work: impl Fn(T) + Sync + Send);

    /// Does an op, by instructions that the executor knows to be there.
    fn run<O: Op>(&self, op: O) -> O::Output {
        op.run()
    }
}

/// Loops: the twin that decides.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Executor for Plain {
    fn product(&self, a: &[i16], b: &[i16], depth: usize, out: &mut [i32]) {
        let columns = b.len() / depth;
        for (a, out) in a.chunks_exact(depth).zip(out.chunks_exact_mut(columns)) {
            for (out, b) in out.iter_mut().zip(b.chunks_exact(depth)) {
                *out = a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
            }
        }
    }

    fn through(&self, a: &[i16], b: &[i16], columns: usize, out: &mut [i32]) {
        let depth = b.len() / columns;
        for (a, out) in a.chunks_exact(depth).zip(out.chunks_exact_mut(columns)) {
            out.fill(0);
            for (a, b) in a.iter().zip(b.chunks_exact(columns)) {
                for (out, b) in out.iter_mut().zip(b) {
                    *out += i32::from(*a) * i32::from(*b);
                }
            }
        }
    }

    fn gradient(&self, a: &[i16], b: &[i16], depth: usize, out: &mut [i32]) {
        let (rows, columns) = (a.len() / depth, b.len() / depth);
        out.fill(0);
        for (a, b) in a.chunks_exact(rows).zip(b.chunks_exact(columns)) {
            for (a, out) in a.iter().zip(out.chunks_exact_mut(columns)) {
                for (out, b) in out.iter_mut().zip(b) {
                    *out += i32::from(*a) * i32::from(*b);
                }
            }
        }
    }

    fn for_each<T: Send>(&self, tasks: Vec<T>, work: impl Fn(T) + Sync + Send) {
        tasks.into_iter().for_each(work);
    }
}
