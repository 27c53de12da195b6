//! JSON without a tree: values stay text of the document until somebody asks for them, so that a document costs no
//! memory beside what is kept of it.
//!
//! `raw` is always the text of one valid JSON value, as [`members`] and [`elements`] give them.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Why JSON was not walked to its end.
pub(crate) enum Stop<E> {
    /// It is none after all: what a key says is no text.
    Json(serde_json::Error),
    /// The caller's.
    Own(E),
}

/// Calls `each` with every member of an object, in order.
pub(crate) fn members<'a, E>(
    raw: &'a str,
    each: impl FnMut(Cow<'a, str>, &'a str) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    let mut own = None;
    let walked = serde_json::Deserializer::from_str(raw).deserialize_map(Each { each, own: &mut own });
    stopped(walked, own)
}

/// Calls `each` with every entry of a list, in order.
pub(crate) fn elements<'a, E>(
    raw: &'a str,
    each: impl FnMut(usize, &'a str) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    let mut own = None;
    let walked = serde_json::Deserializer::from_str(raw).deserialize_seq(Entries { each, own: &mut own });
    stopped(walked, own)
}

fn stopped<E>(walked: Result<(), serde_json::Error>, own: Option<E>) -> Result<(), Stop<E>> {
    match (own, walked) {
        (Some(error), _) => Err(Stop::Own(error)),
        (None, Err(error)) => Err(Stop::Json(error)),
        (None, Ok(())) => Ok(()),
    }
}

/// The text that a JSON string holds; `None` for another value, and for half a surrogate pair.
pub(crate) fn text(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.starts_with('"') {
        return None;
    }
    Text.deserialize(&mut serde_json::Deserializer::from_str(raw)).ok()
}

/// Whether a text is a number as JSON writes them: no leading zeros, no `+`, no `NaN`.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit())
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The digits of a number, or of text that holds one as the chain writes it.
fn numeral(raw: &str) -> Option<Cow<'_, str>> {
    let numeral = if raw.starts_with('"') { text(raw)? } else { Cow::Borrowed(raw) };
    is_number(&numeral).then_some(numeral)
}

/// A number, text that holds one, or the chain's `{"value": "1398077", "exponent": -6}`: to the nearest f64, infinite
/// beyond it.
pub(crate) fn float(raw: &str) -> Option<f64> {
    if !raw.starts_with('{') {
        return numeral(raw)?.parse().ok();
    }
    let (mut value, mut exponent) = (None, 0);
    let read = members(raw, |name, raw| {
        match &*name {
            "value" => value = integer(raw),
            "exponent" => exponent = integer(raw).and_then(|e| i32::try_from(e).ok()).ok_or(())?,
            _ => {}
        }
        Ok::<(), ()>(())
    });
    read.ok()?;
    // Read as decimal text, so that the nearest f64 results.
    format!("{}e{exponent}", value?).parse().ok()
}

/// A whole number, or text that holds one. One with a point or an exponent counts where f64 has every integer.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and below 2^53")]
pub(crate) fn integer(raw: &str) -> Option<i64> {
    let numeral = numeral(raw)?;
    if !numeral.contains(['.', 'e', 'E']) {
        return numeral.parse().ok();
    }
    let float: f64 = numeral.parse().ok()?;
    (libm::trunc(float) == float && float.abs() < 9_007_199_254_740_992.0).then_some(float as i64)
}

/// A value for a message: its kind, or its text, escaped and cut.
pub(crate) fn described(raw: &str) -> String {
    match raw.as_bytes().first() {
        Some(b'{') => "an object".to_string(),
        Some(b'[') => "a list".to_string(),
        Some(b'"') => crate::text::shown(raw.trim_matches('"')),
        _ => raw.chars().take(crate::text::MAX_SHOWN).collect(),
    }
}

/// The members of an object that a reader knows.
pub(crate) struct Fields<'a> {
    known: Vec<(&'static str, &'a str)>,
    /// The first of them that stands twice.
    pub(crate) repeated: Option<&'static str>,
    /// The first that is none of them, as shown in messages.
    pub(crate) unknown: Option<String>,
}

