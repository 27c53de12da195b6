//! In what numbers products are computed: f32, and what stands beside it to measure what a tolerance sees.

use crate::model::{A, Tensor, values};
use burn_backend::ops::FloatTensorOps;
use burn_backend::tensor::FloatTensor;
use burn_backend::{AutodiffBackend, Backend, FloatDType, Scalar};

/// Numbers of the operands of products with weights. All else is f32, but for [`Arithmetic::F64`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arithmetic {
    /// What a run says.
    #[default]
    F32,
    /// More than a run says, up to the gradients: near to what all honest roundings are of.
    F64,
    /// Operands rounded to 8 bits: cheaper, and not what a run says.
    Bf16,
    /// Operands as int8 with one scale a tensor: cheaper still.
    Int8,
}

impl Arithmetic {
    /// What tensors are made of.
    pub(crate) fn dtype(self) -> FloatDType {
        if self == Self::F64 { FloatDType::F64 } else { FloatDType::F32 }
    }

    /// An operand of a product, rounded; its gradient passes as it is.
    pub(crate) fn operand<B: Backend>(self, x: Tensor<B>) -> Tensor<B> {
        let round: fn(FloatTensor<B>) -> FloatTensor<B> = match self {
            Self::F32 | Self::F64 => return x,
            Self::Bf16 => |x| B::float_cast(B::float_cast(x, FloatDType::BF16), FloatDType::F32),
            Self::Int8 => |x| {
                let largest = values::<B>(B::float_max_abs(x.clone())).first().copied().unwrap_or(0.0);
                let unit = Scalar::Float(f64::from(largest.max(f32::MIN_POSITIVE)) / 127.0);
                B::float_mul_scalar(B::float_round(B::float_div_scalar(x, unit)), unit)
            },
        };
        let exact = A::<B>::inner(x.clone());
        let error = B::float_sub(round(exact.clone()), exact);
        A::<B>::float_add(x, A::<B>::from_inner(error))
    }
}
