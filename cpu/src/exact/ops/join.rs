//! Embed or merge, and the norm that follows: what the stream becomes, normed, and its int8 copy.

use crate::exact::activations::{Operand, OperandRows, Panels};
use crate::exact::kernels::{Isa, Job};
use crate::exact::run::Run;
use sphere_pow_core::exact::ops::{log2_sqrt, rounding_shift};

/// Rows of one task.
const ROWS: usize = 8;
/// Values beyond this count as this in norm (core's `norm`).
const CLAMP: i32 = 1023;

/// Where the stream comes from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// Embed: `[rows, dim]` entries of the normal table.
    Input(&'a [i8]),
    /// Merge: `[rows, dim]` within ±1023, onto the normed stream.
    Branch(&'a Panels<i16>),
    /// The stream as it was given.
    Given,
}

/// What a row is turned by and what is added to it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Its position.
    pub(crate) position: usize,
    /// Its nonce's round key `[dim]`, if there is one before this op.
    pub(crate) round_key: Option<&'a [i8]>,
}

/// `stream = embed(input)` or `merge(normed, branch)`, then `normed = norm(stream)`, `lanes = lanes(normed)`,
/// SPEC §II.6.2, 3, 4 and 8.
///
/// # Shapes
/// - `kept`: `[rows, dim]`, the stream if somebody looks at it; in where the source is [`Source::Given`], else out.
/// - `normed`: `[rows, dim]`, in and out.
/// - `place_of`: of a row.
/// - `lanes`: `[rows, dim]`. Overwritten.
pub(crate) fn join<'k>(
    run: &mut Run<'_>,
    source: Source<'_>,
    dim: usize,
    place_of: impl Fn(usize) -> Place<'k> + Sync,
    normed: &mut [i16],
    kept: Option<&mut [i16]>,
    lanes: &mut Operand,
) {
    let mut kept = kept.map(|kept| kept.chunks_mut(ROWS * dim));
    let with_kept = |rows| (rows, kept.as_mut().and_then(Iterator::next));
    let rows = normed.chunks_mut(ROWS * dim).map(with_kept);
    let tasks = rows.zip(lanes.chunks_mut(ROWS)).enumerate().collect();
    let kernels = run.kernels;
    run.tasks(tasks, |(task, ((normed, kept), lanes)), scratch| {
        scratch.stream.resize(dim);
        let (stream, place_of) = (&mut scratch.stream[..], &place_of);
        kernels.run(Join { source, dim, place_of, first: task * ROWS, normed, kept, lanes, stream });
    });
}

/// `stream = merge(normed, branch)` alone.
///
/// # Shapes
/// - `normed`: `[rows, dim]`; `stream`: the same. Overwritten.
pub(crate) fn merge_only(
    run: &mut Run<'_>,
    branch: &Panels<i16>,
    dim: usize,
    normed: &[i16],
    stream: &mut [i16],
) {
    let tasks = normed.chunks_exact(dim).zip(stream.chunks_exact_mut(dim)).enumerate().collect();
    let kernels = run.kernels;
    run.tasks(tasks, |(row, (normed, stream)), _| {
        kernels.run(MergeRow { branch, row, normed, stream });
    });
}

struct MergeRow<'a> {
    branch: &'a Panels<i16>,
    row: usize,
    normed: &'a [i16],
    stream: &'a mut [i16],
}

impl Job for MergeRow<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        self.branch.copy_row(self.row, self.stream);
        merge(self.normed, self.stream);
    }
}

struct Join<'a, P> {
    source: Source<'a>,
    dim: usize,
    place_of: &'a P,
    first: usize,
    normed: &'a mut [i16],
    kept: Option<&'a mut [i16]>,
    lanes: OperandRows<'a>,
    stream: &'a mut [i16],
}

impl<'k, P: Fn(usize) -> Place<'k>> Job for Join<'_, P> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(mut self) {
        for (i, normed) in self.normed.chunks_exact_mut(self.dim).enumerate() {
            let row = self.first + i;
            let stream = match &mut self.kept {
                Some(kept) => &mut kept[i * self.dim..][..self.dim],
                None => &mut *self.stream,
            };
            match self.source {
                Source::Input(input) => embed(&input[row * self.dim..][..self.dim], stream),
                Source::Branch(branch) => {
                    branch.copy_row(row, stream);
                    merge(normed, stream);
                }
                Source::Given => {}
            }
            norm(stream, normed);
            lanes(normed, (self.place_of)(row), self.lanes.row_mut(i));
            self.lanes.sum_up(i);
        }
    }
}

/// |16 x| <= 736.
#[inline(always)]
fn embed(input: &[i8], stream: &mut [i16]) {
    for (h, x) in stream.iter_mut().zip(input) {
        *h = 16 * i16::from(*x);
    }
}

/// In: the branch; out: the stream, within ±24552.
#[inline(always)]
fn merge(normed: &[i16], branch: &mut [i16]) {
    let scale = scale_of(branch);
    for (h, n) in branch.iter_mut().zip(normed) {
        *h = (rounding_shift(i32::from(*n), 1) + scaled(*h, scale)) as i16;
    }
}

#[inline(always)]
fn norm(stream: &[i16], normed: &mut [i16]) {
    let scale = scale_of(stream);
    for (n, h) in normed.iter_mut().zip(stream) {
        *n = scaled(*h, scale) as i16;
    }
}

/// Within ±16368: the product is at most `1023 * 2^20`, which leaves room for rounding.
#[inline(always)]
fn scaled(x: i16, scale: i32) -> i32 {
    rounding_shift(i32::from(x).clamp(-CLAMP, CLAMP) * scale, 16)
}

/// Core's `scale_of`: `floor(2^24 sqrt(d) / max(isqrt(Σ c²), 16 sqrt(d)))`, at most 2^20.
#[inline(always)]
fn scale_of(row: &[i16]) -> i32 {
    let shift = log2_sqrt(row.len());
    // At most 4096 * 1023² < 2^32.
    let squares = row.iter().map(|x| {
        let clamped = i32::from((*x).clamp(-(CLAMP as i16), CLAMP as i16));
        (clamped * clamped).cast_unsigned()
    });
    let squares = squares.fold(0_u32, u32::wrapping_add);
    ((1_u32 << (24 + shift)) / squares.isqrt().max(16 << shift)).cast_signed()
}

/// `out[j] = clamp8((normed[k] + 4 z[k] + 4) >> 3)` with `k = (j + 4 position) mod dim`.
#[inline(always)]
fn lanes(normed: &[i16], place: Place<'_>, out: &mut [i8]) {
    let turn = 4 * place.position % normed.len();
    let (head, tail) = normed.split_at(turn);
    let (first, rest) = out.split_at_mut(tail.len());
    let Some(key) = place.round_key else {
        for (normed, out) in [(tail, first), (head, rest)] {
            for (y, n) in out.iter_mut().zip(normed) {
                *y = ((*n + 4) >> 3).clamp(-127, 127) as i8;
            }
        }
        return;
    };
    let (key_head, key_tail) = key.split_at(turn);
    for ((normed, key), out) in [((tail, key_tail), first), ((head, key_head), rest)] {
        for ((y, n), z) in out.iter_mut().zip(normed).zip(key) {
            // |n| <= 16368 and |4 z| <= 184, so the sum fits.
            *y = ((*n + 4 * i16::from(*z) + 4) >> 3).clamp(-127, 127) as i8;
        }
    }
}
