//! What a ledger holds when a run opens it.

use super::{LedgerError, Progress};
use serde_json::{Map, Value};
use sphere_pow_core::document;
use sphere_pow_core::identity::Nonce;
use sphere_pow_core::text::shown;
use std::io::{BufRead, BufReader, Read};
use std::ops::Range;

/// Longer lines are nobody's: the most claims of one take 6 MB.
const MAX_LINE_BYTES: u64 = 1 << 24;

/// Of a file with more bad lines than this, none is taken for ours.
const MAX_BAD: usize = 1000;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Existing {
    /// How far earlier runs came.
    pub(super) progress: Progress,
    /// Bytes that are whole lines.
    pub(super) whole_bytes: u64,
    /// Whether the last of them lacks its newline, as editors and `printf` leave it.
    pub(super) lacks_newline: bool,
    /// What follows them: a line cut short, or nothing but zeros, which are left out here.
    pub(super) torn: Option<Vec<u8>>,
    /// Whole lines among ours that are no JSON.
    pub(super) bad: Vec<Bad>,
}

/// A line among ours that is no JSON.
#[derive(Debug)]
pub(super) struct Bad {
    /// Its bytes in the file, newline included.
    pub(super) range: Range<u64>,
    /// What is wrong.
    pub(super) error: LedgerError,
}

/// One line's numbers.
pub(super) struct Line {
    pub(super) group: u64,
    pub(super) groups: u64,
    pub(super) tried: u64,
    pub(super) last: Nonce,
    pub(super) won: u64,
}

/// Why a line is not ours.
enum Fault {
    NotJson(String),
    Foreign(String),
    OtherRun { what: String, got: String, expected: String },
}

/// Reads all lines; each must have the fields of `head`. Blank lines and runs of zeros, which file systems leave
/// after a power cut, are skipped.
pub(super) fn read(name: &str, file: impl Read, head: &Map<String, Value>) -> Result<Existing, LedgerError> {
    let open_error = |source| LedgerError::Open { file: name.to_owned(), source };
    let mut reader = BufReader::new(file);
    let (mut found, mut bytes, mut line, mut skipped) = (Existing::default(), Vec::new(), 0, 0_usize);
    let mut is_ours = false;
    loop {
        bytes.clear();
        let n =
            reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut bytes).map_err(open_error)? as u64;
        if n == 0 {
            break;
        }
        line += 1;
        let is_whole = bytes.ends_with(b"\n");
        let is_last = !is_whole && n < MAX_LINE_BYTES;
        let text = bytes.trim_zeros();
        if text.is_empty() {
            skipped += 1;
            if is_last {
                found.torn = Some(Vec::new());
            } else {
                found.whole_bytes += n;
            }
            continue;
        }
        if !is_whole && !is_last {
            let fault = Fault::Foreign(format!("no line of `mine`: longer than {MAX_LINE_BYTES} bytes"));
            return Err(refusal(name, line, b"", fault));
        }
        match parse(text, head) {
            Ok(parsed) => {
                is_ours = true;
                found.progress.add(&parsed);
                found.whole_bytes += n;
                found.lacks_newline = !is_whole;
            }
            // Only our own torn line may be set aside, never the end of a stranger's file.
            Err(Fault::NotJson(_)) if is_last && (is_ours || line == 1 && begins_like(text, head)) => {
                found.torn = Some(bytes.clone());
            }
            // Among our own lines it is a line of ours that something spoilt.
            Err(Fault::NotJson(reason)) if is_whole && found.bad.len() < MAX_BAD => {
                let error = LedgerError::BadLine { file: name.to_owned(), line, reason };
                let start = found.whole_bytes;
                found.bad.push(Bad { range: start..start + n, error });
                found.whole_bytes += n;
            }
            Err(fault) => return Err(refusal(name, line, text, fault)),
        }
    }
    if let (false, Some(Bad { error: LedgerError::BadLine { line, reason, .. }, .. })) =
        (is_ours, found.bad.first())
    {
        return Err(refusal(name, *line, b"", Fault::NotJson(reason.clone())));
    }
    if skipped > 0 {
        tracing::warn!("{name}: {skipped} empty lines are skipped");
    }
    Ok(found)
}

