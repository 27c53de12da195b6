//! The cases of tests/vectors/chain.json, made from the specifications of blocks and trees by chain.py.

use serde_json::{Value, json};
use sphere_pow_chain::{ChainError, Confirmation, Period, confirm};
use std::path::Path;

fn vectors() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/chain.json");
    serde_json::from_slice(&std::fs::read(path).expect("vectors")).expect("JSON")
}

/// The replies of a case, one after the other.
fn replies(vectors: &Value, case: &Value) -> String {
    let mut text = String::new();
    for name in case["use"].as_array().expect("names") {
        let mut reply = vectors["replies"][name.as_str().expect("a name")].clone();
        for change in case["change"].as_array().expect("changes") {
            if change[0] == *name {
                *reply.pointer_mut(change[1].as_str().expect("a place")).expect("a place that is there") =
                    change[2].clone();
            }
        }
        text += &reply.to_string();
        text.push('\n');
    }
    text
}

fn outcome(replies: &str, case: &Value) -> Result<Confirmation, ChainError> {
    let trust = case["trust"].as_str().expect("a block").parse()?;
    let seconds = |name: &str| case[name].as_u64().expect("seconds");
    confirm(replies, &trust, &Period { now: seconds("now"), trusting: seconds("trusting") })
}

#[test]
fn every_case_ends_as_it_should() {
    let vectors = vectors();
    let cases = vectors["cases"].as_array().expect("cases");
    assert!(cases.len() > 40, "{}", cases.len());
    for case in cases {
        let name = &case["name"];
        match outcome(&replies(&vectors, case), case) {
            Ok(confirmed) => {
                let got = serde_json::to_value(&confirmed).expect("JSON");
                assert_eq!(case.get("code"), None, "{name}: {got}");
                assert_eq!((&got["blocks"], &got["facts"]), (&case["blocks"], &case["facts"]), "{name}");
            }
            Err(error) => assert_eq!(Some(&json!(error.code())), case.get("code"), "{name}: {error}"),
        }
    }
}

#[test]
fn what_is_confirmed_fills_what_a_verifier_would_type() {
    let vectors = vectors();
    let cases = vectors["cases"].as_array().expect("cases");
    let case =
        cases.iter().find(|case| case.get("given").is_some()).expect("a case with a block and an account");
    let confirmed = outcome(&replies(&vectors, case), case).expect("it follows");
    let want = &case["given"];
    let height = want["height"].as_u64().expect("a height");
    let given = confirmed.given(height, want["account"].as_str()).expect("all of it");
    assert_eq!(given.block_hash.as_deref(), want["blockHash"].as_str());
    assert_eq!(given.public_key.as_deref(), want["publicKey"].as_str());
    assert_eq!((given.r_target, given.block_height), (want["rTarget"].as_f64(), Some(120)));
    // What came with a later block was not yet in force.
    let before = confirmed.given(110, None).expect("the block");
    assert_eq!((before.r_target, before.params), (None, None));
    assert_eq!(
        confirmed.given(119, None),
        Err(ChainError::NoBlock { height: 119, known: vec![100, 110, 120, 121] })
    );
    let stranger = confirmed.given(120, Some("gonka1stranger")).expect_err("no such account");
    assert_eq!(stranger.code(), "unconfirmed");
    assert!(confirmed.summary().starts_with("CONFIRMED by chain \"sphere-pow-test-1\", if its block 100 is"));
}

#[test]
fn one_changed_byte_never_confirms_anything_else() {
    let vectors = vectors();
    let cases = vectors["cases"].as_array().expect("cases");
    let case =
        cases.iter().find(|case| case.get("given").is_some()).expect("a case with all kinds of replies");
    let text = replies(&vectors, case);
    let whole = outcome(&text, case).expect("it follows");
    let mut n_refused = 0;
    // A prime, so that every kind of place comes up.
    for at in (0..text.len()).step_by(53) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'7' { b'3' } else { b'7' };
        let Ok(text) = String::from_utf8(bytes) else { continue };
        match outcome(&text, case) {
            Err(_) => n_refused += 1,
            Ok(confirmed) => {
                let is_part = confirmed.facts.iter().all(|fact| whole.facts.contains(fact))
                    && confirmed.blocks.iter().all(|block| whole.blocks.contains(block));
                assert!(is_part, "byte {at}: {confirmed:?}");
            }
        }
    }
    assert!(n_refused > 50, "{n_refused}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, ..Default::default() })]

    /// Whatever a node answers, reading it ends with a result.
    #[test]
    fn any_text_ends(text in "[\\[{\"a-z:,0-9}\\] ]{0,200}") {
        let trust = "1:0000000000000000000000000000000000000000000000000000000000000000".parse().expect("a block");
        let outcome = confirm(&text, &trust, &Period { now: 0, trusting: 0 });
        proptest::prop_assert!(outcome.is_err());
    }
}
