//! Judging as a user runs it: forged batches, split and disguised ones, what only the document says, and outputs that
//! nobody reads.
//!
//! The model is that of `tests/vectors/gonka_tiny.json`, its distances known.

mod common;

use common::{Dir, JUDGE, PUZZLE, stderr, stdout};
use serde_json::{Value, json};
use std::process::Stdio;

fn verify<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["verify", file], &JUDGE[..], more].concat()
}

#[test]
fn five_forged_of_two_hundred_are_fraud_and_four_are_not() {
    let dir = Dir::tiny();
    for (n_forged, code, verdict) in [(0, 0, "honest"), (4, 0, "honest"), (5, 1, "fraud")] {
        dir.write("batch.json", &dir.forged(n_forged).to_string());
        let report = dir.json(code, &verify("batch.json", &[]));
        assert_eq!(
            (&report["verdict"], &report["submissions"][0]["nBad"]),
            (&json!(verdict), &json!(n_forged))
        );
        let output = dir.run(&verify("batch.json", &[]));
        assert_eq!(output.status.code(), Some(code));
        assert!(stdout(&output).starts_with(&verdict.to_uppercase()), "{}", stdout(&output));
    }
}

/// The batch as lines of two claims, each with what `change` puts in.
fn split(batch: &Value, change: impl Fn(usize, &mut Value)) -> String {
    let column = |name: &str| batch[name].as_array().unwrap().clone();
    let (nonces, dist) = (column("nonces"), column("dist"));
    let mut text = String::new();
    for (ix, (nonces, dist)) in nonces.chunks(2).zip(dist.chunks(2)).enumerate() {
        let mut line = batch.clone();
        line["nonces"] = json!(nonces);
        line["dist"] = json!(dist);
        change(ix, &mut line);
        text.push_str(&format!("{line}\n"));
    }
    text
}

#[test]
fn a_forged_batch_split_into_lines_is_judged_as_one_or_refused() {
    let dir = Dir::tiny();
    let batch = dir.forged(200);
    dir.write("one.json", &batch.to_string());
    assert_eq!(dir.json(1, &verify("one.json", &[]))["verdict"], "fraud");
    // The same radius in each line: one submission.
    dir.write("same.jsonl", &split(&batch, |_, line| line["r_target"] = json!(1.4)));
    let report = dir.json(1, &verify("same.jsonl", &[]));
    assert_eq!((&report["verdict"], &report["submissions"][0]["nClaimed"]), (&json!("fraud"), &json!(200)));
    // One step larger in each: two bad ones convict nobody, so they may not be judged apart.
    let radius = |ix: usize| json!(f64::from_bits(1.4_f64.to_bits() + ix as u64));
    dir.write("radii.jsonl", &split(&batch, |ix, line| line["r_target"] = radius(ix)));
    let params = common::vector("gonka_tiny.json")["params"].clone();
    let model = |ix: usize| {
        let mut params = params.clone();
        params["norm_eps"] = json!(f64::from_bits(1e-5_f64.to_bits() + ix as u64));
        params
    };
    dir.write("models.jsonl", &split(&batch, |ix, line| line["params"] = model(ix)));
    for (file, args) in [
        ("radii.jsonl", verify("radii.jsonl", &[])),
        ("models.jsonl", vec!["verify", "models.jsonl", "--r-target", "1.414", "--backend", "cpu"]),
    ] {
        let report = dir.json(2, &args);
        assert_eq!(report["verdict"], "refused", "{file}");
        assert_eq!(report["unjudged"][0]["code"], "mixed", "{report}");
    }
}

#[test]
fn a_sample_that_cannot_convict_is_inconclusive() {
    let dir = Dir::tiny();
    dir.write("batch.json", &dir.forged(0).to_string());
    for sample in ["1", "2"] {
        let report = dir.json(5, &verify("batch.json", &["--sample", sample]));
        assert_eq!(report["verdict"], "inconclusive");
    }
    let report = dir.json(0, &verify("batch.json", &["--sample", "3"]));
    let submission = &report["submissions"][0];
    assert_eq!(submission["sampleSource"], "random");
    assert_eq!(submission["sampleSeed"].as_str().unwrap().len(), 32, "128 bits: {submission}");
    let report = dir.json(0, &verify("batch.json", &["--sample", "20", "--seed", "x"]));
    let submission = &report["submissions"][0];
    assert_eq!((&submission["sampleSource"], &submission["sampleSeed"]), (&json!("verifier"), &json!("x")));
    let report = dir.json(0, &verify("batch.json", &["--sample", "all"]));
    let submission = &report["submissions"][0];
    assert_eq!((&submission["nChecked"], &submission["sampleSeed"]), (&json!(200), &Value::Null));
}

