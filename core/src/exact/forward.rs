//! The reference executor: runs a [`Plan`] with the readable [`ops`]. Slow, and the arbiter.

use super::ops::{self, AttentionShape, Requant};
use super::params::Params;
use super::plan::{Op, Plan, Rows, Slot, repeat_ops};
use super::puzzle::{Inputs, Puzzle};
use super::transcript::judge::narrow;
use super::weights::{Tensor, WeightStream};
use crate::identity::{Nonce, PublicKey};
use alloc::borrow::Cow;
use alloc::{vec, vec::Vec};

/// A model of one block, ready to run one batch of nonces after the other.
#[derive(Clone, Debug)]
pub struct ReferenceExecutor {
    puzzle: Puzzle,
    plan: Plan,
    stream: WeightStream,
    /// By stream number; empty where weights are made as they are used.
    kept: Vec<Vec<i8>>,
}

impl ReferenceExecutor {
    /// Makes all weights once and keeps them: one byte a weight.
    #[must_use]
    pub fn new(puzzle: &Puzzle) -> Self {
        let mut this = Self::streaming(puzzle);
        this.kept = Tensor::all(puzzle.params()).map(|t| this.stream.tensor(t)).collect();
        this
    }

    /// Makes each tensor when it is used, once a batch, and keeps none.
    #[must_use]
    pub fn streaming(puzzle: &Puzzle) -> Self {
        let plan = Plan::new(puzzle.params());
        Self { puzzle: puzzle.clone(), plan, stream: puzzle.weights(), kept: Vec::new() }
    }

    /// The puzzle.
    #[must_use]
    pub fn puzzle(&self) -> &Puzzle {
        &self.puzzle
    }

    /// A tensor's weights, `[outputs, inputs]`.
    #[must_use]
    pub fn tensor(&self, tensor: Tensor) -> Cow<'_, [i8]> {
        match usize::try_from(tensor.stream(self.puzzle.params())).ok().and_then(|ix| self.kept.get(ix)) {
            Some(kept) => Cow::Borrowed(kept),
            None => Cow::Owned(self.stream.tensor(tensor)),
        }
    }

    /// Logits of each nonce, SPEC §II.7: `[nonces, vocab]`.
    #[must_use]
    pub fn logits(&self, key: &PublicKey, nonces: &[Nonce]) -> Vec<i32> {
        self.logits_of_inputs(&self.puzzle.inputs(key, nonces))
    }

    /// One layer of each nonce, repeated from the state before it, SPEC §II.12.8: the state after it and, after the last
    /// layer, the logits.
    ///
    /// # Shapes
    /// - `states`: `[nonces, tokens, dim]`.
    /// - returns `[nonces, tokens, dim]` and nothing; after the last layer `[nonces, dim]` and `[nonces, vocab]`.
    ///
    /// # Panics
    /// When `states` has another length, or there is no such layer or no nonce.
    #[must_use]
    pub fn repeat(
        &self,
        key: &PublicKey,
        nonces: &[Nonce],
        layer: usize,
        states: &[i16],
    ) -> (Vec<i16>, Vec<i32>) {
        let params = self.puzzle.params();
        assert_eq!(
            states.len(),
            nonces.len() * params.tokens() * params.dim(),
            "states are [nonces, tokens, dim]"
        );
        let mut run = Activations::new(params, &self.puzzle.inputs(key, nonces));
        run.stream = states.iter().map(|value| i32::from(*value)).collect();
        for op in repeat_ops(layer, params) {
            run.step(op, |tensor| self.tensor(tensor));
        }
        (narrow(&run.stream), run.logits)
    }

    /// Logits of each input, SPEC §II.7.
    ///
    /// # Shapes
    /// - returns `[nonces, vocab]`.
    ///
    /// # Panics
    /// When `inputs` are no whole number of nonces.
    #[must_use]
    pub fn logits_of_inputs(&self, inputs: &Inputs) -> Vec<i32> {
        let params = self.puzzle.params();
        if inputs.tokens.is_empty() {
            return Vec::new();
        }
        let mut run = Activations::new(params, inputs);
        for op in self.plan.ops() {
            run.step(*op, |tensor| self.tensor(tensor));
        }
        run.logits
    }
}

/// The slots of a batch between two ops. An op writes the whole of a slot; a slot with `n` rows a nonce holds its last
/// `n` positions.
#[derive(Clone, Debug)]
pub struct Activations {
    params: Params,
    nonces: usize,
    input: Vec<i8>,
    round_keys: Vec<i8>,
    /// [`Slot::Stream`].
    pub stream: Vec<i32>,
    normed: Vec<i32>,
    lanes: Vec<i8>,
    query: Vec<i8>,
    /// [`Slot::Key`].
    pub key: Vec<i8>,
    /// [`Slot::Value`].
    pub value: Vec<i8>,
    attended: Vec<i8>,
    gate: Vec<i8>,
    up: Vec<i8>,
    branch: Vec<i32>,
    /// [`Slot::Logits`].
    pub logits: Vec<i32>,
}

