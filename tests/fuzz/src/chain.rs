//! Replies of a node that nobody trusts, for a light client.

use crate::check_message;
use sphere_pow_chain::{Period, Trust, confirm};
use std::sync::LazyLock;

/// The block that the seeds of `tests/vectors/chain.json` start from, and when.
static TRUSTED: LazyLock<(Trust, Period)> = LazyLock::new(|| {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../vectors/chain.json")).expect("JSON");
    let case = &vectors["cases"][0];
    let seconds = |name: &str| case[name].as_u64().expect("seconds");
    let trust = case["trust"].as_str().expect("a block").parse().expect("a block");
    (trust, Period { now: seconds("now"), trusting: seconds("trusting") })
});

pub(crate) fn chain(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (trust, period) = &*TRUSTED;
    match confirm(&text, trust, period) {
        Ok(confirmed) => {
            let summary = confirmed.summary();
            summary.lines().for_each(check_message);
            // No text of a node's makes a line of its own.
            let lines = 1 + confirmed.blocks.len() + confirmed.facts.len();
            assert_eq!(summary.lines().count(), lines, "{summary}");
            let height = confirmed.blocks.first().map_or(trust.height, |block| block.height);
            if let Err(error) = confirmed.given(height, Some("gonka1stranger")) {
                check_message(&error.to_string());
            }
        }
        Err(error) => {
            check_message(&error.to_string());
            assert!(!error.code().is_empty());
        }
    }
}
