//! What a float lane carries from step to step, and its bytes (SPEC §IV.10.1).

use crate::train::ops::optimise::LIMIT;
use crate::train::params::Params;
use alloc::vec;
use alloc::vec::Vec;

/// Parameters are whole units of this between rounds.
const UNIT: f32 = 1.0 / 4_194_304.0;

/// Parameters and moments, each `[size]`, tensor after tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatState {
    /// Parameters.
    pub theta: Vec<f32>,
    /// First moments.
    pub first: Vec<f32>,
    /// Second moments, not negative.
    pub second: Vec<f32>,
}

/// Bytes that are no state of a float run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FloatStateError {
    /// Another length.
    #[error("the state has {got} bytes, expected {expected}")]
    Length {
        /// Bytes it has.
        got: usize,
        /// Bytes a state has.
        expected: usize,
    },
    /// A value that no step makes.
    #[error("{what} {index} is {got}, expected {expected}")]
    Value {
        /// Which kind.
        what: &'static str,
        /// Its place.
        index: usize,
        /// What it is.
        got: f32,
        /// What it may be.
        expected: &'static str,
    },
}

impl FloatState {
    /// The state that every lane of a round begins with: the agreed parameters, units of 2^-22, to the nearest float,
    /// and no moments.
    #[must_use]
    pub fn start(theta: &[i32]) -> Self {
        let zeros = vec![0.0; theta.len()];
        #[expect(clippy::cast_precision_loss, reason = "the rule: the nearest float")]
        let theta = theta.iter().map(|x| *x as f32 * UNIT).collect();
        Self { theta, first: zeros.clone(), second: zeros }
    }

    /// The parameters in units of 2^-22, to the nearest, ties up, limited to 2^29: what a delta is made from.
    #[must_use]
    pub fn units(&self) -> Vec<i32> {
        // Exact in f64 up to the floor; a value that is no number becomes 0, and no state holds one.
        let unit = |x: &f32| libm::floor(f64::from(*x) * 4_194_304.0 + 0.5) as i64;
        self.theta.iter().map(|x| unit(x).clamp(-LIMIT, LIMIT) as i32).collect()
    }

    /// Bytes of a state.
    #[must_use]
    pub fn bytes_of(params: &Params) -> usize {
        12 * params.size()
    }

    /// As bytes: parameters, first moments, second moments, little-endian f32.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let all = [&self.theta, &self.first, &self.second];
        all.into_iter().flatten().flat_map(|x| x.to_le_bytes()).collect()
    }

    /// Reads [`Self::to_bytes`].
    ///
    /// # Errors
    /// [`FloatStateError`] for another length, for what is no finite number, and for second moments below zero.
    pub fn from_bytes(params: &Params, bytes: &[u8]) -> Result<Self, FloatStateError> {
        let expected = Self::bytes_of(params);
        if bytes.len() != expected {
            return Err(FloatStateError::Length { got: bytes.len(), expected });
        }
        let (words, _) = bytes.as_chunks::<4>();
        let mut parts = words.chunks_exact(params.size());
        let mut part = |what, low: f32, expected| {
            let words = parts.next().unwrap_or_default();
            let values: Vec<f32> = words.iter().map(|word| f32::from_le_bytes(*word)).collect();
            match values.iter().position(|x| !x.is_finite() || *x < low) {
                Some(index) => Err(FloatStateError::Value { what, index, got: values[index], expected }),
                None => Ok(values),
            }
        };
        let theta = part("parameter", f32::MIN, "a finite number")?;
        let first = part("first moment", f32::MIN, "a finite number")?;
        let second = part("second moment", 0.0, "a finite number, 0 or more")?;
        Ok(Self { theta, first, second })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Preset;
    use alloc::string::ToString;

    #[test]
    fn units_go_through_floats_and_back() {
        let theta = [0, 1, -1, 4_194_304, -16_777_216, 16_777_217, 1 << 29, -(1 << 29)];
        let state = FloatState::start(&theta);
        // From 2^24 on a float has fewer bits.
        assert_eq!(state.units(), [0, 1, -1, 4_194_304, -16_777_216, 16_777_216, 1 << 29, -(1 << 29)]);
        let far = FloatState { theta: vec![1e30, -1e30, 0.5 * UNIT, -0.5 * UNIT], ..state };
        assert_eq!(far.units(), [1 << 29, -(1 << 29), 1, 0]);
    }

    #[test]
    fn bytes_that_are_no_state_are_refused_by_name() {
        let params = Preset::Tiny.params();
        let mut state = FloatState::start(&vec![7; params.size()]);
        state.second[3] = 0.25;
        let bytes = state.to_bytes();
        assert_eq!(FloatState::from_bytes(&params, &bytes), Ok(state));
        let refused = |at: usize, value: f32| {
            let mut bytes = bytes.clone();
            bytes[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes());
            FloatState::from_bytes(&params, &bytes).expect_err("no state").to_string()
        };
        assert_eq!(refused(1, f32::NAN), "parameter 1 is NaN, expected a finite number");
        assert_eq!(refused(5248, f32::INFINITY), "first moment 0 is inf, expected a finite number");
        assert_eq!(refused(2 * 5248 + 2, -1.0), "second moment 2 is -1, expected a finite number, 0 or more");
        let short = FloatState::from_bytes(&params, &bytes[1..]).expect_err("no state");
        assert_eq!(short.to_string(), "the state has 62975 bytes, expected 62976");
    }
}
