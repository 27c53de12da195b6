//! Documents as people have them (`tests/cases`): the exit code and the first line of `verify` for each, so that no
//! surface, option or shape is judged otherwise by accident. All are of the preset dev-test unless said.

mod common;

use common::{Dir, stderr, stdout, vector};
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::LazyLock;

struct Case {
    /// The document.
    file: &'static str,
    /// Options beside `--backend cpu`.
    options: &'static str,
    code: i32,
    /// What the first line says, or, where it begins with an asterisk, any line.
    words: &'static [&'static str],
}

const fn case(file: &'static str, options: &'static str, code: i32, words: &'static [&'static str]) -> Case {
    Case { file, options, code, words }
}

const DEV: &str = "--params dev-test";
const STAGE: &str =
    "--params dev-test --block-hash 1FE7A8D3A96F8B5E4A4E0C5E9E2E6C8B7A1D2C3B4A5968778695A4B3C2D1E0F1";
const TRANSACTION: &str = "--params dev-test --block-hash \
    1FE7A8D3A96F8B5E4A4E0C5E9E2E6C8B7A1D2C3B4A5968778695A4B3C2D1E0F1 --public-key \
    02c1f5b1a0f3e2d4c5b6a79889706152433425161708f9eadbccbdaebf90a1b2c3";
const ODD_ONE_APART: [&str; 2] =
    ["INCOMPLETE: 1 proof: 1 honest, 1 could not be judged", "*NOT JUDGED: poc_batch[1]"];

