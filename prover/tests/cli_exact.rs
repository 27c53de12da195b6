//! The command with `--profile exact`: the oracle's digests on every path, proofs that one path makes and the other
//! checks, and refusals by name.
//!
//! A Vulkan driver must be there (a software one will do): no adapter is a failure.

mod common;

use common::{Dir, stderr, stdout, vector};
use serde_json::{Value, json};
use sphere_pow_core::document::{self, AnyBatch};
use sphere_pow_core::exact::{Claim, Proof};

const EXACT: [&str; 2] = ["--profile", "exact"];
const PUZZLE: [&str; 8] =
    ["--profile", "exact", "--params", "nano", "--block-hash", "block-a", "--public-key", "key-a"];

fn mine(dir: &Dir, count: &str, out: &str, more: &[&str]) -> Value {
    let backend = if more.contains(&"--backend") { &[][..] } else { &["--backend", "cpu"] };
    dir.json(0, &[&["mine", "--count", count, "--out", out], &PUZZLE[..], backend, more].concat())
}

/// The proof as bytes, SPEC §II.9.1.
fn bytes_of(proof: &Value) -> Vec<u8> {
    let document = document::read(proof.to_string().as_bytes()).unwrap();
    let Some(AnyBatch::Exact(batch)) = document.batches.into_iter().next() else { panic!("{proof}") };
    let claims = batch.nonces.into_iter().zip(batch.claims.unwrap());
    let claims = claims.map(|(nonce, digest)| Claim { nonce, digest }).collect();
    let (params, block, key) = (batch.params.unwrap(), batch.block_hash.unwrap(), batch.public_key.unwrap());
    Proof::new(&params, &block, &key, claims).unwrap().to_bytes()
}

/// The lines of a ledger as one proof, in the JSON of SPEC §II.9.2.
fn proof(dir: &Dir, ledger: &str) -> Value {
    let text = std::fs::read_to_string(dir.path(ledger)).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut first = lines.next().unwrap();
    for line in lines {
        for column in ["nonces", "digests"] {
            let more = line[column].as_array().unwrap().clone();
            first[column].as_array_mut().unwrap().extend(more);
        }
    }
    for field in ["node_id", "node_count", "group", "groups", "tried", "last"] {
        first.as_object_mut().unwrap().remove(field);
    }
    first
}

#[test]
fn digests_are_the_oracles_on_every_backend() {
    let dir = Dir::new();
    let cases = vector("exact_forward.json");
    let nano = &cases["cases"][0];
    assert_eq!(nano["name"], "nano");
    let text = |field: &str| nano[field].as_str().unwrap().to_owned();
    let (block, key) = (text("block_hash"), text("public_key"));
    for backend in ["cpu", "gpu", "auto"] {
        let args = ["distance", "--params", "nano", "--block-hash", &block, "--public-key", &key];
        let got = dir.json(0, &[&args[..], &EXACT, &["--nonces", "0-3", "--backend", backend]].concat());
        assert_eq!(got["profile"], "exact");
        for ix in 0..4 {
            let want = &nano["nonces"][ix];
            for (got, field) in [
                ("digests", "digest"),
                ("dot", "dot"),
                ("logitsSquared", "logits_squared"),
                ("targetSquared", "target_squared"),
                ("won", "won"),
            ]
            .map(|(got_field, field)| (&got[got_field][ix], field))
            {
                assert_eq!(got, &want[field], "{backend}, nonce {ix}, {field}");
            }
            assert!(got["dist"][ix].as_f64().unwrap() < 2.0);
        }
    }
}

#[test]
fn weights_made_as_they_are_used_give_the_same_bits() {
    let dir = Dir::new();
    let distance = |memory: &[&str]| {
        let args = ["distance", "--nonces", "0-9", "--backend", "cpu", "--threads", "1"];
        let args = [&args, &PUZZLE[..], memory].concat();
        dir.json(0, &args)
    };
    let (kept, streamed) = (distance(&[]), distance(&["--memory", "2"]));
    assert_eq!(kept["digests"], streamed["digests"]);
    assert_ne!(kept["engine"], streamed["engine"], "the memory limit was not heeded");
    let args =
        [&["distance", "--nonces", "0", "--backend", "cpu", "--memory", "1", "--threads", "1"], &PUZZLE[..]]
            .concat();
    let error = dir.json(3, &args);
    assert!(error["error"]["message"].as_str().unwrap().contains("memory limit"), "{error}");
}

