//! What a lane carries from step to step (SPEC §IV.7.1).

use super::params::Params;
use crate::exact::tables::NORMAL;
use alloc::vec::Vec;

/// A tensor's parameters with their moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Parameters, units of 2^-22.
    pub theta: Vec<i32>,
    /// First moments, units of `2^exponent`.
    pub first: Vec<i32>,
    /// Roots of the second moments, units of `2^exponent`, not negative.
    pub root: Vec<i32>,
    /// The moments' exponent.
    pub exponent: i32,
}

/// All tensors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// In the order of [`Params::shapes`].
    pub tensors: Vec<Tensor>,
}

/// Bytes that are no state of a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Another length.
    #[error("the state has {got} bytes, expected {expected}")]
    Length {
        /// Bytes it has.
        got: usize,
        /// Bytes a state has.
        expected: usize,
    },
    /// A value that no step makes.
    #[error("{what} {index} of tensor {tensor} is {got}, expected {expected}")]
    Value {
        /// Which kind.
        what: &'static str,
        /// Its tensor.
        tensor: usize,
        /// Its place.
        index: usize,
        /// What it is.
        got: i32,
        /// What it may be.
        expected: &'static str,
    },
}

/// Spread of fresh parameters: `16 * 5243 / 2^22 = 0.02`.
const INIT: u64 = 5243;

/// A run's first parameters (SPEC §IV.1): entries of `NORMAL` by the bytes of stream n of the run's key for tensor n,
/// times 5243, and less where a layer's branches end.
#[must_use]
pub fn fresh(params: &Params, run: &super::stream::RunId) -> Vec<i32> {
    let (key, shapes) = (run.init(), params.shapes());
    let ends = (INIT * INIT / (2 * u64::from(params.raw().layers))).isqrt();
    let mut theta = Vec::with_capacity(params.size());
    for (n, (rows, columns)) in shapes.iter().enumerate() {
        let mut bytes = alloc::vec![0; rows * columns];
        key.read(n as u64, 0, &mut bytes);
        let is_end = n >= 2 && n + 1 < shapes.len() && n % 2 == 1;
        let unit = if is_end { ends } else { INIT } as i32;
        theta.extend(bytes.into_iter().map(|byte| i32::from(NORMAL[usize::from(byte)]) * unit));
    }
    theta
}

impl State {
    /// The state that every lane of a round begins with: the agreed parameters, and no moments.
    ///
    /// # Panics
    /// When `theta` is not the model's.
    #[must_use]
    pub fn start(params: &Params, theta: &[i32]) -> Self {
        assert_eq!(theta.len(), params.size(), "theta has all parameters");
        let mut rest = theta;
        let tensors = params.shapes().into_iter().map(|(rows, columns)| {
            let (own, others) = rest.split_at(rows * columns);
            rest = others;
            let zeros = alloc::vec![0; own.len()];
            Tensor { theta: own.to_vec(), first: zeros.clone(), root: zeros, exponent: 0 }
        });
        Self { tensors: tensors.collect() }
    }

    /// All parameters, tensor after tensor.
    #[must_use]
    pub fn theta(&self) -> Vec<i32> {
        self.tensors.iter().flat_map(|tensor| &tensor.theta).copied().collect()
    }

    /// Bytes of a state.
    #[must_use]
    pub fn bytes_of(params: &Params) -> usize {
        12 * params.size() + 4 * params.shapes().len()
    }

    /// As bytes: per tensor the exponent, parameters, first moments and roots, each as little-endian i32.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for tensor in &self.tensors {
            out.extend(tensor.exponent.to_le_bytes());
            for values in [&tensor.theta, &tensor.first, &tensor.root] {
                words_to(values, &mut out);
            }
        }
        out
    }

    /// Reads [`Self::to_bytes`].
    ///
    /// # Errors
    /// [`StateError`] for another length, or a value past the bounds that steps rest on.
    pub fn from_bytes(params: &Params, bytes: &[u8]) -> Result<Self, StateError> {
        let expected = Self::bytes_of(params);
        if bytes.len() != expected {
            return Err(StateError::Length { got: bytes.len(), expected });
        }
        let mut rest = bytes;
        let mut take = |n: usize| {
            let (own, others) = rest.split_at(4 * n);
            rest = others;
            words(own)
        };
        let mut tensors = Vec::new();
        for (number, (rows, columns)) in params.shapes().into_iter().enumerate() {
            let exponent = take(1)[0];
            let [theta, first, root] = [0; 3].map(|_: i32| take(rows * columns));
            let within = |what, values: &[i32], low: i32, high: i32, expected| {
                let bad = values.iter().position(|x| !(low..=high).contains(x));
                bad.map_or(Ok(()), |index| {
                    Err(StateError::Value { what, tensor: number, index, got: values[index], expected })
                })
            };
            within("exponent", &[exponent], -4096, 4096, "within 4096")?;
            within("parameter", &theta, -(1 << 29), 1 << 29, "within 2^29")?;
            within("first moment", &first, 1 - (1 << 29), (1 << 29) - 1, "below 2^29 in size")?;
            within("root", &root, 0, (1 << 29) - 1, "from 0 to below 2^29")?;
            tensors.push(Tensor { theta, first, root, exponent });
        }
        Ok(Self { tensors })
    }
}

/// Appends words as little-endian bytes.
pub(crate) fn words_to(values: &[i32], out: &mut Vec<u8>) {
    out.extend(values.iter().flat_map(|x| x.to_le_bytes()));
}

/// Little-endian words of bytes, the rest of fewer than four left out.
#[must_use]
pub fn words(bytes: &[u8]) -> Vec<i32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|word| i32::from_le_bytes(*word)).collect()
}

/// Words as little-endian bytes.
#[must_use]
pub fn to_words(values: &[i32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 * values.len());
    words_to(values, &mut out);
    out
}