const CASES: &[Case] = &[
    // Text is taken as given.
    case(
        "peer_itest_lowercase_hash.json",
        "--params peer_itest_params.json --r-target 1.25",
        0,
        &["HONEST: 0 bad in all 3"],
    ),
    case(
        "peer_itest_uppercase_hash.json",
        "--params peer_itest_params.json --r-target 1.25",
        0,
        &["HONEST: 0 bad in all 3"],
    ),
    case(
        "hash_lower.json",
        DEV,
        1,
        &[
            "no claim agrees",
            "another block hash",
            "*hint: the block hash is hex in other letters, taken as given",
        ],
    ),
    case("hash_0x.json", DEV, 1, &["no claim agrees", "*hint: the block hash is hex after 0x"]),
    case("hash_base64.json", DEV, 1, &["no claim agrees", "*hint: the block hash is base64"]),
    case("key_base64.json", DEV, 1, &["no claim agrees", "*hint: the public key is base64"]),
    // One odd batch of a stage, by name and place.
    case("d_one_bad_length.json", STAGE, 6, &ODD_ONE_APART),
    case("d_one_bad_nan.json", STAGE, 6, &ODD_ONE_APART),
    case("d_one_bad_negative_nonce.json", STAGE, 6, &ODD_ONE_APART),
    case("d_one_without_key.json", STAGE, 6, &["INCOMPLETE", "*(--public-key)"]),
    case(
        "d_one_bad_dist_over_2.json",
        STAGE,
        5,
        &["INCONCLUSIVE: 2 proofs: 1 inconclusive, 1 honest", "*proof 2 of 2: INCONCLUSIVE: 1 bad in all 1"],
    ),
    case("d_one_bad_dist_over_2_pretty.json", STAGE, 5, &["INCONCLUSIVE: 2 proofs"]),
    // Receivers' answers, lists, documents one after the other.
    case(
        "a_plain.json",
        DEV,
        0,
        &[
            "HONEST: 0 bad in all 5 claims; model dev-test, radius 1.4013564660458173 (the network's at launch)",
        ],
    ),
    case("a_two_batches_receiver_generated.json", DEV, 0, &["HONEST: 0 bad in all 5"]),
    case("b_receiver_validated.json", DEV, 0, &["HONEST: 0 bad in all 5"]),
    case("a_array.json", DEV, 0, &["HONEST: 0 bad in all 5"]),
    case("concat_oneline.json", DEV, 0, &["HONEST: 0 bad in all 5"]),
    case("concat_pretty.json", DEV, 0, &["HONEST: 0 bad in all 5"]),
    // Transactions and RPC.
    case("e_txs_block.json", TRANSACTION, 0, &["HONEST: 0 bad in all 5"]),
    case("e_txs_search.json", TRANSACTION, 0, &["HONEST: 0 bad in all"]),
    case("e_inferenced_query_txs.json", TRANSACTION, 0, &["HONEST: 0 bad in all 5"]),
    case("e_tx_response_only.json", TRANSACTION, 0, &["HONEST: 0 bad in all 5"]),
    case("rpc_abci.json", STAGE, 0, &["HONEST: 0 bad in all 5"]),
    case("e_tx_two_batches.json", TRANSACTION, 0, &["HONEST: 0 bad in all 5"]),
    case("e_tx_response_only.json", STAGE, 2, &["REFUSED", "leaves out the key", "(--public-key)"]),
    // An address is no key.
    case("key_address.json", DEV, 2, &["REFUSED", "an account's address"]),
    // The verifier's radius counts, not the document's.
    case("b_r10.json", DEV, 4, &["UNCONFIRMED", "every nonce wins", "not confirmed by the verifier: radius"]),
    case("b_r10.json", "--params dev-test --r-target 1.4013564660458173", 0, &["HONEST: 0 bad in all 5"]),
    case("b_r10.json", "--params dev-test --r-target 1.397", 1, &["FRAUD: 3 bad in all 5"]),
    // Model files.
    case("a_plain.json", "--params params_float_ints.json", 0, &["HONEST", "model dev-test"]),
    case("a_plain.json", "--params params_string_ints.json", 0, &["HONEST", "model dev-test"]),
    case("a_plain.json", "--params params_chain_decimal.json", 0, &["HONEST", "model dev-test"]),
    case("a_plain.json", "--params params_chain_full.json", 0, &["HONEST", "model dev-test"]),
    case("a_plain.json", "--params params_bom.json", 0, &["HONEST", "model dev-test"]),
    case("a_plain.json", "--params init_faq.json", 0, &["HONEST", "model dev-test"]),
    case("init_faq.json", "", 2, &["REFUSED"]),
    // Nothing in it.
    case("peer_empty_batch.json", DEV, 2, &["REFUSED", "peer_empty_batch.json", "no nonces"]),
    case("d_empty_stage.json", STAGE, 2, &["REFUSED", "d_empty_stage.json", "no nonces"]),
    // The whole document's error, also when it is pretty-printed.
    case("v2_pretty.json", "", 2, &["PoC v2"]),
    case("v2_minified.json", "", 2, &["PoC v2"]),
    case("verdict_only_pretty.json", "", 2, &["a verdict only"]),
    case("a_bad_params_pretty.json", "", 2, &["seq_len is missing"]),
    // Claims left out for a second opinion.
    case("a_no_dist.json", DEV, 2, &["REFUSED", "dist is left out", "distance --document"]),
    case("a_dist_null.json", DEV, 2, &["REFUSED", "dist is left out"]),
    // What `mine` writes.
    case("good_native_ledger.jsonl", "", 0, &["HONEST: 0 bad in all 5 claims; model dev-test"]),
    case("exact_native_ledger.jsonl", "", 0, &["HONEST: 0 bad in all 18 claims; model nano"]),
    case("exact_overlap.jsonl", "", 2, &["REFUSED", "is claimed at entry"]),
    // Several hosts: all, or the one that is meant.
    case("d_two_participants.json", STAGE, 5, &["INCONCLUSIVE: 2 proofs", "*proof 1 of 2: HONEST"]),
    case(
        "d_two_participants.json",
        "--params dev-test --participant gonka1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9 --block-hash \
         1FE7A8D3A96F8B5E4A4E0C5E9E2E6C8B7A1D2C3B4A5968778695A4B3C2D1E0F1",
        0,
        &["HONEST: 0 bad in all 5"],
    ),
    case(
        "d_two_participants.json",
        "--params dev-test --participant nobody",
        2,
        &["REFUSED", "(--participant)"],
    ),
    // Encodings.
    case("enc_bom.json", DEV, 0, &["HONEST: 0 bad in all 5"]),
    case("exact_bom.jsonl", "", 0, &["HONEST: 0 bad in all 18"]),
    case("enc_utf16le.json", DEV, 2, &["UTF-16", "UTF-8"]),
    case("enc_gz.json.gz", DEV, 2, &["gzip", "gunzip"]),
    // What is no proof.
    case("api_error.json", "", 2, &["a server's error answer", "Not Found"]),
    case("forged.json", "", 1, &["FRAUD: 6 bad in all 6"]),
    // Options that the document's profile does not know.
    case("a_plain.json", "--params dev-test --memory 60", 2, &["--memory is no option of profile gonka"]),
    case("exact_native_ledger.jsonl", "--r-target 1.4", 2, &["--r-target is no option of profile exact"]),
    case(
        "exact_native_ledger.jsonl",
        "--fraud-threshold 1e-7",
        2,
        &["--fraud-threshold is no option of profile exact"],
    ),
    case(
        "exact_native_ledger.jsonl",
        "--block-height 5",
        2,
        &["--block-height is no option of profile exact"],
    ),
    // The radius falls at the height of the network's upgrade.
    case(
        "a_plain.json",
        "--params dev-test --block-height 1900000",
        1,
        &["FRAUD: 3 bad in all 5", "from December 2025"],
    ),
];

