//! The forward pass as data (SPEC §II.7): a list of [`Op`]s over named activations, which every executor runs.
//!
//! Work that cannot reach the last position's logits is not in the list: in the last layer, queries, attention
//! and the feed-forward exist for the last position only.

use super::ops::Requant;
use super::params::Params;
use super::weights::{LayerTensor, Tensor};
use alloc::vec::Vec;

/// A named activation `[rows, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// Entries of the normal table, `[nonces * tokens, dim]` i8; the executor's caller fills it.
    Input,
    /// Entries of the normal table, `[nonces * 2 layers, dim]` i8; the executor's caller fills it.
    RoundKeys,
    /// The residual stream `[rows, dim]`, within ±24552: i32 or i16.
    Stream,
    /// The normed stream `[rows, dim]`, within ±16368: i32 or i16.
    Normed,
    /// The int8 copy of the normed stream, a round key added, turned `[rows, dim]` i8.
    Lanes,
    /// Queries `[rows, dim]` i8.
    Query,
    /// Keys `[nonces * tokens, dim]` i8.
    Key,
    /// Values `[nonces * tokens, dim]` i8.
    Value,
    /// Attention's output before `wo` `[rows, dim]` i8.
    Attended,
    /// `w1 x`, then the gated value `[rows, hidden]` i8.
    Gate,
    /// `w3 x` `[rows, hidden]` i8.
    Up,
    /// What a branch adds to the stream, before its norm `[rows, dim]` i32, within ±373888.
    Branch,
    /// `[nonces, vocab]` i32.
    Logits,
}

impl Slot {
    /// Values in a row.
    #[must_use]
    pub fn width(self, params: &Params) -> usize {
        match self {
            Self::Gate | Self::Up => params.hidden(),
            Self::Logits => params.vocab(),
            _ => params.dim(),
        }
    }
}

/// Which positions an op works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rows {
    /// Every position of every nonce: `nonces * tokens` rows, position fastest.
    All,
    /// The last position of every nonce: `nonces` rows.
    Last,
}

impl Rows {
    /// How many rows that is for a batch of `nonces`.
    #[must_use]
    pub fn count(self, nonces: usize, params: &Params) -> usize {
        match self {
            Self::All => nonces * params.tokens(),
            Self::Last => nonces,
        }
    }

    /// The position of a row, 0..tokens.
    #[must_use]
    pub fn position(self, row: usize, params: &Params) -> usize {
        match self {
            Self::All => row % params.tokens(),
            Self::Last => params.tokens() - 1,
        }
    }
}

/// One step of the forward pass. All results are exact integers (SPEC §II.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `Stream = 16 Input`, all positions.
    Embed,
    /// `Normed = norm(Stream)`, `Lanes = lanes(Normed, RoundKeys)`.
    Norm {
        /// Positions.
        rows: Rows,
        /// Which of each nonce's round keys, 0..2 layers; none before the logits.
        round: Option<usize>,
    },
    /// `output = requant(input weightᵀ)`.
    Linear {
        /// `[rows, inputs]` i8.
        input: Slot,
        /// `[outputs, inputs]`.
        weight: Tensor,
        /// `[rows, outputs]`; i8 for [`Requant::Int8`], else i32.
        output: Slot,
        /// What becomes of the accumulators.
        requant: Requant,
        /// Positions.
        rows: Rows,
    },
    /// `Normed` and `Lanes` keep the last position of every nonce only: `[nonces, dim]`.
    TakeLast,
    /// `Attended = attention of Query over all of Key and Value`.
    Attention {
        /// Positions of the queries; keys and values are always all.
        rows: Rows,
    },
    /// `Gate = swiglu(Gate, Up)`.
    SwiGlu {
        /// Positions.
        rows: Rows,
    },
    /// `Stream = half of Normed + norm(Branch)`.
    Merge {
        /// Positions.
        rows: Rows,
    },
}

impl Op {
    /// Which state the stream is that the op reads (SPEC §II.12.1): those before each layer, and that before the logits.
    #[must_use]
    pub fn state_before(self, params: &Params) -> Option<usize> {
        match self {
            Self::Norm { round: Some(round), .. } => round.is_multiple_of(2).then_some(round / 2),
            Self::Norm { round: None, .. } => Some(params.layers()),
            _ => None,
        }
    }

    /// int8 operations of one nonce, a multiplication and an addition counted as 2.
    #[must_use]
    pub fn cost(self, params: &Params) -> u64 {
        // In u64 throughout: a product of three passes 2^32, where usize ends in wasm.
        let product = |rows: Rows, a: usize, b: usize| rows.count(1, params) as u64 * a as u64 * b as u64;
        match self {
            Self::Linear { weight, rows, .. } => {
                let (outputs, inputs) = weight.shape(params);
                2 * product(rows, outputs, inputs)
            }
            // Scores and weighted sums.
            Self::Attention { rows } => 4 * product(rows, params.tokens(), params.dim()),
            _ => 0,
        }
    }
}

