//! The command with `--profile exact`: the oracle's digests on every path, proofs that one path makes and the other
//! checks, and refusals by name.
//!
//! A Vulkan driver must be there (a software one will do): no adapter is a failure.

mod common;

use common::{Dir, stderr, vector};
use serde_json::{Value, json};
use sphere_pow_core::exact::Proof;

const EXACT: [&str; 2] = ["--profile", "exact"];
const PUZZLE: [&str; 8] =
    ["--profile", "exact", "--params", "nano", "--block-hash", "block-a", "--public-key", "key-a"];

fn mine(dir: &Dir, count: &str, out: &str, more: &[&str]) -> Value {
    let backend = if more.contains(&"--backend") { &[][..] } else { &["--backend", "cpu"] };
    dir.json(0, &[&["mine", "--count", count, "--out", out], &PUZZLE[..], backend, more].concat())
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
                ("digest", "digest"),
                ("dot", "dot"),
                ("logits_squared", "logits_squared"),
                ("target_squared", "target_squared"),
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
        let args = [&["distance", "--nonces", "0-9", "--backend", "cpu"], &PUZZLE[..], memory].concat();
        dir.json(0, &args)
    };
    let (kept, streamed) = (distance(&[]), distance(&["--memory", "4"]));
    assert_eq!(kept["digest"], streamed["digest"]);
    assert_ne!(kept["adapter"], streamed["adapter"], "the memory limit was not heeded");
    let args = [&["distance", "--nonces", "0", "--backend", "cpu", "--memory", "1"], &PUZZLE[..]].concat();
    let error = dir.json(3, &args);
    assert!(error["error"].as_str().unwrap().contains("memory limit"), "{error}");
}

#[test]
fn what_one_path_mines_the_other_verifies_to_the_bit() {
    let dir = Dir::new();
    for (mined_on, verified_on) in [("cpu", "gpu"), ("gpu", "cpu")] {
        let file = format!("{mined_on}.jsonl");
        let summary = mine(&dir, "128", &file, &["--backend", mined_on]);
        assert_eq!((&summary["tried"], &summary["is_alarming"]), (&json!(128), &json!(false)));
        assert!(summary["won"].as_u64().unwrap() > 0);
        let report = dir.json(0, &["verify", &file, "--profile", "exact", "--backend", verified_on]);
        assert_eq!((&report["verdict"], &report["accepted"]), (&json!("honest"), &json!(true)));
        assert_eq!((&report["n_checked"], &report["backend"]), (&summary["won"], &json!(verified_on)));
    }
    assert_eq!(proof(&dir, "cpu.jsonl"), proof(&dir, "gpu.jsonl"));
}

#[test]
fn a_second_run_goes_on_and_nothing_is_tried_twice() {
    let dir = Dir::new();
    mine(&dir, "100", "split.jsonl", &["--batch", "7"]);
    let second = mine(&dir, "100", "split.jsonl", &["--batch", "16"]);
    assert_eq!(second["total_tried"], 200);
    mine(&dir, "200", "whole.jsonl", &[]);
    assert_eq!(proof(&dir, "split.jsonl"), proof(&dir, "whole.jsonl"));
    let other = ["mine", "--count", "1", "--out", "split.jsonl", "--backend", "cpu", "--profile", "exact"];
    let other =
        [&other[..], &["--params", "nano", "--block-hash", "block-b", "--public-key", "key-a"]].concat();
    let error = dir.json(2, &other);
    assert!(error["error"].as_str().unwrap().contains("block_hash"), "{error}");
}

#[test]
fn one_false_claim_is_fraud_and_the_report_lets_anyone_repeat_it() {
    let dir = Dir::new();
    mine(&dir, "200", "mined.jsonl", &[]);
    let good = proof(&dir, "mined.jsonl");
    let verify = |code, name: &str, value: &Value, more: &[&str]| {
        dir.write(name, &value.to_string());
        dir.json(code, &[&["verify", name, "--profile", "exact", "--backend", "cpu"], more].concat())
    };
    assert_eq!(verify(0, "good.json", &good, &[])["verdict"], "honest");

    let mut forged = good.clone();
    let digest = forged["digests"][3].as_str().unwrap().to_owned();
    let flipped = if digest.starts_with('0') { "1" } else { "0" };
    forged["digests"][3] = json!(format!("{flipped}{}", &digest[1..]));
    let report = verify(1, "forged.json", &forged, &[]);
    assert_eq!((&report["verdict"], &report["n_checked"]), (&json!("fraud"), &json!(3)));
    let fault = &report["fault"];
    assert_eq!((&fault["code"], &fault["nonce"]), (&json!("digest"), &good["nonces"][3]));
    assert_eq!(
        (&fault["computed_digest"], &fault["claimed_digest"]),
        (&json!(digest), &forged["digests"][3])
    );

    // A true digest of a nonce that did not win.
    let lost =
        (0..200).map(|n| n.to_string()).find(|n| !good["nonces"].as_array().unwrap().contains(&json!(n)));
    let lost = lost.unwrap();
    let args = [&["distance", "--nonces", &lost, "--backend", "cpu"], &PUZZLE[..]].concat();
    let mut one = good.clone();
    one["nonces"] = json!([lost]);
    one["digests"] = dir.json(0, &args)["digest"].clone();
    assert_eq!(verify(1, "lost.json", &one, &[])["fault"]["code"], "not-won");

    // Under another key, block or model every digest is another: refused by name when the asker says which.
    for (field, option, code) in
        [("public_key", "--public-key", "wrong-key"), ("block_hash", "--block-hash", "wrong-block")]
    {
        let mut moved = good.clone();
        moved[field] = json!("moved");
        assert_eq!(verify(1, "moved.json", &moved, &[])["fault"]["code"], "digest", "{field}");
        let report = verify(2, "good.json", &good, &[option, "moved"]);
        assert_eq!((&report["verdict"], &report["fault"]["code"]), (&json!("refused"), &json!(code)));
    }
    let report = verify(2, "good.json", &good, &["--params", "standard"]);
    assert_eq!(report["fault"]["code"], "wrong-params");
}

