//! Core's plan as a GPU runs it: the products of gate and up are one, and so neither is ever in memory.

use sphere_pow_core::gonka::plan::{Op, Plan, Rows, Slot};
use sphere_pow_core::gonka::weights::Tensor;

/// What a product is by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// The rows of one tensor.
    One(Tensor),
    /// Those of a gate and of what it lets through, by turns; what is left is `silu(gate) * up`.
    Gated {
        /// `w1`.
        gate: Tensor,
        /// `w3`.
        up: Tensor,
    },
}

/// A part of the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `output = input factorᵀ`, or what is left of it.
    Product {
        /// `[rows, cols]`.
        input: Slot,
        /// `[width, cols]`, or two such.
        factor: Factor,
        /// `[rows, width]`.
        output: Slot,
        /// Positions.
        rows: Rows,
    },
    /// Any op but products and what joins gate and up.
    Other(Op),
}

/// The steps of a plan.
///
/// # Panics
/// When a plan has a gate that is not joined right after it is made: core's have none such.
#[must_use]
pub fn steps(plan: &Plan) -> Vec<Step> {
    let (mut steps, mut rest) = (Vec::new(), plan.ops());
    loop {
        rest = match rest {
            [] => return steps,
            [
                Op::Linear { input, weight: gate, output: output @ Slot::Gate, rows },
                Op::Linear { input: same, weight: up, output: Slot::Up, .. },
                Op::SwiGlu { .. },
                after @ ..,
            ] if input == same => {
                let factor = Factor::Gated { gate: *gate, up: *up };
                steps.push(Step::Product { input: *input, factor, output: *output, rows: *rows });
                after
            }
            [Op::Linear { input, weight, output, rows }, after @ ..] => {
                assert!(*output != Slot::Up, "up is made with its gate");
                let factor = Factor::One(*weight);
                steps.push(Step::Product { input: *input, factor, output: *output, rows: *rows });
                after
            }
            [op, after @ ..] => {
                assert!(!matches!(op, Op::SwiGlu { .. }), "gate and up are joined where they are made");
                steps.push(Step::Other(*op));
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sphere_pow_core::gonka::{Params, Preset};

    fn cost(steps: &[Step], params: &Params) -> u64 {
        let tensor = |tensor: Tensor, rows: Rows| {
            let (outputs, inputs) = tensor.shape(params);
            2 * (rows.count(1, params) * outputs * inputs) as u64
        };
        let step = |step: &Step| match *step {
            Step::Product { factor: Factor::One(one), rows, .. } => tensor(one, rows),
            Step::Product { factor: Factor::Gated { gate, up }, rows, .. } => {
                tensor(gate, rows) + tensor(up, rows)
            }
            Step::Other(_) => 0,
        };
        steps.iter().map(step).sum()
    }

    #[test]
    fn every_layer_has_one_product_of_gate_and_up_and_no_work_is_lost() {
        for preset in Preset::ALL {
            let params = preset.params();
            let steps = steps(&Plan::new(&params));
            let is_gated = |step: &&Step| matches!(step, Step::Product { factor: Factor::Gated { .. }, .. });
            assert_eq!(steps.iter().filter(is_gated).count(), params.n_layers(), "{}", preset.name());
            assert_eq!(cost(&steps, &params), params.flops_per_nonce(), "{}", preset.name());
        }
    }
}
