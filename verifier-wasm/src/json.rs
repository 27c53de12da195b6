//! JSON of what crosses to JavaScript.

use crate::error::Failure;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::io::{Result as IoResult, Write};

/// JSON of a value, each float in the shortest digits that read back as it.
///
/// As `serde_json::to_string`, but with the digits of Rust's core, which are here anyway: the tables of serde_json's
/// own writer would be a twentieth of the package.
///
/// # Errors
/// None for values without maps whose keys are no text.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, Failure> {
    let mut out = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut out, CoreDigits))?;
    String::from_utf8(out).map_err(Failure::internal)
}

/// The seconds since 1970 by the host's clock, 0 where it is before.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole seconds, 0 for what is below"
)]
pub fn unix_seconds() -> u64 {
    (js_sys::Date::now() / 1000.0) as u64
}

struct CoreDigits;

impl Formatter for CoreDigits {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> IoResult<()> {
        write!(writer, "{value:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::to_string;

    #[test]
    fn floats_are_json_and_read_back_to_the_bit() {
        let mut bits = 1_u64;
        let mut values =
            vec![0.0, -0.0, 1.0, 0.1, 1e16, 1e-5, 1e21, 1e-7, 5e-324, f64::MIN_POSITIVE, f64::MAX];
        values.extend((0..10_000).map(|_| {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from_bits(bits)
        }));
        for value in values {
            let text = to_string(&value).expect("a number");
            if value.is_finite() {
                let back: f64 = text.parse().expect("a number");
                assert!(serde_json::from_str::<f64>(&text).is_ok(), "{text}");
                assert_eq!(back.to_bits(), value.to_bits(), "{text}");
            } else {
                assert_eq!(text, "null");
            }
        }
    }
}
