//! From bytes to the values of a document: encodings, lines, values one after another, a torn end (SPEC §0.2).

use super::path::Path;
use super::walk::{Walk, reason_of};
use super::{Document, Place, ReadError, ReadErrorKind, Torn};
use alloc::format;
use alloc::string::{String, ToString};
use serde::de::IgnoredAny;

/// What stands between values: white space, the zero bytes that a power cut leaves, marks of joined files.
const BETWEEN: [char; 6] = [' ', '\t', '\r', '\n', '\0', '\u{feff}'];

/// First bytes of formats that hold a file in a smaller one, with what unpacks them.
const COMPRESSED: [(&[u8], &str, &str); 5] = [
    (b"\x1f\x8b", "gzip", "gunzip"),
    (b"PK\x03\x04", "zip", "unzip"),
    (b"\x28\xb5\x2f\xfd", "zstd", "unzstd"),
    (b"\xfd7zXZ\0", "xz", "unxz"),
    (b"BZh", "bzip2", "bunzip2"),
];

/// The text of a document.
struct Text<'a> {
    text: &'a str,
    /// Bytes of a character that the end cuts off.
    cut: usize,
}

fn at_all(kind: ReadErrorKind) -> ReadError {
    ReadError { place: Place::default(), kind }
}

fn text_of(bytes: &[u8]) -> Result<Text<'_>, ReadError> {
    for (magic, format, by) in COMPRESSED {
        if bytes.starts_with(magic) {
            return Err(at_all(ReadErrorKind::Compressed { format, by }));
        }
    }
    let is_utf16 = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [b'{' | b'[', 0, next, 0, ..] | [0, b'{' | b'[', 0, next, ..] => *next != 0,
        _ => false,
    };
    if is_utf16 {
        return Err(at_all(ReadErrorKind::Utf16));
    }
    match core::str::from_utf8(bytes) {
        Ok(text) => Ok(Text { text, cut: 0 }),
        Err(error) => {
            let (whole, rest) = bytes.split_at(error.valid_up_to());
            match (error.error_len(), core::str::from_utf8(whole)) {
                (None, Ok(text)) => Ok(Text { text, cut: rest.len() }),
                _ => Err(not_utf8(whole.len())),
            }
        }
    }
}

fn not_utf8(at: usize) -> ReadError {
    ReadError { place: Place(format!("byte {at}")), kind: ReadErrorKind::Utf8 }
}

/// Where the next value starts.
fn skip(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    text.len() - rest.trim_start_matches(BETWEEN).len()
}

/// A value, or why there is none.
fn value_at(rest: &str) -> Result<&str, serde_json::Error> {
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
    values.next().unwrap_or_else(|| serde_json::from_str(""))?;
    Ok(rest.get(..values.byte_offset()).unwrap_or_default())
}

/// The only value of a file.
pub(super) fn only(bytes: &[u8]) -> Result<&str, ReadError> {
    let Text { text, cut } = text_of(bytes)?;
    let start = skip(text, 0);
    let rest = check_start(text, start)?;
    let raw = value_at(rest).map_err(|error| not_json(text, start, 1, &error))?;
    let end = skip(text, start + raw.len());
    match (end < text.len(), cut) {
        (false, 0) => Ok(raw),
        (false, _) => Err(not_utf8(text.len())),
        (true, _) => {
            let reason = "something follows the first value".to_string();
            Err(ReadError { place: place_of(text, end), kind: ReadErrorKind::Json { reason } })
        }
    }
}

/// Refuses nothing at all, and web pages.
fn check_start(text: &str, start: usize) -> Result<&str, ReadError> {
    match text.get(start..).unwrap_or_default() {
        "" => Err(at_all(ReadErrorKind::Empty)),
        rest if rest.starts_with('<') => Err(at_all(ReadErrorKind::Html)),
        rest => Ok(rest),
    }
}