/// The ops of a model in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    ops: Vec<Op>,
}

impl Plan {
    /// The forward pass of `params`.
    #[must_use]
    pub fn new(params: &Params) -> Self {
        Self::of_layers(&(0..params.layers()).collect::<Vec<_>>())
    }

    /// The forward pass of the layers `kept`, in ascending order, alone.
    #[must_use]
    pub fn of_layers(kept: &[usize]) -> Self {
        let mut ops = alloc::vec![Op::Embed];
        for layer in kept {
            ops.extend(layer_ops(*layer, Some(layer) == kept.last()));
        }
        if kept.is_empty() {
            ops.extend([Op::Norm { rows: Rows::All, round: None }, Op::TakeLast, READOUT]);
        } else {
            ops.extend(readout_ops());
        }
        Self { ops }
    }

    /// The ops in order.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// int8 operations of one nonce, a multiplication and an addition counted as 2.
    #[must_use]
    pub fn cost(&self, params: &Params) -> u64 {
        self.ops.iter().map(|op| op.cost(params)).sum()
    }
}

/// The ops of a layer; where `is_last`, only what the last position needs.
#[must_use]
pub fn layer_ops(layer: usize, is_last: bool) -> Vec<Op> {
    let rows = if is_last { Rows::Last } else { Rows::All };
    let project = |input, t, output, rows| {
        let weight = Tensor::Layer(layer, t);
        Op::Linear { input, weight, output, requant: Requant::Int8, rows }
    };
    let branch = |input, t| {
        let weight = Tensor::Layer(layer, t);
        Op::Linear { input, weight, output: Slot::Branch, requant: Requant::Branch, rows }
    };
    let query = project(Slot::Lanes, LayerTensor::Wq, Slot::Query, rows);
    let mut ops = alloc::vec![Op::Norm { rows: Rows::All, round: Some(2 * layer) }];
    if !is_last {
        ops.push(query);
    }
    ops.push(project(Slot::Lanes, LayerTensor::Wk, Slot::Key, Rows::All));
    ops.push(project(Slot::Lanes, LayerTensor::Wv, Slot::Value, Rows::All));
    if is_last {
        ops.extend([Op::TakeLast, query]);
    }
    ops.extend([
        Op::Attention { rows },
        branch(Slot::Attended, LayerTensor::Wo),
        Op::Merge { rows },
        Op::Norm { rows, round: Some(2 * layer + 1) },
        project(Slot::Lanes, LayerTensor::W1, Slot::Gate, rows),
        project(Slot::Lanes, LayerTensor::W3, Slot::Up, rows),
        Op::SwiGlu { rows },
        branch(Slot::Gate, LayerTensor::W2),
        Op::Merge { rows },
    ]);
    ops
}

const READOUT: Op = Op::Linear {
    input: Slot::Lanes,
    weight: Tensor::Output,
    output: Slot::Logits,
    requant: Requant::Raw,
    rows: Rows::Last,
};

/// The ops that repeat a layer from the state before it (SPEC §II.12.8); after the last one on to the logits.
///
/// # Panics
/// When there is no such layer.
#[must_use]
pub fn repeat_ops(layer: usize, params: &Params) -> Vec<Op> {
    assert!(layer < params.layers(), "layer {layer} of {}", params.layers());
    let is_last = layer + 1 == params.layers();
    let mut ops = layer_ops(layer, is_last);
    if is_last {
        ops.extend(readout_ops());
    }
    ops
}

/// From the last position's stream to its logits.
#[must_use]
pub fn readout_ops() -> [Op; 2] {
    [Op::Norm { rows: Rows::Last, round: None }, READOUT]
}

#[cfg(test)]
mod tests {
    use super::super::params::Preset;
    use super::*;

    #[test]
    fn presets_cost_what_they_promise() {
        let cost = |preset: Preset| Plan::new(&preset.params()).cost(&preset.params());
        assert!(cost(Preset::Nano) < 20_000_000);
        assert!(cost(Preset::Standard) <= 20_000_000_000);
        assert!(cost(Preset::Large) >= 1_000_000_000_000);
        assert_eq!(Preset::ALL.map(cost), [18_737_152, 18_631_229_440, 1_070_455_586_816]);
    }

    #[test]
    fn shapes_fit_and_every_tensor_is_used_once() {
        let params =
            Params::new(&super::super::params::RawParams { hidden: 256, ..Preset::Nano.params().raw() });
        let params = params.expect("valid");
        let mut used = Vec::new();
        for op in Plan::new(&params).ops() {
            if let Op::Linear { input, weight, output, .. } = *op {
                assert_eq!(weight.shape(&params), (output.width(&params), input.width(&params)));
                used.push(weight);
            }
        }
        used.sort();
        let mut all: Vec<_> = Tensor::all(&params).collect();
        all.sort();
        assert_eq!(used, all);
    }
}
