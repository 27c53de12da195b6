//! Mining as a user runs it: files, going on, signals, disks that are full and readers that are gone.
//!
//! The model is that of `tests/vectors/gonka_tiny.json`, its distances known.

mod common;

#[cfg(unix)]
use common::signal;
use common::{Dir, JUDGE, PUZZLE, lines, proofs, stderr, stdout};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_second_run_goes_on_and_nothing_is_tried_twice() {
    let dir = Dir::tiny();
    dir.mine("50", "split.jsonl", &["--batch", "7"]);
    let second = dir.mine("50", "split.jsonl", &["--batch", "9"]);
    assert_eq!((&second["tried"], &second["totalTried"]), (&json!(50), &json!(100)));
    dir.mine("100", "whole.jsonl", &[]);
    let split = proofs(&dir.path("split.jsonl"));
    let whole = proofs(&dir.path("whole.jsonl"));
    assert_eq!(split.iter().map(|p| p.0).collect::<Vec<_>>(), whole.iter().map(|p| p.0).collect::<Vec<_>>());

    let node = dir.mine("10", "node.jsonl", &["--node-id", "3", "--node-count", "4"]);
    assert_eq!(node["tried"], 10);
    assert!(proofs(&dir.path("node.jsonl")).iter().all(|(nonce, _)| nonce % 4 == 3 && *nonce < 43));
    let args = ["mine", "--count", "1", "--out", "node.jsonl", "--r-target", "1.414", "--backend", "cpu"];
    let error = dir.error(2, &[&args[..], &PUZZLE].concat());
    assert!(error.contains("node_count is 4"), "{error}");
}

#[test]
fn the_share_of_won_nonces_is_watched() {
    let dir = Dir::tiny();
    let summary = dir.mine("400", "a.jsonl", &[]);
    let rate = |name: &str| summary[name].as_f64().unwrap();
    assert!((rate("expected") - 400.0 * rate("probability")).abs() < 1e-6);
    assert!(rate("sigma").abs() < 4.0 && summary["isAlarming"] == false, "{summary}");
    assert!(rate("rawRate") > 0.0 && rate("validRate") > 0.0 && rate("expectedRate") > 0.0);
}

#[cfg(unix)]
fn mine_until(dir: &Dir, file: &str, n_lines: usize) -> std::process::Child {
    let mut args = vec!["mine", "--seconds", "60", "--out", file, "--r-target", "1.414", "--backend", "cpu"];
    args.extend(["--batch", "2", "--json"]);
    args.extend(PUZZLE);
    let mut command = dir.command(&args);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (since, mut text) = (Instant::now(), String::new());
    while text.matches('\n').count() < n_lines {
        if since.elapsed() > Duration::from_secs(50) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("no {n_lines} lines after 50 s: {text}");
        }
        std::thread::sleep(Duration::from_millis(5));
        text = std::fs::read_to_string(dir.path(file)).unwrap_or_default();
    }
    child
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_a_whole_file_and_a_summary() {
    let dir = Dir::tiny();
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
    let dir = Dir::tiny();
    let mut args =
        vec!["mine", "--count", "8", "--out", "/dev/full", "--r-target", "1.414", "--backend", "cpu"];
    args.extend(PUZZLE);
    let output = dir.run(&args);
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("\"nonces\":["), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot write to \"/dev/full\""), "{}", stderr(&output));
}

/// The arguments that mine `count` nonces of tiny into `out`.
fn into<'a>(out: &'a str, count: &'a str) -> Vec<&'a str> {
    let args =
        ["mine", "--count", count, "--out", out, "--r-target", "1.414", "--backend", "cpu", "--batch", "4"];
    [&args[..], &PUZZLE].concat()
}

