//! Whole numbers and exact decimals of requests.

use crate::error::Failure;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use sphere_pow_core::network::decimal::Decimal;
use sphere_pow_core::network::ratio::Ratio;
use sphere_pow_core::text::{self, shown};
use std::fmt;

/// Largest height taken and given: JavaScript's numbers are exact up to here.
const MAX_HEIGHT: u64 = (1 << 53) - 1;

/// A whole number, as a JSON number or as decimal text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole(i128);

impl Whole {
    fn within<T: TryFrom<i128>>(self, what: &str, least: i128, most: i128) -> Result<T, Failure> {
        let value = (least..=most).contains(&self.0).then(|| T::try_from(self.0).ok()).flatten();
        value.ok_or_else(|| {
            Failure::range(format!("{what} is {}, expected a whole number from {least} to {most}", self.0))
        })
    }

    /// A count or an amount.
    pub(super) fn amount(self, what: &str) -> Result<u64, Failure> {
        self.within(what, 0, i128::from(u64::MAX))
    }

    /// A number of the chain's int64.
    pub(super) fn signed(self, what: &str) -> Result<i64, Failure> {
        self.within(what, i128::from(i64::MIN), i128::from(i64::MAX))
    }

    /// A height, an epoch, or a count of things: exact as a JavaScript number.
    pub(super) fn height(self, what: &str) -> Result<u64, Failure> {
        self.within(what, 0, i128::from(MAX_HEIGHT))
    }

    /// A number of at most 32 bits.
    pub(super) fn small(self, what: &str) -> Result<u32, Failure> {
        self.within(what, 0, i128::from(u32::MAX))
    }

    /// A place in a list.
    pub(super) fn place(self, what: &str, length: usize) -> Result<usize, Failure> {
        let most = length.checked_sub(1).and_then(|most| i128::try_from(most).ok());
        let Some(most) = most else {
            return Err(Failure::range(format!(
                "{what} is {}, expected a place in a list that is empty",
                self.0
            )));
        };
        self.within(what, 0, most)
    }
}

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, as a number or as decimal text")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Whole, E> {
                Ok(Whole(value.into()))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Whole, E> {
                Ok(Whole(value.into()))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Whole, E> {
                let digits = text.strip_prefix('-').unwrap_or(text);
                let is_number =
                    (1..=38).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
                let value = is_number.then(|| text.parse().ok()).flatten();
                value.map(Whole).ok_or_else(|| E::custom(format!("{} is no whole number", shown(text))))
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// An exact decimal, as text such as `0.05`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact(pub(super) Decimal);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // The library's own words quote the text.
        text.parse()
            .map(Self)
            .map_err(|_| D::Error::custom(format!("{} is no decimal number such as \"0.05\"", shown(&text))))
    }
}

/// A ratio of two whole numbers.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fraction {
    numerator: Whole,
    denominator: Whole,
}

impl Fraction {
    pub(super) fn ratio(self, what: &str) -> Result<Ratio, Failure> {
        let (numerator, denominator) = (self.numerator.small(what)?, self.denominator.small(what)?);
        Ratio::new(numerator, denominator)
            .ok_or_else(|| Failure::range(format!("{what} has the denominator 0, expected 1 or more")))
    }
}

/// Amounts of a list, each named by its place.
pub(super) fn amounts(what: &str, list: &[Whole]) -> Result<Vec<u64>, Failure> {
    super::check_list(what, list)?;
    list.iter().enumerate().map(|(ix, value)| value.amount(&format!("{what}[{ix}]"))).collect()
}

/// Numbers as decimal text.
pub(super) fn texts<T: ToString>(list: impl IntoIterator<Item = T>) -> Vec<String> {
    list.into_iter().map(|value| value.to_string()).collect()
}

/// 32 bytes from 64 hex digits.
pub(super) fn bytes32(what: &str, digits: &str) -> Result<[u8; 32], Failure> {
    let refuse = || Failure::format(format!("{what} is {}, expected 64 hex digits", shown(digits)));
    text::bytes32(digits).ok_or_else(refuse)
}

/// 64 bytes of 128 hex digits.
pub(super) fn bytes64(what: &str, digits: &str) -> Result<[u8; 64], Failure> {
    let halves = digits
        .split_at_checked(64)
        .and_then(|(first, last)| Some((text::bytes32(first)?, text::bytes32(last)?)));
    let (first, last) = halves
        .ok_or_else(|| Failure::format(format!("{what} is {}, expected 128 hex digits", shown(digits))))?;
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&first);
    bytes[32..].copy_from_slice(&last);
    Ok(bytes)
}

/// What a rule of core refuses is out of range.
pub(super) fn refused(error: impl ToString) -> Failure {
    Failure::range(error)
}
