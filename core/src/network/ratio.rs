//! A ratio of two integers, for shares and factors that the network's parameters give.

/// `num / den` with a denominator above 0, both below 2^32, so that products with 64-bit weights stay within u128.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    num: u32,
    den: u32,
}

impl Ratio {
    /// `num / den`; `None` when `den` is 0.
    #[must_use]
    pub const fn new(num: u32, den: u32) -> Option<Self> {
        if den == 0 { None } else { Some(Self { num, den }) }
    }

    /// `percent` / 100.
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        Self { num: percent, den: 100 }
    }

    /// The numerator.
    #[must_use]
    pub const fn num(self) -> u128 {
        self.num as u128
    }

    /// The denominator, above 0.
    #[must_use]
    pub const fn den(self) -> u128 {
        self.den as u128
    }

    /// The larger of two ratios.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        if self.num() * other.den() < other.num() * self.den() { other } else { self }
    }

    /// ⌊value · num / den⌋, at most `u64::MAX`.
    #[must_use]
    pub fn of(self, value: u64) -> u64 {
        u64::try_from(u128::from(value) * self.num() / self.den()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_compare_by_value_and_cut_what_they_take() {
        let third = Ratio::new(1, 3).unwrap();
        assert_eq!(third.max(Ratio::percent(33)), third);
        assert_eq!(Ratio::percent(34).max(third), Ratio::percent(34));
        assert_eq!([third.of(8), third.of(u64::MAX)], [2, u64::MAX / 3]);
        assert_eq!(Ratio::new(2, 1).unwrap().of(u64::MAX), u64::MAX);
        assert_eq!(Ratio::new(1, 0), None);
    }
}