#[test]
fn what_one_path_mines_the_other_verifies_to_the_bit() {
    let dir = Dir::new();
    for (mined_on, verified_on) in [("cpu", "gpu"), ("gpu", "cpu")] {
        let file = format!("{mined_on}.jsonl");
        let summary = mine(&dir, "128", &file, &["--backend", mined_on]);
        assert_eq!((&summary["tried"], &summary["isAlarming"]), (&json!(128), &json!(false)));
        assert!(summary["won"].as_u64().unwrap() > 0);
        let report = dir.json(0, &["verify", &file, "--backend", verified_on]);
        assert_eq!(report["verdict"], "honest");
        let submission = &report["submissions"][0];
        assert_eq!((&submission["nChecked"], &submission["nBad"]), (&summary["won"], &json!(0)));
        assert_eq!(submission["engine"]["engine"], verified_on);
    }
    assert_eq!(proof(&dir, "cpu.jsonl"), proof(&dir, "gpu.jsonl"));
}

#[test]
fn a_second_run_goes_on_and_nothing_is_tried_twice() {
    let dir = Dir::new();
    mine(&dir, "100", "split.jsonl", &["--batch", "7"]);
    let second = mine(&dir, "100", "split.jsonl", &["--batch", "16"]);
    assert_eq!(second["totalTried"], 200);
    mine(&dir, "200", "whole.jsonl", &[]);
    assert_eq!(proof(&dir, "split.jsonl"), proof(&dir, "whole.jsonl"));
    let other = ["mine", "--count", "1", "--out", "split.jsonl", "--backend", "cpu", "--profile", "exact"];
    let other =
        [&other[..], &["--params", "nano", "--block-hash", "block-b", "--public-key", "key-a"]].concat();
    let error = dir.json(2, &other);
    assert!(error["error"]["message"].as_str().unwrap().contains("block_hash"), "{error}");
}

#[test]
fn one_false_claim_is_fraud_and_the_report_lets_anyone_repeat_it() {
    let dir = Dir::new();
    mine(&dir, "200", "mined.jsonl", &[]);
    let good = proof(&dir, "mined.jsonl");
    let verify = |code, name: &str, value: &Value, more: &[&str]| {
        dir.write(name, &value.to_string());
        dir.json(code, &[&["verify", name, "--backend", "cpu"], more].concat())
    };
    assert_eq!(verify(0, "good.json", &good, &[])["verdict"], "honest");

    let mut forged = good.clone();
    let digest = forged["digests"][3].as_str().unwrap().to_owned();
    let flipped = if digest.starts_with('0') { "1" } else { "0" };
    forged["digests"][3] = json!(format!("{flipped}{}", &digest[1..]));
    let report = verify(1, "forged.json", &forged, &[]);
    let submission = &report["submissions"][0];
    assert_eq!((&report["verdict"], &submission["nBad"]), (&json!("fraud"), &json!(1)));
    let fault = &submission["evidence"]["fault"];
    assert_eq!((&fault["code"], &fault["nonce"]), (&json!("digest"), &good["nonces"][3]));
    let finding = &submission["results"][3];
    assert_eq!((&finding["digest"], &finding["claimedDigest"]), (&json!(digest), &forged["digests"][3]));

    // A true digest of a nonce that did not win.
    let lost =
        (0..200).map(|n| n.to_string()).find(|n| !good["nonces"].as_array().unwrap().contains(&json!(n)));
    let lost = lost.unwrap();
    let args = [&["distance", "--nonces", &lost, "--backend", "cpu"], &PUZZLE[..]].concat();
    let mut one = good.clone();
    one["nonces"] = json!([lost]);
    one["digests"] = dir.json(0, &args)["digests"].clone();
    let fault = |report: Value| report["submissions"][0]["evidence"]["fault"]["code"].clone();
    assert_eq!(fault(verify(1, "lost.json", &one, &[])), "not-won");

    // Under another key or block every digest is another; refused by name when the asker says which.
    for (field, option, code) in
        [("public_key", "--public-key", "wrong-key"), ("block_hash", "--block-hash", "wrong-block")]
    {
        let mut moved = good.clone();
        moved[field] = json!("moved");
        assert_eq!(fault(verify(1, "moved.json", &moved, &[])), "digest", "{field}");
        let report = verify(2, "good.json", &good, &[option, "moved"]);
        assert_eq!((&report["verdict"], &report["unjudged"][0]["code"]), (&json!("refused"), &json!(code)));
    }
    let report = verify(2, "good.json", &good, &["--params", "standard"]);
    assert_eq!(report["unjudged"][0]["code"], "wrong-params");
}

