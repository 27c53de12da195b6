//! A proof file that a run finds: whatever is in it, nothing is lost, and what was acknowledged is gone on after.

use crate::check_message;
use serde_json::{Map, Value, json};
use sphere_pow_core::identity::Nonce;
use sphere_pow_prover::ledger::{Entry, Ledger};
use sphere_pow_prover::search::Wins;
use std::cell::LazyCell;

/// Members of a line that are not its head.
const BESIDE: [&str; 7] = ["nonces", "dist", "digests", "group", "groups", "tried", "last"];

thread_local! {
    /// A folder of this thread, in which one file after another is the proof file.
    static FOLDER: LazyCell<tempfile::TempDir> = LazyCell::new(|| tempfile::tempdir().expect("a folder"));
}

/// The head that the file's own first line has, so that mutations reach behind its comparison.
fn head(bytes: &[u8]) -> Map<String, Value> {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match serde_json::from_slice(first) {
        Ok(Value::Object(mut head)) => {
            BESIDE.iter().for_each(|name| drop(head.remove(*name)));
            // Names in a head are ours, whatever the values.
            if is_named_plainly(&head) { head } else { Map::new() }
        }
        _ => Map::new(),
    }
}

fn is_named_plainly(object: &Map<String, Value>) -> bool {
    let is_plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    object.iter().all(|(name, value)| is_plain(name) && value.as_object().is_none_or(is_named_plainly))
}

/// Opens the bytes as a proof file, appends a line, and opens it again.
pub(crate) fn ledger(bytes: &[u8]) {
    let folder = FOLDER.with(|folder| folder.path().to_owned());
    let (path, torn) = (folder.join("proofs.jsonl"), folder.join("proofs.jsonl.torn"));
    std::fs::write(&path, bytes).expect("the file is written");
    // The folder may not hold it.
    let _ = std::fs::remove_file(&torn);
    let head = head(bytes);
    let (mut ledger, before) = match Ledger::open(&path, head.clone()) {
        Ok(opened) => opened,
        Err(error) => {
            check_message(&error.to_string());
            assert_eq!(error.exit_code(), 2, "{error}");
            assert_eq!(std::fs::read(&path).expect("the file"), bytes, "a refused file is left alone");
            return;
        }
    };
    let kept = std::fs::read(&path).expect("the file");
    // What is left out of the file stands beside it; zeros and the newline of a last line do not count.
    let aside = std::fs::read(&torn).unwrap_or_default();
    let bare = |bytes: &[u8]| -> Vec<u8> {
        bytes.iter().copied().filter(|byte| *byte != 0 && !byte.is_ascii_whitespace()).collect()
    };
    assert_eq!(bare(&[kept.clone(), aside].concat()), bare(bytes), "something is lost");
    let columns = [("nonces", json!([7])), ("dist", json!([1.25]))];
    let entry = Entry { group: 0, groups: 1, tried: 3, last: Nonce::MAX, columns, roots: Vec::new() };
    ledger.append(&entry).expect("a line is written");
    drop(ledger);
    let after = std::fs::read(&path).expect("the file");
    assert!(after.starts_with(&kept) && after.ends_with(b"\n"));
    let (_, again) = Ledger::open(&path, head).expect("our own file");
    assert_eq!((again.tried, again.won), (before.tried.saturating_add(3), before.won + 1));
    assert_eq!(again.resume_after(0, 1), Some(Nonce::MAX));
    assert_eq!(std::fs::read(&path).expect("the file"), after, "a whole file is changed by nobody");
}
