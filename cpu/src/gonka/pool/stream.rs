//! numpy's PCG64, several steps at a time.

use sphere_pow_core::gonka::rng::SeedSequence;
use sphere_pow_core::gonka::seed::Seed;

const MULTIPLIER: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;
/// Steps taken side by side: one alone would wait for its own multiplication.
const WAYS: usize = 4;
/// Draws made at once; a few kilobytes.
const BUFFER: usize = 512;

/// One step, or several, of the 128-bit generator: `state = multiplier * state + increment`.
#[derive(Clone, Copy, Debug)]
struct Step {
    multiplier: u128,
    increment: u128,
}

impl Step {
    fn apply(self, state: u128) -> u128 {
        state.wrapping_mul(self.multiplier).wrapping_add(self.increment)
    }

    /// This step `n` times, in O(log n).
    fn times(self, mut n: u64) -> Self {
        let (mut power, mut all) = (self, Self { multiplier: 1, increment: 0 });
        while n > 0 {
            if n & 1 == 1 {
                all = power.after(all);
            }
            power = power.after(power);
            n >>= 1;
        }
        all
    }

    fn after(self, first: Self) -> Self {
        let increment = self.apply(first.increment);
        Self { multiplier: self.multiplier.wrapping_mul(first.multiplier), increment }
    }
}

/// The stream of 64-bit draws of a seed, to be entered anywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    state: u128,
    step: Step,
    stride: Step,
}

impl Stream {
    pub(super) fn new(seed: &Seed) -> Self {
        let [s0, s1, s2, s3] = SeedSequence::new(&seed.entropy()).generate_u64x4();
        let join = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
        let step = Step { multiplier: MULTIPLIER, increment: join(s2, s3) << 1 | 1 };
        let state = step.apply(join(s0, s1).wrapping_add(step.increment));
        Self { state, step, stride: step.times(WAYS as u64) }
    }
}

/// The draws from some position on.
#[derive(Clone, Debug)]
pub(super) struct Draws {
    /// States of the next [`WAYS`] draws after the buffer.
    states: [u128; WAYS],
    stride: Step,
    buffer: [u64; BUFFER],
    next: usize,
    /// Position in the stream of the buffer's first draw.
    base: u64,
}

impl Draws {
    pub(super) fn new(stream: &Stream, position: u64) -> Self {
        let mut state = stream.step.times(position).apply(stream.state);
        let states = [(); WAYS].map(|()| {
            state = stream.step.apply(state);
            state
        });
        let mut draws = Self { states, stride: stream.stride, buffer: [0; BUFFER], next: 0, base: position };
        draws.refill();
        draws
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "halves of the state")]
    fn refill(&mut self) {
        let (mut states, stride) = (self.states, self.stride);
        for draws in self.buffer.as_chunks_mut::<WAYS>().0 {
            for (state, draw) in states.iter_mut().zip(draws) {
                *draw = ((*state >> 64) as u64 ^ *state as u64).rotate_right((*state >> 122) as u32);
                *state = stride.apply(*state);
            }
        }
        self.states = states;
        self.next = 0;
    }

    /// The position of the next draw.
    #[inline(always)]
    pub(super) fn position(&self) -> u64 {
        self.base + self.next as u64
    }

    #[inline(always)]
    pub(super) fn draw(&mut self) -> u64 {
        if self.next == BUFFER {
            self.refill();
            self.base += BUFFER as u64;
        }
        let draw = self.buffer[self.next];
        self.next += 1;
        draw
    }

    /// The next eight draws, when the buffer holds so many.
    #[inline(always)]
    pub(super) fn peek_eight(&self) -> Option<&[u64; 8]> {
        self.buffer[self.next..].first_chunk()
    }

    /// Goes past `n` draws that were peeked at.
    #[inline(always)]
    pub(super) fn skip(&mut self, n: usize) {
        self.next += n;
    }
}

#[cfg(test)]
mod tests {
    use super::{Draws, Stream};
    use sphere_pow_core::gonka::rng::NumpyRng;
    use sphere_pow_core::gonka::seed::Seed;

    #[test]
    fn draws_are_cores_from_any_position() {
        let seed = Seed::from_text("stream", 4);
        let stream = Stream::new(&seed);
        for position in [0, 1, 3, 511, 512, 1 << 40] {
            let (mut ours, mut cores) = (Draws::new(&stream, position), NumpyRng::new(&seed));
            cores.advance(u128::from(position));
            for i in 0..2000 {
                assert_eq!(ours.position(), position + i);
                assert_eq!(ours.draw(), cores.next_u64(), "draw {i} from {position}");
            }
        }
    }
}