#[test]
fn sizes_of_the_documents_own_are_unconfirmed() {
    let dir = Dir::new();
    // A model of one layer where every nonce wins.
    let params = json!({"dim": 64, "heads": 4, "hidden": 64, "layers": 1, "tokens": 8, "vocab": 256,
        "threshold": 0});
    dir.write("easy.json", &params.to_string());
    let mined = ["mine", "--count", "32", "--out", "easy.jsonl", "--backend", "cpu", "--profile", "exact"];
    let puzzle = ["--params", "easy.json", "--block-hash", "block-a", "--public-key", "key-a"];
    dir.json(0, &[&mined[..], &puzzle].concat());
    let report = dir.json(4, &["verify", "easy.jsonl", "--backend", "cpu"]);
    assert_eq!(report["submissions"][0]["unconfirmed"], json!(["params"]));
    dir.json(0, &["verify", "easy.jsonl", "--params", "easy.json", "--backend", "cpu"]);
}

#[test]
fn proofs_are_read_as_bytes_too_and_bad_ones_are_refused_by_name() {
    let dir = Dir::new();
    mine(&dir, "64", "mined.jsonl", &[]);
    let good = proof(&dir, "mined.jsonl");
    let bytes = bytes_of(&good);
    std::fs::write(dir.path("proof.bin"), &bytes).unwrap();
    let args = |name| ["verify", name, "--backend", "cpu"];
    assert_eq!(dir.json(0, &args("proof.bin"))["verdict"], "honest");
    std::fs::write(dir.path("cut.bin"), &bytes[..bytes.len() - 1]).unwrap();
    dir.json(2, &args("cut.bin"));
    let with = |field: &str, value: Value| {
        let mut bad = good.clone();
        bad[field] = value;
        bad.to_string()
    };
    for (text, words) in [
        (String::new(), "empty"),
        ("[]".into(), ""),
        ("{\"profile\": \"exact\"".into(), "not JSON"),
        (with("version", json!(1)), "version"),
        (with("nonces", json!(["1"])), "digests"),
        (with("extra", json!(1)), "extra"),
        (with("params", json!({"dim": 0})), ""),
        (with("block_hash", json!("")), "block hash is empty"),
    ] {
        dir.write("bad.json", &text);
        let output = dir.run(&args("bad.json"));
        assert_eq!(output.status.code(), Some(2), "{text}");
        let said = stdout(&output) + &stderr(&output);
        assert!(said.contains(words), "{text}: {said}");
    }
    dir.write("empty.json", &{
        let mut empty = good.clone();
        empty["nonces"] = json!([]);
        empty["digests"] = json!([]);
        empty.to_string()
    });
    assert_eq!(dir.json(2, &args("empty.json"))["unjudged"][0]["code"], "no-nonces");
}

#[test]
fn options_of_the_other_profile_are_refused() {
    let dir = Dir::new();
    let args =
        [&["mine", "--count", "1", "--out", "x", "--r-target", "1.4", "--backend", "cpu"], &PUZZLE[..]];
    let output = dir.run(&args.concat());
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let testnet =
        ["distance", "--profile", "exact", "--params", "testnet", "--block-hash", "a", "--public-key", "b"];
    let error = dir.json(2, &[&testnet[..], &["--nonces", "0"]].concat());
    assert!(error["error"]["message"].as_str().unwrap().contains("standard, large, nano"), "{error}");
    dir.write("p.json", "{\"dim\": 3, \"heads\": 1, \"hidden\": 64, \"layers\": 1, \"tokens\": 1, \"vocab\": 4, \"threshold\": 1}");
    let odd =
        ["distance", "--profile", "exact", "--params", "p.json", "--block-hash", "a", "--public-key", "b"];
    let error = dir.json(2, &[&odd[..], &["--nonces", "0"]].concat());
    assert!(error["error"]["message"].as_str().unwrap().contains("dim is 3"), "{error}");
}

#[test]
fn the_harness_finds_the_known_shortcuts_of_gonka_and_none_of_exact() {
    let dir = Dir::new();
    let gonka = dir.json(0, &["soundness", "--profile", "gonka", "--nonces", "32", "--svg", "gonka.svg"]);
    assert_eq!(gonka["isSound"], false);
    let all_skipped = &gonka["shortcuts"][0];
    assert_eq!(all_skipped["shortcut"], "all layers skipped");
    assert!(all_skipped["gainInterval"][0].as_f64().unwrap() > 10.0, "{all_skipped}");
    let svg = std::fs::read_to_string(dir.path("gonka.svg")).unwrap();
    assert!(
        svg.starts_with("<svg")
            && svg.matches("<circle").count() == gonka["shortcuts"].as_array().unwrap().len()
    );

    let exact = dir.json(0, &["soundness", "--profile", "exact", "--nonces", "8"]);
    for row in exact["shortcuts"].as_array().unwrap() {
        assert_eq!(row["trueDigests"], 0, "{row}");
        // So few nonces leave wide intervals; a shortcut that worked would still stand out.
        assert!(row["gainInterval"][0].as_f64().unwrap() <= 1.05, "{row}");
    }
}
