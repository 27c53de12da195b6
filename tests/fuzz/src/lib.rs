//! Fuzzing: each target takes any bytes and holds a reader to what it promises.
//!
//! Whatever the bytes, [`run`] holds every target to no panic, no more than [`MOST_SECONDS`] and [`MOST_BYTES`]; what
//! was read must read the same once written. `tests/fuzz/run` mutates the [`seeds`] under LLVM's libFuzzer, guided by
//! coverage; `tests/fuzz/tests/seeds.rs` runs the seeds alone, with every test run.

mod chain;
mod documents;
mod floats;
mod judge;
mod ledger;
mod limits;
mod requests;
pub mod seeds;
mod texts;
mod training;
mod transcripts;

pub use limits::{MOST_BYTES, MOST_SECONDS, thread_seconds, within};

/// A name, and what is done with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 10] = [
    ("document", documents::document),
    ("model", documents::model),
    ("exact-bytes", documents::exact_bytes),
    ("ledger", ledger::ledger),
    ("judge", judge::judge),
    ("transcripts", transcripts::transcripts),
    ("requests", requests::requests),
    ("texts", texts::texts),
    ("chain", chain::chain),
    ("training", training::training),
];

/// Gives `bytes` to a target.
///
/// # Panics
/// When the target breaks a promise, or takes more time or memory than any such input may.
pub fn run((name, target): Target, bytes: &[u8]) {
    within(name, || target(bytes));
}

/// What must hold for every message that a stranger's bytes can cause: short, and nothing in it that steers a terminal.
fn check_message(message: &str) {
    assert!(message.len() < 2000, "a message of {} bytes: {message:.200}", message.len());
    assert!(!message.contains(char::is_control), "{message:?}");
}
