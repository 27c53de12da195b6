//! The reader of documents: what SPEC Part 0 accepts and refuses, by the lists of `tests/vectors/documents.py`, and that
//! no bytes make it panic.

use proptest::prelude::*;
use serde_json::{Value, json};
use sphere_pow_core::document::{AnyBatch, Document, Progress, ReadError, read, read_model};
use sphere_pow_core::identity::Nonce;
use sphere_pow_core::{exact, gonka};
use sphere_pow_tests::{bytes_of_hex, vectors};

fn bytes(case: &Value) -> Vec<u8> {
    match case["text"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => bytes_of_hex(case["hex"].as_str().expect("text or hex")),
    }
}

fn cases(name: &str) -> Vec<Value> {
    let cases = vectors(name)["cases"].as_array().expect("cases").clone();
    assert!(cases.len() > 60, "{name} has only {} cases", cases.len());
    cases
}

/// Code and place; the message must be short and plain.
fn refusal(error: &ReadError) -> Value {
    let message = error.to_string();
    assert!(message.len() < 600 && !message.contains(char::is_control), "{message:?}");
    json!({"place": error.place.to_string(), "code": error.kind.code()})
}

fn progress(progress: Option<Progress>) -> Value {
    let Some(Progress { node_count, group, groups, tried, last }) = progress else { return Value::Null };
    json!({"node_count": node_count, "group": group, "groups": groups, "tried": tried, "last": last.to_string()})
}

fn texts(nonces: &[Nonce]) -> Vec<String> {
    nonces.iter().map(ToString::to_string).collect()
}

/// A batch as the vectors write it.
fn batch(batch: &AnyBatch) -> Value {
    macro_rules! fields {
        ($batch:expr, $r_target:expr, $claims:expr) => {
            json!({
                "place": $batch.place.to_string(),
                "participant": $batch.participant,
                "public_key": $batch.public_key.as_ref().map(ToString::to_string),
                "block_hash": $batch.block_hash.as_ref().map(ToString::to_string),
                "block_height": $batch.block_height,
                "node_id": $batch.node_id,
                "r_target": $r_target,
                "nonces": texts(&$batch.nonces),
                "claims": $claims,
                "progress": progress($batch.progress),
            })
        };
    }
    match batch {
        AnyBatch::Gonka(batch) => fields!(batch, batch.price, batch.claims),
        AnyBatch::Exact(batch) => {
            let hex =
                |claims: &Vec<exact::Digest>| claims.iter().map(exact::Digest::to_hex).collect::<Vec<_>>();
            fields!(batch, Value::Null, batch.claims.as_ref().map(hex))
        }
    }
}

/// What a reader makes of a case, as the vectors write it.
fn outcome(case: &Value) -> Value {
    let Document { shape, batches, rejected, torn } = match read(&bytes(case)) {
        Ok(document) => document,
        Err(error) => return refusal(&error),
    };
    let batches: Vec<Value> = batches.iter().map(batch).collect();
    let places: Vec<&Value> = batches.iter().map(|batch| &batch["place"]).collect();
    let rejected = rejected.iter().map(|part| {
        let mut value = refusal(&part.error);
        value["participant"] = json!(part.participant);
        value
    });
    let rejected: Vec<Value> = rejected.collect();
    json!({"shape": shape, "places": places, "rejected": rejected, "torn": torn, "first": batches.first()})
}