impl Activations {
    /// A batch of one nonce or more before the first op.
    ///
    /// # Panics
    /// When `inputs` are no whole number of nonces.
    #[must_use]
    pub fn new(params: &Params, inputs: &Inputs) -> Self {
        let (per_nonce, keys) = (params.tokens() * params.dim(), 2 * params.layers() * params.dim());
        let nonces = inputs.tokens.len() / per_nonce;
        assert!(inputs.tokens.len() == nonces * per_nonce, "inputs are [nonces, tokens, dim]");
        assert!(inputs.round_keys.len() == nonces * keys, "round keys are [nonces, 2 layers, dim]");
        let (int8, wide) = (Vec::new, Vec::new);
        Self {
            params: *params,
            nonces,
            input: inputs.tokens.clone(),
            round_keys: inputs.round_keys.clone(),
            stream: wide(),
            normed: wide(),
            lanes: int8(),
            query: int8(),
            key: int8(),
            value: int8(),
            attended: int8(),
            gate: int8(),
            up: int8(),
            branch: wide(),
            logits: wide(),
        }
    }

    /// Rows of each nonce in a slot of `len` values, `width` a row.
    fn rows_per_nonce(&self, len: usize, width: usize, rows: Rows) -> usize {
        let per_nonce = len / width / self.nonces;
        debug_assert!(rows == Rows::All || per_nonce == 1, "{per_nonce} rows a nonce are not its last one");
        per_nonce
    }

    /// The last `n` rows of every nonce of a slot `[rows, dim]`.
    #[must_use]
    pub fn last_rows<T: Copy>(&self, slot: &[T], n: usize) -> Vec<T> {
        let per_nonce = slot.len() / self.nonces;
        let kept = n * self.params.dim();
        slot.chunks_exact(per_nonce).flat_map(|x| &x[per_nonce - kept..]).copied().collect()
    }

    /// An int8 slot.
    fn int8(&mut self, slot: Slot) -> &mut Vec<i8> {
        match slot {
            Slot::Input => &mut self.input,
            Slot::RoundKeys => &mut self.round_keys,
            Slot::Lanes => &mut self.lanes,
            Slot::Query => &mut self.query,
            Slot::Key => &mut self.key,
            Slot::Value => &mut self.value,
            Slot::Attended => &mut self.attended,
            Slot::Gate => &mut self.gate,
            Slot::Up => &mut self.up,
            Slot::Stream | Slot::Normed | Slot::Branch | Slot::Logits => {
                unreachable!("plans name {slot:?} only where it is an i32")
            }
        }
    }

    /// Writes accumulators `[rows, outputs]` to a slot.
    fn put(&mut self, output: Slot, mut acc: Vec<i32>, inputs: usize, requant: Requant) {
        acc.iter_mut().for_each(|acc| *acc = requant.apply(*acc, inputs));
        match output {
            Slot::Branch => self.branch = acc,
            Slot::Logits => self.logits = acc,
            _ => *self.int8(output) = acc.into_iter().map(ops::clamp_int8).collect(),
        }
    }

