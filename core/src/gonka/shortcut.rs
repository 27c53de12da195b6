//! The attacker of the `gonka` profile (SPEC §I.9): plans with layers left out. Any executor of plans runs them.
//!
//! They are here to be measured, by the same statistics as those of the `exact` profile; nothing mines with them.

use super::params::Params;
use super::plan::{Op, Plan, Slot, push_layer};
use crate::soundness::Price;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::ops::Range;

/// Layers, or parts of them, that do nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// These layers do nothing.
    SkipLayers(Range<usize>),
    /// Only these layers, in ascending order, do anything.
    KeepLayers(Vec<usize>),
    /// No layer has attention.
    SkipAttention,
    /// No layer has a feed-forward.
    SkipFeedForward,
}

/// A named edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortcut {
    /// What a table shows.
    pub name: String,
    /// What is left out.
    pub edit: Edit,
}

impl Shortcut {
    fn skips(&self, layer: usize) -> bool {
        match &self.edit {
            Edit::SkipLayers(layers) => layers.contains(&layer),
            Edit::KeepLayers(kept) => !kept.contains(&layer),
            Edit::SkipAttention | Edit::SkipFeedForward => false,
        }
    }

    /// What is left of the forward pass.
    #[must_use]
    pub fn plan(&self, params: &Params) -> Plan {
        let kept: Vec<usize> = (0..params.n_layers()).filter(|layer| !self.skips(*layer)).collect();
        let mut ops = Vec::new();
        for layer in &kept {
            let is_last = Some(layer) == kept.last();
            let mut whole = Vec::new();
            push_layer(&mut whole, *layer, is_last);
            let attention_len =
                1 + whole.iter().position(|op| matches!(op, Op::AddBranch { .. })).unwrap_or(0);
            let feed_forward = whole.split_off(attention_len);
            if self.edit != Edit::SkipAttention {
                ops.extend(whole);
            } else if is_last {
                ops.push(TAKE_LAST);
            }
            if self.edit != Edit::SkipFeedForward {
                ops.extend(feed_forward);
            }
        }
        if kept.is_empty() {
            ops.push(TAKE_LAST);
        }
        Plan::with_readout(ops)
    }

    /// What it costs: flops of linear layers, as a share of the honest plan's. Nothing is taken for reused.
    #[must_use]
    pub fn price(&self, params: &Params) -> Price {
        Price { cheap: cost(&self.plan(params), params) / cost(&Plan::new(params), params), reused: 0.0 }
    }
}

const TAKE_LAST: Op = Op::TakeLast { input: Slot::Stream, output: Slot::LastStream };

#[expect(clippy::cast_precision_loss, reason = "far below 2^53 for a share")]
fn cost(plan: &Plan, params: &Params) -> f64 {
    let linear = plan.ops().iter().map(|op| match op {
        Op::Linear { weight, rows, .. } => {
            let (outputs, inputs) = weight.shape(params);
            (rows.count(1, params) * outputs * inputs) as f64
        }
        _ => 0.0,
    });
    linear.sum()
}

/// Every shortcut of the harness at these sizes, cheapest first.
#[must_use]
pub fn all(params: &Params) -> Vec<Shortcut> {
    let layers = params.n_layers();
    let skip = |range: Range<usize>, name: String| Shortcut { name, edit: Edit::SkipLayers(range) };
    let mut out = vec![skip(0..layers, "all layers skipped".into())];
    for n in [1, layers / 4, layers / 2] {
        out.push(skip(n..layers, format!("all but the first {n} layers skipped")));
        out.push(skip(0..layers - n, format!("all but the last {n} layers skipped")));
    }
    let even = Edit::KeepLayers((0..layers).step_by(2).collect());
    out.push(Shortcut { name: "every other layer skipped".into(), edit: even });
    out.push(Shortcut { name: "no feed-forward".into(), edit: Edit::SkipFeedForward });
    out.push(Shortcut { name: "no attention".into(), edit: Edit::SkipAttention });
    out.retain(|s| !matches!(&s.edit, Edit::SkipLayers(range) if range.is_empty()));
    out
}

#[cfg(test)]
mod tests {
    use super::super::Preset;
    use super::*;

    #[test]
    fn nothing_skipped_is_the_honest_plan_and_every_shortcut_is_cheaper() {
        let params = Preset::Testnet.params();
        let honest = Shortcut { name: "honest".into(), edit: Edit::SkipLayers(0..0) };
        assert_eq!(honest.plan(&params), Plan::new(&params));
        for shortcut in all(&params) {
            let price = shortcut.price(&params).cheap;
            assert!(price > 0.0 && price < 1.0, "{}: {price}", shortcut.name);
        }
        // SPEC §I.9: all layers skipped is 17 MFLOP of 755 GFLOP.
        assert!((all(&params)[0].price(&params).cheap - 2.2e-5).abs() < 1e-6);
    }
}
