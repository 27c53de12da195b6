//! Runs core's plan over the slots of a batch.

use super::activations::Activations;
use super::ops::attention::attention;
use super::ops::join::{Place, Source, join, merge_only};
use super::ops::linear::{Output, linear};
use super::ops::swiglu::swiglu;
use super::run::Run;
use super::weights::Weights;
use sphere_pow_core::exact::ops::AttentionShape;
use sphere_pow_core::exact::plan::{Op, Rows, Slot};
use sphere_pow_core::exact::weights::Tensor;
use sphere_pow_core::exact::{Inputs, Params};

/// What a forward pass reads.
#[derive(Clone, Copy)]
pub(crate) struct Model<'a> {
    pub(crate) params: &'a Params,
    pub(crate) ops: &'a [Op],
    pub(crate) weights: &'a Weights,
    /// Who looks at states.
    pub(crate) observer: Option<Observer<'a>>,
}

/// Called with a nonce within the batch, the number of a state (0 to layers), and the state: `[tokens, dim]`, after the
/// last layer `[dim]`. From any thread, in any order.
pub(crate) type Observer<'a> = &'a (dyn Fn(usize, usize, &[i16]) + Sync);

/// What stands before a norm.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Embed,
    Merge,
    /// Nothing: the pass begins with a state.
    Stream,
}