    /// Does one op, with the weights that `weights` gives, `[outputs, inputs]`.
    ///
    /// # Panics
    /// When a slot that the op reads was not written, or weights have another shape.
    pub fn step<'w>(&mut self, op: Op, weights: impl FnOnce(Tensor) -> Cow<'w, [i8]>) {
        let params = self.params;
        let dim = params.dim();
        match op {
            Op::Embed => {
                self.stream = vec![0; self.input.len()];
                ops::embed(&self.input, &mut self.stream);
            }
            Op::Norm { rows, round } => {
                self.normed = vec![0; self.stream.len()];
                ops::norm(&self.stream, dim, &mut self.normed);
                self.lanes = vec![0; self.normed.len()];
                let per_nonce = self.rows_per_nonce(self.stream.len(), dim, rows);
                let keys = |nonce: usize| {
                    round.map(|round| &self.round_keys[(nonce * 2 * params.layers() + round) * dim..][..dim])
                };
                for (row, lanes) in self.lanes.chunks_exact_mut(dim).enumerate() {
                    let position = params.tokens() - per_nonce + row % per_nonce;
                    ops::lanes(&self.normed[row * dim..][..dim], keys(row / per_nonce), position, lanes);
                }
            }
            Op::Linear { input, weight, output, requant, rows } => {
                let (outputs, inputs) = weight.shape(&params);
                let n = self.int8(input).len();
                let mut acc = vec![0; self.nonces * self.rows_per_nonce(n, inputs, rows) * outputs];
                ops::linear(self.int8(input), &weights(weight), inputs, &mut acc);
                self.put(output, acc, inputs, requant);
            }
            Op::TakeLast => {
                self.normed = self.last_rows(&self.normed, 1);
                self.lanes = self.last_rows(&self.lanes, 1);
            }
            Op::Attention { rows } => self.attend(rows),
            Op::SwiGlu { .. } => ops::swiglu(&mut self.gate, &self.up),
            Op::Merge { .. } => {
                self.stream = vec![0; self.normed.len()];
                ops::merge(&self.normed, &self.branch, dim, &mut self.stream);
            }
        }
    }

    fn attend(&mut self, rows: Rows) {
        let (params, dim) = (&self.params, self.params.dim());
        let queries = self.rows_per_nonce(self.query.len(), dim, rows);
        let tokens = self.key.len() / (self.nonces * dim);
        let shape = AttentionShape { queries, tokens, heads: params.heads(), head_dim: params.head_dim() };
        self.attended = vec![0; self.query.len()];
        for nonce in 0..self.nonces {
            let (own, all) = (nonce * queries * dim..(nonce + 1) * queries * dim, nonce * tokens * dim..);
            let (key, value) = (&self.key[all.clone()][..tokens * dim], &self.value[all][..tokens * dim]);
            ops::attention(&self.query[own.clone()], key, value, shape, &mut self.attended[own]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::params::RawParams;
    use crate::exact::{Params, Preset};
    use crate::identity::BlockHash;
    use proptest::prelude::*;
    use serde_json::Value;

    fn text<'a>(value: &'a Value, field: &str) -> &'a str {
        value[field].as_str().expect("text")
    }

    // tests/exact_vectors.rs holds all of the oracle's digests in release; here overflow checks are on.
    #[test]
    fn no_op_of_any_vector_overflows() {
        let all = include_str!("../../../tests/vectors/exact_forward.json");
        let all: Value = serde_json::from_str(all).expect("JSON");
        for case in all["cases"].as_array().expect("cases").iter().filter(|c| c["name"] != "standard") {
            let raw: RawParams = serde_json::from_value(case["params"].clone()).expect("sizes");
            let params = Params::new(&raw).expect("valid");
            let puzzle = Puzzle::new(&params, &BlockHash::new(text(case, "block_hash")).expect("a hash"));
            let key = PublicKey::new(text(case, "public_key")).expect("a key");
            let model = ReferenceExecutor::streaming(&puzzle);
            let cases = case["nonces"].as_array().expect("nonces");
            let nonces: Vec<Nonce> =
                cases.iter().map(|c| text(c, "nonce").parse().expect("a nonce")).collect();
            let logits = model.logits(&key, &nonces);
            for ((want, nonce), logits) in cases.iter().zip(nonces).zip(logits.chunks_exact(params.vocab())) {
                let (digest, verdict) = puzzle.judge(&key, nonce, logits);
                assert_eq!(digest.to_hex(), text(want, "digest"), "{}", case["name"]);
                assert_eq!(want["won"], verdict.won);
            }
        }
    }

    fn shapes() -> impl Strategy<Value = RawParams> {
        (0..2_u32, 0..2_u32, 0..3_u32, 1..4_u32, 1..17_u32, 16..50_u32).prop_map(
            |(dim, wide, hidden, layers, tokens, vocab)| {
                let dim = 64 << (2 * dim);
                let heads = dim / if wide == 1 { 64 } else { 16 };
                RawParams { dim, heads, hidden: 64 << (2 * hidden), layers, tokens, vocab, threshold: 0 }
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_nonce_has_the_same_logits_in_any_batch_and_from_any_weights(raw in shapes(), first in 0_u64..1 << 62) {
            let params = Params::new(&raw).expect("valid");
            let puzzle = Puzzle::new(&params, &BlockHash::new("batch").expect("a hash"));
            let key = PublicKey::new("miner").expect("a key");
            let nonces: Vec<Nonce> = (first..first + 3).map(|n| Nonce::new(n).expect("small")).collect();
            let together = ReferenceExecutor::new(&puzzle).logits(&key, &nonces);
            let alone = ReferenceExecutor::streaming(&puzzle);
            let alone: Vec<i32> = nonces.iter().flat_map(|n| alone.logits(&key, &[*n])).collect();
            prop_assert_eq!(&together, &alone);
            prop_assert_ne!(&together[..params.vocab()], &together[params.vocab()..2 * params.vocab()]);
        }
    }

    #[test]
    fn block_key_nonce_and_every_parameter_change_the_logits() {
        let base = Preset::Nano.params();
        let logits = |raw: RawParams, block: &str, key: &str, nonce: u64| {
            let params = Params::new(&raw).expect("valid");
            let puzzle = Puzzle::new(&params, &BlockHash::new(block).expect("a hash"));
            let key = PublicKey::new(key).expect("a key");
            ReferenceExecutor::streaming(&puzzle).logits(&key, &[Nonce::new(nonce).expect("small")])
        };
        let honest = logits(base.raw(), "block", "key", 5);
        assert_eq!(honest, logits(base.raw(), "block", "key", 5));
        assert_ne!(honest, logits(base.raw(), "Block", "key", 5));
        assert_ne!(honest, logits(base.raw(), "block", "kez", 5));
        assert_ne!(honest, logits(base.raw(), "block", "key", 6));
        assert_ne!(honest, logits(base.raw(), "blockk", "ey", 5));
        let threshold = base.threshold() ^ 1;
        assert_ne!(honest, logits(RawParams { threshold, ..base.raw() }, "block", "key", 5));
    }
}
