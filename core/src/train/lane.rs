//! A lane's steps (SPEC §IV.7.1), by whoever trains and by whoever checks.

use super::executor::Executor;
use super::model::{Gradient, Model};
use super::ops::optimise::{Step, corrections};
use super::ops::{Largest, Moments, Parameters};
use super::params::Params;
use super::state::State;
use super::stream::RunId;
use super::text::Text;
use alloc::vec;
use alloc::vec::Vec;

/// A run with its text: all that steps are functions of, beside the state.
#[derive(Clone, Debug)]
pub struct Run {
    params: Params,
    text: Text,
    id: RunId,
    corrections: Vec<u32>,
}

/// One lane of one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// The round, from 0.
    pub round: u32,
    /// The lane, from 0.
    pub lane: u32,
    /// The round's seed.
    pub seed: [u8; 32],
}

/// Parameters of a part of a task.
const PART: usize = 1 << 14;

/// The second half of a step (SPEC §IV.6): moments and parameters by the gradient of each tensor, at a rate in units of 2^-32
/// with a correction in units of 2^-16.
///
/// # Panics
/// When a gradient is not of its tensor's length.
pub fn optimise<E: Executor>(
    executor: &E,
    state: &mut State,
    gradients: &[Gradient],
    rate: u32,
    correction: u32,
) {
    for (tensor, gradient) in state.tensors.iter_mut().zip(gradients) {
        assert_eq!(gradient.values.len(), tensor.theta.len(), "the gradient is the tensor's");
        let grown = (executor.run(Largest(&gradient.values)), gradient.exponent);
        let largest = executor.run(Largest(&tensor.first)).max(executor.run(Largest(&tensor.root)));
        let step = Step::new((largest, tensor.exponent), grown, rate, correction);
        let mut tops = vec![0; tensor.theta.len().div_ceil(PART)];
        let parts = tensor.first.chunks_mut(PART).zip(tensor.root.chunks_mut(PART));
        let parts = parts.zip(gradient.values.chunks(PART)).zip(&mut tops);
        executor.for_each(parts.collect(), |(((first, root), gradient), top)| {
            *top = executor.run(Moments { step: &step, gradient, first, root });
        });
        let top = tops.into_iter().max().unwrap_or(0);
        let parts = tensor.first.chunks(PART).zip(tensor.root.chunks(PART));
        let parts = parts.zip(tensor.theta.chunks_mut(PART));
        executor.for_each(parts.collect(), |((first, root), theta)| {
            executor.run(Parameters { step: &step, top, first, root, theta });
        });
        tensor.exponent = step.exponent();
    }
}

impl Run {
    /// A run over a text that was read for it.
    #[must_use]
    pub fn new(params: &Params, text: Text) -> Self {
        let (id, corrections) = (text.run(params), corrections(params.raw().inner));
        Self { params: params.clone(), text, id, corrections }
    }

    /// Its sizes.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// Where the sequences of a lane's step begin (SPEC §IV.1).
    #[must_use]
    pub fn starts(&self, lane: &Lane, step: u32) -> Vec<usize> {
        let raw = self.params.raw();
        let key = self.id.batches(lane.round, lane.lane, &lane.seed);
        let room = self.text.train() as u64 - u64::from(raw.context);
        // Words from here on would favour small remainders.
        let fair = u64::MAX - (u64::MAX % room + 1) % room;
        let (mut starts, mut offset) = (Vec::new(), 0);
        while starts.len() < (raw.batch / raw.context) as usize {
            let mut word = [0; 8];
            key.read(step.into(), offset, &mut word);
            offset += 8;
            let word = u64::from_le_bytes(word);
            if word <= fair {
                starts.push((word % room) as usize);
            }
        }
        starts
    }

    /// The learning rate of a lane's step, in units of 2^-32.
    fn rate(&self, lane: &Lane, step: u32) -> u32 {
        self.params.rate(u64::from(lane.round) * u64::from(self.params.raw().inner) + u64::from(step))
    }

    /// What parameters of a lane's step move by: rate times correction, and decay, in units of 2^-32 (SPEC §IV.6).
    ///
    /// # Panics
    /// When a round has fewer steps.
    #[must_use]
    pub fn rates(&self, lane: &Lane, step: u32) -> [i32; 2] {
        Step::rates(self.rate(lane, step), self.corrections[step as usize])
    }

    /// One step of a lane; gives the batch's loss, all its tokens together, in units of 2^-16 octaves.
    pub fn step<E: Executor>(&self, executor: &E, lane: &Lane, step: u32, state: &mut State) -> i64 {
        let (gradients, loss) = self.gradients(executor, lane, step, state);
        optimise(executor, state, &gradients, self.rate(lane, step), self.corrections[step as usize]);
        loss
    }

    /// The first half of a step: each tensor's gradient over its batch, and the batch's loss.
    #[must_use]
    pub fn gradients<E: Executor>(
        &self,
        executor: &E,
        lane: &Lane,
        step: u32,
        state: &State,
    ) -> (Vec<Gradient>, i64) {
        let context = self.params.raw().context as usize;
        let (tokens, targets) = self.text.batch(&self.starts(lane, step), context);
        let tensors = &state.tensors;
        let model = Model::new(executor, &self.params, tensors.iter().map(|tensor| &tensor.theta[..]));
        let (logits, kept) = model.forward(&tensors[0].theta, &tensors[1].theta, &tokens);
        let (g, loss) = model.loss(&logits, &targets);
        (model.backward(&g, &kept, &tokens), loss)
    }

    /// Steps of segment `segment`: from state S_segment to the next.
    #[must_use]
    pub fn segment(&self, segment: u32) -> core::ops::Range<u32> {
        let steps = self.params.segment();
        segment * steps..(segment + 1) * steps
    }

    /// Loss of parameters over `sequences` sequences of what is held out, all tokens together, in units of 2^-16
    /// octaves, and how many tokens there were (SPEC §IV.7.6).
    #[must_use]
    pub fn validate<E: Executor>(&self, executor: &E, theta: &[i32], sequences: usize) -> (i64, usize) {
        let raw = self.params.raw();
        let state = State::start(&self.params, theta);
        let tensors = &state.tensors;
        let model = Model::new(executor, &self.params, tensors.iter().map(|tensor| &tensor.theta[..]));
        let (mut sum, mut count) = (0, 0);
        let starts = self.text.held_out(sequences, raw.context as usize);
        for starts in starts.chunks((raw.batch / raw.context) as usize) {
            let (tokens, targets) = self.text.batch(starts, raw.context as usize);
            let (logits, _) = model.forward(&tensors[0].theta, &tensors[1].theta, &tokens);
            sum += model.loss(&logits, &targets).1;
            count += tokens.len();
        }
        (sum, count)
    }
}