impl Model<'_> {
    /// Runs the ops on a batch; rubbish when stopped. Where the first of them is a norm, the slots hold the stream.
    ///
    /// # Shapes
    /// - `logits`: `[nonces, vocab]`, overwritten; nothing where the ops give none.
    pub(crate) fn run(&self, slots: &mut Activations, inputs: Inputs, run: &mut Run<'_>, logits: &mut [i32]) {
        let nonces = inputs.tokens.len() / (self.params.tokens() * self.params.dim());
        slots.inputs = inputs;
        let mut ops = self.ops;
        while !ops.is_empty() && !run.is_stopped() {
            (run.poll)();
            let n = self.step(slots, nonces, ops, run);
            ops = &ops[n..];
        }
        if !run.is_stopped() {
            for (nonce, logits) in logits.chunks_exact_mut(self.params.vocab()).enumerate() {
                slots.logits.copy_row(nonce, logits);
            }
        }
    }

    /// Does the first of `ops`, and those after it that go with it; tells how many those were.
    fn step(&self, slots: &mut Activations, nonces: usize, ops: &[Op], run: &mut Run<'_>) -> usize {
        match *ops {
            [Op::Embed, Op::Norm { rows, round }, ..] => {
                self.join(slots, nonces, (rows, round), Before::Embed, run);
                2
            }
            [Op::Merge { .. }, Op::Norm { rows, round }, ..] => {
                self.join(slots, nonces, (rows, round), Before::Merge, run);
                2
            }
            [Op::Norm { rows, round }, ..] => {
                self.join(slots, nonces, (rows, round), Before::Stream, run);
                1
            }
            [Op::Merge { .. }] => {
                let Activations { branch, normed, stream, .. } = slots;
                stream.resize(normed.len(), 0);
                merge_only(run, branch, self.params.dim(), normed, stream);
                1
            }
            [Op::Linear { input, .. }, ..] => {
                let with_this = |op: &&Op| matches!(op, Op::Linear { input: other, .. } if *other == input);
                let n = ops.iter().take_while(with_this).count();
                self.linear(slots, nonces, &ops[..n], run);
                n
            }
            [Op::TakeLast, ..] => {
                self.take_last(slots, nonces);
                1
            }
            [Op::Attention { rows }, ..] => {
                let (params, slots) = (self.params, slots);
                let shape = AttentionShape {
                    queries: rows.count(1, params),
                    tokens: params.tokens(),
                    heads: params.heads(),
                    head_dim: params.head_dim(),
                };
                attention(run, [&slots.query, &slots.key, &slots.value], shape, &mut slots.attended);
                1
            }
            [Op::SwiGlu { .. }, ..] => {
                swiglu(run, &slots.gate, &slots.up, &mut slots.gated);
                1
            }
            _ => unreachable!("plans have a norm after every embed, and after every merge but a last one"),
        }
    }

    fn join(
        &self,
        slots: &mut Activations,
        nonces: usize,
        (rows, round): (Rows, Option<usize>),
        before: Before,
        run: &mut Run<'_>,
    ) {
        let (params, dim) = (self.params, self.params.dim());
        let count = rows.count(nonces, params);
        let Activations { inputs, stream, normed, lanes, branch, .. } = slots;
        normed.resize(count * dim, 0);
        lanes.reshape(count, dim);
        let source = match before {
            Before::Embed => Source::Input(&inputs.tokens),
            Before::Merge => Source::Branch(branch),
            Before::Stream => Source::Given,
        };
        let state = Op::Norm { rows, round }.state_before(params);
        let seen = self.observer.zip(state).filter(|_| before != Before::Stream);
        if seen.is_some() {
            stream.resize(count * dim, 0);
        }
        let kept = (seen.is_some() || before == Before::Stream).then_some(&mut stream[..]);
        let (per_nonce, keys) = (rows.count(1, params), &inputs.round_keys);
        let place_of = |row| Place {
            position: rows.position(row, params),
            round_key: round
                .map(|round| &keys[(row / per_nonce * 2 * params.layers() + round) * dim..][..dim]),
        };
        join(run, source, dim, place_of, normed, kept, lanes);
        if let Some((observer, state)) = seen {
            let states = stream.chunks_exact(per_nonce * dim).enumerate().collect();
            run.tasks(states, |(nonce, values), _| observer(nonce, state, values));
        }
    }

    /// Matrices of one input, all panels side by side.
    fn linear(&self, slots: &mut Activations, nonces: usize, ops: &[Op], run: &mut Run<'_>) {
        let Activations { lanes, query, key, value, attended, gate, up, gated, branch, logits, .. } = slots;
        let (mut query, mut key, mut value) = (Some(query), Some(key), Some(value));
        let (mut gate, mut up, mut branch, mut logits) = (Some(gate), Some(up), Some(branch), Some(logits));
        let mut outputs: Vec<(Tensor, Output<'_>)> = Vec::new();
        let mut x = &*lanes;
        for op in ops {
            let Op::Linear { input, weight, output, rows, .. } = *op else { continue };
            x = match input {
                Slot::Lanes => lanes,
                Slot::Attended => attended,
                Slot::Gate => gated,
                other => unreachable!("no matrix reads {other:?}"),
            };
            let (rows, width) = (rows.count(nonces, self.params), weight.shape(self.params).0);
            debug_assert_eq!(rows, x.rows(), "a matrix reads all rows of its input");
            let int8 = match output {
                Slot::Query => &mut query,
                Slot::Key => &mut key,
                Slot::Value => &mut value,
                Slot::Gate => &mut gate,
                Slot::Up => &mut up,
                _ => &mut None,
            };
            let output = if let Some(int8) = int8.take() {
                int8.reshape(rows, width);
                Output::Int8(int8)
            } else if output == Slot::Branch {
                let branch = branch.take().expect("written once");
                branch.reshape(rows, width);
                Output::Branch(branch)
            } else {
                let logits = logits.take().expect("written once");
                logits.reshape(rows, width);
                Output::Raw(logits)
            };
            outputs.push((weight, output));
        }
        linear(run, x, self.weights, outputs);
    }

    fn take_last(&self, slots: &mut Activations, nonces: usize) {
        let (dim, tokens) = (self.params.dim(), self.params.tokens());
        for nonce in 0..nonces {
            let last = (nonce + 1) * tokens - 1;
            slots.normed.copy_within(last * dim..(last + 1) * dim, nonce * dim);
        }
        slots.lanes.take_last(tokens);
    }
}
