//! How hard a win is, what it weighs, and how that follows the network's power (SPEC §III.11).
//!
//! The knob is a cosine's square as a threshold of the exact profile (§II.8), for the gonka profile the same cap as
//! a radius. All in integers: every node moves it alike.

mod rate;

pub use rate::CapRates;

/// Lowest success rate, 2^-20, in units of 2^-64.
pub const MIN_RATE: u64 = 1 << 44;
/// Highest success rate, 1/4, in units of 2^-64.
pub const MAX_RATE: u64 = 1 << 62;
/// Smallest vocab (§II.2).
pub const MIN_VOCAB: u32 = 16;
/// Largest vocab (§I.6).
pub const MAX_VOCAB: u32 = 1 << 20;

/// A difficulty or an interval that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DifficultyError {
    /// A vocab outside the bounds.
    #[error("vocab is {got}, expected {MIN_VOCAB} to {MAX_VOCAB}")]
    Vocab {
        /// The vocab.
        got: u32,
    },
    /// A threshold whose success rate is outside 2^-20 to 1/4.
    #[error("threshold {got} has success rate {rate} / 2^64, expected {MIN_RATE} to {MAX_RATE}")]
    Threshold {
        /// The threshold.
        got: u32,
        /// Its success rate, in units of 2^-64.
        rate: u64,
    },
    /// A goal of no wins or no time.
    #[error("the goal is {wins} wins in {duration_ms} ms, expected both above 0")]
    Goal {
        /// Wins wanted.
        wins: u64,
        /// In this time.
        duration_ms: u64,
    },
    /// Two marks that bound no interval.
    #[error("{what} goes from {from} to {to}, expected it to {expected}")]
    Interval {
        /// `height`, `time` or `wins`.
        what: &'static str,
        /// At the earlier mark.
        from: u64,
        /// At the later mark.
        to: u64,
        /// `grow` or `not fall`.
        expected: &'static str,
    },
}

/// What a chain says of itself at one of its blocks: everything counted from the same beginning to this block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The block's height.
    pub height: u64,
    /// The block's time, in milliseconds.
    pub time_ms: u64,
    /// Wins accepted in the chain up to this block.
    pub wins: u64,
}

/// Wins and time between two blocks of one chain: both from the same two marks, so they cannot span different
/// intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    wins: u64,
    duration_ms: u64,
}

impl Interval {
    /// From one block to a later one of the same chain.
    ///
    /// # Errors
    /// [`DifficultyError::Interval`] when height or time does not grow, or wins fall.
    pub fn between(from: &Mark, to: &Mark) -> Result<Self, DifficultyError> {
        let check = |what, from: u64, to: u64, is_good: bool, expected| {
            if is_good { Ok(to - from) } else { Err(DifficultyError::Interval { what, from, to, expected }) }
        };
        check("height", from.height, to.height, from.height < to.height, "grow")?;
        let duration_ms = check("time", from.time_ms, to.time_ms, from.time_ms < to.time_ms, "grow")?;
        let wins = check("wins", from.wins, to.wins, from.wins <= to.wins, "not fall")?;
        Ok(Self { wins, duration_ms })
    }

    /// Wins in it.
    #[must_use]
    pub fn wins(&self) -> u64 {
        self.wins
    }

    /// Its length in milliseconds.
    #[must_use]
    pub fn duration_ms(&self) -> u64 {
        self.duration_ms
    }
}

/// How many wins the network wants in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    wins: u64,
    duration_ms: u64,
}

impl Goal {
    /// `wins` in `duration_ms` milliseconds.
    ///
    /// # Errors
    /// [`DifficultyError::Goal`] when either is 0.
    pub fn new(wins: u64, duration_ms: u64) -> Result<Self, DifficultyError> {
        if wins == 0 || duration_ms == 0 {
            return Err(DifficultyError::Goal { wins, duration_ms });
        }
        Ok(Self { wins, duration_ms })
    }
}

/// A threshold with the success rate that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difficulty {
    rates: CapRates,
    threshold: u32,
    rate: u64,
}

impl Difficulty {
    /// The difficulty of a threshold for logits of length `vocab`.
    ///
    /// # Errors
    /// [`DifficultyError::Vocab`]; [`DifficultyError::Threshold`] when its success rate is outside [`MIN_RATE`] to
    /// [`MAX_RATE`].
    pub fn new(vocab: u32, threshold: u32) -> Result<Self, DifficultyError> {
        let rates = CapRates::new(vocab).ok_or(DifficultyError::Vocab { got: vocab })?;
        let rate = rates.rate(threshold);
        if !(MIN_RATE..=MAX_RATE).contains(&rate) {
            return Err(DifficultyError::Threshold { got: threshold, rate });
        }
        Ok(Self { rates, threshold, rate })
    }

    /// The difficulty whose success rate is nearest below `rate`, in units of 2^-64, cut to [`MIN_RATE`] and
    /// [`MAX_RATE`].
    ///
    /// # Errors
    /// [`DifficultyError::Vocab`].
    pub fn with_rate(vocab: u32, rate: u64) -> Result<Self, DifficultyError> {
        let rates = CapRates::new(vocab).ok_or(DifficultyError::Vocab { got: vocab })?;
        Ok(Self::at_rate(rates, rate))
    }

    fn at_rate(rates: CapRates, rate: u64) -> Self {
        let mut threshold = rates.threshold(rate.clamp(MIN_RATE, MAX_RATE));
        // The nearest below the lowest rate is outside.
        if rates.rate(threshold) < MIN_RATE {
            threshold -= 1;
        }
        let rate = rates.rate(threshold);
        Self { rates, threshold, rate }
    }

    /// The threshold of the exact profile (§II.8).
    #[must_use]
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    /// P(a nonce wins), in units of 2^-64.
    #[must_use]
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// r_target of the gonka profile: the chord of the same cap, √(2 - 2 √(threshold / 2^32)). Square roots and sums
    /// are correctly rounded, so every machine has the same bits.
    #[must_use]
    pub fn r_target(&self) -> f64 {
        libm::sqrt(2.0 - 2.0 * libm::sqrt(f64::from(self.threshold) / 4_294_967_296.0))
    }

    /// What `wins` weigh: the nonces that they take on average, ⌊wins · 2^64 / rate⌋. An easier radius gives more
    /// wins of less weight, and no more weight for the same work, SPEC §III.11.
    #[must_use]
    pub fn weight(&self, wins: u64) -> u128 {
        (u128::from(wins) << 64) / u128::from(self.rate)
    }

    /// The next stage's difficulty: the success rate times wanted / seen wins for the interval's time, at least half
    /// and at most twice what it was, SPEC §III.11.
    #[must_use]
    pub fn next(&self, seen: &Interval, goal: &Goal) -> Self {
        let wanted = u128::from(goal.wins) * u128::from(seen.duration_ms);
        let seen = u128::from(seen.wins) * u128::from(goal.duration_ms);
        // To 62 bits: only their ratio counts, and it must be multiplied by a rate.
        let shift = 66_u32.saturating_sub(wanted.max(seen).leading_zeros());
        let (wanted, seen) = (wanted >> shift, seen >> shift);
        let rate = if wanted >= 2 * seen {
            2 * u128::from(self.rate)
        } else if 2 * wanted <= seen {
            u128::from(self.rate) / 2
        } else {
            u128::from(self.rate) * wanted / seen
        };
        Self::at_rate(self.rates.clone(), u64::try_from(rate).expect("at most twice 2^62"))
    }
}
