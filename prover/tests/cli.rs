//! The command as a user runs it: exit codes, JSON, files, signals, bad input.
//!
//! The model is that of `tests/vectors/gonka_tiny.json`, its distances known. A Vulkan driver must be there (a
//! software one will do): no adapter is a failure.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let params = vector("gonka_tiny.json")["params"].to_string();
        std::fs::write(dir.path().join("tiny.json"), params).unwrap();
        Self(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sphere-pow"));
        command.current_dir(self.0.path()).args(args).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs with `--json` and expects an exit code.
    fn json(&self, code: i32, args: &[&str]) -> Value {
        let output = self.command(args).arg("--json").output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{args:?}: {e}: {text}"))
    }

    /// Mines tiny on the CPU at a radius that about half of the nonces win.
    fn mine(&self, count: &str, out: &str, more: &[&str]) -> Value {
        let mut args = vec!["mine", "--count", count, "--out", out, "--r-target", "1.414"];
        args.extend(PUZZLE);
        args.extend(if more.contains(&"--backend") { &[][..] } else { &["--backend", "cpu"] });
        args.extend(more);
        self.json(0, &args)
    }
}

const PUZZLE: [&str; 6] = ["--params", "tiny.json", "--block-hash", "deadbeef", "--public-key", "02abc"];

