//! What is no commitment is refused by name, in bytes and in JSON. `tests/vectors/transcripts.py` made the list.

use super::*;
use crate::exact::Preset;
use crate::exact::transcript::OpeningsReader;
use alloc::string::{String, ToString};
use proptest::prelude::*;
use serde_json::{Value, json};

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

fn commitment() -> Commitment {
    let puzzle = Puzzle::new(&Preset::Nano.params(), &BlockHash::new("b").expect("a hash"));
    Commitment::new(&puzzle, &PublicKey::new("k").expect("a key"))
}

fn interval(first: u64, step: u64, count: u64) -> Interval {
    let runs = alloc::vec![Run { first: Nonce::new(first).expect("below 2^63"), step, count }];
    Interval { runs, root: Hash::from_bytes([7; 32]) }
}

#[test]
fn every_reject_vector_gives_its_named_error() {
    let all = include_str!("../../../../../tests/vectors/exact_transcript_reject.json");
    let all: Value = serde_json::from_str(all).expect("JSON");
    for case in all["cases"].as_array().expect("cases") {
        let data = bytes(case["hex"].as_str().expect("text"));
        let error = Commitment::from_bytes(&data).expect_err("refused");
        assert_eq!(error.code(), case["code"], "{}: {error}", case["name"]);
    }
    let long = alloc::vec![0; MAX_BYTES + 1];
    assert_eq!(Commitment::from_bytes(&long).expect_err("too long").code(), "size");
}

#[test]
fn limits_hold_over_all_intervals() {
    let mut this = commitment();
    for n in 0..MAX_INTERVALS as u64 {
        this.add(interval(2 * n, 1, 1)).expect("within the limits");
    }
    assert_eq!(this.add(interval(5000, 1, 1)).expect_err("too many").code(), "count");
    let mut this = commitment();
    let runs = |first: u64| (first..first + 2048).map(|n| interval(n, 1, 1).runs[0]).collect();
    this.add(Interval { runs: runs(0), root: Hash::from_bytes([0; 32]) }).expect("as many as may be");
    assert_eq!(this.add(interval(5000, 1, 1)).expect_err("too many").code(), "count");
    assert_eq!((this.nonces(), this.place(2048)), (2048, None));
    assert_eq!(Commitment::from_bytes(&this.to_bytes()), Ok(this));
}

#[test]
fn json_is_read_to_the_letter() {
    let mut this = commitment();
    this.add(interval(5, 3, 4)).expect("valid");
    let good: Value = serde_json::from_str(&this.to_json()).expect("JSON");
    assert_eq!(Commitment::from_json(&good.to_string()), Ok(this));
    let with = |name: &str, value: Value| {
        let mut bad = good.clone();
        bad[name] = value;
        bad.to_string()
    };
    let run = |run: Value| with("intervals", json!([{"runs": [run], "root": "07".repeat(32)}]));
    for (text, code) in [
        (String::new(), "json"),
        ("[]".to_string(), "json"),
        (with("extra", json!(1)), "json"),
        (good.to_string().replacen('{', "{\"profile\": \"exact\", ", 1), "json"),
        (with("profile", json!("gonka")), "json"),
        (with("version", json!(1)), "version"),
        (with("version", json!("2")), "json"),
        (with("params", json!({})), "json"),
        (with("block_hash", json!("")), "identity"),
        (with("intervals", json!([])), "count"),
        (with("intervals", json!([{"runs": [], "root": "07".repeat(32)}])), "count"),
        (with("intervals", json!([{"runs": [["5", "3", "4"]], "root": "0"}])), "json"),
        (run(json!([5, 3, 4])), "json"),
        (run(json!(["5", "3"])), "json"),
        (run(json!(["05", "3", "4"])), "json"),
        (run(json!(["5", "+3", "4"])), "json"),
        (run(json!(["", "3", "4"])), "json"),
        (run(json!(["5", "0", "4"])), "run"),
        (run(json!(["9223372036854775808", "1", "1"])), "run"),
        (" ".repeat(MAX_BYTES + 1), "size"),
    ] {
        let error = Commitment::from_json(&text).expect_err("refused");
        assert_eq!(error.code(), code, "{}: {error}", text.get(..200).unwrap_or(&text));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(data in proptest::collection::vec(any::<u8>(), 0..300), at in 0..200_usize, form in 0..3_usize) {
        let mut this = commitment();
        this.add(interval(5, 3, 4)).expect("valid");
        let forms: [Vec<u8>; 3] =
            [this.to_bytes(), b"SPXO\x02\0\0\0".to_vec(), b"{\"profile\":\"exact\",".to_vec()];
        let mut bad = forms[form].clone();
        bad.truncate(at.max(8));
        bad.extend(data);
        let _ = Commitment::from_bytes(&bad);
        let _ = Commitment::from_json(&String::from_utf8_lossy(&bad));
        let mut reader = OpeningsReader::new(this.puzzle().params());
        for piece in bad.chunks(17) {
            reader.feed(piece);
        }
        reader.feed(&[]);
        if reader.head().is_ok() {
            for _ in 0..20 {
                let _ = reader.opening();
            }
        }
    }
}