#[test]
fn every_document_gets_its_exit_code_and_first_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let dir = Dir::new();
    let mut faults = Vec::new();
    for Case { file, options, code, words } in CASES {
        let mut command = dir.command(&["verify", file, "--backend", "cpu"]);
        let output = command.args(options.split_whitespace()).current_dir(&folder).output().unwrap();
        let text = if output.stdout.is_empty() { stderr(&output) } else { stdout(&output) };
        let first = text.lines().find(|line| !line.contains("INFO")).unwrap_or_default();
        let says = |words: &&&str| match words.strip_prefix('*') {
            Some(words) => text.contains(words),
            None => first.contains(**words),
        };
        if output.status.code() != Some(*code) || !words.iter().all(|word| says(&word)) {
            faults.push(format!(
                "{file} {options}: {:?}, expected {code} and {words:?}:\n{text}",
                output.status
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_model_file_says_what_it_leaves_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let dir = Dir::new();
    let args = ["verify", "a_plain.json", "--params", "params_no_seq_len.json", "--backend", "cpu"];
    let output = dir.command(&args).current_dir(&folder).output().unwrap();
    assert!(stderr(&output).contains("seq_len"), "{}", stderr(&output));
}

#[test]
fn a_document_on_standard_input_is_the_same_as_in_a_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let dir = Dir::new();
    let file = std::fs::File::open(folder.join("exact_native_ledger.jsonl")).unwrap();
    let output = dir.command(&["verify", "-", "--backend", "cpu"]).stdin(file).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).starts_with("HONEST: 0 bad in all 18"), "{}", stdout(&output));
}

#[test]
fn nonces_of_a_document_are_recomputed_without_a_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let dir = Dir::new();
    for file in ["a_no_dist.json", "a_dist_null.json", "a_plain.json"] {
        let file = folder.join(file);
        let args =
            ["distance", "--document", file.to_str().unwrap(), "--params", "dev-test", "--backend", "cpu"];
        let list = dir.json(0, &args);
        let batch = &list["batches"][0];
        assert_eq!(batch["nonces"], serde_json::json!(["8", "13", "71", "78", "88"]));
        let claimed = [1.398_360_890_641_262, 1.399_510_050_540_941_2];
        for (ix, claimed) in claimed.into_iter().enumerate() {
            let error = batch["dist"][ix].as_f64().unwrap() - claimed;
            assert!(error.abs() < 2e-5, "{error}");
        }
        assert!(list.get("verdict").is_none());
    }
    let exact = folder.join("exact_native_ledger.jsonl");
    let list = dir.json(0, &["distance", "--document", exact.to_str().unwrap(), "--backend", "cpu"]);
    let won = |batch: &serde_json::Value| batch["won"].as_array().unwrap().iter().all(|won| won == true);
    assert!(list["batches"].as_array().unwrap().iter().all(won), "{list}");
}

