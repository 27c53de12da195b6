//! JSON without a tree: values stay text of the document until somebody asks for them, so that a document costs no
//! memory beside what is kept of it.
//!
//! serde_json says what is JSON; what it took is split here, where it costs no code for each kind of reader. `raw` is
//! always the text of one valid JSON value, as [`only`], [`members`] and [`elements`] give them.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::ops::ControlFlow;
use serde::de::IgnoredAny;

/// Why a value was not walked to its end.
#[derive(Debug)]
pub enum Stop<E> {
    /// It is another value than expected, or what a key says is no text: the reason.
    Json(&'static str),
    /// The caller's.
    Own(E),
}

/// The one value of a text, without the white space around it.
///
/// # Errors
/// Where it is no JSON, or more than one value.
pub fn only(text: &str) -> Result<&str, serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text)?;
    Ok(text.trim_matches([' ', '\t', '\r', '\n']))
}

/// What a walk comes by.
enum Step<'a> {
    Member(&'a str, &'a str),
    Entry(usize, &'a str),
}

/// Walks the members of an object or the entries of a list until `each` says stop.
fn walk<'a>(raw: &'a str, open: u8, each: &mut dyn FnMut(Step<'a>) -> ControlFlow<()>) {
    let mut at = 1;
    for index in 0.. {
        let Some(mut start) = word(raw, at) else { return };
        let mut end = end_of(raw, start);
        let mut step = Step::Entry(index, raw.get(start..end).unwrap_or_default());
        if open == b'{' {
            let name = raw.get(start..end).unwrap_or_default();
            // Past the colon.
            let Some(colon) = word(raw, end) else { return };
            let Some(value) = word(raw, colon + 1) else { return };
            (start, end) = (value, end_of(raw, value));
            step = Step::Member(name, raw.get(start..end).unwrap_or_default());
        }
        if start == end || each(step).is_break() {
            return;
        }
        // Past the comma, or out.
        let Some(comma) = word(raw, end) else { return };
        at = comma + 1;
    }
}

/// Where the next thing that is no white space begins.
fn word(raw: &str, at: usize) -> Option<usize> {
    let rest = raw.as_bytes().get(at..)?;
    rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).map(|skipped| at + skipped)
}

/// Where the value that begins at `start` ends.
fn end_of(raw: &str, start: usize) -> usize {
    let bytes = raw.as_bytes();
    let (mut at, mut depth, mut in_text) = (start, 0_usize, false);
    while let Some(byte) = bytes.get(at) {
        let is_end = match byte {
            b'\\' if in_text => {
                at += 1;
                false
            }
            b'"' => {
                in_text = !in_text;
                !in_text && depth == 0
            }
            _ if in_text => false,
            b'{' | b'[' => {
                depth += 1;
                false
            }
            // Of what is around a number or word.
            b'}' | b']' | b',' | b' ' | b'\t' | b'\r' | b'\n' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                depth == 0
            }
            _ => false,
        };
        at += 1;
        if is_end {
            break;
        }
    }
    at.min(bytes.len())
}