#[cfg(target_os = "linux")]
#[test]
fn standard_output_is_the_proofs_alone_and_the_report_goes_beside() {
    let dir = Dir::tiny();
    for out in ["-", "/dev/stdout", "/dev/fd/1"] {
        let redirected = std::fs::File::create(dir.path("proofs.jsonl")).unwrap();
        let output = dir.command(&into(out, "40")).stdout(redirected).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert_eq!(lines(&dir.path("proofs.jsonl")).len(), 10);
        assert!(stderr(&output).contains("of 40 nonces won"), "{}", stderr(&output));
        assert!(!dir.path("-").exists());
    }
    dir.json(0, &[&["verify", "proofs.jsonl"], &JUDGE[..]].concat());
    // A reader that has enough: what it did not take is no proof that was kept.
    let mut child =
        dir.command(&into("-", "100000")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("\"nonces\":["), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn a_file_that_goes_away_while_mining_is_noticed() {
    let dir = Dir::tiny();
    let child = mine_until(&dir, "gone.jsonl", 3);
    std::fs::remove_file(dir.path("gone.jsonl")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let summary: Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert_eq!(summary["error"]["code"], "out-write", "{summary}");
    assert!(summary["error"]["message"].as_str().unwrap().contains("removed"), "{summary}");
    assert!(!dir.path("gone.jsonl").exists());
}

#[cfg(unix)]
#[test]
fn a_file_that_is_moved_while_mining_is_followed_by_a_new_one() {
    let dir = Dir::tiny();
    let child = mine_until(&dir, "now.jsonl", 3);
    std::fs::rename(dir.path("now.jsonl"), dir.path("rotated.jsonl")).unwrap();
    while std::fs::read_to_string(dir.path("now.jsonl")).unwrap_or_default().lines().count() < 3 {
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "-TERM");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("it was moved"), "{}", stderr(&output));
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tried =
        |name: &str| lines(&dir.path(name)).iter().map(|line| line["tried"].as_u64().unwrap()).sum::<u64>();
    // Said is what the file holds, and what the run did.
    assert_eq!(summary["totalTried"], tried("now.jsonl"));
    assert_eq!(summary["tried"], tried("now.jsonl") + tried("rotated.jsonl"));
    let nonces = ["rotated.jsonl", "now.jsonl"].map(|name| proofs(&dir.path(name))).concat();
    assert!(nonces.windows(2).all(|pair| pair[0].0 < pair[1].0), "a nonce was tried twice");
    // Where the old file is gone altogether, the next run is told where to begin.
    let last = lines(&dir.path("now.jsonl")).last().unwrap()["last"].to_string();
    dir.mine("10", "next.jsonl", &["--after", &last]);
    assert!(proofs(&dir.path("next.jsonl")).iter().all(|(nonce, _)| *nonce > last.parse().unwrap()));
    assert_eq!(lines(&dir.path("next.jsonl"))[0]["last"], last.parse::<u64>().unwrap() + 10);
}

#[test]
fn a_spoilt_line_within_the_file_is_refused_and_repaired_on_request() {
    let dir = Dir::tiny();
    dir.mine("8", "own.jsonl", &["--batch", "4"]);
    let whole = std::fs::read_to_string(dir.path("own.jsonl")).unwrap();
    let (first, second) = whole.split_at(whole.find('\n').unwrap() + 1);
    dir.write("own.jsonl", &format!("{first}{{\"nonces\": [1,\n{second}"));
    let error = dir.error(2, &into("own.jsonl", "8"));
    assert!(error.contains("line 2") && error.contains("--repair"), "{error}");
    let summary = dir.mine("8", "own.jsonl", &["--repair"]);
    assert_eq!(summary["totalTried"], 16);
    assert!(std::fs::read_to_string(dir.path("own.jsonl")).unwrap().starts_with(&whole));
    assert_eq!(std::fs::read_to_string(dir.path("own.jsonl.torn")).unwrap(), "{\"nonces\": [1,\n");
}

#[test]
fn what_others_left_in_the_file_is_kept() {
    let dir = Dir::tiny();
    dir.mine("8", "own.jsonl", &[]);
    let whole = std::fs::read_to_string(dir.path("own.jsonl")).unwrap();
    // An editor's file: the last line lacks its newline.
    dir.write("own.jsonl", whole.trim_end());
    assert_eq!(dir.mine("8", "own.jsonl", &[])["totalTried"], 16);
    assert!(std::fs::read_to_string(dir.path("own.jsonl")).unwrap().starts_with(&whole));
    // A line cut short goes beside.
    let torn = &whole[..whole.len() / 2];
    dir.write("own.jsonl", &format!("{whole}{torn}"));
    assert_eq!(dir.mine("8", "own.jsonl", &[])["totalTried"], 16);
    assert_eq!(std::fs::read_to_string(dir.path("own.jsonl.torn")).unwrap(), format!("{torn}\n"));
    // A stranger's file is left alone, and said to be what it is.
    for (text, words) in [
        ("{\"block_hash\":\"x\",\"notes\":\"the only copy\"}", "no line of `mine`"),
        ("{\"commits\":[{\"root_hash\":\"x\",\"count\":1}]}\n", "PoC v2"),
        ("my diary\n", "not JSON"),
    ] {
        dir.write("foreign", text);
        let error = dir.error(2, &into("foreign", "8"));
        assert!(error.contains(words), "{error}");
        assert_eq!(std::fs::read_to_string(dir.path("foreign")).unwrap(), text);
    }
    // Another profile's proofs are another run's.
    let exact =
        ["mine", "--profile", "exact", "--params", "nano", "--block-hash", "deadbeef", "--public-key"];
    let exact = [&exact[..], &["02abc", "--count", "8", "--out", "own.jsonl", "--backend", "cpu"]].concat();
    let error = dir.error(2, &exact);
    assert!(error.contains("profile is missing") && error.contains("exact"), "{error}");
}

#[test]
fn keys_and_hashes_are_mined_as_given_and_addresses_refused() {
    let dir = Dir::tiny();
    let lower = "1fe7a8d3a96f8b5e4a4e0c5e9e2e6c8b7a1d2c3b4a5968778695a4b3c2d1e0f1";
    let args = ["mine", "--count", "4", "--out", "lower.jsonl", "--params", "tiny.json", "--backend", "cpu"];
    let run = |key: &str| dir.run(&[&args[..], &["--block-hash", lower, "--public-key", key]].concat());
    let output = run("02abc");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("taken as given"), "{}", stderr(&output));
    assert_eq!(lines(&dir.path("lower.jsonl"))[0]["block_hash"], lower);
    let output = run("gonka1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9");
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(stderr(&output).contains("an account's address"), "{}", stderr(&output));
}

#[test]
fn the_networks_radius_at_the_blocks_height_is_mined_by() {
    let dir = Dir::tiny();
    for (height, radius) in [("1819999", 1.401_356_466_045_817_3), ("1820000", 1.398_077)] {
        let file = format!("{height}.jsonl");
        let args = ["mine", "--count", "4", "--out", &file, "--backend", "cpu", "--block-height", height];
        let summary = dir.json(0, &[&args[..], &PUZZLE].concat());
        assert_eq!(summary["rule"]["rTarget"], radius);
        let line = &lines(&dir.path(&file))[0];
        assert_eq!((&line["r_target"], line["block_height"].to_string().as_str()), (&json!(radius), height));
    }
}

#[test]
fn time_that_ends_within_a_batch_is_said() {
    let dir = Dir::tiny();
    let args = ["mine", "--seconds", "0.01", "--batch", "60000", "--out", "short.jsonl", "--backend", "cpu"];
    let output = dir.run(&[&args[..], &PUZZLE].concat());
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("the time was over"), "{}", stderr(&output));
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let dir = Dir::tiny();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = dir.command(&into("ok.jsonl", "40")).stderr(full).stdout(Stdio::null()).spawn().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(lines(&dir.path("ok.jsonl")).len(), 10);
    // Log and proofs on one full disk.
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = dir.command(&into("/dev/full", "40")).stderr(full()).stdout(full()).spawn().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_name_that_is_no_utf_8_is_shown_with_replacements() {
    use std::os::unix::ffi::OsStrExt;
    let dir = Dir::tiny();
    let mut command = dir.command(&["mine", "--json", "--count", "8", "--backend", "cpu", "--out"]);
    let output = command.arg(std::ffi::OsStr::from_bytes(b"bad\xff.jsonl")).args(PUZZLE).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary: Value = serde_json::from_slice(&output.stdout).expect("one document");
    assert_eq!(summary["out"], "bad\u{fffd}.jsonl");
}

/// Starts `command` by `bash`, which sees to it that it is the process signalled.
#[cfg(target_os = "linux")]
fn by_bash(dir: &Dir, before: &str, args: &[&str]) -> std::process::Child {
    // Whoever started the tests may ignore signals, as nohup does.
    let reset = if before.is_empty() { "env --default-signal=INT,TERM,HUP" } else { "" };
    let script = format!("{before} exec {reset} \"$0\" \"$@\"");
    let mut command = Command::new("bash");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_sphere-pow")]).args(args).current_dir(dir.path(""));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn one_signal_is_enough_while_a_file_is_read() {
    let dir = Dir::tiny();
    for name in ["-INT", "-TERM", "-HUP"] {
        // Nothing ever comes from standard input.
        let mut child = by_bash(&dir, "", &["verify", "-", "--backend", "cpu"]);
        // `wait` closes the child's input, whose end could come before the signal.
        let input = child.stdin.take();
        std::thread::sleep(Duration::from_millis(500));
        signal(&child, name);
        let since = Instant::now();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        assert!(since.elapsed() < Duration::from_secs(5), "{name}");
        drop(input);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let dir = Dir::tiny();
    for (before, goes_on) in [("trap '' HUP;", true), ("", false)] {
        let file = format!("{goes_on}.jsonl");
        let mut args = into(&file, "1000000");
        args.push("--json");
        let child = by_bash(&dir, before, &args);
        while !std::fs::read_to_string(dir.path(&file)).unwrap_or_default().contains('\n') {
            std::thread::sleep(Duration::from_millis(20));
        }
        signal(&child, "-HUP");
        std::thread::sleep(Duration::from_millis(500));
        let lines_then = std::fs::read_to_string(dir.path(&file)).unwrap().lines().count();
        std::thread::sleep(Duration::from_millis(500));
        let lines_now = std::fs::read_to_string(dir.path(&file)).unwrap().lines().count();
        assert_eq!(lines_now > lines_then, goes_on);
        if goes_on {
            signal(&child, "-TERM");
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        lines(&dir.path(&file));
    }
}