/// Verifies bytes from standard input; gives the exit code and the JSON.
fn verify_bytes(dir: &Dir, bytes: &[u8], options: &[&str]) -> (Option<i32>, Value) {
    let mut command = dir.command(&["verify", "-", "--backend", "cpu", "--json"]);
    command.args(options).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if json.get("error").is_none() {
        assert_report(&json);
    }
    (output.status.code(), json)
}

static SCHEMA: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::validator_for(&vector("report.schema.json")).unwrap());

/// Asserts that a value is a report as `tests/vectors/report.schema.json` has it.
fn assert_report(json: &Value) {
    let faults: Vec<String> = SCHEMA.iter_errors(json).map(|error| error.to_string()).collect();
    assert!(faults.is_empty(), "{}: {json:.300}", faults.join("; "));
}

#[test]
fn reports_are_as_their_schema_has_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases");
    let dir = Dir::new();
    let mut verdicts = Vec::new();
    for (file, options) in [
        ("a_plain.json", DEV),
        ("b_r10.json", DEV),
        ("hash_lower.json", DEV),
        ("d_one_bad_dist_over_2.json", STAGE),
        ("d_one_without_key.json", STAGE),
        ("d_empty_stage.json", STAGE),
        ("exact_native_ledger.jsonl", ""),
        ("fault2_exact_own_model.json", ""),
    ] {
        let options: Vec<&str> = options.split_whitespace().collect();
        let (_, json) = verify_bytes(&dir, &std::fs::read(folder.join(file)).unwrap(), &options);
        assert_report(&json);
        verdicts.push(json["verdict"].as_str().unwrap().to_owned());
        for (name, value) in [("schema", serde_json::json!(2)), ("extra", serde_json::json!(1))] {
            let mut wrong = json.clone();
            wrong[name] = value;
            assert!(!SCHEMA.is_valid(&wrong), "{name}");
        }
    }
    for word in ["honest", "fraud", "unconfirmed", "inconclusive", "incomplete", "refused"] {
        assert!(verdicts.iter().any(|verdict| verdict == word), "no report is {word}: {verdicts:?}");
    }
}

fn bytes_of(case: &Value) -> Vec<u8> {
    let Some(hex) = case["hex"].as_str() else { return case["text"].as_str().unwrap().into() };
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn what_the_specification_refuses_is_refused_by_code_and_place() {
    let dir = Dir::new();
    let mut faults = Vec::new();
    let [reject, mutated] = ["document_reject.json", "document_mutated.json"].map(vector);
    let mutated = mutated["cases"].as_array().unwrap().iter().filter(|case| !case["code"].is_null());
    for case in reject["cases"].as_array().unwrap().iter().chain(mutated) {
        let (code, json) = verify_bytes(&dir, &bytes_of(case), &[]);
        let error = &json["error"];
        let is_elsewhere = case.get("place").is_some_and(|place| error["place"] != *place);
        if code != Some(2) || error["code"] != case["code"] || is_elsewhere {
            faults.push(format!(
                "{}: {code:?}, {error}, expected {} at {}",
                case["name"], case["code"], case["place"]
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_the_specification_refuses_of_exact_proofs_has_its_code() {
    let dir = Dir::new();
    let job = &vector("exact_proof.json")["json"];
    let text = |name: &str| job[name].as_str().unwrap().to_owned();
    let (block, key) = (text("block_hash"), text("public_key"));
    let options = ["--params", "nano", "--block-hash", &block, "--public-key", &key];
    let mut faults = Vec::new();
    for case in vector("exact_reject.json")["cases"].as_array().unwrap() {
        let (exit, json) = verify_bytes(&dir, &bytes_of(case), &options);
        let (expected, code) = match case["stage"].as_str().unwrap() {
            "read" => (2, &json["error"]["code"]),
            "expect" => (2, &json["unjudged"][0]["code"]),
            _ => (1, &json["submissions"][0]["evidence"]["fault"]["code"]),
        };
        if exit != Some(expected) || *code != case["code"] {
            faults.push(format!("{}: {exit:?}, {code}, expected {}", case["name"], case["code"]));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
