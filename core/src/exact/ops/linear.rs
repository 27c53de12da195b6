//! Matrix products of int8 rows with 7-bit weights.

use super::requantise::{clamp_int8, log2_sqrt, rounding_shift};

/// How an accumulator leaves a linear layer over K inputs, whose standard deviation is `512 sqrt(K)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Requant {
    /// `clamp8(rounding_shift(acc, 4 + log2 sqrt(K)))`: int8 of root mean square 32.
    Int8,
    /// `rounding_shift(acc, 1 + log2 sqrt(K))`: i32 of root mean square 256.
    Branch,
    /// The accumulator itself.
    Raw,
}

impl Requant {
    /// The shift for `inputs` summands; `None` where there is none.
    #[must_use]
    pub fn shift(self, inputs: usize) -> Option<u32> {
        match self {
            Self::Int8 => Some(4 + log2_sqrt(inputs)),
            Self::Branch => Some(1 + log2_sqrt(inputs)),
            Self::Raw => None,
        }
    }

    /// The value that leaves.
    #[must_use]
    pub fn apply(self, acc: i32, inputs: usize) -> i32 {
        let shifted = self.shift(inputs).map_or(acc, |s| rounding_shift(acc, s));
        if self == Self::Int8 { clamp_int8(shifted).into() } else { shifted }
    }
}

/// Sum of x w. With K terms at most `127 * 46 * K` in size: 95,715,328 < 2^27 at the largest K, 16384.
#[must_use]
pub fn dot(x: &[i8], w: &[i8]) -> i32 {
    x.iter().zip(w).map(|(x, w)| i32::from(*x) * i32::from(*w)).sum()
}

/// `acc = x weightᵀ`, SPEC §II.6.5.
///
/// # Shapes
/// - `x`: `[rows, inputs]` i8 within ±127.
/// - `weight`: `[outputs, inputs]` i8 within ±46.
/// - `acc`: `[rows, outputs]` i32, |value| <= 5842 inputs. Overwritten.
///
/// # Accuracy
/// Exact in any order of summation.
pub fn linear(x: &[i8], weight: &[i8], inputs: usize, acc: &mut [i32]) {
    let outputs = weight.len() / inputs;
    for (x, acc) in x.chunks_exact(inputs).zip(acc.chunks_exact_mut(outputs)) {
        for (acc, w) in acc.iter_mut().zip(weight.chunks_exact(inputs)) {
            *acc = dot(x, w);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_widest_sum_of_extremes_fits() {
        let mut acc = [0];
        linear(&vec![-127; 16_384], &vec![46; 16_384], 16_384, &mut acc);
        assert_eq!(acc, [-95_715_328]);
        assert_eq!(Requant::Int8.apply(acc[0], 16_384), -127);
        assert_eq!(Requant::Branch.apply(acc[0], 16_384), -373_888);
        assert_eq!(Requant::Branch.apply(-acc[0], 16_384), 373_888);
        assert_eq!(Requant::Raw.apply(acc[0], 16_384), acc[0]);
    }
}
