//! The forward pass of SPEC §IV.4 in floats, on burn's tensors, which remember what their gradients need.

use crate::arithmetic::Arithmetic;
use burn_autodiff::Autodiff;
use burn_backend::ops::{ActivationOps, FloatTensorOps, IntTensorOps, ModuleOps};
use burn_backend::tensor::FloatTensor;
use burn_backend::{Scalar, Shape, TensorData};
use burn_flex::{Flex, FlexDevice, FlexTensor};
use sphere_pow_core::train::Params;

/// Tensors on the CPU that remember what they were made from.
pub(crate) type A = Autodiff<Flex>;
pub(crate) type Tensor = FloatTensor<A>;

/// What is added to a row's mean square before its root.
const EPSILON: f64 = 1e-12;
/// What is added to a score that looks ahead: its share is 0.
const HIDDEN: f32 = -1e9;

/// A tensor's values.
pub(crate) fn values(x: FlexTensor) -> Vec<f32> {
    x.into_data().try_into_vec_as().expect("tensors here hold floats")
}

/// A model for sequences of its context.
#[derive(Debug)]
pub(crate) struct Model {
    shapes: Vec<(usize, usize)>,
    context: usize,
    dim: usize,
    heads: usize,
    arithmetic: Arithmetic,
}

impl Model {
    pub(crate) fn new(params: &Params, arithmetic: Arithmetic) -> Self {
        let [_, dim, heads, _, context, ..] = params.words().map(|word| word as usize);
        Self { shapes: params.shapes(), context, dim, heads, arithmetic }
    }

    /// Parameters as tensors, each `[outputs, inputs]`.
    pub(crate) fn tensors(&self, theta: &[f32], is_trained: bool) -> Vec<Tensor> {
        let mut rest = theta;
        let tensor = |(rows, columns): &(usize, usize)| {
            let (own, others) = rest.split_at(rows * columns);
            rest = others;
            A::float_set_require_grad(self.tensor(own.to_vec(), [*rows, *columns]), is_trained)
        };
        self.shapes.iter().map(tensor).collect()
    }

    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor {
        let tensor = A::float_from_data(TensorData::new(values, shape), &FlexDevice);
        if self.arithmetic == Arithmetic::F64 {
            A::float_cast(tensor, self.arithmetic.dtype())
        } else {
            tensor
        }
    }

    /// `x wᵀ`.
    fn linear(&self, x: Tensor, w: &Tensor) -> Tensor {
        let [x, w] = [x, w.clone()].map(|operand| self.arithmetic.operand(operand));
        A::float_matmul(x, A::float_transpose(w))
    }

    /// Rows over their root mean square.
    fn norm(h: &Tensor) -> Tensor {
        let mean = A::float_mean_dim(A::float_mul(h.clone(), h.clone()), 1);
        let root = A::float_sqrt(A::float_add_scalar(mean, Scalar::Float(EPSILON)));
        A::float_div(h.clone(), root)
    }

    /// `[rows, 3 dim]` to `[rows, dim]`.
    fn attention(&self, qkv: Tensor, sequences: usize) -> Tensor {
        let (context, heads, width) = (self.context, self.heads, self.dim / self.heads);
        // To [3, sequences, heads, context, width].
        let parts = A::float_reshape(qkv, Shape::new([sequences, context, 3, heads, width]));
        let parts = A::float_permute(parts, &[2, 0, 3, 1, 4]);
        let [q, k, v] = [0_usize, 1, 2].map(|part| {
            let part = A::float_slice(parts.clone(), &[(part..part + 1).into()]);
            A::float_reshape(part, Shape::new([sequences, heads, context, width]))
        });
        // 2 to minus half of log2 of a head's width, rounded up.
        let scale = 0.5_f64.powi(width.trailing_zeros().div_ceil(2).cast_signed());
        let scores = A::float_mul_scalar(A::float_matmul(q, A::float_transpose(k)), Scalar::Float(scale));
        let ahead = |at: usize| if at % context > at / context { HIDDEN } else { 0.0 };
        let ahead = self.tensor((0..context * context).map(ahead).collect(), [1, 1, context, context]);
        let shares = A::softmax(A::float_add(scores, ahead), 3);
        let mixed = A::float_permute(A::float_matmul(shares, v), &[0, 2, 1, 3]);
        A::float_reshape(mixed, Shape::new([sequences * context, self.dim]))
    }

    /// Sum over tokens of the loss, nats, `[1]`.
    ///
    /// # Shapes
    /// - `tokens`, `targets`: `[sequences * context]`.
    pub(crate) fn loss(&self, theta: &[Tensor], tokens: &[u16], targets: &[u16]) -> Tensor {
        let sequences = tokens.len() / self.context;
        let numbers = |symbols: &[u16], shape: [usize; 2]| {
            let numbers: Vec<i32> = symbols.iter().copied().map(i32::from).collect();
            A::int_from_data(TensorData::new(numbers, shape), &FlexDevice)
        };
        let symbols = A::embedding(theta[0].clone(), numbers(tokens, [sequences, self.context]));
        let positions = A::float_reshape(theta[1].clone(), Shape::new([1, self.context, self.dim]));
        let h = A::float_add(symbols, positions);
        let mut h = A::float_reshape(h, Shape::new([tokens.len(), self.dim]));
        for layer in theta[2..theta.len() - 1].chunks_exact(4) {
            let qkv = self.linear(Self::norm(&h), &layer[0]);
            let mixed = self.attention(qkv, sequences);
            h = A::float_add(h, self.linear(mixed, &layer[1]));
            let a = A::relu(self.linear(Self::norm(&h), &layer[2]));
            h = A::float_add(h, self.linear(A::float_mul(a.clone(), a), &layer[3]));
        }
        let logits = self.linear(Self::norm(&h), &theta[theta.len() - 1]);
        let logarithms = A::log_softmax(logits, 1);
        let own = A::float_gather(1, logarithms, numbers(targets, [targets.len(), 1]));
        A::float_neg(A::float_sum(own))
    }
}