/// Calls `each` with every member of an object, in order.
///
/// # Errors
/// [`Stop`]: the first of `each`, or a key that is no text.
pub fn members<'a, E>(
    raw: &'a str,
    mut each: impl FnMut(Cow<'a, str>, &'a str) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    if !raw.starts_with('{') {
        return Err(Stop::Json("another value, expected an object"));
    }
    let mut stop = None;
    walk(raw, b'{', &mut |step| {
        let Step::Member(name, raw) = step else { return ControlFlow::Continue(()) };
        stop = match text(name) {
            Some(name) => each(name, raw).err().map(Stop::Own),
            None => Some(Stop::Json("a key has half a surrogate pair")),
        };
        if stop.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    stop.map_or(Ok(()), Err)
}

/// Calls `each` with every entry of a list, in order.
///
/// # Errors
/// As [`members`].
pub fn elements<'a, E>(
    raw: &'a str,
    mut each: impl FnMut(usize, &'a str) -> Result<(), E>,
) -> Result<(), Stop<E>> {
    if !raw.starts_with('[') {
        return Err(Stop::Json("another value, expected a list"));
    }
    let mut stop = None;
    walk(raw, b'[', &mut |step| {
        let Step::Entry(index, raw) = step else { return ControlFlow::Continue(()) };
        stop = each(index, raw).err().map(Stop::Own);
        if stop.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    stop.map_or(Ok(()), Err)
}

/// The text that a JSON string holds; `None` for another value, and for half a surrogate pair.
#[must_use]
pub fn text(raw: &str) -> Option<Cow<'_, str>> {
    let mut rest = raw.strip_prefix('"')?.strip_suffix('"')?;
    if !rest.contains('\\') {
        return Some(Cow::Borrowed(rest));
    }
    let mut text = String::with_capacity(rest.len());
    while let Some((plain, escaped)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut left = escaped.chars();
        let char = match left.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (unit, after) = code_unit(left.as_str())?;
                left = after.chars();
                match unit {
                    0xd800..0xdc00 => {
                        let (low, after) = code_unit(after.strip_prefix("\\u")?)?;
                        left = after.chars();
                        let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                        char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + low)?
                    }
                    unit => char::from_u32(unit)?,
                }
            }
            own => own,
        };
        text.push(char);
        rest = left.as_str();
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
}

/// The number of four hexadecimal digits, and what follows.
fn code_unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
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

/// A number, to the nearest f64, infinite beyond it; `None` for another value.
#[must_use]
pub fn number(raw: &str) -> Option<f64> {
    if raw.starts_with(['"', '{']) { None } else { float(raw) }
}

/// A number, text that holds one, or the chain's `{"value": "1398077", "exponent": -6}`: to the nearest f64, infinite
/// beyond it.
#[must_use]
pub fn float(raw: &str) -> Option<f64> {
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
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and below 2^53")]
pub fn integer(raw: &str) -> Option<i64> {
    let numeral = numeral(raw)?;
    if !numeral.contains(['.', 'e', 'E']) {
        return numeral.parse().ok();
    }
    let float: f64 = numeral.parse().ok()?;
    (libm::trunc(float) == float && float.abs() < 9_007_199_254_740_992.0).then_some(float as i64)
}

/// The integer that decimal digits without zeros in front say, as `exact` writes those that may pass 2^53.
#[must_use]
pub fn digits(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

/// A value for a message: its kind, or its text, escaped and cut.
#[must_use]
pub fn described(raw: &str) -> String {
    match raw.as_bytes().first() {
        Some(b'{') => "an object".to_string(),
        Some(b'[') => "a list".to_string(),
        Some(b'"') => crate::text::shown(raw.trim_matches('"')),
        _ => raw.chars().take(crate::text::MAX_SHOWN).collect(),
    }
}

/// The members of an object that a reader knows.
#[derive(Debug)]
pub struct Fields<'a> {
    known: Vec<(&'static str, &'a str)>,
    /// The first of them that stands twice.
    pub repeated: Option<&'static str>,
    /// The first that is none of them, as shown in messages.
    pub unknown: Option<String>,
}

impl<'a> Fields<'a> {
    /// Reads an object; memory does not grow with the members that are not `names`.
    ///
    /// # Errors
    /// For another value, and for a key that is no text.
    pub fn read(raw: &'a str, names: &[&'static str]) -> Result<Self, &'static str> {
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
            Err(Stop::Json(reason)) => Err(reason),
            Ok(()) => Ok(fields),
        }
    }

    /// Whether a member is there, null included.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.known.iter().any(|(known, _)| *known == name)
    }

    /// A member's value; null counts as absent, as the network's encoders mean it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.strict(name).filter(|raw| *raw != "null")
    }

    /// A member's value, null included.
    #[must_use]
    pub fn strict(&self, name: &str) -> Option<&'a str> {
        self.known.iter().find(|(known, _)| *known == name).map(|(_, raw)| *raw)
    }

    /// The first known member that is none of `names`.
    pub(crate) fn other_than(&self, names: &[&str]) -> Option<&'static str> {
        self.known.iter().map(|(known, _)| *known).find(|known| !names.contains(known))
    }
}

#[cfg(test)]
mod tests;
