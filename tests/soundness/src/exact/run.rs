//! Runs a cut plan on the readable executor's ops.

use super::Edit;
use super::steps::Step;
use crate::Shortcut;
use sphere_pow_core::exact::Inputs;
use sphere_pow_core::exact::forward::{Activations, ReferenceExecutor};
use sphere_pow_core::exact::plan::{Op, Plan, Slot};
use sphere_pow_core::exact::weights::Tensor;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Keys and values of one nonce, layer by layer, `[tokens, dim]` each.
type KeysAndValues = Vec<(Vec<i8>, Vec<i8>)>;

/// What a shortcut leaves of a model, ready to run.
#[derive(Clone, Debug)]
pub struct CutExecutor<'a> {
    model: &'a ReferenceExecutor,
    steps: Vec<Step>,
    /// Tensors that are not the model's, `[outputs, inputs]`.
    changed: BTreeMap<Tensor, Vec<i8>>,
    borrowed: KeysAndValues,
    borrows_result: bool,
}

impl<'a> CutExecutor<'a> {
    /// Prepares a shortcut: what the cheater needs once per block, such as coarse weights, is made here.
    ///
    /// `other`: the nonce whose keys are borrowed, if any are.
    #[must_use]
    pub fn new(model: &'a ReferenceExecutor, shortcut: &Shortcut<Edit>, other: &Inputs) -> Self {
        let steps = shortcut.steps(model.puzzle().params());
        let changed = steps.iter().filter_map(|step| changed(model, step)).collect();
        let borrowed = if shortcut.borrows_keys() { keys_and_values(model, other) } else { Vec::new() };
        let borrows_result = shortcut.edits.contains(&Edit::BorrowResult);
        Self { model, steps, changed, borrowed, borrows_result }
    }

    fn tensor(&self, tensor: Tensor) -> Cow<'_, [i8]> {
        match self.changed.get(&tensor) {
            Some(weight) => Cow::Borrowed(weight),
            None => self.model.tensor(tensor),
        }
    }

    /// The shortcut's logits, `[nonces, vocab]`.
    ///
    /// # Panics
    /// When `inputs` are no whole number of nonces, or none.
    #[must_use]
    pub fn logits_of_inputs(&self, inputs: &Inputs) -> Vec<i32> {
        let params = self.model.puzzle().params();
        let mut inputs = inputs.clone();
        if self.borrows_result {
            let per_nonce = params.tokens() * params.dim();
            inputs.tokens.chunks_exact_mut(per_nonce).for_each(|input| input[0] += 1);
        }
        let mut run = Activations::new(params, &inputs);
        for step in &self.steps {
            match step {
                Step::Whole(op) | Step::Part { op, .. } => run.step(*op, |tensor| self.tensor(tensor)),
                Step::KeepPositions(n) => run.stream = run.last_rows(&run.stream, *n),
                Step::BorrowKeys(layer) => self.borrow_keys(&mut run, *layer),
            }
        }
        run.logits
    }

    fn borrow_keys(&self, run: &mut Activations, layer: usize) {
        let params = self.model.puzzle().params();
        let others = (params.tokens() - 1) * params.dim();
        let (key, value) = &self.borrowed[layer];
        let with_own = |own: &[i8], others: &[i8]| {
            own.chunks_exact(params.dim()).flat_map(|own| others.iter().chain(own)).copied().collect()
        };
        run.key = with_own(&run.key, &key[..others]);
        run.value = with_own(&run.value, &value[..others]);
    }
}

/// The tensor of a step that does not use the model's: an approximation, or 0 where outputs and inputs do not exist.
fn changed(model: &ReferenceExecutor, step: &Step) -> Option<(Tensor, Vec<i8>)> {
    let Step::Part { op: Op::Linear { weight, .. }, outputs, inputs, change } = step else { return None };
    let (_, all_inputs) = weight.shape(model.puzzle().params());
    let mut values = model.tensor(*weight).into_owned();
    if let Some(change) = change {
        values = change.apply(&values, all_inputs);
    }
    for (output, row) in values.chunks_exact_mut(all_inputs).enumerate() {
        let kept = if output < *outputs { *inputs } else { 0 };
        row[kept..].fill(0);
    }
    Some((*weight, values))
}

fn keys_and_values(model: &ReferenceExecutor, inputs: &Inputs) -> KeysAndValues {
    let params = model.puzzle().params();
    let mut run = Activations::new(params, inputs);
    let mut kept = Vec::new();
    for op in Plan::new(params).ops() {
        run.step(*op, |tensor| model.tensor(tensor));
        if let Op::Linear { output: Slot::Value, .. } = op {
            kept.push((run.key.clone(), run.value.clone()));
        }
    }
    kept
}
