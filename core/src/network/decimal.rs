//! Exact decimal numbers with the reference's one rounding (SPEC §III.1).
//!
//! The network decides with an arbitrary-precision decimal library: sums and products are exact, a quotient is
//! rounded to 16 decimals. Ready-made fixed-size decimals round products too, so they would decide otherwise in
//! the last digit; these here are exact or an error.

use core::cmp::Ordering;
use core::fmt;

/// Decimals kept by a division.
pub const DIVISION_SCALE: u32 = 16;
/// Most decimals a number can have: 10^38 is the last power of ten within i128.
pub const MAX_SCALE: u32 = 38;

/// A decimal operation without an exact answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecimalError {
    /// The result does not fit: more than [`MAX_SCALE`] decimals, or a coefficient beyond i128.
    #[error("decimal {operation} overflows: a result has at most {MAX_SCALE} decimals and 127 bits")]
    Overflow {
        /// The operation's name.
        operation: &'static str,
    },
    /// Division by zero.
    #[error("decimal division by zero")]
    DivisionByZero,
    /// No decimal number.
    #[error("{got:?} is not a decimal number such as -0.05")]
    Text {
        /// The text, cut to 64 characters.
        got: alloc::string::String,
    },
}

/// coefficient · 10^-scale, without trailing zeros, so that equal numbers are equal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    coefficient: i128,
    scale: u32,
}

impl Decimal {
    /// 0.
    pub const ZERO: Self = Self { coefficient: 0, scale: 0 };
    /// 1.
    pub const ONE: Self = Self { coefficient: 1, scale: 0 };

    /// `hundredths` / 100.
    #[must_use]
    pub const fn hundredths(hundredths: u32) -> Self {
        Self::normalised(hundredths as i128, 2)
    }

    /// coefficient · 10^-scale.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`] with more than [`MAX_SCALE`] decimals.
    pub const fn new(coefficient: i128, scale: u32) -> Result<Self, DecimalError> {
        if scale > MAX_SCALE {
            return Err(DecimalError::Overflow { operation: "construction" });
        }
        Ok(Self::normalised(coefficient, scale))
    }

    const fn normalised(mut coefficient: i128, mut scale: u32) -> Self {
        while scale > 0 && coefficient % 10 == 0 {
            coefficient /= 10;
            scale -= 1;
        }
        Self { coefficient, scale }
    }

    fn checked(operation: &'static str, value: Option<(i128, u32)>) -> Result<Self, DecimalError> {
        match value {
            Some((coefficient, scale)) => {
                let value = Self::normalised(coefficient, scale);
                if value.scale > MAX_SCALE { Err(DecimalError::Overflow { operation }) } else { Ok(value) }
            }
            None => Err(DecimalError::Overflow { operation }),
        }
    }

    /// The coefficient with `scale` decimals, `scale` at least this number's own.
    fn at_scale(self, scale: u32) -> Option<i128> {
        self.coefficient.checked_mul(10_i128.checked_pow(scale - self.scale)?)
    }

    /// Exact sum.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, DecimalError> {
        let scale = self.scale.max(other.scale);
        let sum = || Some((self.at_scale(scale)?.checked_add(other.at_scale(scale)?)?, scale));
        Self::checked("addition", sum())
    }

    /// Exact difference.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, DecimalError> {
        let scale = self.scale.max(other.scale);
        let difference = || Some((self.at_scale(scale)?.checked_sub(other.at_scale(scale)?)?, scale));
        Self::checked("subtraction", difference())
    }

    /// Exact product.
    ///
    /// # Errors
    /// [`DecimalError::Overflow`].
    pub fn checked_mul(self, other: Self) -> Result<Self, DecimalError> {
        let product = self.coefficient.checked_mul(other.coefficient);
        Self::checked("multiplication", product.map(|p| (p, self.scale + other.scale)))
    }

    /// The quotient rounded to [`DIVISION_SCALE`] decimals, halves away from zero.
    ///
    /// # Errors
    /// [`DecimalError::DivisionByZero`], [`DecimalError::Overflow`].
    pub fn checked_div(self, other: Self) -> Result<Self, DecimalError> {
        if other.coefficient == 0 {
            return Err(DecimalError::DivisionByZero);
        }
        // self / other · 10^16 = self.coefficient · 10^up / (other.coefficient · 10^down).
        let (up, down) = (DIVISION_SCALE + other.scale, self.scale);
        let common = up.min(down);
        let quotient = || {
            let top = self.coefficient.checked_mul(10_i128.checked_pow(up - common)?)?;
            let bottom = other.coefficient.checked_mul(10_i128.checked_pow(down - common)?)?;
            let (quotient, rest) = (top.checked_div(bottom)?, top.checked_rem(bottom)?.unsigned_abs());
            let is_up = rest >= bottom.unsigned_abs() - rest;
            let away = if (top < 0) == (bottom < 0) { 1 } else { -1 };
            Some((if is_up { quotient.checked_add(away)? } else { quotient }, DIVISION_SCALE))
        };
        Self::checked("division", quotient())
    }

    /// The number cut after `decimals` decimals, towards zero.
    #[must_use]
    pub fn truncate(self, decimals: u32) -> Self {
        if self.scale <= decimals {
            return self;
        }
        Self::normalised(self.coefficient / 10_i128.pow(self.scale - decimals), decimals)
    }

    /// The whole part, towards zero.
    #[must_use]
    pub fn whole(self) -> i128 {
        self.truncate(0).coefficient
    }

    /// The nearest f64, for display: decides nothing.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a display value")]
    pub fn to_f64(self) -> f64 {
        self.coefficient as f64 / libm::pow(10.0, f64::from(self.scale))
    }
}

