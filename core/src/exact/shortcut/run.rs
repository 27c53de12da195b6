//! Runs a cut plan on the reference twins.

use super::steps::{Step, Steps};
use super::{Change, Edit, Shortcut};
use crate::exact::forward::{Activations, ReferenceExecutor};
use crate::exact::ops;
use crate::exact::params::Params;
use crate::exact::plan::{Op, Plan, Slot};
use crate::exact::weights::Tensor;
use crate::soundness::Price;
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::{vec, vec::Vec};

/// Keys and values of one nonce, layer by layer, `[tokens, dim]` each.
type KeysAndValues = Vec<(Vec<i8>, Vec<i8>)>;

/// What a shortcut leaves of a model, ready to run.
#[derive(Clone, Debug)]
pub struct CutExecutor<'a> {
    model: &'a ReferenceExecutor,
    steps: Steps,
    changed: BTreeMap<Tensor, Vec<i8>>,
    borrowed: KeysAndValues,
    borrows_result: bool,
}

impl<'a> CutExecutor<'a> {
    /// Prepares a shortcut: what the cheater needs once per block, such as coarse weights, is made here.
    ///
    /// # Shapes
    /// - `other_input`: `[tokens, dim]`, the input of the nonce whose keys are borrowed, if any are.
    #[must_use]
    pub fn new(model: &'a ReferenceExecutor, shortcut: &Shortcut, other_input: &[i8]) -> Self {
        let params = model.puzzle().params();
        let steps = shortcut.steps(params);
        let mut changed = BTreeMap::new();
        for step in &steps.steps {
            if let Step::Part { op: Op::Linear { weight, .. }, change: Some(change), .. } = step {
                let (_, inputs) = weight.shape(params);
                changed.insert(*weight, Change::apply(*change, &model.tensor(*weight), inputs));
            }
        }
        let borrowed = if shortcut.edits.contains(&Edit::BorrowKeys) {
            keys_and_values(model, other_input)
        } else {
            Vec::new()
        };
        let borrows_result = shortcut.edits.contains(&Edit::BorrowResult);
        Self { model, steps, changed, borrowed, borrows_result }
    }

    /// What a nonce costs.
    #[must_use]
    pub fn price(&self) -> Price {
        self.steps.price
    }

    fn params(&self) -> &Params {
        self.model.puzzle().params()
    }

    fn tensor(&self, tensor: Tensor) -> Cow<'_, [i8]> {
        match self.changed.get(&tensor) {
            Some(weight) => Cow::Borrowed(weight),
            None => self.model.tensor(tensor),
        }
    }

    /// The shortcut's logits, `[nonces, vocab]`.
    ///
    /// # Shapes
    /// - `inputs`: `[nonces, tokens, dim]`.
    ///
    /// # Panics
    /// When `inputs` is no whole number of nonces.
    #[must_use]
    pub fn logits_of_inputs(&self, inputs: &[i8]) -> Vec<i32> {
        let per_nonce = self.params().tokens() * self.params().dim();
        assert!(inputs.len().is_multiple_of(per_nonce), "inputs are [nonces, tokens, dim]");
        let mut inputs = inputs.to_vec();
        if self.borrows_result {
            inputs.chunks_exact_mut(per_nonce).for_each(|input| input[0] += 1);
        }
        let mut run = Activations::new(self.params(), &inputs);
        for step in &self.steps.steps {
            match step {
                Step::Whole(op) => run.step(*op, |tensor| self.tensor(tensor)),
                Step::KeepPositions(n) => {
                    run.stream = run.keep_last(&run.stream, *n);
                    run.first = self.params().tokens() - n;
                }
                Step::BorrowKeys(layer) => self.borrow_keys(&mut run, *layer),
                Step::Part { op, outputs, inputs, .. } => self.part(&mut run, *op, *outputs, *inputs),
            }
        }
        run.logits
    }

    fn borrow_keys(&self, run: &mut Activations, layer: usize) {
        let dim = self.params().dim();
        let others = (self.params().tokens() - 1) * dim;
        let (key, value) = &self.borrowed[layer];
        let with_own = |own: &[i8], others: &[i8]| {
            own.chunks_exact(dim).flat_map(|own| others.iter().chain(own)).copied().collect()
        };
        run.key = with_own(&run.key, &key[..others]);
        run.value = with_own(&run.value, &value[..others]);
    }

    /// A linear op whose other outputs and inputs are taken for 0.
    fn part(&self, run: &mut Activations, op: Op, outputs: usize, inputs: usize) {
        let Op::Linear { input, weight, output, requant, .. } = op else { return };
        let (all_outputs, all_inputs) = weight.shape(self.params());
        let weights = self.tensor(weight);
        let x = run.int8(input);
        let mut acc = vec![0; x.len() / all_inputs * all_outputs];
        for (x, acc) in x.chunks_exact(all_inputs).zip(acc.chunks_exact_mut(all_outputs)) {
            for (acc, w) in acc.iter_mut().zip(weights.chunks_exact(all_inputs)).take(outputs) {
                *acc = ops::dot(&x[..inputs], &w[..inputs]);
            }
        }
        run.put(output, acc, all_inputs, requant);
    }
}

fn keys_and_values(model: &ReferenceExecutor, input: &[i8]) -> KeysAndValues {
    let params = model.puzzle().params();
    let mut run = Activations::new(params, input);
    let mut kept = Vec::new();
    for op in Plan::new(params).ops() {
        run.step(*op, |tensor| model.tensor(tensor));
        if let Op::Linear { output: Slot::Value, .. } = op {
            kept.push((run.key.clone(), run.value.clone()));
        }
    }
    kept
}