#[test]
fn where_the_networks_validator_looks_can_be_looked_at_and_confirms_nothing() {
    let dir = Dir::tiny();
    let mut batch = dir.forged(0);
    dir.write("whole.json", &batch.to_string());
    let args = |file| verify(file, &["--validator", "03cd", "--sample", "50"]);
    let report = dir.json(4, &args("whole.json"))["submissions"][0].take();
    assert_eq!(
        (&report["unconfirmed"], &report["sampleSeed"]),
        (&json!(["sample"]), &json!("03cd:deadbeef:1"))
    );
    assert_eq!(dir.json(4, &args("whole.json"))["submissions"][0]["results"], report["results"]);
    batch.as_object_mut().unwrap().remove("block_height");
    dir.write("nowhere.json", &batch.to_string());
    assert!(dir.error(2, &args("nowhere.json")).contains("--block-height"));
}

#[test]
fn what_only_the_document_says_is_never_honest() {
    let dir = Dir::tiny();
    let junk: Vec<u64> = (0..200).collect();
    let mut batch = json!({"public_key": "02abc", "block_hash": "deadbeef", "nonces": junk,
        "dist": vec![1.9; 200], "node_id": 0, "r_target": 2.0});
    // A radius that lets everything win.
    dir.write("loose.json", &batch.to_string());
    let model = ["verify", "loose.json", "--params", "tiny.json", "--backend", "cpu"];
    let report = dir.json(4, &model);
    assert_eq!(
        (&report["verdict"], &report["submissions"][0]["unconfirmed"]),
        (&json!("unconfirmed"), &json!(["rule"]))
    );
    assert!(stdout(&dir.run(&model)).starts_with("UNCONFIRMED"));
    // A model of the document's own.
    batch = dir.forged(0);
    batch["params"] = common::vector("gonka_tiny.json")["params"].clone();
    dir.write("own.json", &batch.to_string());
    let own = ["verify", "own.json", "--r-target", "1.414", "--backend", "cpu"];
    assert_eq!(dir.json(4, &own)["submissions"][0]["unconfirmed"], json!(["params"]));
    let text = stdout(&dir.run(&own));
    let first = text.lines().next().unwrap();
    assert!(first.starts_with("UNCONFIRMED") && first.contains("a model of the document's own"), "{first}");
    assert!(first.contains("% of nonces win"), "{first}");
    // Named by the verifier, it stands.
    assert_eq!(dir.json(0, &verify("own.json", &[]))["verdict"], "honest");
}

#[test]
fn chain_queries_and_transactions_verify_with_the_rest_from_options() {
    let dir = Dir::tiny();
    let batch = dir.forged(0);
    let inner = json!({"participant_address": "gonka1x", "poc_stage_start_block_height": "1",
        "nonces": batch["nonces"].as_array().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "dist": batch["dist"]});
    let chain =
        json!({"poc_batch": [{"participant": "gonka1x", "hex_pub_key": "02abc", "poc_batch": [inner]}]});
    dir.write("chain.json", &chain.to_string());
    let block = ["--block-hash", "deadbeef", "--sample", "20"];
    let report = dir.json(0, &verify("chain.json", &block));
    let submission = &report["submissions"][0];
    assert_eq!((&submission["nClaimed"], &submission["nChecked"]), (&json!(200), &json!(20)));

    let mut message = inner;
    message["@type"] = json!("/inference.inference.MsgSubmitPocBatch");
    let tx = json!({"tx": {"body": {"messages": [{"@type": "/cosmos.authz.v1beta1.MsgExec", "msgs": [message]}]}}});
    dir.write("tx.json", &tx.to_string());
    let output = dir.run(&verify("tx.json", &block));
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).contains("--public-key"), "{}", stdout(&output));
    let key = [&block[..], &["--public-key", "02abc", "--seed", "x"]].concat();
    assert_eq!(dir.json(0, &verify("tx.json", &key))["verdict"], "honest");
}

