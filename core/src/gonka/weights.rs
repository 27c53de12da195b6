//! Every tensor as a view of one pool (SPEC §I.3): start, tiling and rotation, never a copy of the model.

use super::params::Params;
use super::rng::{NumpyRng, Ziggurat, weight_from_normal};
use super::seed::{Seed, parameter_offset};
use crate::identity::BlockHash;
use alloc::{format, string::String, vec::Vec};
use core::ops::Range;
use half::f16;

/// A parameter of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tensor {
    /// `tok_embeddings.weight` `[vocab, dim]`: counted, never used.
    TokEmbeddings,
    /// A parameter of layer `0`-based index.
    Layer(usize, LayerTensor),
    /// `norm.weight` `[dim]`.
    Norm,
    /// `output.weight` `[vocab, dim]`.
    Output,
}

/// A parameter within a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerTensor {
    /// `attention.wq.weight` `[dim, dim]`.
    Wq,
    /// `attention.wk.weight` `[kv_dim, dim]`.
    Wk,
    /// `attention.wv.weight` `[kv_dim, dim]`.
    Wv,
    /// `attention.wo.weight` `[dim, dim]`.
    Wo,
    /// `feed_forward.w1.weight` `[hidden, dim]`.
    W1,
    /// `feed_forward.w2.weight` `[dim, hidden]`.
    W2,
    /// `feed_forward.w3.weight` `[hidden, dim]`.
    W3,
    /// `attention_norm.weight` `[dim]`.
    AttentionNorm,
    /// `ffn_norm.weight` `[dim]`.
    FfnNorm,
}

impl LayerTensor {
    /// All parameters of a layer.
    pub const ALL: [Self; 9] = [
        Self::Wq,
        Self::Wk,
        Self::Wv,
        Self::Wo,
        Self::W1,
        Self::W2,
        Self::W3,
        Self::AttentionNorm,
        Self::FfnNorm,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Wq => "attention.wq",
            Self::Wk => "attention.wk",
            Self::Wv => "attention.wv",
            Self::Wo => "attention.wo",
            Self::W1 => "feed_forward.w1",
            Self::W2 => "feed_forward.w2",
            Self::W3 => "feed_forward.w3",
            Self::AttentionNorm => "attention_norm",
            Self::FfnNorm => "ffn_norm",
        }
    }
}

impl Tensor {
    /// The parameter's name, as it enters its offset.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::TokEmbeddings => "tok_embeddings.weight".into(),
            Self::Layer(layer, tensor) => format!("layers.{layer}.{}.weight", tensor.name()),
            Self::Norm => "norm.weight".into(),
            Self::Output => "output.weight".into(),
        }
    }

    /// Rows and columns; a norm is one row.
    #[must_use]
    pub fn shape(self, params: &Params) -> (usize, usize) {
        let (dim, hidden) = (params.dim(), params.hidden());
        match self {
            Self::TokEmbeddings | Self::Output => (params.vocab(), dim),
            Self::Norm => (1, dim),
            Self::Layer(_, tensor) => match tensor {
                LayerTensor::Wq | LayerTensor::Wo => (dim, dim),
                LayerTensor::Wk | LayerTensor::Wv => (params.kv_dim(), dim),
                LayerTensor::W1 | LayerTensor::W3 => (hidden, dim),
                LayerTensor::W2 => (dim, hidden),
                LayerTensor::AttentionNorm | LayerTensor::FfnNorm => (1, dim),
            },
        }
    }
}

/// Where the values of one tensor lie in the pool.
///
/// Value k of n is `pool[(k + rotation) mod n mod pool_len]`, shifted by `start`; only one of `start` and
/// `rotation` is ever non-zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorView {
    /// Rows, 1 for a norm.
    pub rows: usize,
    /// Columns, the contiguous axis.
    pub cols: usize,
    start: usize,
    rotation: usize,
    pool_len: usize,
}

impl TensorView {
    /// The view of `tensor` in the pool of `block`.
    #[must_use]
    pub fn new(params: &Params, block: &BlockHash, tensor: Tensor) -> Self {
        let (rows, cols) = tensor.shape(params);
        let (n, pool_len) = (rows * cols, params.pool_len());
        let offset = parameter_offset(block, &tensor.name()) as usize;
        if n <= pool_len {
            Self { rows, cols, start: offset % (pool_len - n + 1), rotation: 0, pool_len }
        } else {
            Self { rows, cols, start: 0, rotation: offset % n, pool_len }
        }
    }

    /// Where in the pool the tensor starts; 0 for one that is longer than the pool.
    #[must_use]
    pub fn start(&self) -> usize {
        self.start
    }

    /// How far a tensor that is longer than the pool is rotated; 0 for any other.
    #[must_use]
    pub fn rotation(&self) -> usize {
        self.rotation
    }

    /// Values in the tensor.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a tensor is never empty")]
    pub fn len(&self) -> usize {
        self.rows * self.cols
    }

    /// The pool ranges that hold values `range` in order, each as long as it can be.
    ///
    /// # Panics
    /// When `range` ends beyond [`Self::len`].
    pub fn runs(&self, range: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        assert!(range.end <= self.len(), "values {range:?} of a tensor of {}", self.len());
        let view = *self;
        let mut at = range.start;
        core::iter::from_fn(move || {
            if at >= range.end {
                return None;
            }
            let n = view.len();
            let tiled = if at + view.rotation < n { at + view.rotation } else { at + view.rotation - n };
            let first = view.start + tiled % view.pool_len;
            let len = (range.end - at).min(n - tiled).min(view.pool_len - first);
            at += len;
            Some(first..first + len)
        })
    }

    /// Copies values `first..first + out.len()` out of `pool`.
    ///
    /// # Panics
    /// When the values end beyond the tensor or `pool` is shorter than the pool.
    pub fn read(&self, pool: &[f16], first: usize, out: &mut [f16]) {
        let mut rest = out;
        for run in self.runs(first..first + rest.len()) {
            let (head, tail) = rest.split_at_mut(run.len());
            head.copy_from_slice(&pool[run]);
            rest = tail;
        }
    }
}

/// Makes the whole pool, one value after the other.
///
/// The readable way; `sphere-pow-cpu` makes the same bits in parallel.
#[must_use]
pub fn weight_pool(params: &Params, block: &BlockHash) -> Vec<f16> {
    let mut rng = NumpyRng::new(&Seed::weights(block));
    let ziggurat = Ziggurat::new();
    (0..params.pool_len()).map(|_| weight_from_normal(ziggurat.draw(|| rng.next_u64()))).collect()
}
