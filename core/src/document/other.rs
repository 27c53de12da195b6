//! Naming what is no proof (SPEC §0.3).

use super::ReadErrorKind;
use crate::json::{self, Fields};
use alloc::format;
use alloc::string::{String, ToString};

/// Members that only proofs and their lists have.
const MARKS: [&str; 8] =
    ["nonces", "dist", "digests", "poc_batch", "proof_batches", "validated_batches", "messages", "nonce"];
/// How deep a proof is looked for.
const MAX_LOOK: usize = 6;

/// What an object is, that is neither a proof nor known to wrap one.
pub(super) fn what(raw: &str, fields: &Fields<'_>, is_message: bool) -> ReadErrorKind {
    let has = |names: &[&str]| names.iter().any(|name| fields.has(name));
    if has(&["commits", "root_hash", "proofs", "vector_bytes"]) {
        return ReadErrorKind::V2;
    }
    if has(&["poc_validation"]) {
        return ReadErrorKind::VerdictOnly;
    }
    if is_message {
        return ReadErrorKind::Foreign { got: "a message that submits no batch".into() };
    }
    if let Some(message) = server_error(fields) {
        return ReadErrorKind::ApiError { message };
    }
    match look(raw, 0) {
        Some(at) => ReadErrorKind::Wrapped { at },
        None => ReadErrorKind::Foreign { got: "an object without members of a proof".to_string() },
    }
}

/// What a server says went wrong.
fn server_error(fields: &Fields<'_>) -> Option<String> {
    let said = |raw: &str| json::text(raw).map(|text| crate::text::shown(&text));
    if let Some(raw) = fields.get("error") {
        let inner = raw.starts_with('{').then(|| Fields::read(raw, &["message"]).ok()).flatten();
        let message = inner.and_then(|inner| inner.get("message").and_then(said));
        return Some(message.or_else(|| said(raw)).unwrap_or_else(|| json::described(raw)));
    }
    fields.get("code").and_then(|_| said(fields.get("message")?))
}

/// The first member within that has a proof's members, as `data.answer[0]`.
fn look(raw: &str, depth: usize) -> Option<String> {
    if depth > MAX_LOOK {
        return None;
    }
    let mut found = None;
    if raw.starts_with('{') {
        let _ = json::members(raw, |name, value| {
            let is_mark = depth > 0 && MARKS.contains(&&*name) && !value.starts_with('"');
            let inner = if is_mark { Some(String::new()) } else { look(value, depth + 1) };
            match inner {
                Some(_) if is_mark => found = Some(String::new()),
                Some(inner) => found = Some(joined(&short(&name), &inner)),
                None => return Ok(()),
            }
            Err(())
        });
    } else if raw.starts_with('[') {
        let _ = json::elements(raw, |index, value| match look(value, depth + 1) {
            Some(inner) => {
                found = Some(joined(&format!("[{index}]"), &inner));
                Err(())
            }
            None => Ok(()),
        });
    }
    found
}

fn joined(step: &str, inner: &str) -> String {
    let dot = if inner.is_empty() || inner.starts_with('[') { "" } else { "." };
    format!("{step}{dot}{inner}")
}

/// A member's name in a path: plain ones as they are, others as shown in messages.
fn short(name: &str) -> String {
    let is_plain = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_plain && !name.is_empty() { name.to_string() } else { crate::text::shown(name) }
}
