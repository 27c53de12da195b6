//! Stages and windows of an epoch by block height (SPEC §III.2).

use core::ops::RangeInclusive;

/// Longest duration accepted, in blocks: far above any network's, and no sum of durations overflows.
pub const MAX_BLOCKS: u64 = u32::MAX as u64;
/// Highest stage start accepted: heights are int64 on the chain.
pub const MAX_START: u64 = i64::MAX as u64 - 8 * MAX_BLOCKS;

/// Durations that make no epoch, or a start beyond the chain's heights.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {got}, expected {expected}")]
pub struct EpochError {
    /// The value's name.
    pub what: &'static str,
    /// The value, in blocks.
    pub got: u64,
    /// What would do.
    pub expected: &'static str,
}

/// Durations of an epoch's parts, in blocks, as the chain's parameters name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Durations {
    /// L: from one generation's start to the next.
    pub epoch_length: u64,
    /// How much earlier than L the first generation starts.
    pub epoch_shift: u64,
    /// G: generation.
    pub poc_stage_duration: u64,
    /// X: how long after generation batches may still arrive.
    pub poc_exchange_duration: u64,
    /// D: from the end of generation to the start of validation.
    pub poc_validation_delay: u64,
    /// V: validation.
    pub poc_validation_duration: u64,
    /// N: from the weights' computation to their use.
    pub set_new_validators_delay: u64,
    /// C: how long before the next generation inference checks must be in.
    pub inference_validation_cutoff: u64,
}

/// Checked durations: every stage ends before the next epoch's generation starts, and batches are closed by the
/// start of validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochParams(Durations);

impl EpochParams {
    /// The reference code's default.
    pub const CODE_DEFAULT: Self = Self(Durations {
        epoch_length: 40,
        epoch_shift: 0,
        poc_stage_duration: 10,
        poc_exchange_duration: 2,
        poc_validation_delay: 2,
        poc_validation_duration: 6,
        set_new_validators_delay: 1,
        inference_validation_cutoff: 0,
    });

    /// Mainnet's genesis.
    pub const MAINNET: Self = Self(Durations {
        epoch_length: 17_280,
        epoch_shift: 16_980,
        poc_stage_duration: 60,
        poc_exchange_duration: 5,
        poc_validation_delay: 5,
        poc_validation_duration: 20,
        set_new_validators_delay: 120,
        inference_validation_cutoff: 80,
    });

    /// The network's own test set-up, testermint. It gives no cutoff; 0 here.
    pub const TESTERMINT: Self = Self(Durations {
        epoch_length: 50,
        epoch_shift: 0,
        poc_stage_duration: 4,
        poc_exchange_duration: 1,
        poc_validation_delay: 1,
        poc_validation_duration: 4,
        set_new_validators_delay: 1,
        inference_validation_cutoff: 0,
    });

    /// Checks durations. Stricter than the reference, which checks none of this.
    ///
    /// # Errors
    /// [`EpochError`] names the first duration that does not fit.
    pub fn new(durations: Durations) -> Result<Self, EpochError> {
        let Durations {
            epoch_length: length,
            epoch_shift: shift,
            poc_stage_duration: generation,
            poc_exchange_duration: exchange,
            poc_validation_delay: delay,
            poc_validation_duration: validation,
            set_new_validators_delay: new_validators,
            inference_validation_cutoff: cutoff,
        } = durations;
        let check = |what, got, is_good, expected| {
            if is_good { Ok(()) } else { Err(EpochError { what, got, expected }) }
        };
        check("epoch_length", length, length <= MAX_BLOCKS, "at most 4294967295")?;
        check("epoch_shift", shift, shift < length, "less than epoch_length")?;
        check("inference_validation_cutoff", cutoff, cutoff < length, "less than epoch_length")?;
        let in_epoch = "1 to the length of the epoch";
        check("poc_stage_duration", generation, (1..=length).contains(&generation), in_epoch)?;
        check("poc_validation_duration", validation, (1..=length).contains(&validation), in_epoch)?;
        check("poc_validation_delay", delay, delay <= length, "at most epoch_length")?;
        check("poc_exchange_duration", exchange, exchange <= delay, "at most poc_validation_delay")?;
        let delay_fits = new_validators <= length;
        check("set_new_validators_delay", new_validators, delay_fits, "at most epoch_length")?;
        let claim = generation + delay + validation + new_validators + 1;
        check("the claim's offset", claim, claim < length, "less than epoch_length")?;
        Ok(Self(durations))
    }