impl<'a> Fields<'a> {
    /// Reads an object; memory does not grow with the members that are not `names`.
    pub(crate) fn read(raw: &'a str, names: &[&'static str]) -> Result<Self, serde_json::Error> {
        let mut fields = Self { known: Vec::new(), repeated: None, unknown: None };
        let read = members(raw, |name, raw| {
            match names.iter().copied().find(|known| *known == &*name) {
                None if fields.unknown.is_none() => fields.unknown = Some(crate::text::shown(&name)),
                None => {}
                Some(known) if fields.has(known) => fields.repeated = fields.repeated.or(Some(known)),
                Some(known) => fields.known.push((known, raw)),
            }
            Ok::<(), core::convert::Infallible>(())
        });
        match read {
            Err(Stop::Json(error)) => Err(error),
            Ok(()) => Ok(fields),
        }
    }

    /// Whether a member is there, null included.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.known.iter().any(|(known, _)| *known == name)
    }

    /// A member's value; null counts as absent, as the network's encoders mean it.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        self.strict(name).filter(|raw| *raw != "null")
    }

    /// A member's value, null included.
    pub(crate) fn strict(&self, name: &str) -> Option<&'a str> {
        self.known.iter().find(|(known, _)| *known == name).map(|(_, raw)| *raw)
    }

    /// The first known member that is none of `names`.
    pub(crate) fn other_than(&self, names: &[&str]) -> Option<&'static str> {
        self.known.iter().map(|(known, _)| *known).find(|known| !names.contains(known))
    }
}

struct Each<'e, F, E> {
    each: F,
    own: &'e mut Option<E>,
}

impl<'de, E, F: FnMut(Cow<'de, str>, &'de str) -> Result<(), E>> Visitor<'de> for Each<'_, F, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Text)? {
            let raw: &'de RawValue = map.next_value()?;
            if let Err(error) = (self.each)(name, raw.get()) {
                *self.own = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

struct Entries<'e, F, E> {
    each: F,
    own: &'e mut Option<E>,
}

impl<'de, E, F: FnMut(usize, &'de str) -> Result<(), E>> Visitor<'de> for Entries<'_, F, E> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(raw) = list.next_element::<&'de RawValue>()? {
            if let Err(error) = (self.each)(index, raw.get()) {
                *self.own = Some(error);
                return Err(A::Error::custom("stopped"));
            }
            index += 1;
        }
        Ok(())
    }
}

/// A text, borrowed where it has no escapes.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_networks_encoders_write_them() {
        for (raw, want) in [
            ("8", Some(8)),
            ("8.0", Some(8)),
            ("\"8\"", Some(8)),
            ("\"8.0\"", Some(8)),
            ("1e3", Some(1000)),
            ("-1", Some(-1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("9007199254740992.0", None),
            ("1.5", None),
            ("\"08\"", None),
            ("\"+8\"", None),
            ("\" 8\"", None),
            ("\"8 \"", None),
            ("\"\"", None),
            ("true", None),
            ("[8]", None),
        ] {
            assert_eq!(integer(raw), want, "{raw}");
        }
        for (raw, want) in [
            ("1.25", Some(1.25)),
            ("\"1e-5\"", Some(1e-5)),
            ("{\"value\": \"1398077\", \"exponent\": -6}", Some(1.398_077)),
            ("{\"value\": 5}", Some(5.0)),
            ("{\"exponent\": 5}", None),
            ("{\"value\": 5, \"exponent\": 99999999999}", None),
            ("\"NaN\"", None),
            ("\"inf\"", None),
            ("1e999", Some(f64::INFINITY)),
        ] {
            assert_eq!(float(raw), want, "{raw}");
        }
    }

    #[test]
    fn fields_keep_what_is_known_and_name_the_first_of_the_rest() {
        let fields = Fields::read("{\"a\": 1, \"x\\u001b\": 2, \"b\": null, \"a\": 3}", &["a", "b"]).unwrap();
        assert_eq!((fields.get("a"), fields.get("b"), fields.strict("b")), (Some("1"), None, Some("null")));
        assert_eq!((fields.repeated, fields.unknown.as_deref()), (Some("a"), Some("\"x\\u{1b}\"")));
        assert!(Fields::read("{\"\\ud800\": 1}", &[]).is_err());
    }
}
