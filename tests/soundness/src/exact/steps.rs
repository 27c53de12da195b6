//! Edits applied to the plan: what is left to do, and what it costs.

use super::{Change, Edit};
use crate::Shortcut;
use crate::worth::Price;
use sphere_pow_core::exact::Params;
use sphere_pow_core::exact::plan::{Op, Rows, Slot, layer_ops, readout_ops};
use sphere_pow_core::exact::weights::{LayerTensor, Tensor};
use std::ops::Range;

/// One step of a cut plan.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// An op of the plan on all there is.
    Whole(Op),
    /// A linear op of which only some outputs and inputs exist, maybe with other weights.
    Part { op: Op, outputs: usize, inputs: usize, change: Option<Change> },
    /// Only the last positions go on.
    KeepPositions(usize),
    /// Keys and values of all positions but the last come from another nonce's same layer.
    BorrowKeys(usize),
}

fn holds(range: &Range<usize>, layer: usize) -> bool {
    range.contains(&layer)
}

impl Shortcut<Edit> {
    fn skips(&self, layer: usize) -> bool {
        self.edits.iter().any(|e| matches!(e, Edit::SkipLayers(layers) if holds(layers, layer)))
    }

    pub(super) fn borrows_keys(&self) -> bool {
        self.edits.contains(&Edit::BorrowKeys)
    }

    fn skips_op(&self, layer: usize, in_attention: bool) -> bool {
        self.edits.iter().any(|e| match e {
            Edit::SkipAttention(layers) => in_attention && holds(layers, layer),
            Edit::SkipFeedForward(layers) => !in_attention && holds(layers, layer),
            _ => false,
        })
    }

    /// A linear op with the heads, columns and weights that are left to it.
    fn part(&self, params: &Params, op: Op, weight: Tensor) -> Step {
        let whole = weight.shape(params);
        let (mut outputs, mut inputs) = whole;
        let mut change = None;
        for edit in &self.edits {
            match (edit, weight) {
                (Edit::DropHeads { layers, keep }, Tensor::Layer(layer, t)) if holds(layers, layer) => {
                    let columns = keep * params.head_dim();
                    match t {
                        LayerTensor::Wq | LayerTensor::Wk | LayerTensor::Wv => outputs = columns,
                        LayerTensor::Wo => inputs = columns,
                        LayerTensor::W1 | LayerTensor::W3 | LayerTensor::W2 => {}
                    }
                }
                (Edit::DropColumns { layers, keep }, Tensor::Layer(layer, t)) if holds(layers, layer) => {
                    match t {
                        LayerTensor::W1 | LayerTensor::W3 => outputs = *keep,
                        LayerTensor::W2 => inputs = *keep,
                        LayerTensor::Wq | LayerTensor::Wk | LayerTensor::Wv | LayerTensor::Wo => {}
                    }
                }
                (Edit::Approximate { layers, change: by }, Tensor::Layer(i, _)) if holds(layers, i) => {
                    change = Some(*by);
                }
                (Edit::DropLogits { keep }, Tensor::Output) => outputs = *keep,
                _ => {}
            }
        }
        if change.is_none() && (outputs, inputs) == whole {
            Step::Whole(op)
        } else {
            Step::Part { op, outputs, inputs, change }
        }
    }

    fn layer_steps(&self, params: &Params, layer: usize, is_last: bool, out: &mut Vec<Step>) {
        for edit in &self.edits {
            if let Edit::DropPositions { from, keep } = edit
                && *from == layer
            {
                out.push(Step::KeepPositions(*keep));
            }
        }
        let mut in_attention = true;
        for op in layer_ops(layer, is_last) {
            if self.skips_op(layer, in_attention) {
                if op == Op::TakeLast {
                    out.push(Step::KeepPositions(1));
                }
            } else {
                if self.borrows_keys() && matches!(op, Op::Attention { .. }) {
                    out.push(Step::BorrowKeys(layer));
                }
                out.push(match op {
                    Op::Linear { weight, .. } => self.part(params, op, weight),
                    _ => Step::Whole(op),
                });
            }
            in_attention &= !matches!(op, Op::Merge { .. });
        }
    }

