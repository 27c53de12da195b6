//! The reference executor: runs a [`Plan`] with the readable [`ops`]. Slow, and the arbiter.

use super::ops::{self, AttentionShape, RopeTable};
use super::params::Params;
use super::plan::{Op, Plan, Rows, Slot};
use super::weights::{Tensor, TensorView, weight_pool};
use crate::identity::BlockHash;
use alloc::collections::BTreeMap;
use alloc::{vec, vec::Vec};
use half::f16;

/// A model of one block, ready to run one batch of nonces after the other.
#[derive(Clone, Debug)]
pub struct ReferenceExecutor {
    params: Params,
    block: BlockHash,
    plan: Plan,
    pool: Vec<f16>,
    rope: RopeTable,
}

impl ReferenceExecutor {
    /// Makes the weight pool of `block`.
    #[must_use]
    pub fn new(params: &Params, block: &BlockHash) -> Self {
        let (pool, rope) = (weight_pool(params, block), RopeTable::new(params));
        Self { params: params.clone(), block: block.clone(), plan: Plan::new(params), pool, rope }
    }

    /// The same model running another plan, such as one of fewer layers.
    ///
    /// An op that reads a slot which no op before it wrote makes [`Self::logits`] panic.
    #[must_use]
    pub fn with_plan(self, plan: Plan) -> Self {
        Self { plan, ..self }
    }

    /// The weight pool.
    #[must_use]
    pub fn pool(&self) -> &[f16] {
        &self.pool
    }

    fn tensor(&self, tensor: Tensor) -> Vec<f16> {
        let view = TensorView::new(&self.params, &self.block, tensor);
        let mut values = vec![f16::ZERO; view.len()];
        view.read(&self.pool, 0, &mut values);
        values
    }

    /// Logits of each input, SPEC §I.4.
    ///
    /// # Shapes
    /// - `inputs`: `[nonces * seq_len, dim]`.
    /// - returns `[nonces, vocab]`, f32 values that are f16.
    ///
    /// # Panics
    /// When `inputs` is no whole number of nonces.
    #[must_use]
    pub fn logits(&self, inputs: &[f16]) -> Vec<f32> {
        let per_nonce = self.params.seq_len() * self.params.dim();
        assert!(inputs.len().is_multiple_of(per_nonce), "inputs are [nonces * seq_len, dim]");
        let mut run = Run { model: self, nonces: inputs.len() / per_nonce, slots: BTreeMap::new() };
        run.slots.insert(Slot::Stream as u8, inputs.to_vec());
        for op in self.plan.ops() {
            run.step(op);
        }
        run.take(Slot::Logits).iter().map(|x| x.to_f32()).collect()
    }
}

struct Run<'a> {
    model: &'a ReferenceExecutor,
    nonces: usize,
    slots: BTreeMap<u8, Vec<f16>>,
}

impl Run<'_> {
    fn take(&mut self, slot: Slot) -> Vec<f16> {
        self.slots.remove(&(slot as u8)).expect("plans write a slot before they read it")
    }

    fn put(&mut self, slot: Slot, values: Vec<f16>) {
        self.slots.insert(slot as u8, values);
    }

    fn get(&self, slot: Slot) -> &[f16] {
        self.slots.get(&(slot as u8)).expect("plans write a slot before they read it")
    }

    fn new_slot(&self, slot: Slot, rows: Rows) -> Vec<f16> {
        let params = &self.model.params;
        vec![f16::ZERO; rows.count(self.nonces, params) * slot.width(params)]
    }

    fn step(&mut self, op: &Op) {
        let params = &self.model.params;
        let last = params.seq_len() - 1;
        match *op {
            Op::RmsNorm { input, weight, output, rows } => {
                let mut out = self.new_slot(output, rows);
                ops::rms_norm(self.get(input), &self.model.tensor(weight), params.norm_eps(), &mut out);
                self.put(output, out);
            }
            Op::Linear { input, weight, output, rows } => {
                let mut out = self.new_slot(output, rows);
                ops::linear(self.get(input), &self.model.tensor(weight), input.width(params), &mut out);
                self.put(output, out);
            }
            Op::Rope { slot, rows } => {
                let mut x = self.take(slot);
                ops::rope(&mut x, slot.width(params), &self.model.rope, |row| match rows {
                    Rows::All => row % params.seq_len(),
                    Rows::Last => last,
                });
                self.put(slot, x);
            }
            Op::Attention { rows } => {
                let mut out = self.new_slot(Slot::Attended, rows);
                let shape = AttentionShape {
                    seq_len: params.seq_len(),
                    queries: rows.count(1, params),
                    heads: params.n_heads(),
                    kv_heads: params.n_kv_heads(),
                    head_dim: params.head_dim(),
                };
                let (query, key, value) = (self.get(Slot::Query), self.get(Slot::Key), self.get(Slot::Value));
                ops::attention(query, key, value, shape, &mut out);
                self.put(Slot::Attended, out);
            }
            Op::SwiGlu { .. } => {
                let mut gate = self.take(Slot::Gate);
                ops::swiglu(&mut gate, self.get(Slot::Up));
                self.put(Slot::Gate, gate);
            }
            Op::AddBranch { slot, .. } => {
                let mut x = self.take(slot);
                ops::add(&mut x, self.get(Slot::Branch));
                self.put(slot, x);
            }
            Op::TakeLast { input, output } => {
                let width = input.width(params);
                let rows = self.get(input).chunks_exact(width * params.seq_len());
                let out = rows.flat_map(|nonce| &nonce[last * width..]).copied().collect();
                self.put(output, out);
            }
        }
    }
}