#[test]
fn proofs_are_read_as_bytes_too_and_bad_ones_are_refused_by_name() {
    let dir = Dir::new();
    mine(&dir, "64", "mined.jsonl", &[]);
    let good = proof(&dir, "mined.jsonl");
    let bytes = Proof::from_json(&good.to_string()).unwrap().to_bytes();
    std::fs::write(dir.path("proof.bin"), &bytes).unwrap();
    let args = |name| ["verify", name, "--profile", "exact", "--backend", "cpu"];
    assert_eq!(dir.json(0, &args("proof.bin"))["verdict"], "honest");
    std::fs::write(dir.path("cut.bin"), &bytes[..bytes.len() - 1]).unwrap();
    dir.json(2, &args("cut.bin"));
    let with = |field: &str, value: Value| {
        let mut bad = good.clone();
        bad[field] = value;
        bad.to_string()
    };
    for (text, words) in [
        (String::new(), "proof ends"),
        ("[]".into(), "proof"),
        ("{\"profile\": \"exact\"".into(), "EOF"),
        (with("profile", json!("gonka")), "gonka"),
        (with("version", json!(2)), "version"),
        (with("nonces", json!(["1"])), "digests"),
        (with("extra", json!(1)), "extra"),
        (with("params", json!({"dim": 0})), ""),
        (with("block_hash", json!("")), "block hash is empty"),
    ] {
        dir.write("bad.json", &text);
        let error = dir.json(2, &args("bad.json"));
        assert!(error["error"].as_str().unwrap().contains(words), "{text}: {error}");
    }
    dir.write("empty.json", &{
        let mut empty = good.clone();
        empty["nonces"] = json!([]);
        empty["digests"] = json!([]);
        empty.to_string()
    });
    assert!(dir.json(2, &args("empty.json"))["error"].as_str().unwrap().contains("no nonces"));
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
    assert!(error["error"].as_str().unwrap().contains("nano, standard, large"), "{error}");
    dir.write("p.json", "{\"dim\": 3, \"heads\": 1, \"hidden\": 64, \"layers\": 1, \"tokens\": 1, \"vocab\": 4, \"threshold\": 1}");
    let odd =
        ["distance", "--profile", "exact", "--params", "p.json", "--block-hash", "a", "--public-key", "b"];
    let error = dir.json(2, &[&odd[..], &["--nonces", "0"]].concat());
    assert!(error["error"].as_str().unwrap().contains("dim is 3"), "{error}");
}

#[test]
fn the_demo_mines_and_verifies() {
    let demo = Dir::new().json(0, &["demo", "--profile", "exact"]);
    assert_eq!(demo["tried"], 1000);
    assert!(demo["won"].as_u64().unwrap() > 20);
    assert_eq!(demo["verified"]["verdict"], "honest");
    assert!(demo["verified"]["n_checked"].as_u64().unwrap() > 0);
}

#[test]
fn the_harness_finds_the_known_shortcuts_of_gonka_and_none_of_exact() {
    let dir = Dir::new();
    let gonka = dir.json(0, &["soundness", "--profile", "gonka", "--nonces", "32", "--svg", "gonka.svg"]);
    assert_eq!(gonka["is_sound"], false);
    let all_skipped = &gonka["shortcuts"][0];
    assert_eq!(all_skipped["shortcut"], "all layers skipped");
    assert!(all_skipped["gain_interval"][0].as_f64().unwrap() > 10.0, "{all_skipped}");
    let svg = std::fs::read_to_string(dir.path("gonka.svg")).unwrap();
    assert!(
        svg.starts_with("<svg")
            && svg.matches("<circle").count() == gonka["shortcuts"].as_array().unwrap().len()
    );

    let exact = dir.json(0, &["soundness", "--profile", "exact", "--nonces", "8"]);
    for row in exact["shortcuts"].as_array().unwrap() {
        assert_eq!(row["true_digests"], 0, "{row}");
        // So few nonces leave wide intervals; a shortcut that worked would still stand out.
        assert!(row["gain_interval"][0].as_f64().unwrap() <= 1.05, "{row}");
    }
}
