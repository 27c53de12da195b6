//! Mining on a device that goes wrong: a Vulkan layer (`tests/vulkan-layer`) in front of the software driver loses it,
//! hangs it, skips its work or leaves it no memory while the command runs.
#![cfg(target_os = "linux")]

mod common;

use common::rig::{CARD, Rig};
use common::{signal, stderr};
use serde_json::{Value, json};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

/// What a software driver may take until it has mined, beside other tests.
const SLOW: Duration = Duration::from_secs(240);

/// What mining in a rig comes to.
trait Mining {
    fn mine(&self, n_lines: usize, more: &[&str]) -> Child;
    fn n_lines(&self) -> usize;
    fn ended(&self, child: Child) -> (Option<i32>, Value, Output);
    fn judged(&self) -> Value;
    fn assert_honest(&self);
}

impl Mining for Rig {
    /// Mines until the file has `n_lines`.
    fn mine(&self, n_lines: usize, more: &[&str]) -> Child {
        let args =
            ["mine", "--profile", "exact", "--params", "nano", "--block-hash", "AB", "--public-key", "02"];
        let into = ["--out", "proofs.jsonl", "--backend", "gpu", "--batch", "8", "--json"];
        let mut command = self.command(&[&args[..], &into, more].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let since = Instant::now();
        while self.n_lines() < n_lines {
            if since.elapsed() > SLOW || child.try_wait().unwrap().is_some() {
                let _ = child.kill();
                panic!("no {n_lines} lines: {}", stderr(&child.wait_with_output().unwrap()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        child
    }

    fn n_lines(&self) -> usize {
        std::fs::read_to_string(self.0.path("proofs.jsonl")).unwrap_or_default().matches('\n').count()
    }

    /// Its exit code and summary.
    fn ended(&self, child: Child) -> (Option<i32>, Value, Output) {
        let output = child.wait_with_output().unwrap();
        let summary = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output.status.code(), summary, output)
    }

    /// What the CPU says of all that was acknowledged.
    fn judged(&self) -> Value {
        let args = ["verify", "proofs.jsonl", "--params", "nano", "--backend", "cpu"];
        let output = self.0.command(&args).args(["--sample", "all", "--json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", stderr(&output)))
    }

    fn assert_honest(&self) {
        let report = self.judged();
        assert_eq!(report["verdict"], "honest", "{report}");
    }
}

#[test]
fn a_device_that_skips_its_work_is_stopped_by_name_and_its_wins_withheld() {
    let rig = Rig::new();
    let child = rig.mine(2, &["--seconds", "600"]);
    rig.begin("skip");
    let (code, summary, output) = rig.ended(child);
    assert_eq!(code, Some(3), "{}", stderr(&output));
    let device = &summary["devices"][0];
    assert!(device["device"].as_str().unwrap().starts_with(CARD), "{device}");
    let error = device["error"]["message"].as_str().unwrap();
    assert!(
        error.contains(CARD) && error.contains("computes wrongly") && error.contains("withheld"),
        "{error}"
    );
    assert!(device["nBad"].as_u64() >= Some(1), "{device}");
    // A slow processor recomputes a share: what it could not is said, and all that it found false is kept out.
    let bad = rig.judged()["submissions"][0]["nBad"].as_u64().unwrap();
    println!("skipped work: {bad} false wins in the file, {error}");
    assert!(bad <= device["won"].as_u64().unwrap() - device["nChecked"].as_u64().unwrap(), "{bad}: {device}");
}

#[test]
fn a_device_that_is_lost_comes_back_with_the_batch_it_lost() {
    let rig = Rig::new();
    let child = rig.mine(2, &["--count", "160"]);
    rig.begin("lose");
    std::thread::sleep(Duration::from_millis(300));
    rig.end();
    let (code, summary, output) = rig.ended(child);
    assert_eq!(code, Some(0), "{}", stderr(&output));
    assert_eq!((&summary["tried"], &summary["devices"][0]["error"]), (&json!(160), &Value::Null));
    assert!(stderr(&output).contains("lost"), "{}", stderr(&output));
    rig.assert_honest();
}

#[test]
fn a_device_that_stays_lost_is_given_up_and_what_it_found_is_kept() {
    let rig = Rig::new();
    let child = rig.mine(2, &["--seconds", "600"]);
    rig.begin("lose");
    let (code, summary, output) = rig.ended(child);
    assert_eq!(code, Some(3), "{}", stderr(&output));
    let error = summary["devices"][0]["error"]["message"].as_str().unwrap();
    assert!(error.contains(CARD), "{error}");
    assert!(summary["totalTried"].as_u64() >= Some(64), "{summary}");
    rig.assert_honest();
}

#[test]
fn a_driver_that_does_not_return_is_named_and_one_signal_ends_it() {
    let rig = Rig::new();
    let child = rig.mine(2, &["--seconds", "600"]);
    rig.begin("hang");
    std::thread::sleep(Duration::from_secs(1));
    signal(&child, "-TERM");
    let (code, _, output) = rig.ended(child);
    assert_eq!(code, Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("a device does not answer"), "{}", stderr(&output));
    rig.assert_honest();
}

#[test]
fn a_driver_that_hangs_past_the_time_is_named() {
    let rig = Rig::new();
    let child = rig.mine(1, &["--seconds", "20"]);
    rig.begin("hang");
    let (code, _, output) = rig.ended(child);
    assert_eq!(code, Some(3), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains(CARD) && said.contains("does not answer"), "{said}");
    rig.assert_honest();
}

#[test]
fn a_device_without_memory_is_an_error_of_its_own() {
    let rig = Rig::new();
    rig.begin("memory");
    let args =
        ["distance", "--profile", "exact", "--params", "nano", "--block-hash", "AB", "--public-key", "02"];
    let output = rig
        .command(&[&args[..], &["--nonces", "1", "--backend", "gpu", "--json"]].concat())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains(CARD) || message.contains("memory"), "{message}");
    assert!(!stderr(&output).contains("panicked"), "{}", stderr(&output));
}

#[test]
fn a_card_is_listed_under_its_name() {
    let rig = Rig::new();
    let output = rig.command(&["devices", "--json"]).output().unwrap();
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let adapters = listed["adapters"].as_array().unwrap();
    assert!(
        adapters.iter().all(|a| a["name"].as_str().is_some_and(|name| name.starts_with(CARD))),
        "{listed}"
    );
    assert!(!adapters.is_empty());
}

/// A run of training whose device is lost while a lane is made ends with the root that it has without.
#[test]
fn a_device_that_is_lost_while_it_trains_comes_back_to_the_same_root() {
    let text: String = (0_u32..900).map(|ix| char::from(b'a' + (ix * ix * 5 % 23) as u8)).collect();
    let train = ["train", "text", "--params", "train-tiny", "--json", "--backend"];
    let root = |output: &Output| -> Value {
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
        summary["root"].clone()
    };
    let rig = Rig::new();
    rig.0.write("text", &text);
    let want = root(&rig.command(&train).args(["cpu", "--dir", "cpu"]).output().unwrap());
    for attempt in 0..10 {
        let dir = format!("gpu-{attempt}");
        let mut command = rig.command(&train);
        // The card is taken for hardware.
        command.args(["auto", "--dir", &dir]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let first = rig.0.path(&dir).join("round-0000/lane-0.bin");
        while !first.exists() && child.try_wait().unwrap().is_none() {}
        rig.begin("lose");
        std::thread::sleep(Duration::from_millis(300));
        rig.end();
        let output = child.wait_with_output().unwrap();
        assert_eq!(root(&output), want);
        // A fast machine may be done before.
        if stderr(&output).contains("opened anew") {
            return;
        }
    }
    panic!("the device was never lost while it trained");
}
