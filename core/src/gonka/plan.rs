//! The forward pass as data (SPEC §I.4): a list of [`Op`]s over named activations, which every executor runs.
//!
//! Work that cannot reach the last position's logits is not in the list: in the last layer, queries, attention,
//! and the feed-forward exist for the last position only.

use super::params::Params;
use super::weights::{LayerTensor, Tensor};
use alloc::vec::Vec;

/// A named activation `[rows, width]` of f16 values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The residual stream `[nonces * seq_len, dim]`; the input goes here.
    Stream,
    /// The last positions of the residual stream `[nonces, dim]`.
    LastStream,
    /// A normed stream `[rows, dim]`.
    Normed,
    /// The last positions of a normed stream `[nonces, dim]`.
    LastNormed,
    /// Queries `[rows, dim]`.
    Query,
    /// Keys `[nonces * seq_len, kv_dim]`.
    Key,
    /// Values `[nonces * seq_len, kv_dim]`.
    Value,
    /// Attention's output before `wo` `[rows, dim]`.
    Attended,
    /// What a block adds to the stream `[rows, dim]`.
    Branch,
    /// `w1 x`, then `silu(w1 x) * w3 x` `[rows, hidden]`.
    Gate,
    /// `w3 x` `[rows, hidden]`.
    Up,
    /// `[nonces, vocab]`.
    Logits,
}

impl Slot {
    /// Every slot.
    pub const ALL: [Self; 12] = [
        Self::Stream,
        Self::LastStream,
        Self::Normed,
        Self::LastNormed,
        Self::Query,
        Self::Key,
        Self::Value,
        Self::Attended,
        Self::Branch,
        Self::Gate,
        Self::Up,
        Self::Logits,
    ];

    /// Values in a row.
    #[must_use]
    pub fn width(self, params: &Params) -> usize {
        match self {
            Self::Key | Self::Value => params.kv_dim(),
            Self::Gate | Self::Up => params.hidden(),
            Self::Logits => params.vocab(),
            _ => params.dim(),
        }
    }

    /// The most rows it ever holds.
    #[must_use]
    pub fn max_rows(self, params: &Params) -> Rows {
        match self {
            Self::LastStream | Self::LastNormed | Self::Logits => Rows::Last,
            // With a single layer only the last position ever has a query or a feed-forward.
            Self::Query | Self::Attended | Self::Branch | Self::Gate | Self::Up if params.n_layers() == 1 => {
                Rows::Last
            }
            _ => Rows::All,
        }
    }
}

/// Which positions an op works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rows {
    /// Every position of every nonce: `nonces * seq_len` rows, position fastest.
    All,
    /// The last position of every nonce: `nonces` rows.
    Last,
}

impl Rows {
    /// How many rows that is for a batch of `nonces`.
    #[must_use]
    pub fn count(self, nonces: usize, params: &Params) -> usize {
        match self {
            Self::All => nonces * params.seq_len(),
            Self::Last => nonces,
        }
    }
}

/// One step of the forward pass. Results are rounded to f16 (SPEC §I.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// `output = norm(input) * weight`, row by row.
    RmsNorm {
        /// `[rows, dim]`.
        input: Slot,
        /// `[dim]`.
        weight: Tensor,
        /// `[rows, dim]`.
        output: Slot,
        /// Positions.
        rows: Rows,
    },
    /// `output = input weightᵀ`.
    Linear {
        /// `[rows, cols]`.
        input: Slot,
        /// `[width, cols]`.
        weight: Tensor,
        /// `[rows, width]`.
        output: Slot,
        /// Positions.
        rows: Rows,
    },
    /// Rotates pairs of `slot` in place by their position.
    Rope {
        /// `[rows, heads * head_dim]`.
        slot: Slot,
        /// Positions.
        rows: Rows,
    },
    /// `Attended = causal attention of Query over Key and Value`.
    Attention {
        /// Positions of the queries; keys and values are always all.
        rows: Rows,
    },
    /// `Gate = silu(Gate) * Up`.
    SwiGlu {
        /// Positions.
        rows: Rows,
    },
    /// `slot += Branch`.
    AddBranch {
        /// `[rows, dim]`.
        slot: Slot,
        /// Positions.
        rows: Rows,
    },
    /// `output[nonce] = input[nonce, seq_len - 1]`.
    TakeLast {
        /// `[nonces * seq_len, dim]`.
        input: Slot,
        /// `[nonces, dim]`.
        output: Slot,
    },
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
        Self::of_layers(&(0..params.n_layers()).collect::<Vec<_>>())
    }

    /// The forward pass of the layers `kept`, in ascending order, alone.
    #[must_use]
    pub fn of_layers(kept: &[usize]) -> Self {
        let mut ops = Vec::new();
        for layer in kept {
            ops.append(&mut layer_ops(*layer, Some(layer) == kept.last()));
        }
        if kept.is_empty() {
            ops.push(Op::TakeLast { input: Slot::Stream, output: Slot::LastStream });
        }
        Self::with_readout(ops)
    }

    /// The layers' ops, then final norm and output projection of [`Slot::LastStream`], which these must have written.
    #[must_use]
    pub fn with_readout(mut ops: Vec<Op>) -> Self {
        let (input, output) = (Slot::LastStream, Slot::LastNormed);
        ops.push(Op::RmsNorm { input, weight: Tensor::Norm, output, rows: Rows::Last });
        let (input, output) = (Slot::LastNormed, Slot::Logits);
        ops.push(Op::Linear { input, weight: Tensor::Output, output, rows: Rows::Last });
        Self { ops }
    }

    /// The ops in order.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Flops of the linear layers for one nonce, a multiplication and an addition counted as 2.
    #[must_use]
    pub fn cost(&self, params: &Params) -> u64 {
        let linear = self.ops.iter().map(|op| match op {
            Op::Linear { weight, rows, .. } => {
                let (outputs, inputs) = weight.shape(params);
                2 * (rows.count(1, params) * outputs * inputs) as u64
            }
            _ => 0,
        });
        linear.sum()
    }
}

