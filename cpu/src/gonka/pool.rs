//! The weight pool in parallel, bit for bit core's.
//!
//! Most normals take one draw of the stream, some take more, so where a normal starts depends on all before
//! it. The stream is cut in segments all the same, and each is read as if a normal started at its first draw.
//! That is so for nearly all of them; where a normal reaches over the cut, the true reading and the guessed
//! one are followed until both start a normal at the same draw, from where on they are one. What comes out is
//! the serial stream, whatever the lengths.

mod stream;
pub(crate) mod ziggurat;

use crate::gonka::kernels::{Isa, Job};
use crate::simd::Simd;
use core::ops::{ControlFlow, Range};
use half::f16;
use half::vec::HalfBitsVecExt;
use sphere_pow_core::gonka::Params;
use sphere_pow_core::gonka::seed::Seed;
use sphere_pow_core::identity::BlockHash;
use stream::{Draws, Stream};

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
    // Zeros of integers come from the system unwritten, those of f16 would be written one by one.
    let mut pool = vec![0_u16; params.pool_len()];
    crate::memory::prefer_large_pages(&mut pool);
    let mut pool: Vec<f16> = pool.reinterpret_into();
    let stream = Stream::new(&Seed::weights(block));
    let cut = Cut { segment: SEGMENT, at_once: SEGMENTS_PER_THREAD * crate::threads::current_count() };
    fill(&mut pool, &stream, Simd::best(), cut, progress).is_continue().then_some(pool)
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
#[derive(Default)]
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

fn fill(
    pool: &mut [f16],
    stream: &Stream,
    simd: Simd,
    cut: Cut,
    progress: &(dyn Fn(f32) -> ControlFlow<()> + Sync),
) -> ControlFlow<()> {
    let mut segments: Vec<Segment> = Vec::new();
    segments.resize_with(cut.at_once, Segment::default);
    let (mut first_draw, mut next_start, mut filled) = (0_u64, 0_u64, 0);
    while filled < pool.len() {
        #[expect(clippy::cast_precision_loss, reason = "a share to show")]
        progress(filled as f32 / pool.len() as f32)?;
        let tasks = segments.iter_mut().enumerate().collect();
        crate::threads::for_each(tasks, &mut || (), |(i, segment): (usize, &mut Segment)| {
            let start = first_draw + (i * cut.segment) as u64;
            segment.draws = start..start + cut.segment as u64;
            segment.weights.resize(cut.segment, f16::ZERO);
            simd.run(Guess { stream, segment });
        });
        for segment in &mut segments {
            next_start = segment.join(stream, next_start);
        }
        first_draw += (cut.at_once * cut.segment) as u64;
        filled += copy_out(&segments, &mut pool[filled..]);
    }
    progress(1.0)
}

/// Puts what the segments hold at the front of `pool`, as far as it reaches, and tells how much that was.
fn copy_out(segments: &[Segment], pool: &mut [f16]) -> usize {
    let whole = pool.len();
    let mut rest = pool;
    let mut tasks: Vec<(&mut [f16], &[f16])> = Vec::new();
    for segment in segments {
        for from in [&segment.repair[..], &segment.weights[segment.skip..segment.len]] {
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
