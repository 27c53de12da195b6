//! Commitments to transcripts, and openings of them: as bytes and as JSON, one form each; openings read in pieces of any size.

use crate::check_message;
use serde_json::Value;
use sphere_pow_core::exact::Params;
use sphere_pow_core::exact::transcript::judge::FaultCode;
use sphere_pow_core::exact::transcript::{Commitment, Meant, Opening, TranscriptError, Verification};
use std::sync::LazyLock;

/// Sizes of the smallest model of `tests/vectors/exact_transcript.json`, whose openings are short.
static SMALL: LazyLock<Params> = LazyLock::new(|| {
    let sizes = "{\"dim\": 64, \"heads\": 4, \"hidden\": 64, \"layers\": 3, \"tokens\": 2, \"vocab\": 16, \
                 \"threshold\": 268435456}";
    Params::from_json(sizes).expect("sizes of a model")
});

/// A commitment of that model.
static COMMITMENT: LazyLock<Commitment> = LazyLock::new(|| {
    let all: Value = serde_json::from_str(include_str!("../../vectors/exact_transcript.json")).expect("JSON");
    Commitment::from_json(&all["cases"][0]["commitment"].to_string()).expect("a commitment")
});

/// The faults of openings that come in pieces, as far as no layer has to be repeated.
fn faults(bytes: &[u8], piece: usize) -> Result<Vec<(usize, FaultCode)>, TranscriptError> {
    let mut this = Verification::new(COMMITMENT.clone(), Meant::default())?;
    let mut pieces = bytes.chunks(piece);
    while this.wants_more() {
        match pieces.next() {
            Some(piece) => this.feed(piece)?,
            None => this.end()?,
        }
        while !this.tasks(4).is_empty() {}
    }
    let report = this.report(0)?;
    report.faults.iter().for_each(|fault| check_message(&fault.detail));
    Ok(report.faults.iter().map(|fault| (fault.index, fault.code)).collect())
}

fn check_refusal(error: &TranscriptError) {
    check_message(&error.to_string());
    assert!(!error.code().is_empty());
}

/// The first byte says what the others are.
pub(crate) fn transcripts(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    match kind % 5 {
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
        4 => {
            let whole = faults(bytes, bytes.len().max(1));
            whole.iter().for_each(|faults| assert!(faults.len() <= 4096));
            whole.as_ref().err().into_iter().for_each(check_refusal);
            let code = |error: TranscriptError| error.code();
            assert_eq!(faults(bytes, 61).map_err(code), whole.map_err(code), "pieces make a difference");
        }
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