    /// What is left of the forward pass.
    pub(super) fn steps(&self, params: &Params) -> Vec<Step> {
        let mut steps = vec![Step::Whole(Op::Embed)];
        if self.borrows_keys() {
            steps.push(Step::KeepPositions(1));
        }
        let kept: Vec<usize> = (0..params.layers()).filter(|layer| !self.skips(*layer)).collect();
        for layer in &kept {
            self.layer_steps(params, *layer, Some(layer) == kept.last(), &mut steps);
        }
        // Without a layer that ends in the last position, the readout starts by taking it.
        let ends_last = kept.last().is_some_and(|_| steps.contains(&Step::Whole(Op::TakeLast)));
        if !ends_last {
            steps.push(Step::KeepPositions(1));
        }
        for op in readout_ops() {
            steps.push(match op {
                Op::Linear { weight, .. } => self.part(params, op, weight),
                _ => Step::Whole(op),
            });
        }
        steps
    }

    /// What it costs: int8 operations as a share of the honest plan's, whose first steps are not repeated where they
    /// are the same.
    #[must_use]
    pub fn price(&self, params: &Params) -> Price {
        let (steps, full) = (self.steps(params), Self::new("honest", Vec::new()).steps(params));
        let full_cost: f64 = costs(params, &full).iter().sum();
        let own = costs(params, &steps);
        let same = steps.iter().zip(&full).take_while(|(a, b)| a == b).count();
        let reused = own[..same].iter().sum::<f64>() / full_cost;
        if self.edits.contains(&Edit::BorrowResult) {
            // Whoever has another nonce's logits pays for the readout at most.
            return Price { cheap: own[own.len() - 1] / full_cost, reused: 0.0 };
        }
        Price { cheap: own.iter().sum::<f64>() / full_cost, reused }
    }
}

/// int8 operations of each step.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn costs(params: &Params, steps: &[Step]) -> Vec<f64> {
    let mut tokens = params.tokens();
    let borrows = steps.iter().any(|step| matches!(step, Step::BorrowKeys(_)));
    let mut heads = 1.0;
    let cost = |step: &Step| {
        let rows = |rows: Rows| if rows == Rows::All { tokens } else { 1 };
        let product = match step {
            Step::KeepPositions(n) => {
                tokens = *n;
                0.0
            }
            Step::BorrowKeys(_) => 0.0,
            Step::Part { op: Op::Linear { weight, output, rows: of, .. }, outputs, inputs, change } => {
                if *output == Slot::Key {
                    heads = *outputs as f64 / weight.shape(params).0 as f64;
                }
                let (n, k) = (*outputs as f64, *inputs as f64);
                rows(*of) as f64 * change.map_or(n * k, |change| change.products(n, k))
            }
            Step::Whole(Op::Linear { weight, output, rows: of, .. }) => {
                if *output == Slot::Key {
                    heads = 1.0;
                }
                let (outputs, inputs) = weight.shape(params);
                (rows(*of) * outputs * inputs) as f64
            }
            Step::Whole(Op::Attention { rows: of }) => {
                let keys = if borrows { params.tokens() } else { tokens };
                heads * (2 * rows(*of) * keys * params.dim()) as f64
            }
            Step::Whole(_) | Step::Part { .. } => 0.0,
        };
        2.0 * product
    };
    steps.iter().map(cost).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sphere_pow_core::exact::Preset;
    use sphere_pow_core::exact::plan::Plan;

    #[test]
    fn nothing_left_out_is_the_plan_at_its_price() {
        for preset in Preset::ALL {
            let params = preset.params();
            let honest = Shortcut::new("honest", Vec::new());
            let (steps, price) = (honest.steps(&params), honest.price(&params));
            let plan: Vec<Step> = Plan::new(&params).ops().iter().map(|op| Step::Whole(*op)).collect();
            assert_eq!(steps, plan);
            assert!((price.cheap - 1.0).abs() < 1e-12 && (price.reused - 1.0).abs() < 1e-12);
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let cost = Plan::new(&params).cost(&params) as f64;
            assert!((costs(&params, &steps).iter().sum::<f64>() - cost).abs() < 0.5);
        }
    }
}
