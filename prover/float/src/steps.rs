//! A lane's steps in floats (SPEC §IV.10.1), by whoever trains and by whoever checks.

use crate::arithmetic::Arithmetic;
use crate::model::{A, Model, values};
use burn_backend::{AutodiffBackend, Backend};
use burn_flex::Flex;
use sphere_pow_core::train::float::FloatState;
use sphere_pow_core::train::{Lane, Run};
use std::num::NonZeroUsize;

const FIRST: f32 = 7.0 / 8.0;
const SECOND: f32 = 63.0 / 64.0;
const DECAY: f64 = 0.05;
const EPSILON: f32 = 1e-8;

/// One machine's way to make the steps of a run's lanes, on the CPU or on another of burn's backends: honest ones differ in
/// roundings only.
#[derive(Debug)]
pub struct Steps<'a, B = Flex> {
    run: &'a Run,
    model: Model<B>,
    parts: NonZeroUsize,
}

impl<'a> Steps<'a> {
    /// Steps of a run on the CPU, batches whole.
    #[must_use]
    pub fn new(run: &'a Run, arithmetic: Arithmetic) -> Self {
        Self::on(run, arithmetic)
    }
}

impl<'a, B: Backend> Steps<'a, B> {
    /// Steps of a run on the default device of `B`, batches whole.
    #[must_use]
    pub fn on(run: &'a Run, arithmetic: Arithmetic) -> Self {
        Self { run, model: Model::new(run.params(), arithmetic), parts: NonZeroUsize::MIN }
    }

    /// The same with each batch's sequences in `parts` parts, whose gradients are added: as a machine does that has little
    /// memory, or many devices. Sums have another order, so that results differ by roundings.
    #[must_use]
    pub fn in_parts(self, parts: NonZeroUsize) -> Self {
        Self { parts, ..self }
    }

    /// Mean gradient over a batch's tokens, `[size]`, and the sum of their losses, nats.
    fn gradient(&self, theta: &[f32], tokens: &[u16], targets: &[u16]) -> (Vec<f32>, f64) {
        let context = self.run.params().raw().context as usize;
        let sequences = (tokens.len() / context).div_ceil(self.parts.get());
        let (mut sum, mut loss) = (vec![0.0; theta.len()], 0.0);
        let tensors = self.model.tensors(theta, true);
        for (tokens, targets) in tokens.chunks(sequences * context).zip(targets.chunks(sequences * context)) {
            let part = self.model.loss(&tensors, tokens, targets);
            loss += values::<B>(A::<B>::inner(part.clone())).first().copied().map_or(f64::NAN, f64::from);
            let gradients = A::<B>::backward(part);
            let mut rest = &mut sum[..];
            for tensor in &tensors {
                let own = A::<B>::grad(tensor, &gradients)
                    .map(values::<B>)
                    .expect("each tensor takes part in the loss");
                let (sums, others) = rest.split_at_mut(own.len());
                sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
                rest = others;
            }
        }
        let unit = 1.0 / tokens.len() as f32;
        sum.iter_mut().for_each(|x| *x *= unit);
        (sum, loss)
    }

    /// One step of a lane; gives the batch's loss, all its tokens together, in nats.
    pub fn step(&self, lane: &Lane, step: u32, state: &mut FloatState) -> f64 {
        let (params, context) = (self.run.params(), self.run.params().raw().context as usize);
        let (tokens, targets) = self.run.text().batch(&self.run.starts(lane, step), context);
        let (gradient, loss) = self.gradient(&state.theta, &tokens, &targets);
        let inner = u64::from(params.raw().inner);
        let rate = f64::from(params.rate(u64::from(lane.round) * inner + u64::from(step))) / 4_294_967_296.0;
        // Moments begin at zero in each round.
        let done = step.cast_signed() + 1;
        let [first, second] = [FIRST, SECOND].map(|beta| 1.0 - f64::from(beta).powi(done));
        let (kept, size) = ((1.0 - rate * DECAY) as f32, (rate / first) as f32);
        let root = second.sqrt() as f32;
        let moments = state.first.iter_mut().zip(&mut state.second);
        for ((theta, g), (m, v)) in state.theta.iter_mut().zip(gradient).zip(moments) {
            *m = FIRST * *m + (1.0 - FIRST) * g;
            *v = SECOND * *v + (1.0 - SECOND) * g * g;
            *theta = *theta * kept - size * *m / (v.sqrt() / root + EPSILON);
        }
        loss
    }

    /// Loss of parameters over `sequences` sequences of what is held out, all tokens together, in nats, and how many
    /// tokens there were (SPEC §IV.7.6).
    #[must_use]
    pub fn validate(&self, theta: &[f32], sequences: usize) -> (f64, usize) {
        let raw = self.run.params().raw();
        let context = raw.context as usize;
        let tensors = self.model.tensors(theta, false);
        let (mut sum, mut count) = (0.0, 0);
        for starts in self.run.text().held_out(sequences, context).chunks((raw.batch / raw.context) as usize)
        {
            let (tokens, targets) = self.run.text().batch(starts, context);
            let loss = self.model.loss(&tensors, &tokens, &targets);
            sum += values::<B>(A::<B>::inner(loss)).first().copied().map_or(f64::NAN, f64::from);
            count += tokens.len();
        }
        (sum, count)
    }
}