trait Zeros {
    /// Without zeros and blanks at both ends.
    fn trim_zeros(&self) -> &[u8];
}

impl Zeros for [u8] {
    fn trim_zeros(&self) -> &[u8] {
        let is_text = |byte: &u8| *byte != 0 && !byte.is_ascii_whitespace();
        let Some(first) = self.iter().position(is_text) else { return &[] };
        let last = self.iter().rposition(is_text).unwrap_or(first);
        &self[first..=last]
    }
}

fn begins_like(text: &[u8], head: &Map<String, Value>) -> bool {
    let start = format!("{{{:?}", head.keys().next().map_or("", String::as_str));
    let n = text.len().min(start.len());
    start.as_bytes()[..n] == text[..n]
}

fn parse(text: &[u8], head: &Map<String, Value>) -> Result<Line, Fault> {
    let value: Value = serde_json::from_slice(text).map_err(|error| Fault::NotJson(error.to_string()))?;
    let object = value.as_object().ok_or_else(|| Fault::Foreign("no line of `mine`".into()))?;
    let integer = |name: &str| {
        let number = object.get(name).and_then(Value::as_u64);
        number.ok_or_else(|| Fault::Foreign(format!("no line of `mine`: {name} is no count")))
    };
    let last = Nonce::new(integer("last")?).map_err(|error| Fault::Foreign(error.to_string()))?;
    let nonces = object.get("nonces").and_then(Value::as_array);
    let won = nonces.ok_or_else(|| Fault::Foreign("no line of `mine`: nonces is no list".into()))?.len();
    let (group, groups, tried) = (integer("group")?, integer("groups")?, integer("tried")?);
    // First what says whose rules: by it the other fields differ too.
    let names = std::iter::once("profile").chain(head.keys().map(String::as_str));
    for name in names {
        if let Some((what, got, expected)) = difference(name, object.get(name), head.get(name)) {
            return Err(Fault::OtherRun { what, got, expected });
        }
    }
    Ok(Line { group, groups, tried, last, won: won as u64 })
}

/// The first field that differs, numbers compared by value, with both values in words.
fn difference(at: &str, got: Option<&Value>, expected: Option<&Value>) -> Option<(String, String, String)> {
    let words = |value: Option<&Value>| match value {
        None => "missing".to_owned(),
        Some(Value::String(text)) => shown(text),
        Some(other) => shown(&other.to_string()).trim_matches('"').to_owned(),
    };
    match (got, expected) {
        (Some(Value::Object(got)), Some(Value::Object(expected))) => expected
            .iter()
            .find_map(|(name, value)| difference(&format!("{at}.{name}"), got.get(name), Some(value))),
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            let is_same = match (a.as_i128(), b.as_i128()) {
                (Some(a), Some(b)) => a == b,
                _ => a.as_f64() == b.as_f64(),
            };
            (!is_same).then(|| (at.to_owned(), words(got), words(expected)))
        }
        (a, b) => (a != b).then(|| (at.to_owned(), words(a), words(b))),
    }
}

fn refusal(name: &str, line: usize, text: &[u8], fault: Fault) -> LedgerError {
    let file = name.to_owned();
    let reason = match fault {
        Fault::OtherRun { what, got, expected } => {
            return LedgerError::OtherRun { file, line, what, got, expected };
        }
        // What it is instead.
        Fault::Foreign(reason) if text.is_empty() => reason,
        Fault::Foreign(reason) => match document::read(text) {
            Ok(document) => {
                let shape = serde_json::to_value(document.shape).unwrap_or_default();
                format!("{reason}; it is {}", shape.as_str().unwrap_or("another document"))
            }
            Err(error) => format!("{reason}; it is {}", error.kind),
        },
        Fault::NotJson(reason) => format!("no line of `mine`: not JSON ({reason})"),
    };
    LedgerError::Foreign { file, line, reason }
}