#[test]
fn documents_are_refused_with_code_and_place() {
    let wrong: Vec<String> = cases("document_reject.json")
        .iter()
        .map(|case| (outcome(case), json!({"place": case["place"], "code": case["code"]}), &case["name"]))
        .filter(|(got, want, _)| got != want)
        .map(|(got, want, name)| format!("{name} gives {got}, expected {want}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A reader written from SPEC alone says the same of every document changed at random.
#[test]
fn a_second_reader_agrees() {
    let wrong: Vec<String> = cases("document_mutated.json")
        .iter()
        .filter_map(|case| {
            let got = outcome(case);
            let is_same =
                got["code"] == case["code"] && (case["code"].is_null() || got["place"] == case["place"]);
            (!is_same)
                .then(|| format!("{}: {got}, expected {} at {}", case["text"], case["code"], case["place"]))
        })
        .collect();
    assert!(wrong.is_empty(), "{} differ: {wrong:#?}", wrong.len());
}

#[test]
fn documents_are_read_as_listed() {
    let mut wrong = Vec::new();
    for case in cases("document_accept.json") {
        let got = outcome(&case);
        let first = case["first"].as_object().expect("members");
        let pairs = ["shape", "places", "rejected", "torn"].map(|name| (&got[name], &case[name]));
        let members = first.iter().map(|(name, want)| (&got["first"][name], want));
        for (got, want) in pairs.into_iter().chain(members) {
            if got != want && (numbers(got).is_none() || numbers(got) != numbers(want)) {
                wrong.push(format!("{}: {got}, expected {want}", case["name"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A list of numbers, to compare 1 with 1.0.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

#[test]
fn models_are_read_from_files_of_every_kind_and_missing_fields_are_named() {
    let dev = gonka::Preset::DevTest.params();
    let raw = serde_json::to_value(dev.raw()).expect("plain");
    let decimal = |value: i64, exponent: i64| json!({"value": value.to_string(), "exponent": exponent});
    let chain = json!({"dim": "512", "n_layers": 16.0, "n_heads": 16, "n_kv_heads": 16, "vocab_size": 8192,
        "ffn_dim_multiplier": decimal(13, -1), "multiple_of": 1024, "norm_eps": decimal(1, -5),
        "rope_theta": decimal(500_000, 0), "use_scaled_rope": true, "seq_len": 4, "r_target": decimal(1_398_077, -6)});
    let full = json!({"params": {"poc_params": {"validation_sample_size": 200, "model_params": chain}}});
    let init = json!({"node_id": 0, "node_count": 1, "block_hash": "A", "public_key": "k", "params": raw});
    for file in [
        raw.to_string(),
        format!("\u{feff}{raw:#}\r\n"),
        chain.to_string(),
        full.to_string(),
        init.to_string(),
    ] {
        let model =
            read_model::<gonka::Params>(file.as_bytes()).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!((model.params, model.notes), (dev.clone(), vec![]));
    }
    let mut short = raw.clone();
    short.as_object_mut().expect("an object").remove("seq_len");
    let model = read_model::<gonka::Params>(short.to_string().as_bytes()).expect("a model");
    assert_eq!(model.params.seq_len(), 16);
    assert!(model.notes.len() == 1 && model.notes[0].contains("seq_len"), "{:?}", model.notes);
    let nano = exact::Preset::Nano.params();
    let sizes = serde_json::to_string(&nano.raw()).expect("plain");
    let model = read_model::<exact::Params>(sizes.as_bytes()).expect("a model");
    assert_eq!((model.params, model.notes), (nano, vec![]));
    for (file, code, words) in [
        ("", "empty", "empty"),
        ("{}", "params", "dim is missing"),
        ("[512]", "params", "a list"),
        ("{\"params\": {\"model_params\": {\"dim\": 7}}}", "params", "params.model_params"),
        ("{\"dim\": 512, \"dim\": 512}", "params", "twice"),
        ("{\"dim\": 512} {\"dim\": 512}", "json", "something follows"),
        ("<html>", "html", "HTML"),
        ("{\"dim\": ", "json", "ends"),
    ] {
        let error = read_model::<gonka::Params>(file.as_bytes()).expect_err(file);
        assert!(error.kind.code() == code && error.to_string().contains(words), "{file}: {error}");
    }
    assert!(read_model::<exact::Params>(b"[64, 4, 64, 40, 8, 256, 1]").is_err());
}

/// What is not kept costs nothing, and a hundred thousand lines or keys are read in a moment: the test would take
/// minutes were it quadratic.
#[test]
fn large_documents_of_nothing_end_in_a_word() {
    let n = 100_000;
    let unknown: String = (0..n).map(|i| format!("\"k{i}\":[{{\"\":0}}],")).collect();
    let codes: Vec<&str> = [
        format!("{{{unknown}\"end\":0}}"),
        format!("{{{unknown}\"end\":0}}\n").repeat(20),
        format!("{{\"x\":{}1{}}}", "[".repeat(n), "]".repeat(n)),
        "[".repeat(10 * n),
        "[\n".repeat(10 * n),
        "{\n".repeat(n),
        "{\"a\":\n".repeat(10 * n),
        "\"a\" ".repeat(n),
        format!("{}{}", "{\"a\n".repeat(n), "\n".repeat(n)),
        format!("{{\"error\": \"{}\"}}", "é".repeat(10 * n)),
        format!("{{\"{}\": 1, \"profile\": \"exact\"}}", "é".repeat(10 * n)),
    ]
    .iter()
    .map(|text| {
        let error = read(text.as_bytes()).expect_err("no proof");
        assert!(error.to_string().len() < 1000);
        error.kind.code()
    })
    .collect();
    let want = [
        "foreign",
        "foreign",
        "foreign",
        "json",
        "json",
        "json",
        "json",
        "foreign",
        "json",
        "api-error",
        "unknown",
    ];
    assert_eq!(codes, want);
    let lines = "{\"public_key\":\"k\",\"nonces\":[1],\"dist\":[1]}\n".repeat(n);
    assert_eq!(read(lines.as_bytes()).expect("lines").batches.len(), n);
}

#[test]
fn limits_end_the_reading() {
    let batches = "{\"nonces\":[]}".repeat((1 << 19) + 1);
    assert_eq!(read(batches.as_bytes()).expect_err("too many").kind.code(), "too-many");
    let bad = "{\"nonces\":7}".repeat((1 << 19) + 1);
    assert_eq!(read(bad.as_bytes()).expect_err("too many").kind.code(), "too-many");
    let nonces = format!("{{\"nonces\":[{}1]}}", "1,".repeat(1 << 24));
    assert_eq!(read(nonces.as_bytes()).expect_err("too many").kind.code(), "too-many");
    let halves = format!("{{\"nonces\":[{}1]}}", "1,".repeat(1 << 23)).repeat(2);
    assert_eq!(read(halves.as_bytes()).expect_err("too many").kind.code(), "too-many");
    assert_eq!(read(&vec![b' '; (1 << 28) + 1]).expect_err("too long").kind.code(), "size");
    assert_eq!(read(&vec![b' '; 1 << 28]).expect_err("blank").kind.code(), "empty");
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "nonces",
        "dist",
        "received_dist",
        "digests",
        "nonce",
        "distance",
        "poc_batch",
        "proof_batches",
        "tx",
        "txs",
        "tx_response",
        "body",
        "messages",
        "msgs",
        "result",
        "@type",
        "params",
        "r_target",
        "block_hash",
        "public_key",
        "hex_pub_key",
        "participant",
        "profile",
        "version",
        "value",
        "exponent",
        "key",
        "node_id",
        "tried",
        "last",
        "x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|f| json!(f)),
        "[0-9a-zA-Z/+=.-]{0,70}".prop_map(Value::from),
        "\\PC{0,10}".prop_map(Value::from),
        Just(Value::from("/x.MsgSubmitPocBatch")),
        Just(Value::from("exact")),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..8)
                .prop_map(|fields| fields.into_iter().map(|(k, v)| (k.to_string(), v)).collect::<Value>()),
        ]
    })
}

/// Columns of a batch are of one length, and every message is short and plain.
fn is_sound(bytes: &[u8]) -> Result<(), TestCaseError> {
    let message = |error: &ReadError| {
        let text = error.to_string();
        prop_assert!(text.len() < 2000 && !text.contains(char::is_control), "{text:?}");
        Ok(())
    };
    match read(bytes) {
        Err(error) => message(&error)?,
        Ok(document) => {
            for batch in &document.batches {
                let (nonces, claims) = match batch {
                    AnyBatch::Gonka(batch) => (batch.nonces.len(), batch.claims.as_ref().map(Vec::len)),
                    AnyBatch::Exact(batch) => (batch.nonces.len(), batch.claims.as_ref().map(Vec::len)),
                };
                prop_assert!(claims.is_none_or(|claims| claims == nonces));
            }
            for part in &document.rejected {
                message(&part.error)?;
            }
        }
    }
    let _ = read_model::<gonka::Params>(bytes);
    let _ = read_model::<exact::Params>(bytes);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        is_sound(&bytes)?;
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[\\[\\]{}\":,0-9a-c\n\\\\ ]{0,200}") {
        is_sound(text.as_bytes())?;
    }

    #[test]
    fn any_json_is_read_or_refused(value in any_json(), next in any_json()) {
        is_sound(format!("{value}\n{next}").as_bytes())?;
    }

    /// Every listed document with a byte changed and the end cut off.
    #[test]
    fn a_damaged_document_is_read_or_refused(pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        byte in any::<u8>(), cut in any::<prop::sample::Index>(), is_cut in any::<bool>()) {
        thread_local!(static ALL: Vec<Vec<u8>> = ["document_reject.json", "document_accept.json", "document_mutated.json", "exact_reject.json"]
            .iter().flat_map(|name| cases_of_any_size(name)).filter(|bytes| !bytes.is_empty()).collect());
        let mut bytes = ALL.with(|all| pick.get(all).clone());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        is_sound(&bytes)?;
    }
}

fn cases_of_any_size(name: &str) -> Vec<Vec<u8>> {
    vectors(name)["cases"].as_array().expect("cases").iter().map(bytes).collect()
}