#[test]
fn another_hash_or_key_is_fraud_and_the_report_says_why() {
    let dir = Dir::tiny();
    let mut batch = dir.forged(0);
    batch["block_hash"] = json!("deadbeee");
    dir.write("batch.json", &batch.to_string());
    // At 1.3 no claim above it may stand either: all are bad.
    let report = dir
        .json(1, &["verify", "batch.json", "--params", "tiny.json", "--r-target", "1.3", "--backend", "cpu"]);
    assert_eq!(report["submissions"][0]["evidence"]["nothingAgrees"], true);
    let report = dir.json(2, &verify("batch.json", &["--block-hash", "cafe"]));
    assert_eq!(report["unjudged"][0]["code"], "wrong-block");
    assert!(report["unjudged"][0]["message"].as_str().unwrap().contains("deadbeee"), "{report}");
}

#[test]
fn strangers_text_can_neither_steer_a_terminal_nor_flood_one() {
    let dir = Dir::tiny();
    let escape = "\u{1b}[2J\u{1b}[32mHONEST";
    let long = "é".repeat(1_000_000);
    for (name, text) in [
        ("key", json!({"public_key": escape, "block_hash": "ab", "nonces": [1], "dist": [1.0]}).to_string()),
        ("member", json!({escape: 1, "nonces": [1], "digests": ["a"], "profile": "exact"}).to_string()),
        ("foreign", json!({escape: {escape: 1}}).to_string()),
        ("params", json!({"nonces": [1], "dist": [1.0], "params": {"dim": escape}}).to_string()),
        ("long", json!({"public_key": long, "block_hash": long, "nonces": [1], "dist": [1.0]}).to_string()),
        ("wide", json!({long.as_str(): 1}).to_string()),
        ("profile", json!({"profile": long, "nonces": [1]}).to_string()),
        (
            "participant",
            json!({"poc_batch": [{"participant": format!("{escape}{long}"), "poc_batch": [
            {"nonces": ["1"], "dist": [1.0]}]}]})
            .to_string(),
        ),
        ("code", json!({"code": 5, "message": format!("{escape}{long}"), "details": []}).to_string()),
    ] {
        let file = format!("{name}\u{1b}[2J.json");
        dir.write(&file, &text);
        for args in [
            vec!["verify", &file, "--backend", "cpu"],
            vec!["distance", "--document", &file, "--backend", "cpu"],
        ] {
            let output = dir.run(&args);
            assert_eq!(output.status.code(), Some(2), "{name}: {}", stderr(&output));
            let said = stdout(&output) + &stderr(&output);
            assert!(!said.contains('\u{1b}'), "{name}: {said:?}");
            assert!(said.len() < 2000, "{name}: {} bytes", said.len());
        }
    }
}

#[test]
fn a_verdict_that_nobody_reads_keeps_its_exit_code() {
    let dir = Dir::tiny();
    for (n_forged, code) in [(5, 1), (0, 0)] {
        dir.write("batch.json", &dir.forged(n_forged).to_string());
        for json in [&[][..], &["--json"]] {
            let mut command = dir.command(&verify("batch.json", json));
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            drop(child.stdout.take());
            drop(child.stderr.take());
            assert_eq!(child.wait().unwrap().code(), Some(code));
        }
    }
    #[cfg(target_os = "linux")]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut child =
            dir.command(&verify("batch.json", &[])).stdout(full).stderr(Stdio::null()).spawn().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(3), "a verdict that could not be written");
    }
}

#[test]
fn each_command_prints_one_json_document_also_when_it_fails() {
    let dir = Dir::tiny();
    for (args, code) in [
        (&["verify", "nonesuch.json"][..], "file"),
        (&["verify"], "usage"),
        (&["verify", "x", "--sample", "0"], "usage"),
        (&["nonesuch"], "usage"),
        (&["mine", "--out", "x"], "usage"),
        (&["r-target", "--vocab", "8196", "--r-target", "3"], "range"),
    ] {
        assert_eq!(dir.json(2, args)["error"]["code"], code, "{args:?}");
    }
    let mine = ["mine", "--out", "no/such/dir/file", "--backend", "cpu"];
    assert_eq!(dir.json(2, &[&mine[..], &PUZZLE].concat())["error"]["code"], "out-file");
}