    /// The durations.
    #[must_use]
    pub fn durations(&self) -> &Durations {
        &self.0
    }

    /// The stages of epoch `index`; `None` for epoch 0, which has none, and past the chain's heights.
    #[must_use]
    pub fn epoch(&self, index: u64) -> Option<Stages> {
        if index == 0 {
            return None;
        }
        let start = index.checked_mul(self.0.epoch_length)?.checked_sub(self.0.epoch_shift)?;
        Stages::new(self, start).ok()
    }

    /// The epoch whose generation started last at `height`; 0 before the first.
    #[must_use]
    pub fn epoch_at(&self, height: u64) -> u64 {
        height.saturating_add(self.0.epoch_shift) / self.0.epoch_length
    }
}

/// What hosts do at a height.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub enum Phase {
    /// Serving requests: between two proofs of compute.
    Inference,
    /// Generating nonces.
    Generate,
    /// Generation is ending: no more is started.
    GenerateWindDown,
    /// Validating other hosts' batches.
    Validate,
    /// Validation is ending.
    ValidateWindDown,
}

/// The heights of one epoch's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stages {
    start: u64,
    durations: Durations,
}

impl Stages {
    /// The stages of an epoch whose generation starts at `start` (PocStartBlockHeight).
    ///
    /// # Errors
    /// [`EpochError`] above [`MAX_START`].
    pub fn new(params: &EpochParams, start: u64) -> Result<Self, EpochError> {
        if start > MAX_START {
            return Err(EpochError { what: "the start", got: start, expected: "a height far below 2^63" });
        }
        Ok(Self { start, durations: params.0 })
    }

    /// s: the block whose hash is the puzzle.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// s + ⌊4 G / 5⌋. The reference multiplies by the float 0.8, which gives the same for every G below 2^32.
    #[must_use]
    pub fn generation_wind_down(&self) -> u64 {
        self.start + self.durations.poc_stage_duration * 4 / 5
    }

    /// s + G.
    #[must_use]
    pub fn generation_end(&self) -> u64 {
        self.start + self.durations.poc_stage_duration
    }

    /// Heights at which batches are taken: s + 1 to s + G + X.
    #[must_use]
    pub fn batch_window(&self) -> RangeInclusive<u64> {
        self.start + 1..=self.generation_end() + self.durations.poc_exchange_duration
    }

    /// s + G + D.
    #[must_use]
    pub fn validation_start(&self) -> u64 {
        self.generation_end() + self.durations.poc_validation_delay
    }

    /// s + G + D + ⌊4 V / 5⌋.
    #[must_use]
    pub fn validation_wind_down(&self) -> u64 {
        self.validation_start() + self.durations.poc_validation_duration * 4 / 5
    }

    /// Heights at which validations are taken: s + G + D + 1 to s + G + D + V.
    #[must_use]
    pub fn validation_window(&self) -> RangeInclusive<u64> {
        self.validation_start() + 1..=self.weights_computed()
    }

    /// s + G + D + V: the votes are counted.
    #[must_use]
    pub fn weights_computed(&self) -> u64 {
        self.validation_start() + self.durations.poc_validation_duration
    }

    /// The new weights rule from here on.
    #[must_use]
    pub fn new_validators(&self) -> u64 {
        self.weights_computed() + self.durations.set_new_validators_delay
    }

    /// The last epoch's rewards can be claimed from here on.
    #[must_use]
    pub fn claim(&self) -> u64 {
        self.new_validators() + 1
    }

    /// s + L - C: inference checks must be in.
    #[must_use]
    pub fn inference_validation_cutoff(&self) -> u64 {
        self.next_start() - self.durations.inference_validation_cutoff
    }

    /// s + L: the next epoch's start.
    #[must_use]
    pub fn next_start(&self) -> u64 {
        self.start + self.durations.epoch_length
    }

