//! The attacker of the `gonka` profile (SPEC §I.9): layers, or parts of them, left out. What remains is a plan, which
//! every executor of plans runs.

use crate::harness::OnShare;
use crate::worth::Price;
use crate::{Attacker, BATCH, Score, Shortcut, identity};
use sphere_pow_core::gonka::forward::ReferenceExecutor;
use sphere_pow_core::gonka::params::RawParams;
use sphere_pow_core::gonka::plan::{Op, Plan, Slot, layer_ops};
use sphere_pow_core::gonka::rule::TargetRadius;
use sphere_pow_core::gonka::{Params, Puzzle};
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_core::statistics::cap_probability;
use std::ops::Range;

/// Logits of the network's models.
const NETWORK_VOCAB: u32 = 8196;

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

impl Shortcut<Edit> {
    fn skips(&self, layer: usize) -> bool {
        self.edits.iter().any(|edit| match edit {
            Edit::SkipLayers(layers) => layers.contains(&layer),
            Edit::KeepLayers(kept) => !kept.contains(&layer),
            Edit::SkipAttention | Edit::SkipFeedForward => false,
        })
    }

    /// What is left of the forward pass.
    #[must_use]
    pub fn plan(&self, params: &Params) -> Plan {
        let kept: Vec<usize> = (0..params.n_layers()).filter(|layer| !self.skips(*layer)).collect();
        let mut ops = Vec::new();
        for layer in &kept {
            let is_last = Some(layer) == kept.last();
            let mut attention = layer_ops(*layer, is_last);
            let end = attention.iter().position(|op| matches!(op, Op::AddBranch { .. }));
            let mut feed_forward = attention.split_off(1 + end.expect("attention ends with its addition"));
            if !self.edits.contains(&Edit::SkipAttention) {
                ops.append(&mut attention);
            } else if is_last {
                ops.push(TAKE_LAST);
            }
            if !self.edits.contains(&Edit::SkipFeedForward) {
                ops.append(&mut feed_forward);
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
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let cost = |plan: &Plan| plan.cost(params) as f64;
        Price { cheap: cost(&self.plan(params)) / cost(&Plan::new(params)), reused: 0.0 }
    }
}

const TAKE_LAST: Op = Op::TakeLast { input: Slot::Stream, output: Slot::LastStream };

/// The testnet's 32 layers, thin enough for the readable executor.
///
/// # Panics
/// Never.
#[must_use]
pub fn testnet_depth() -> Params {
    let raw = RawParams {
        dim: 64,
        n_layers: 32,
        n_heads: 4,
        n_kv_heads: 4,
        vocab_size: 256,
        ffn_dim_multiplier: Some(1.0),
        multiple_of: 64,
        norm_eps: 1e-5,
        rope_theta: 10_000.0,
        use_scaled_rope: false,
        seq_len: 4,
    };
    Params::new(&raw).expect("valid sizes")
}

/// The attacker, with the readable executor of a model.
pub struct GonkaAttacker {
    puzzle: Puzzle,
    model: ReferenceExecutor,
    key: PublicKey,
}

impl GonkaAttacker {
    /// Attacks a model of these sizes.
    #[must_use]
    pub fn new(params: &Params) -> Self {
        let (block, key) = identity();
        Self { puzzle: Puzzle::new(params, &block), model: ReferenceExecutor::new(params, &block), key }
    }
}

impl Attacker for GonkaAttacker {
    const PROFILE: &'static str = "gonka";
    type Edit = Edit;

    fn shortcuts(&self) -> Vec<Shortcut<Edit>> {
        let layers = self.puzzle.params().n_layers();
        let skip = |range: Range<usize>, name: String| Shortcut::new(name, vec![Edit::SkipLayers(range)]);
        let mut out = vec![skip(0..layers, "all layers skipped".into())];
        for n in [1, layers / 4, layers / 2] {
            out.push(skip(n..layers, format!("all but the first {n} layers skipped")));
            out.push(skip(0..layers - n, format!("all but the last {n} layers skipped")));
        }
        let even = Edit::KeepLayers((0..layers).step_by(2).collect());
        out.push(Shortcut::new("every other layer skipped", vec![even]));
        out.push(Shortcut::new("no feed-forward", vec![Edit::SkipFeedForward]));
        out.push(Shortcut::new("no attention", vec![Edit::SkipAttention]));
        out.retain(|s| !matches!(&s.edits[..], [Edit::SkipLayers(range)] if range.is_empty()));
        out
    }

    fn price(&self, shortcut: &Shortcut<Edit>) -> Price {
        shortcut.price(self.puzzle.params())
    }

    fn scores(&self, shortcut: &Shortcut<Edit>, nonces: &[Nonce]) -> Vec<Score> {
        let (puzzle, params) = (&self.puzzle, self.puzzle.params());
        let model = self.model.clone().with_plan(shortcut.plan(params));
        let mut scores = Vec::with_capacity(nonces.len());
        for batch in nonces.chunks(BATCH) {
            let inputs: Vec<_> = batch.iter().flat_map(|nonce| puzzle.input(&self.key, *nonce)).collect();
            let logits = model.logits(&inputs);
            for (nonce, logits) in batch.iter().zip(logits.chunks_exact(params.vocab())) {
                // Near sqrt 2 a distance falls as the cosine rises; the scale does not matter to a correlation.
                let by_rule = -puzzle.distance(&self.key, *nonce, logits);
                scores.push(Score { by_rule, target_known: None, digest: None });
            }
        }
        scores
    }

    fn honest_scores(&self, nonces: &[Nonce], progress: OnShare<'_>) -> Option<Vec<Score>> {
        let honest = Shortcut::new("honest", Vec::new());
        progress(0.0).is_continue().then(|| self.scores(&honest, nonces))
    }

    /// The network's at launch, whatever the width of the model.
    fn win_rate(&self) -> f64 {
        cap_probability(NETWORK_VOCAB, TargetRadius::LAUNCH.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sphere_pow_core::gonka::Preset;

    #[test]
    fn nothing_skipped_is_the_honest_plan_and_every_shortcut_is_cheaper() {
        let params = Preset::Testnet.params();
        let honest = Shortcut::new("honest", Vec::new());
        assert_eq!(honest.plan(&params), Plan::new(&params));
        // SPEC §I.9: all layers skipped is 17 MFLOP of 755 GFLOP.
        let all = Shortcut::new("all", vec![Edit::SkipLayers(0..params.n_layers())]);
        assert!((all.price(&params).cheap - 2.2e-5).abs() < 1e-6);
        let attacker = GonkaAttacker::new(&testnet_depth());
        for shortcut in attacker.shortcuts() {
            for params in [&params, attacker.puzzle.params()] {
                let price = shortcut.price(params).cheap;
                assert!(price > 0.0 && price < 1.0, "{}: {price}", shortcut.name);
            }
        }
    }
}