#[test]
fn bad_claims_are_refused_by_place_with_exit_code_2() {
    let dir = Dir::tiny();
    let claim = |nonces: Value, dist: Value| {
        json!({"public_key": "02abc", "block_hash": "deadbeef", "nonces": nonces, "dist": dist}).to_string()
    };
    for (text, words) in [
        (claim(json!([]), json!([])), "no nonces"),
        (claim(json!([1, 2]), json!([1.3])), "has 1 entries"),
        (claim(json!([1, 1]), json!([1.3, 1.3])), "nonce 1 is claimed"),
        (claim(json!([-1]), json!([1.3])), "nonces[0]"),
        (claim(json!([9_223_372_036_854_775_808_u64]), json!([1.3])), "nonces[0]"),
        (claim(json!([1]), json!([-0.1])), "dist[0]"),
        (claim(json!([1]), json!(["NaN"])), "dist[0]"),
        (claim(json!([1]), json!(["inf"])), "dist[0]"),
        (claim(json!([1]), json!([null])), "dist[0]"),
        ("{\"nonces\": [1], \"dist\": [1".into(), "not JSON"),
        ("\u{0}\u{1}".into(), "not JSON"),
        ("{\"hello\": \"world\"}".into(), "not a proof"),
        (json!({"root_hash": "x", "count": 1}).to_string(), "PoC v2"),
    ] {
        dir.write("claim.json", &text);
        let output = dir.run(&verify("claim.json", &[]));
        assert_eq!(output.status.code(), Some(2), "{text}");
        let said = stdout(&output) + &stderr(&output);
        assert!(said.contains(words), "{text}: {said}");
    }
    dir.write("good.json", &claim(json!([1]), json!([1.3])));
    let rest = ["verify", "good.json", "--params", "tiny.json", "--backend", "cpu"];
    for args in
        [&["--sample", "0"][..], &["--sample", "few"], &["--fraud-threshold", "2"], &["--r-target", "3"]]
    {
        assert_eq!(dir.run(&[&rest[..], args].concat()).status.code(), Some(2), "{args:?}");
    }
}

/// Replies of a node of the chain of `tests/vectors/chain.json`, and the block that they are followed from.
fn chain() -> (String, String, Value) {
    let vectors = common::vector("chain.json");
    let cases = vectors["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case.get("given").is_some()).unwrap();
    let replies = case["use"].as_array().unwrap().iter();
    let replies: Vec<String> =
        replies.map(|name| vectors["replies"][name.as_str().unwrap()].to_string()).collect();
    (replies.join("\n"), case["trust"].as_str().unwrap().to_owned(), case["given"].clone())
}

#[test]
fn a_chain_says_what_its_verifier_need_not_type() {
    let dir = Dir::tiny();
    let (replies, trust, given) = chain();
    dir.write("replies.json", &replies);
    let text = |name: &str| given[name].as_str().unwrap();
    dir.json(
        0,
        &[
            &["mine", "--params", "tiny.json", "--r-target", "1.414", "--backend", "cpu", "--count", "40"][..],
            &["--out", "won.jsonl", "--block-hash", text("blockHash"), "--public-key", text("publicKey")],
        ]
        .concat(),
    );
    // By itself the model is none that a verifier knows.
    assert_eq!(dir.json(4, &["verify", "won.jsonl", "--backend", "cpu"])["verdict"], "unconfirmed");
    let long = ["--trusting-days", "36500"];
    let args = [
        &["verify", "won.jsonl", "--backend", "cpu", "--chain", "replies.json", "--trust", &trust][..],
        &["--block-height", "120", "--account", text("account")],
    ]
    .concat();
    let args = |more: &[&'static str]| [&args[..], &long, more].concat();
    let output = dir.run(&args(&[]));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.starts_with("HONEST"), "{said}");
    let rests_on = "block, key, model and radius by chain \"sphere-pow-test-1\", if its block 100 is";
    assert!(said.lines().nth(1).is_some_and(|line| line.starts_with(rests_on)), "{said}");
    // What is typed beside it has to be the same.
    assert!(dir.error(2, &args(&["--public-key", "02abc"])).contains("as the chain says"));
    assert!(dir.error(2, &args(&["--r-target", "1.4"])).contains("1.414, as the chain says"));
    assert!(dir.error(2, &args(&["--params", "tiny.json"])).contains("--params"));
    // Whose validators may have sold their keys since.
    let aged: Vec<&str> = args(&[]).into_iter().filter(|arg| !long.contains(arg)).collect();
    assert!(dir.error(2, &aged).contains("trust a later block"));
    let confirmed = dir.json(0, &["chain", "replies.json", "--trust", &trust, "--trusting-days", "36500"]);
    assert_eq!(
        (&confirmed["chainId"], confirmed["blocks"].as_array().map(Vec::len)),
        (&json!("sphere-pow-test-1"), Some(4))
    );
    let other = format!("100{}", trust[3..].replace('A', "B"));
    assert!(dir.error(2, &["chain", "replies.json", "--trust", &other]).contains("expected the trusted"));
}