/// The ops of a layer; where `is_last`, only what the last position needs.
#[must_use]
pub fn layer_ops(layer: usize, is_last: bool) -> Vec<Op> {
    let mut ops = Vec::new();
    let tensor = |t| Tensor::Layer(layer, t);
    let linear = |input, t, output, rows| Op::Linear { input, weight: tensor(t), output, rows };
    let norm = |input, t, output, rows| Op::RmsNorm { input, weight: tensor(t), output, rows };
    ops.push(norm(Slot::Stream, LayerTensor::AttentionNorm, Slot::Normed, Rows::All));
    ops.push(linear(Slot::Normed, LayerTensor::Wk, Slot::Key, Rows::All));
    ops.push(linear(Slot::Normed, LayerTensor::Wv, Slot::Value, Rows::All));
    let (rows, stream, normed) = if is_last {
        ops.push(Op::TakeLast { input: Slot::Normed, output: Slot::LastNormed });
        ops.push(Op::TakeLast { input: Slot::Stream, output: Slot::LastStream });
        (Rows::Last, Slot::LastStream, Slot::LastNormed)
    } else {
        (Rows::All, Slot::Stream, Slot::Normed)
    };
    ops.extend([
        linear(normed, LayerTensor::Wq, Slot::Query, rows),
        Op::Rope { slot: Slot::Query, rows },
        Op::Rope { slot: Slot::Key, rows: Rows::All },
        Op::Attention { rows },
        linear(Slot::Attended, LayerTensor::Wo, Slot::Branch, rows),
        Op::AddBranch { slot: stream, rows },
        norm(stream, LayerTensor::FfnNorm, normed, rows),
        linear(normed, LayerTensor::W1, Slot::Gate, rows),
        linear(normed, LayerTensor::W3, Slot::Up, rows),
        Op::SwiGlu { rows },
        linear(Slot::Gate, LayerTensor::W2, Slot::Branch, rows),
        Op::AddBranch { slot: stream, rows },
    ]);
    ops
}

#[cfg(test)]
mod tests {
    use super::super::params::Preset;
    use super::*;

    #[test]
    fn linear_ops_cost_what_the_parameters_say() {
        for preset in Preset::ALL {
            let params = preset.params();
            assert_eq!(Plan::new(&params).cost(&params), params.flops_per_nonce(), "{}", preset.name());
        }
    }

    #[test]
    fn shapes_fit_and_every_parameter_but_the_embedding_is_used_once() {
        let params = Preset::DevTest.params();
        let mut used = Vec::new();
        for op in Plan::new(&params).ops() {
            match *op {
                Op::Linear { input, weight, output, .. } => {
                    assert_eq!(weight.shape(&params), (output.width(&params), input.width(&params)));
                    used.push(weight);
                }
                Op::RmsNorm { weight, .. } => used.push(weight),
                _ => {}
            }
        }
        used.sort_by_key(|t| t.name());
        used.dedup();
        assert_eq!(used.len(), params.n_layers() * LayerTensor::ALL.len() + 2);
    }
}