/// Reads every value of a document.
pub(super) fn read(bytes: &[u8]) -> Result<Document, ReadError> {
    let Text { text: all, cut } = text_of(bytes)?;
    let text = all.trim_end_matches(BETWEEN);
    let tail = all.get(text.len()..).unwrap_or_default();
    // Whether the last line was written to its end.
    let is_ended = tail.trim_start_matches([' ', '\t', '\r']).starts_with('\n') && cut == 0;
    let start = skip(text, 0);
    check_start(text, start)?;
    let mut at = start;
    let (mut walk, mut torn) = (Walk::default(), None);
    let (mut lines, mut last_line, mut n_values) = (Lines { line: 1, counted: 0 }, 0, 0_usize);
    while at < text.len() {
        let rest = text.get(at..).unwrap_or_default();
        let line = lines.up_to(text, at);
        match value_at(rest) {
            Ok(raw) => {
                let end = skip(text, at + raw.len());
                let name = match () {
                    () if at == start && end == text.len() && cut == 0 => String::new(),
                    () if line > last_line => format!("line {line}"),
                    () => format!("line {line}, value {}", n_values + 1),
                };
                walk.value(raw, &Path::value(&name))?;
                (n_values, last_line) = (n_values + 1, line);
                at = end;
            }
            Err(error) => {
                let bytes = rest.len() + cut;
                if n_values > 0 && !is_ended && rest.starts_with('{') && is_cut_off(rest, &error) {
                    torn = Some(Torn { line, bytes });
                    break;
                }
                let wrong = not_json(text, at, line, &error);
                let Some(next) = after_bad_line(text, at, &error) else { return Err(wrong) };
                walk.set_aside(None, wrong)?;
                at = next;
            }
        }
    }
    if cut > 0 && torn.is_none() {
        return Err(not_utf8(all.len()));
    }
    let document = walk.finish()?;
    Ok(Document { torn, ..document })
}

/// Where reading goes on after one bad line of several: at the next one, when that begins an object. Beyond the line
/// after it, or within a list, the parser went into what may be one broken value, and nothing can be told apart.
fn after_bad_line(text: &str, at: usize, error: &serde_json::Error) -> Option<usize> {
    let rest = text.get(at..).unwrap_or_default();
    if rest.starts_with('[') || error.line() > 2 {
        return None;
    }
    let next = rest.find('\n').map_or(text.len(), |ix| skip(text, at + ix));
    let rest = text.get(next..).unwrap_or_default();
    (rest.is_empty() || rest.starts_with('{')).then_some(next)
}

/// Whether the parser found nothing wrong before the last byte.
fn is_cut_off(rest: &str, error: &serde_json::Error) -> bool {
    error.is_eof() || (error.line() == 1 && error.column() >= rest.len() && !rest.contains('\n'))
}

/// Counts lines once.
struct Lines {
    line: usize,
    counted: usize,
}

impl Lines {
    fn up_to(&mut self, text: &str, at: usize) -> usize {
        let passed = text.get(self.counted..at).unwrap_or_default();
        self.line += passed.bytes().filter(|b| *b == b'\n').count();
        self.counted = at;
        self.line
    }
}

/// A parser's error, with its place in the whole text. `at` is where the parser began, on `line`.
fn not_json(text: &str, at: usize, line: usize, error: &serde_json::Error) -> ReadError {
    let rest = text.get(at..).unwrap_or_default();
    let start = match error.line() {
        0 | 1 => 0,
        n => rest.match_indices('\n').nth(n - 2).map_or(rest.len(), |(ix, _)| ix + 1),
    };
    let offset = (start + error.column().saturating_sub(1)).min(rest.len());
    let is_nan = ["NaN", "nan", "Infinity", "-Infinity"]
        .iter()
        .any(|name| rest.as_bytes().get(offset..).is_some_and(|rest| rest.starts_with(name.as_bytes())));
    let reason = match () {
        () if is_nan => "NaN and Infinity are no numbers in JSON".to_string(),
        () if error.is_eof() => "it ends within a value".to_string(),
        () => reason_of(error),
    };
    // The column counts from the start of the text's line.
    let before = text.as_bytes().get(..at + start).unwrap_or_default();
    let column = at + offset + 1 - before.iter().rposition(|b| *b == b'\n').map_or(0, |ix| ix + 1);
    let place = format!("line {}, column {column}", line + error.line().saturating_sub(1));
    ReadError { place: Place(place), kind: ReadErrorKind::Json { reason } }
}

fn place_of(text: &str, at: usize) -> Place {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    let line = 1 + before.iter().filter(|b| **b == b'\n').count();
    Place(format!("line {line}"))
}