    /// What hosts do at `height`, before the next epoch's start.
    #[must_use]
    pub fn phase(&self, height: u64) -> Phase {
        if height < self.start {
            Phase::Inference
        } else if height < self.generation_wind_down() {
            Phase::Generate
        } else if height < self.validation_start() {
            Phase::GenerateWindDown
        } else if height < self.validation_wind_down() {
            Phase::Validate
        } else if height < self.weights_computed() {
            Phase::ValidateWindDown
        } else {
            Phase::Inference
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start, generation wind-down and end, last batch, validation start and wind-down, weights, validators,
    /// claim, cutoff, next start.
    fn heights(params: &EpochParams, index: u64) -> [u64; 11] {
        let s = params.epoch(index).unwrap();
        assert_eq!(*s.batch_window().start(), s.start() + 1);
        assert_eq!(*s.validation_window().start(), s.validation_start() + 1);
        assert_eq!(*s.validation_window().end(), s.weights_computed());
        [
            s.start(),
            s.generation_wind_down(),
            s.generation_end(),
            *s.batch_window().end(),
            s.validation_start(),
            s.validation_wind_down(),
            s.weights_computed(),
            s.new_validators(),
            s.claim(),
            s.inference_validation_cutoff(),
            s.next_start(),
        ]
    }

    #[test]
    fn presets_have_the_heights_of_the_table() {
        let code = [40, 48, 50, 52, 52, 56, 58, 59, 60, 80, 80];
        assert_eq!(heights(&EpochParams::CODE_DEFAULT, 1), code);
        let mainnet = [300, 348, 360, 365, 365, 381, 385, 505, 506, 17_500, 17_580];
        assert_eq!(heights(&EpochParams::MAINNET, 1), mainnet);
        assert_eq!(heights(&EpochParams::MAINNET, 2), mainnet.map(|h| h + 17_280));
        let test = [50, 53, 54, 55, 55, 58, 59, 60, 61, 100, 100];
        assert_eq!(heights(&EpochParams::TESTERMINT, 1), test);
    }

    #[test]
    fn presets_pass_their_own_check() {
        for preset in [EpochParams::CODE_DEFAULT, EpochParams::MAINNET, EpochParams::TESTERMINT] {
            assert_eq!(EpochParams::new(*preset.durations()), Ok(preset));
        }
    }

    #[test]
    fn phases_change_at_their_heights_only() {
        let stages = EpochParams::TESTERMINT.epoch(1).unwrap();
        let phases: alloc::vec::Vec<_> = (49..61).map(|h| stages.phase(h)).collect();
        use Phase::{Generate, GenerateWindDown, Inference, Validate, ValidateWindDown};
        let wanted = [
            Inference,
            Generate,
            Generate,
            Generate,
            GenerateWindDown,
            GenerateWindDown,
            Validate,
            Validate,
            Validate,
            ValidateWindDown,
            Inference,
            Inference,
        ];
        assert_eq!(phases, wanted);
    }

    #[test]
    fn epochs_are_counted_from_the_shifted_start() {
        let params = EpochParams::MAINNET;
        assert_eq!(params.epoch(0), None);
        assert_eq!([299, 300, 17_579, 17_580].map(|h| params.epoch_at(h)), [0, 1, 1, 2]);
        assert_eq!(params.epoch(u64::MAX), None);
        assert_eq!(params.epoch_at(u64::MAX), u64::MAX / 17_280);
    }

    #[test]
    fn durations_that_make_no_epoch_are_refused_by_name() {
        let base = *EpochParams::CODE_DEFAULT.durations();
        let refused = |durations| EpochParams::new(durations).unwrap_err().what;
        assert_eq!(refused(Durations { epoch_length: 0, ..base }), "epoch_shift");
        assert_eq!(refused(Durations { epoch_length: 1 << 32, ..base }), "epoch_length");
        assert_eq!(refused(Durations { epoch_shift: 40, ..base }), "epoch_shift");
        assert_eq!(refused(Durations { poc_stage_duration: 0, ..base }), "poc_stage_duration");
        assert_eq!(refused(Durations { poc_validation_duration: 0, ..base }), "poc_validation_duration");
        assert_eq!(refused(Durations { poc_exchange_duration: 3, ..base }), "poc_exchange_duration");
        assert_eq!(refused(Durations { poc_stage_duration: 30, ..base }), "the claim's offset");
        assert_eq!(
            refused(Durations { set_new_validators_delay: u64::MAX, ..base }),
            "set_new_validators_delay"
        );
        let cutoff = Durations { inference_validation_cutoff: 40, ..base };
        assert_eq!(refused(cutoff), "inference_validation_cutoff");
        assert!(Stages::new(&EpochParams::MAINNET, u64::MAX).is_err());
    }
}
