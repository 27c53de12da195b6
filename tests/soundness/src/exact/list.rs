//! The shortcuts that the harness tries.

use super::{Change, Edit};
use crate::Shortcut;
use sphere_pow_core::exact::Params;
use std::ops::Range;

/// Every shortcut of the harness at these sizes, cheapest families first.
pub(super) fn all(params: &Params) -> Vec<Shortcut<Edit>> {
    let mut out = Vec::new();
    let mut add = |name: String, edits: Vec<Edit>| out.push(Shortcut { name, edits });
    let layers = params.layers();
    let every = 0..layers;
    let late = |n: usize| layers.saturating_sub(n)..layers;
    add("all layers skipped".into(), vec![Edit::SkipLayers(0..layers)]);
    add("result of an input with one coordinate changed".into(), vec![Edit::BorrowResult]);
    if params.tokens() > 1 {
        add("keys and values of another nonce".into(), vec![Edit::BorrowKeys]);
    }
    for n in [1, 2, layers / 2] {
        add(format!("all but the first {n} layers skipped"), vec![Edit::SkipLayers(n..layers)]);
        add(
            format!("all but the last {n} layers skipped"),
            vec![Edit::SkipLayers(0..layers.saturating_sub(n))],
        );
    }
    for n in [1, 2, 3, 4] {
        add(format!("last {n} layers skipped"), vec![Edit::SkipLayers(late(n))]);
        add(format!("first {n} layers skipped"), vec![Edit::SkipLayers(0..n)]);
    }
    let middle = layers / 2;
    add("a middle layer skipped".into(), vec![Edit::SkipLayers(middle..middle + 1)]);
    for keep in [1, params.tokens() / 2, params.tokens() - 1] {
        add(format!("only the last {keep} positions"), vec![Edit::DropPositions { from: 0, keep }]);
        for n in [2, 4] {
            let edit = Edit::DropPositions { from: late(n).start, keep };
            add(format!("only the last {keep} positions in the last {n} layers"), vec![edit]);
        }
    }
    for keep in [params.heads() / 2, params.heads() - 1] {
        let dropped = params.heads() - keep;
        let edit = |layers| vec![Edit::DropHeads { layers, keep }];
        add(format!("{dropped} of {} heads dropped", params.heads()), edit(every.clone()));
        add(format!("{dropped} heads dropped in the last 3 layers"), edit(late(3)));
    }
    for percent in [10, 50, 90] {
        let keep = params.hidden() * (100 - percent) / 100;
        let edit = |layers| vec![Edit::DropColumns { layers, keep }];
        add(format!("{percent} % of the feed-forward dropped"), edit(every.clone()));
        add(format!("{percent} % of the feed-forward dropped in the last 3 layers"), edit(late(3)));
    }
    add("no attention".into(), vec![Edit::SkipAttention(every.clone())]);
    add("no feed-forward".into(), vec![Edit::SkipFeedForward(every.clone())]);
    add("no attention in the last 2 layers".into(), vec![Edit::SkipAttention(late(2))]);
    add("no feed-forward in the last 2 layers".into(), vec![Edit::SkipFeedForward(late(2))]);
    add("half of the logits".into(), vec![Edit::DropLogits { keep: params.vocab() / 2 }]);
    out.extend(cheaper_matrices(params));
    // Small models repeat some of these, or leave nothing.
    out.retain(|shortcut| shortcut.edits.iter().all(|edit| is_possible(edit, params)));
    out.dedup_by(|a, b| a.edits == b.edits);
    out
}

fn cheaper_matrices(params: &Params) -> Vec<Shortcut<Edit>> {
    let mut out = Vec::new();
    let mut add = |name: String, edits: Vec<Edit>| out.push(Shortcut { name, edits });
    let (layers, every) = (params.layers(), 0..params.layers());
    let late = |n: usize| layers.saturating_sub(n)..layers;
    for bits in 2..=6 {
        let edit = |layers| vec![Edit::Approximate { layers, change: Change::Bits(bits) }];
        add(format!("{bits}-bit weights"), edit(every.clone()));
        for n in [2, 3, 4, 6] {
            add(format!("{bits}-bit weights in the last {n} layers"), edit(late(n)));
        }
    }
    let rank = |parts: usize| (params.dim() * parts / 8).max(1);
    for parts in [1, 2, 3] {
        let edit = |layers| vec![Edit::Approximate { layers, change: Change::Rank(rank(parts)) }];
        add(format!("weights of rank {}", rank(parts)), edit(every.clone()));
        add(format!("weights of rank {} in the last 3 layers", rank(parts)), edit(late(3)));
    }
    out
}

fn is_possible(edit: &Edit, params: &Params) -> bool {
    let within = |range: &Range<usize>| range.start < range.end && range.end <= params.layers();
    match edit {
        Edit::SkipLayers(layers) => within(layers),
        Edit::DropPositions { from, keep } => *keep > 0 && *keep < params.tokens() && *from < params.layers(),
        Edit::DropHeads { layers, keep } => within(layers) && *keep > 0 && *keep < params.heads(),
        Edit::DropColumns { layers, keep } => within(layers) && *keep > 0 && *keep < params.hidden(),
        Edit::SkipAttention(layers) | Edit::SkipFeedForward(layers) | Edit::Approximate { layers, .. } => {
            within(layers)
        }
        Edit::BorrowKeys | Edit::BorrowResult => true,
        Edit::DropLogits { keep } => *keep > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::CutExecutor;
    use super::*;
    use sphere_pow_core::exact::forward::ReferenceExecutor;
    use sphere_pow_core::exact::params::RawParams;
    use sphere_pow_core::exact::{Preset, Puzzle};
    use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};

    #[test]
    fn the_smallest_models_have_shortcuts_that_run() {
        let key = PublicKey::new("cheater").expect("a key");
        for (layers, tokens, heads) in [(1, 1, 1), (1, 3, 4), (2, 2, 1), (5, 1, 4)] {
            let raw = RawParams { layers, tokens, heads, ..Preset::Nano.params().raw() };
            let params = Params::new(&raw).expect("valid");
            let puzzle = Puzzle::new(&params, &BlockHash::new("small").expect("a hash"));
            let model = ReferenceExecutor::new(&puzzle);
            let [a, b] = [0, 1].map(|n| puzzle.inputs(&key, &[Nonce::new(n).expect("small")]));
            for shortcut in all(&params) {
                let cut = CutExecutor::new(&model, &shortcut, &b);
                let price = shortcut.price(&params).cheap;
                assert_eq!(cut.logits_of_inputs(&a).len(), params.vocab(), "{}", shortcut.name);
                assert!(price > 0.0 && price < 1.0, "{}: {price}", shortcut.name);
            }
        }
    }
}
