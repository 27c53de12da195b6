//! Commitments to transcripts, and openings of them: as bytes and as JSON, one form each.

use crate::check_message;
use sphere_pow_core::exact::Params;
use sphere_pow_core::exact::transcript::{Commitment, Opening, TranscriptError};
use std::sync::LazyLock;

/// Sizes of the smallest model of `tests/vectors/exact_transcript.json`, whose openings are short.
static SMALL: LazyLock<Params> = LazyLock::new(|| {
    let sizes = "{\"dim\": 64, \"heads\": 4, \"hidden\": 64, \"layers\": 3, \"tokens\": 2, \"vocab\": 16, \
                 \"threshold\": 268435456}";
    Params::from_json(sizes).expect("sizes of a model")
});

fn check_refusal(error: &TranscriptError) {
    check_message(&error.to_string());
    assert!(!error.code().is_empty());
}

/// The first byte says what the others are.
pub(crate) fn transcripts(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    match kind % 4 {
        0 => match Commitment::from_bytes(bytes) {
            Ok(commitment) => {
                assert_eq!(commitment.to_bytes(), bytes, "two forms of one commitment");
                let again = Commitment::from_json(&commitment.to_json()).expect("what we wrote");
                assert_eq!(again.to_bytes(), bytes);
            }
            Err(error) => check_refusal(&error),
        },
        1 => match Commitment::from_json(&text) {
            Ok(commitment) => {
                let written = commitment.to_bytes();
                let again = Commitment::from_bytes(&written).expect("what we wrote");
                assert_eq!(again.to_bytes(), written);
            }
            Err(error) => check_refusal(&error),
        },
        2 => match Opening::from_bytes(&SMALL, bytes) {
            Ok(opening) => {
                assert_eq!(&opening.to_bytes()[4..], bytes, "two forms of one opening");
                let again = Opening::from_json(&SMALL, &opening.to_json()).expect("what we wrote");
                assert_eq!(&again.to_bytes()[4..], bytes);
            }
            Err(error) => check_refusal(&error),
        },
        _ => match Opening::from_json(&SMALL, &text) {
            Ok(opening) => {
                let written = opening.to_bytes();
                let again = Opening::from_bytes(&SMALL, &written[4..]).expect("what we wrote");
                assert_eq!(again.to_bytes(), written);
            }
            Err(error) => check_refusal(&error),
        },
    }
}
