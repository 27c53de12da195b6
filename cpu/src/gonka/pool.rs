//! The weight pool in parallel, bit for bit core's.
//!
//! Most normals take one draw of the stream, some take more, so where a normal starts depends on all before
//! it. The stream is cut in segments all the same, and each is read as if a normal started at its first draw.
//! That is so for nearly all of them; where a normal reaches over the cut, the true reading and the guessed
//! one are followed until both start a normal at the same draw, from where on they are one. What comes out is
//! the serial stream, whatever the lengths.

mod growing;
mod stream;
pub(crate) mod ziggurat;

use crate::gonka::kernels::{Isa, Job};
use crate::simd::Simd;
use core::ops::{ControlFlow, Range};
use half::f16;
use half::vec::HalfBitsVecExt;
use sphere_pow_core::gonka::Params;
use sphere_pow_core::gonka::seed::Seed;
use sphere_pow_core::gonka::weights::TensorView;
use sphere_pow_core::identity::BlockHash;
use std::sync::Arc;
use stream::{Draws, Stream};

pub use growing::GrowingPool;

/// Draws of one segment: its weights fit the second cache twice.
const SEGMENT: usize = 1 << 15;
/// Segments a thread reads between two joins: many, so that a thread held up elsewhere holds up little.
const SEGMENTS_PER_THREAD: usize = 64;

/// The whole weight pool of `block`, SPEC §I.3: the same bits as core's `weight_pool`, in parallel.
///
/// Uses rayon's current threads; see [`crate::threads::Threads::install`].
#[must_use]
pub fn weight_pool(params: &Params, block: &BlockHash) -> Vec<f16> {
    weight_pool_with(params, block, &|_| ControlFlow::Continue(())).expect("nothing breaks")
}

/// As [`weight_pool`], telling the share done (0 to 1) every few milliseconds; `None` when `progress` breaks.
#[must_use]
pub fn weight_pool_with(
    params: &Params,
    block: &BlockHash,
    progress: &(dyn Fn(f32) -> ControlFlow<()> + Sync),
) -> Option<Vec<f16>> {
    let mut pool = zeros(params.pool_len());
    let mut maker = PoolMaker::new(params, block);
    maker.fill(&mut pool, progress).is_continue().then_some(pool)
}

/// Zeros of integers come from the system unwritten, those of f16 would be written one by one.
fn zeros(len: usize) -> Vec<f16> {
    let mut zeros = vec![0_u16; len];
    crate::memory::prefer_large_pages(&mut zeros);
    zeros.reinterpret_into()
}

/// A pool that gives its weights as copies: one where no slice reaches it, such as memory that several wasm instances share.
pub trait LentPool: core::fmt::Debug + Send + Sync {
    /// Copies weights from place `at` of the pool on; all of them are made.
    fn read(&self, at: usize, to: &mut [f16]);

    /// Copies values of a tensor, from its `first` on.
    fn read_tensor(&self, view: TensorView, first: usize, to: &mut [f16]) {
        let mut rest = to;
        for run in view.runs(first..first + rest.len()) {
            let (head, tail) = rest.split_at_mut(run.len());
            self.read(run.start, head);
            rest = tail;
        }
    }
}

/// Where a block's weights are.
#[derive(Clone, Debug)]
pub enum Pool {
    /// In this memory.
    Kept(Arc<Vec<f16>>),
    /// Elsewhere, and copied as they are needed, a few rows of a matrix at a time.
    Lent(Arc<dyn LentPool>),
}

impl LentPool for Pool {
    fn read(&self, at: usize, to: &mut [f16]) {
        match self {
            Self::Kept(pool) => to.copy_from_slice(&pool[at..at + to.len()]),
            Self::Lent(lender) => lender.read(at, to),
        }
    }
}

impl From<Arc<Vec<f16>>> for Pool {
    fn from(pool: Arc<Vec<f16>>) -> Self {
        Self::Kept(pool)
    }
}

/// Makes a pool in parts, for whoever keeps it elsewhere.
#[derive(Debug)]
pub struct PoolMaker {
    len: usize,
    stream: Stream,
    simd: Simd,
    cut: Cut,
    segments: Vec<Segment>,
    /// The first draw of the stream that no segment read so far holds.
    draw: u64,
    /// The draw where the next normal really starts.
    start: u64,
    /// Weights made.
    filled: usize,
}

impl PoolMaker {
    /// Of the pool of `block`.
    #[must_use]
    pub fn new(params: &Params, block: &BlockHash) -> Self {
        let cut = Cut { segment: SEGMENT, at_once: SEGMENTS_PER_THREAD * crate::threads::current_count() };
        Self::cut(&Seed::weights(block), params.pool_len(), Simd::best(), cut)
    }

    fn cut(seed: &Seed, len: usize, simd: Simd, cut: Cut) -> Self {
        Self { len, stream: Stream::new(seed), simd, cut, segments: Vec::new(), draw: 0, start: 0, filled: 0 }
    }

    /// The share made, 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share to show")]
    pub fn fraction(&self) -> f32 {
        self.filled as f32 / self.len as f32
    }

