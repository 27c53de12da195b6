//! Which messages the chain takes, and the codes with which it refuses (SPEC §III.3).

use super::epoch::Stages;

/// An error code of the chain, as a transaction's result carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ErrorCode {
    /// The module that registered the code.
    pub codespace: &'static str,
    /// The code.
    pub code: u32,
}

/// Why the chain refuses a message.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The batch has no nonces.
    #[error("the batch has no nonces, expected at least one")]
    NoNonces,
    /// A nonce is negative.
    #[error("nonce {index} is {got}, expected 0 or more")]
    NegativeNonce {
        /// Its place in the batch.
        index: usize,
        /// Its value.
        got: i64,
    },
    /// Nonces and distances differ in number.
    #[error("the batch has {distances} distances for {nonces} nonces, expected as many")]
    Lengths {
        /// Number of nonces.
        nonces: usize,
        /// Number of distances.
        distances: usize,
    },
    /// A distance is no distance.
    #[error("distance {index} is {got}, expected a finite number, 0 or more")]
    Distance {
        /// Its place in the batch.
        index: usize,
        /// Its value.
        got: f64,
    },
    /// The message names another start than the upcoming epoch's.
    #[error("the message is for the stage that started at {got}, expected {expected}")]
    WrongStart {
        /// The message's height.
        got: i64,
        /// s.
        expected: u64,
    },
    /// The message came outside its window, too early included.
    #[error("the message came at height {height}, expected {from} to {to}")]
    OutsideWindow {
        /// When it came.
        height: u64,
        /// First height of the window.
        from: u64,
        /// Last height of the window.
        to: u64,
    },
}

impl Refusal {
    /// The chain's code for it.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NoNonces | Self::NegativeNonce { .. } | Self::Lengths { .. } | Self::Distance { .. } => {
                ErrorCode { codespace: "sdk", code: 18 }
            }
            Self::WrongStart { .. } => ErrorCode { codespace: "inference", code: 1107 },
            Self::OutsideWindow { .. } => ErrorCode { codespace: "inference", code: 1108 },
        }
    }
}

/// A batch as it arrives, unchecked: SubmitPocBatch's fields that the chain looks at.
#[derive(Clone, Copy, Debug)]
pub struct BatchMessage<'a> {
    /// The stage's start, as the sender has it.
    pub stage_start: i64,
    /// Nonces, `[nonces]`.
    pub nonces: &'a [i64],
    /// Claimed distances, `[nonces]`.
    pub distances: &'a [f64],
}

/// Whether the chain takes `batch` at `height` (SPEC §III.3).
///
/// It does not check that a distance is below the radius, that nonces differ, or how many there are.
///
/// # Errors
/// [`Refusal`], the first in the order of its variants.
pub fn accept_batch(stages: &Stages, height: u64, batch: &BatchMessage<'_>) -> Result<(), Refusal> {
    if batch.nonces.is_empty() {
        return Err(Refusal::NoNonces);
    }
    if let Some((index, got)) = batch.nonces.iter().enumerate().find(|(_, nonce)| **nonce < 0) {
        return Err(Refusal::NegativeNonce { index, got: *got });
    }
    if batch.nonces.len() != batch.distances.len() {
        let (nonces, distances) = (batch.nonces.len(), batch.distances.len());
        return Err(Refusal::Lengths { nonces, distances });
    }
    let is_bad = |distance: f64| !distance.is_finite() || distance < 0.0;
    if let Some((index, got)) = batch.distances.iter().enumerate().find(|(_, d)| is_bad(**d)) {
        return Err(Refusal::Distance { index, got: *got });
    }
    accept_in(stages, batch.stage_start, height, stages.batch_window())
}

/// Whether the chain takes a validation for the stage that started at `stage_start` at `height` (SPEC §III.3).
///
/// # Errors
/// [`Refusal::WrongStart`], [`Refusal::OutsideWindow`].
pub fn accept_validation(stages: &Stages, height: u64, stage_start: i64) -> Result<(), Refusal> {
    accept_in(stages, stage_start, height, stages.validation_window())
}

fn accept_in(
    stages: &Stages,
    stage_start: i64,
    height: u64,
    window: core::ops::RangeInclusive<u64>,
) -> Result<(), Refusal> {
    if u64::try_from(stage_start) != Ok(stages.start()) {
        return Err(Refusal::WrongStart { got: stage_start, expected: stages.start() });
    }
    if !window.contains(&height) {
        return Err(Refusal::OutsideWindow { height, from: *window.start(), to: *window.end() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::epoch::EpochParams;
    use super::*;

    fn code(result: Result<(), Refusal>) -> u32 {
        result.map_or_else(|refusal| refusal.code().code, |()| 0)
    }

    #[test]
    fn windows_open_one_block_late_and_close_on_time_in_every_preset() {
        for params in [EpochParams::CODE_DEFAULT, EpochParams::MAINNET, EpochParams::TESTERMINT] {
            let stages = params.epoch(3).unwrap();
            let s = i64::try_from(stages.start()).unwrap();
            let batch = BatchMessage { stage_start: s, nonces: &[5], distances: &[1.39] };
            let at = |height| code(accept_batch(&stages, height, &batch));
            let last = *stages.batch_window().end();
            let outer = [stages.start(), stages.start() + 1, last, last + 1];
            assert_eq!(outer.map(at), [1108, 0, 0, 1108]);
            let vote = |height| code(accept_validation(&stages, height, s));
            let (open, close) = (stages.validation_start(), stages.weights_computed());
            assert_eq!([open, open + 1, close, close + 1].map(vote), [1108, 0, 0, 1108]);
            let other = BatchMessage { stage_start: s - 1, ..batch };
            assert_eq!(code(accept_batch(&stages, last, &other)), 1107);
            assert_eq!(code(accept_validation(&stages, close, -1)), 1107);
            // The start is looked at before the window.
            assert_eq!(code(accept_batch(&stages, last + 1, &other)), 1107);
        }
    }

    #[test]
    fn contents_are_refused_by_place_and_value() {
        let stages = EpochParams::CODE_DEFAULT.epoch(1).unwrap();
        let take = |nonces: &[i64], distances: &[f64]| {
            accept_batch(&stages, 41, &BatchMessage { stage_start: 40, nonces, distances })
        };
        assert_eq!(take(&[], &[]), Err(Refusal::NoNonces));
        assert_eq!(take(&[1, -2], &[1.0, 1.0]), Err(Refusal::NegativeNonce { index: 1, got: -2 }));
        assert_eq!(take(&[1, 2], &[1.0]), Err(Refusal::Lengths { nonces: 2, distances: 1 }));
        for bad in [f64::NAN, f64::INFINITY, -1e-9] {
            assert!(matches!(take(&[1], &[bad]), Err(Refusal::Distance { index: 0, .. })));
            assert_eq!(code(take(&[1], &[bad])), 18);
        }
        // What the chain does not look at: repeated nonces, distances above any radius, minus zero.
        assert_eq!(take(&[7, 7], &[1e300, -0.0]), Ok(()));
    }
}