impl From<u64> for Decimal {
    fn from(value: u64) -> Self {
        Self { coefficient: i128::from(value), scale: 0 }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        // Whole parts first, then fractions of 38 digits: neither can overflow.
        let parts = |x: &Self| {
            let one = 10_i128.pow(x.scale);
            (x.coefficient.div_euclid(one), x.coefficient.rem_euclid(one) * 10_i128.pow(MAX_SCALE - x.scale))
        };
        parts(self).cmp(&parts(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.coefficient < 0 { "-" } else { "" };
        let (size, one) = (self.coefficient.unsigned_abs(), 10_u128.pow(self.scale));
        if self.scale == 0 {
            return write!(f, "{sign}{size}");
        }
        write!(f, "{sign}{}.{:0width$}", size / one, size % one, width = self.scale as usize)
    }
}

impl core::str::FromStr for Decimal {
    type Err = DecimalError;

    /// Reads an optional minus sign, digits, and an optional point with digits after it.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let bad = || DecimalError::Text { got: text.chars().take(64).collect() };
        let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (whole, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
        if !is_digits(whole) || !is_digits(fraction) {
            return Err(bad());
        }
        let mut coefficient = 0_i128;
        for digit in whole.bytes().chain(fraction.bytes()) {
            let next = coefficient.checked_mul(10).and_then(|c| c.checked_add(i128::from(digit - b'0')));
            coefficient = next.ok_or(DecimalError::Overflow { operation: "construction" })?;
        }
        let scale = u32::try_from(fraction.len()).map_err(|_| bad())?;
        Self::new(sign * coefficient, scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn quotients_round_halves_away_from_zero_at_16_decimals() {
        assert_eq!(Decimal::ONE.checked_div(d("3")).unwrap(), d("0.3333333333333333"));
        assert_eq!(d("2").checked_div(d("3")).unwrap(), d("0.6666666666666667"));
        assert_eq!(d("-2").checked_div(d("3")).unwrap(), d("-0.6666666666666667"));
        assert_eq!(d("0.0000000000000001").checked_div(d("2")).unwrap(), d("0.0000000000000001"));
        assert_eq!(d("0.0000000000000001").checked_div(d("-2")).unwrap(), d("-0.0000000000000001"));
        assert_eq!(d("0.0000000000000001").checked_div(d("2.1")).unwrap(), Decimal::ZERO);
        assert_eq!(d("1").checked_div(Decimal::ZERO), Err(DecimalError::DivisionByZero));
    }

    #[test]
    fn sums_and_products_are_exact_or_an_error() {
        assert_eq!(d("0.1").checked_add(d("0.2")).unwrap(), d("0.3"));
        assert_eq!(d("0.1").checked_mul(d("0.1")).unwrap().to_string(), "0.01");
        let tiny = Decimal::new(1, 38).unwrap();
        assert_eq!(tiny.checked_mul(d("0.1")), Err(DecimalError::Overflow { operation: "multiplication" }));
        assert_eq!(tiny.checked_add(d("9")), Err(DecimalError::Overflow { operation: "addition" }));
        assert!(Decimal::new(1, 39).is_err());
    }

    #[test]
    fn order_is_by_value_without_overflow() {
        let huge = Decimal::new(i128::MAX, 0).unwrap();
        let tiny = Decimal::new(1, 38).unwrap();
        assert!(tiny < huge && Decimal::ZERO < tiny && d("-0.1") < d("-0.01") && d("-2") < d("-1.5"));
        assert_eq!(d("1.50"), d("1.5"));
    }

    #[test]
    fn text_is_read_back_and_nonsense_refused() {
        for text in ["0", "-1", "0.05", "12.3456", "-0.000475"] {
            assert_eq!(d(text).to_string(), text);
        }
        for bad in ["", "-", ".", "1.", ".5", "+1", "1e3", "NaN", "1.2.3", " 1"] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad:?} was accepted");
        }
        assert!("9".repeat(60).parse::<Decimal>().is_err());
        assert_eq!(d("-1.999").truncate(2), d("-1.99"));
        assert_eq!(d("-1.999").whole(), -1);
    }
}