    /// Makes the next few million weights and gives them to `put`, each piece with the place of its first in the pool;
    /// false, and nothing made, when the pool is whole.
    pub fn next(&mut self, mut put: impl FnMut(usize, &[f16])) -> bool {
        if self.filled == self.len {
            return false;
        }
        self.read();
        let mut filled = self.filled;
        for piece in self.segments.iter().flat_map(Segment::pieces) {
            let piece = &piece[..piece.len().min(self.len - filled)];
            if !piece.is_empty() {
                put(filled, piece);
            }
            filled += piece.len();
        }
        self.filled = filled;
        true
    }

    /// Makes the rest of `pool`, on all threads.
    fn fill(
        &mut self,
        pool: &mut [f16],
        progress: &(dyn Fn(f32) -> ControlFlow<()> + Sync),
    ) -> ControlFlow<()> {
        while self.filled < self.len {
            progress(self.fraction())?;
            self.read();
            self.filled += copy_out(&self.segments, &mut pool[self.filled..]);
        }
        progress(1.0)
    }

    /// Reads the next segments, each from its guess, and makes the guesses true.
    fn read(&mut self) {
        let Self { stream, simd, cut, segments, draw, start, .. } = self;
        segments.resize_with(cut.at_once, Segment::default);
        let tasks = segments.iter_mut().enumerate().collect();
        crate::threads::for_each(tasks, &mut || (), |(i, segment): (usize, &mut Segment)| {
            let first = *draw + (i * cut.segment) as u64;
            segment.draws = first..first + cut.segment as u64;
            segment.weights.resize(cut.segment, f16::ZERO);
            simd.run(Guess { stream, segment });
        });
        for segment in segments {
            *start = segment.join(stream, *start);
        }
        *draw += (cut.at_once * cut.segment) as u64;
    }
}

/// How the stream is cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Draws of a segment.
    segment: usize,
    /// Segments read between two joins.
    at_once: usize,
}

/// A segment as read from a guess.
#[derive(Debug, Default)]
struct Segment {
    draws: Range<u64>,
    /// Room for one weight a draw.
    weights: Vec<f16>,
    /// Weights read: those whose normals start within `draws`.
    len: usize,
    /// The first draw after the last normal.
    end: u64,
    /// Weights before those of `weights[skip..len]`, when the guess was wrong.
    repair: Vec<f16>,
    skip: usize,
}

/// Puts what the segments hold at the front of `pool`, as far as it reaches, and tells how much that was.
fn copy_out(segments: &[Segment], pool: &mut [f16]) -> usize {
    let whole = pool.len();
    let mut rest = pool;
    let mut tasks: Vec<(&mut [f16], &[f16])> = Vec::new();
    for segment in segments {
        for from in segment.pieces() {
            let (head, tail) = rest.split_at_mut(from.len().min(rest.len()));
            if !head.is_empty() {
                let n = head.len();
                tasks.push((head, &from[..n]));
            }
            rest = tail;
        }
    }
    let left = rest.len();
    crate::threads::for_each(tasks, &mut || (), |(to, from)| to.copy_from_slice(from));
    whole - left
}

/// Reads a segment from its first draw on.
struct Guess<'a> {
    stream: &'a Stream,
    segment: &'a mut Segment,
}

impl Job for Guess<'_> {
    type Output = ();
    #[inline(always)]
    fn run<I: Isa>(self) {
        let Segment { draws, weights, len, end, .. } = self.segment;
        let mut source = Draws::new(self.stream, draws.start);
        let (mut n, mut left) = (0, usize::try_from(draws.end - draws.start).unwrap_or(usize::MAX));
        // `left` draws are still to start a normal.
        while left > 0 {
            if left >= 8
                && let Some(eight) = source.peek_eight()
            {
                let (eight, accepted) = I::weights_from_draws(eight);
                // Each normal started leaves room, so eight fit; those not accepted are written over.
                weights[n..n + 8].copy_from_slice(&eight);
                let ones = accepted.trailing_ones() as usize;
                source.skip(ones);
                n += ones;
                left -= ones;
                if ones == 8 {
                    continue;
                }
            }
            let before = source.position();
            weights[n] = ziggurat::weight(&mut source);
            n += 1;
            left = left.saturating_sub(usize::try_from(source.position() - before).unwrap_or(usize::MAX));
        }
        (*len, *end) = (n, source.position());
    }
}

impl Segment {
    /// The weights of the normals that really start in it.
    fn pieces(&self) -> [&[f16]; 2] {
        [&self.repair, &self.weights[self.skip..self.len]]
    }

    /// Makes the guess true, given the draw where the first normal really starts; gives the same for the next
    /// segment.
    fn join(&mut self, stream: &Stream, start: u64) -> u64 {
        self.repair.clear();
        self.skip = 0;
        if start == self.draws.start {
            return self.end;
        }
        let (mut truth, mut guess) = (Draws::new(stream, start), Draws::new(stream, self.draws.start));
        loop {
            let (at, guessed) = (truth.position(), guess.position());
            if at >= self.draws.end {
                self.skip = self.len;
                return at;
            }
            if at == guessed {
                return self.end;
            }
            if guessed < at {
                ziggurat::weight(&mut guess);
                self.skip += 1;
            } else {
                self.repair.push(ziggurat::weight(&mut truth));
            }
        }
    }
}

#[cfg(test)]
mod tests;