fn vector(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'), "the file ends within a line");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every nonce of a ledger with its distance.
fn proofs(path: &Path) -> Vec<(u64, f64)> {
    let pair = |line: &Value| {
        let nonces = line["nonces"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap());
        let dist = line["dist"].as_array().unwrap().iter().map(|d| d.as_f64().unwrap());
        nonces.zip(dist).collect::<Vec<_>>()
    };
    lines(path).iter().flat_map(pair).collect()
}

#[test]
fn distances_are_the_networks_on_every_backend() {
    let dir = Dir::new();
    let want = vector("gonka_tiny.json");
    for backend in ["cpu", "gpu", "auto"] {
        let mut args = vec!["distance", "--nonces", "0,3-5", "--backend", backend];
        args.extend(PUZZLE);
        let got = dir.json(0, &args);
        assert_eq!(got["profile"], "gonka");
        assert_eq!(got["nonces"], json!([0, 3, 4, 5]));
        if backend != "auto" {
            assert_eq!(got["backend"], backend);
        }
        for (got, ix) in got["dist"].as_array().unwrap().iter().zip([0, 3, 4, 5]) {
            let error = got.as_f64().unwrap() - want["dist"][ix].as_f64().unwrap();
            assert!(error.abs() < 2e-5, "{backend}: {error}");
        }
    }
}

#[test]
fn gpu_is_refused_where_there_is_none_and_auto_says_that_it_takes_the_cpu() {
    let dir = Dir::new();
    let mut args = vec!["distance", "--nonces", "0", "--backend", "gpu"];
    args.extend(PUZZLE);
    let output = dir.command(&args).env("VK_DRIVER_FILES", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(output.stdout.is_empty());
    args.truncate(3);
    args.extend(PUZZLE);
    let output = dir.command(&args).env("VK_DRIVER_FILES", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("using the CPU"), "{}", stderr(&output));
}

#[test]
fn what_one_path_mines_the_other_verifies() {
    let dir = Dir::new();
    for (mined_on, verified_on) in [("cpu", "gpu"), ("gpu", "cpu")] {
        let file = format!("{mined_on}.jsonl");
        let summary = dir.mine("64", &file, &["--backend", mined_on]);
        assert_eq!(summary["tried"], 64);
        assert!(!proofs(&dir.path(&file)).is_empty());
        let report = dir.json(0, &["verify", &file, "--backend", verified_on]);
        assert_eq!(report["verdict"], "honest");
        let batch = &report["batches"][0];
        assert_eq!(batch["n_invalid"], 0);
        assert_eq!(batch["backend"], verified_on);
        assert_eq!(batch["advisory"]["is_within_hardware_noise"], true);
        assert_eq!(batch["received_dist"].as_array().unwrap().len(), proofs(&dir.path(&file)).len());
    }
}

/// A batch of 200 claims, `n_forged` of which did not win but say so.
fn forged(dir: &Dir, n_forged: usize) -> Value {
    if !dir.path("all.jsonl").exists() {
        dir.mine("600", "all.jsonl", &[]);
    }
    let won = proofs(&dir.path("all.jsonl"));
    let lost = (0..600).filter(|n| !won.iter().any(|(w, _)| w == n)).map(|n| (n, 1.40));
    let mut claims: Vec<(u64, f64)> = won.iter().copied().take(200 - n_forged).collect();
    claims.extend(lost.take(n_forged));
    assert_eq!(claims.len(), 200);
    let (nonces, dist): (Vec<u64>, Vec<f64>) = claims.into_iter().unzip();
    json!({"public_key": "02abc", "block_hash": "deadbeef", "block_height": 1, "nonces": nonces, "dist": dist,
        "node_id": 0})
}

#[test]
fn five_forged_of_two_hundred_are_fraud_and_four_are_not() {
    let dir = Dir::new();
    for (n_forged, code, verdict) in [(0, 0, "honest"), (4, 0, "honest"), (5, 1, "fraud")] {
        dir.write("batch.json", &forged(&dir, n_forged).to_string());
        let args =
            ["verify", "batch.json", "--params", "tiny.json", "--r-target", "1.414", "--backend", "cpu"];
        let report = dir.json(code, &args);
        assert_eq!(
            (&report["verdict"], &report["batches"][0]["n_invalid"]),
            (&json!(verdict), &json!(n_forged))
        );
        let output = dir.run(&args);
        assert_eq!(output.status.code(), Some(code));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(&verdict.to_uppercase()), "{text}");
    }
}

#[test]
fn chain_queries_and_transactions_verify_with_the_rest_from_options() {
    let dir = Dir::new();
    let batch = forged(&dir, 0);
    let inner = json!({"participant_address": "gonka1x", "poc_stage_start_block_height": "1",
        "nonces": batch["nonces"].as_array().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "dist": batch["dist"]});
    let chain =
        json!({"poc_batch": [{"participant": "gonka1x", "hex_pub_key": "02abc", "poc_batch": [inner]}]});
    dir.write("chain.json", &chain.to_string());
    let rest =
        ["--params", "tiny.json", "--block-hash", "deadbeef", "--r-target", "1.414", "--backend", "cpu"];
    let report = dir.json(0, &[&["verify", "chain.json", "--sample", "20"][..], &rest].concat());
    assert_eq!(report["batches"][0]["n_claimed"], 200);
    assert_eq!(report["batches"][0]["nonces"].as_array().unwrap().len(), 20);

    let mut message = inner;
    message["@type"] = json!("/inference.inference.MsgSubmitPocBatch");
    let tx = json!({"tx": {"body": {"messages": [{"@type": "/cosmos.authz.v1beta1.MsgExec", "msgs": [message]}]}}});
    dir.write("tx.json", &tx.to_string());
    let error = dir.json(2, &[&["verify", "tx.json"][..], &rest].concat());
    assert!(error["error"].as_str().unwrap().contains("--public-key"), "{error}");
    let key = ["verify", "tx.json", "--public-key", "02abc", "--seed", "x", "--sample", "20"];
    assert_eq!(dir.json(0, &[&key[..], &rest].concat())["verdict"], "honest");
}

#[test]
fn another_hash_or_key_is_fraud_and_the_report_says_why() {
    let dir = Dir::new();
    let mut batch = forged(&dir, 0);
    batch["block_hash"] = json!("deadbeee");
    dir.write("batch.json", &batch.to_string());
    let args = ["verify", "batch.json", "--params", "tiny.json", "--r-target", "1.3", "--backend", "cpu"];
    // At 1.3 no claim above it may stand either: all are bad.
    let report = dir.json(1, &args);
    assert_eq!(report["batches"][0]["advisory"]["looks_like_wrong_context"], true);
    let clash =
        ["verify", "batch.json", "--params", "tiny.json", "--r-target", "1.414", "--block-hash", "cafe"];
    let error = dir.json(2, &clash);
    assert!(error["error"].as_str().unwrap().contains("deadbeee"), "{error}");
}

#[test]
fn a_second_run_goes_on_and_nothing_is_tried_twice() {
    let dir = Dir::new();
    dir.mine("50", "split.jsonl", &["--batch", "7"]);
    let second = dir.mine("50", "split.jsonl", &["--batch", "9"]);
    assert_eq!((&second["tried"], &second["total_tried"]), (&json!(50), &json!(100)));
    dir.mine("100", "whole.jsonl", &[]);
    let split = proofs(&dir.path("split.jsonl"));
    let whole = proofs(&dir.path("whole.jsonl"));
    assert_eq!(split.iter().map(|p| p.0).collect::<Vec<_>>(), whole.iter().map(|p| p.0).collect::<Vec<_>>());

    let node = dir.mine("10", "node.jsonl", &["--node-id", "3", "--node-count", "4"]);
    assert_eq!(node["tried"], 10);
    assert!(proofs(&dir.path("node.jsonl")).iter().all(|(nonce, _)| nonce % 4 == 3 && *nonce < 43));
    let mut args =
        vec!["mine", "--count", "1", "--out", "node.jsonl", "--r-target", "1.414", "--backend", "cpu"];
    args.extend(PUZZLE);
    let error = dir.json(2, &args);
    assert!(error["error"].as_str().unwrap().contains("node id is 3"), "{error}");
}

#[test]
fn the_share_of_won_nonces_is_watched() {
    let dir = Dir::new();
    let summary = dir.mine("400", "a.jsonl", &[]);
    let rate = |name: &str| summary[name].as_f64().unwrap();
    assert!((rate("expected") - 400.0 * rate("probability")).abs() < 1e-6);
    assert!(rate("sigma").abs() < 4.0 && summary["is_alarming"] == false, "{summary}");
    assert!(rate("raw_rate") > 0.0 && rate("valid_rate") > 0.0 && rate("expected_rate") > 0.0);
}

#[cfg(unix)]
fn signal(child: &std::process::Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[cfg(unix)]
fn mine_until(dir: &Dir, file: &str, n_lines: usize) -> std::process::Child {
    let mut args = vec!["mine", "--seconds", "60", "--out", file, "--r-target", "1.414", "--backend", "cpu"];
    args.extend(["--batch", "2", "--json"]);
    args.extend(PUZZLE);
    let mut command = dir.command(&args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    loop {
        let text = std::fs::read_to_string(dir.path(file)).unwrap_or_default();
        if text.matches('\n').count() >= n_lines {
            return child;
        }
        assert!(since.elapsed() < Duration::from_secs(50), "no {n_lines} lines after 50 s: {text}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(unix)]
#[test]
fn kill_9_loses_nothing_acknowledged() {
    let dir = Dir::new();
    let mut acknowledged = Vec::new();
    for round in 1..=5 {
        let mut child = mine_until(&dir, "killed.jsonl", round * 10);
        let text = std::fs::read_to_string(dir.path("killed.jsonl")).unwrap();
        signal(&child, "-KILL");
        child.wait().unwrap();
        let whole: Vec<&str> = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
        acknowledged.extend(whole.iter().skip(acknowledged.len()).map(ToString::to_string));
    }
    dir.mine("2", "killed.jsonl", &[]);
    let after = std::fs::read_to_string(dir.path("killed.jsonl")).unwrap();
    for (line, kept) in acknowledged.iter().zip(after.split_inclusive('\n')) {
        assert_eq!(line, kept);
    }
    let nonces: Vec<u64> = proofs(&dir.path("killed.jsonl")).iter().map(|p| p.0).collect();
    assert!(nonces.windows(2).all(|pair| pair[0] < pair[1]), "a nonce was submitted twice: {nonces:?}");
    assert_eq!(dir.json(0, &["verify", "killed.jsonl", "--backend", "cpu"])["verdict"], "honest");
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_a_whole_file_and_a_summary() {
    let dir = Dir::new();
    for name in ["-INT", "-TERM"] {
        let file = name.trim_start_matches('-');
        let child = mine_until(&dir, file, 5);
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let tried: u64 = lines(&dir.path(file)).iter().map(|line| line["tried"].as_u64().unwrap()).sum();
        assert_eq!(summary["tried"], tried);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_machine_trouble_and_the_line_is_printed() {
    let dir = Dir::new();
    let mut args =
        vec!["mine", "--count", "8", "--out", "/dev/full", "--r-target", "1.414", "--backend", "cpu"];
    args.extend(PUZZLE);
    let output = dir.run(&args);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("\"nonces\":["), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot write to /dev/full"), "{}", stderr(&output));
}

#[test]
fn bad_input_is_refused_by_name_with_exit_code_2() {
    let dir = Dir::new();
    let tiny = vector("gonka_tiny.json")["params"].clone();
    let with = |field: &str, value: Value| {
        let mut params = tiny.clone();
        params[field] = value;
        params.to_string()
    };
    let distance = |params: &str, hash: &str, key: &str, nonces: &str| {
        let args = ["--params", params, "--block-hash", hash, "--public-key", key, "--nonces", nonces];
        dir.json(2, &[&["distance", "--backend", "cpu"][..], &args].concat())["error"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for (field, value, words) in [
        ("dim", json!(0), "dim is 0"),
        ("dim", json!(65), "n_heads"),
        ("dim", json!(-64), "dim is -64"),
        ("dim", json!(1_u64 << 60), "dim"),
        ("dim", Value::Null, "dim"),
        ("n_layers", json!(100_000), "n_layers is 100000"),
        ("vocab_size", json!(1), "vocab_size is 1"),
        ("n_kv_heads", json!(3), "n_kv_heads is 3"),
        ("multiple_of", json!(0), "multiple_of is 0"),
        ("norm_eps", json!(-1.0), "norm_eps is -1"),
        ("seq_len", json!(1e9), "seq_len is 1000000000"),
        ("rope_theta", json!(0), "rope_theta is 0"),
    ] {
        dir.write("bad.json", &with(field, value));
        let error = distance("bad.json", "ab", "cd", "0");
        assert!(error.contains(words), "{field}: {error}");
    }
    for text in ["", "{", "[]", "NaN", "{\"dim\": NaN}", "\u{feff}{}"] {
        dir.write("bad.json", text);
        distance("bad.json", "ab", "cd", "0");
    }
    assert!(distance("nonesuch", "ab", "cd", "0").contains("\"nonesuch\""));
    assert!(distance("tiny.json", "", "cd", "0").contains("block hash is empty"));
    assert!(distance("tiny.json", "a b", "cd", "0").contains("block hash"));
    assert!(distance("tiny.json", "ab", &"c".repeat(300), "0").contains("public key has 300"));
    for nonces in ["", "-1", "1-", "9223372036854775808", "1,1", "5-3", "0-99999999", "x", "1.5"] {
        distance("tiny.json", "ab", "cd", nonces);
    }

    let mine = |option: &str, value: &str| {
        let args =
            [&["mine", "--out", "new.jsonl", "--backend", "cpu"][..], &PUZZLE, &[option, value]].concat();
        let output = dir.run(&args);
        assert_eq!(output.status.code(), Some(2), "{option} {value}: {}", stderr(&output));
        assert!(stderr(&output).contains(value), "{option} {value}: {}", stderr(&output));
    };
    for value in ["0", "-1", "2.1", "10", "NaN", "inf", "x"] {
        mine("--r-target", value);
    }
    for value in ["0", "-1", "NaN", "1e30"] {
        mine("--seconds", value);
    }
    mine("--node-count", "0");
    mine("--count", "-1");
    assert!(!dir.path("new.jsonl").exists() || lines(&dir.path("new.jsonl")).is_empty());
    for out in ["no/such/dir/file", "."] {
        let args = [&["mine", "--count", "1", "--backend", "cpu", "--out", out][..], &PUZZLE].concat();
        assert_eq!(dir.run(&args).status.code(), Some(2), "{out}");
    }
    dir.write("foreign.txt", "my diary\n");
    let args = [&["mine", "--count", "1", "--backend", "cpu", "--out", "foreign.txt"][..], &PUZZLE].concat();
    assert_eq!(dir.run(&args).status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(dir.path("foreign.txt")).unwrap(), "my diary\n");
}

#[test]
fn bad_claims_are_refused_by_place_with_exit_code_2() {
    let dir = Dir::new();
    let claim = |nonces: Value, dist: Value| {
        json!({"public_key": "02abc", "block_hash": "deadbeef", "nonces": nonces, "dist": dist}).to_string()
    };
    for (text, words) in [
        (claim(json!([]), json!([])), "no nonces"),
        (claim(json!([1, 2]), json!([1.3])), "dist has 1 entries"),
        (claim(json!([1, 1]), json!([1.3, 1.3])), "nonce 1 stands"),
        (claim(json!([-1]), json!([1.3])), "nonces[0]"),
        (claim(json!([9_223_372_036_854_775_808_u64]), json!([1.3])), "nonces[0]"),
        (claim(json!([1]), json!([-0.1])), "dist[0]"),
        (claim(json!([1]), json!([2.1])), "dist[0]"),
        (claim(json!([1]), json!(["NaN"])), "dist[0]"),
        (claim(json!([1]), json!(["inf"])), "dist[0]"),
        (claim(json!([1]), json!([null])), "dist[0]"),
        ("{\"nonces\": [1], \"dist\": [1".into(), "not JSON"),
        ("\u{0}\u{1}".into(), "not JSON"),
        ("{\"hello\": \"world\"}".into(), "not a proof"),
        (json!({"root_hash": "x", "count": 1}).to_string(), "PoC v2"),
    ] {
        dir.write("claim.json", &text);
        let args =
            ["verify", "claim.json", "--params", "tiny.json", "--r-target", "1.414", "--backend", "cpu"];
        let error = dir.json(2, &args);
        assert!(error["error"].as_str().unwrap().contains(words), "{text}: {error}");
    }
    let missing = dir.json(2, &["verify", "nonesuch.json"]);
    assert!(missing["error"].as_str().unwrap().contains("nonesuch.json"));
    for args in [&["--sample", "0"][..], &["--fraud-threshold", "2"], &["--r-target", "3"]] {
        dir.write("good.json", &claim(json!([1]), json!([1.3])));
        let rest =
            ["verify", "good.json", "--params", "tiny.json", "--r-target", "1.414", "--backend", "cpu"];
        let rest = if args[0] == "--r-target" { &rest[..4] } else { &rest[..] };
        assert_eq!(dir.run(&[rest, args].concat()).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn r_target_converts_both_ways() {
    let dir = Dir::new();
    let radius = dir.json(0, &["r-target", "--vocab", "8196", "--probability", "0.05"]);
    let back = radius["r_target"].to_string();
    let chance = dir.json(0, &["r-target", "--vocab", "8196", "--r-target", &back]);
    assert!((chance["probability"].as_f64().unwrap() - 0.05).abs() < 1e-9);
    for args in [
        &["--vocab", "8196", "--probability", "0"][..],
        &["--vocab", "8196", "--probability", "1.5"],
        &["--vocab", "8196", "--r-target", "2.5"],
        &["--vocab", "1", "--probability", "0.5"],
        &["--vocab", "8196"],
        &["--vocab", "8196", "--probability", "0.5", "--r-target", "1"],
    ] {
        assert_eq!(dir.run(&[&["r-target"][..], args].concat()).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn devices_lists_an_adapter_and_what_it_can_mine() {
    let found = Dir::new().json(0, &["devices"]);
    assert!(found["cpu"]["threads"].as_u64().unwrap() >= 1);
    let adapters = found["adapters"].as_array().unwrap();
    assert!(!adapters.is_empty(), "no GPU adapter: install a Vulkan driver, a software one will do");
    for adapter in adapters {
        assert_eq!(adapter["presets"].as_array().unwrap().len(), 4, "{adapter}");
    }
}

#[test]
fn the_demo_mines_and_verifies() {
    let demo = Dir::new().json(0, &["demo"]);
    assert_eq!(demo["tried"], 200);
    assert!(demo["won"].as_u64().unwrap() > 0);
    assert_eq!(demo["verified"]["fraud_detected"], false);
    assert_eq!(demo["verified"]["advisory"]["is_within_hardware_noise"], true);
}

#[test]
fn a_missing_reader_does_not_upset_the_command() {
    let dir = Dir::new();
    let mut child = dir.command(&["devices"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}
