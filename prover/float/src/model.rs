//! The forward pass of SPEC §IV.4 in floats, on burn's tensors, which remember what their gradients need.

use crate::arithmetic::Arithmetic;
use burn_autodiff::Autodiff;
use burn_backend::ops::{ActivationOps, FloatTensorOps, IntTensorOps, ModuleOps};
use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, Scalar, Shape, TensorData, TensorMetadata, try_read_sync};
use sphere_pow_core::train::Params;
use std::marker::PhantomData;

/// A backend whose tensors remember what they were made from.
pub(crate) type A<B> = Autodiff<B>;
pub(crate) type Tensor<B> = FloatTensor<A<B>>;

/// What is added to a row's mean square before its root.
const EPSILON: f64 = 1e-12;
/// What is added to a score that looks ahead: its share is 0.
const HIDDEN: f32 = -1e9;

/// A tensor's values; NaN, which lies within no tolerance, where the device lost them.
pub(crate) fn values<B: Backend>(x: FloatTensor<B>) -> Vec<f32> {
    let n = x.shape().num_elements();
    let data = try_read_sync(B::float_into_data(x)).and_then(Result::ok);
    data.and_then(|data| data.try_into_vec_as().ok()).unwrap_or_else(|| vec![f32::NAN; n])
}

/// A model for sequences of its context, on a backend's default device.
#[derive(Debug)]
pub(crate) struct Model<B> {
    shapes: Vec<(usize, usize)>,
    context: usize,
    dim: usize,
    heads: usize,
    arithmetic: Arithmetic,
    backend: PhantomData<fn() -> B>,
}

impl<B: Backend> Model<B> {
    pub(crate) fn new(params: &Params, arithmetic: Arithmetic) -> Self {
        let [_, dim, heads, _, context, ..] = params.words().map(|word| word as usize);
        Self { shapes: params.shapes(), context, dim, heads, arithmetic, backend: PhantomData }
    }

    /// Parameters as tensors, each `[outputs, inputs]`.
    pub(crate) fn tensors(&self, theta: &[f32], is_trained: bool) -> Vec<Tensor<B>> {
        let mut rest = theta;
        let tensor = |(rows, columns): &(usize, usize)| {
            let (own, others) = rest.split_at(rows * columns);
            rest = others;
            A::<B>::float_set_require_grad(self.tensor(own.to_vec(), [*rows, *columns]), is_trained)
        };
        self.shapes.iter().map(tensor).collect()
    }

    fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<B> {
        let tensor = A::<B>::float_from_data(TensorData::new(values, shape), &B::Device::default());
        if self.arithmetic == Arithmetic::F64 {
            A::<B>::float_cast(tensor, self.arithmetic.dtype())
        } else {
            tensor
        }
    }

    /// `x wᵀ`.
    fn linear(&self, x: Tensor<B>, w: &Tensor<B>) -> Tensor<B> {
        let [x, w] = [x, w.clone()].map(|operand| self.arithmetic.operand(operand));
        A::<B>::float_matmul(x, A::<B>::float_transpose(w))
    }

    /// Rows over their root mean square.
    fn norm(h: &Tensor<B>) -> Tensor<B> {
        let mean = A::<B>::float_mean_dim(A::<B>::float_mul(h.clone(), h.clone()), 1);
        let root = A::<B>::float_sqrt(A::<B>::float_add_scalar(mean, Scalar::Float(EPSILON)));
        A::<B>::float_div(h.clone(), root)
    }

    /// `[rows, 3 dim]` to `[rows, dim]`.
    fn attention(&self, qkv: Tensor<B>, sequences: usize) -> Tensor<B> {
        let (context, heads, width) = (self.context, self.heads, self.dim / self.heads);
        // To [3, sequences, heads, context, width].
        let parts = A::<B>::float_reshape(qkv, Shape::new([sequences, context, 3, heads, width]));
        let parts = A::<B>::float_permute(parts, &[2, 0, 3, 1, 4]);
        let [q, k, v] = [0_usize, 1, 2].map(|part| {
            let part = A::<B>::float_slice(parts.clone(), &[(part..part + 1).into()]);
            A::<B>::float_reshape(part, Shape::new([sequences, heads, context, width]))
        });
        // 2 to minus half of log2 of a head's width, rounded up.
        let scale = 0.5_f64.powi(width.trailing_zeros().div_ceil(2).cast_signed());
        let scores = A::<B>::float_mul_scalar(
            A::<B>::float_matmul(q, A::<B>::float_transpose(k)),
            Scalar::Float(scale),
        );
        let ahead = |at: usize| if at % context > at / context { HIDDEN } else { 0.0 };
        let ahead = self.tensor((0..context * context).map(ahead).collect(), [1, 1, context, context]);
        let shares = A::<B>::softmax(A::<B>::float_add(scores, ahead), 3);
        let mixed = A::<B>::float_permute(A::<B>::float_matmul(shares, v), &[0, 2, 1, 3]);
        A::<B>::float_reshape(mixed, Shape::new([sequences * context, self.dim]))
    }

    /// Sum over tokens of the loss, nats, `[1]`.
    ///
    /// # Shapes
    /// - `tokens`, `targets`: `[sequences * context]`.
    pub(crate) fn loss(&self, theta: &[Tensor<B>], tokens: &[u16], targets: &[u16]) -> Tensor<B> {
        let sequences = tokens.len() / self.context;
        let numbers = |symbols: &[u16], shape: [usize; 2]| {
            let numbers: Vec<i32> = symbols.iter().copied().map(i32::from).collect();
            A::<B>::int_from_data(TensorData::new(numbers, shape), &B::Device::default())
        };
        let symbols = A::<B>::embedding(theta[0].clone(), numbers(tokens, [sequences, self.context]));
        let positions = A::<B>::float_reshape(theta[1].clone(), Shape::new([1, self.context, self.dim]));
        let h = A::<B>::float_add(symbols, positions);
        let mut h = A::<B>::float_reshape(h, Shape::new([tokens.len(), self.dim]));
        for layer in theta[2..theta.len() - 1].chunks_exact(4) {
            let qkv = self.linear(Self::norm(&h), &layer[0]);
            let mixed = self.attention(qkv, sequences);
            h = A::<B>::float_add(h, self.linear(mixed, &layer[1]));
            let a = A::<B>::relu(self.linear(Self::norm(&h), &layer[2]));
            h = A::<B>::float_add(h, self.linear(A::<B>::float_mul(a.clone(), a), &layer[3]));
        }
        let logits = self.linear(Self::norm(&h), &theta[theta.len() - 1]);
        let logarithms = A::<B>::log_softmax(logits, 1);
        let own = A::<B>::float_gather(1, logarithms, numbers(targets, [targets.len(), 1]));
        A::<B>::float_neg(A::<B>::float_sum(own))
    }
}
