//! Training by the command: a run, resumed after a kill to the same root; a segment opened and checked; cheats and bad input.

mod common;

use common::{Dir, stdout};
use serde_json::Value;

const TINY: [&str; 4] = ["--params", "train-tiny", "--dir", "run"];

fn with_text() -> Dir {
    let dir = Dir::new();
    let text: String = (0_u32..900).map(|ix| char::from(b'a' + (ix * ix * 5 % 23) as u8)).collect();
    dir.write("text", &text);
    dir
}

fn train(dir: &Dir, code: i32, more: &[&str]) -> Value {
    dir.json(code, &[&["train", "text"], &TINY[..], more].concat())
}

fn check(dir: &Dir, code: i32, more: &[&str]) -> Value {
    dir.json(code, &[&["train", "check", "o.bin", "--text", "text", "--params", "train-tiny"], more].concat())
}

#[test]
fn a_run_learns_and_goes_on_where_it_stopped() {
    let dir = with_text();
    let whole = train(&dir, 0, &[]);
    assert_eq!(whole["rounds"].as_array().map(Vec::len), Some(2));
    let after = |round: usize| whole["rounds"][round]["heldOut"].as_f64().expect("a loss");
    assert!(after(1) < after(0) && after(0) < whole["heldOut"].as_f64().expect("a loss"), "{whole}");
    assert_eq!(whole["root"], whole["rounds"][1]["root"]);
    assert!(std::fs::read_to_string(dir.path("run/loss.svg")).expect("a curve").contains("nats"));
    let stopped = with_text();
    let first = train(&stopped, 0, &["--until", "1", "--threads", "1"]);
    assert_eq!(first["root"], whole["rounds"][0]["root"]);
    assert_eq!(train(&stopped, 0, &[])["root"], whole["root"]);
    // Done already: nothing is computed.
    let again = train(&stopped, 0, &[]);
    assert_eq!((&again["root"], &again["tokensPerSecond"]), (&whole["root"], &Value::Null));
    assert_ne!(train(&with_text(), 0, &["--beacon", "b"])["root"], whole["root"]);
    // Another run seed is another run from its first parameters on, and this folder is not its.
    let other = train(&with_text(), 0, &["--run-seed", "1"]);
    assert_ne!((&other["run"], &other["heldOut"]), (&whole["run"], &whole["heldOut"]));
    train(&stopped, 2, &["--run-seed", "1"]);
}

#[cfg(unix)]
#[test]
fn a_run_that_was_killed_comes_to_the_same_root() {
    let want = train(&with_text(), 0, &[])["root"].clone();
    let mut killed_midway = 0;
    for attempt in 0..40 {
        let dir = with_text();
        let mut child = dir.command(&[&["train", "text"], &TINY[..]].concat()).spawn().expect("it starts");
        // As soon as a lane has a state on the disk; later by some each time.
        while !dir.path("run/round-0000/lane-1.bin").exists() && child.try_wait().expect("a status").is_none()
        {
        }
        std::thread::sleep(std::time::Duration::from_millis(attempt % 4));
        child.kill().expect("it was ours");
        let ended = child.wait().expect("a status");
        killed_midway += u32::from(!ended.success());
        if attempt % 2 == 0 && dir.path("run/round-0000/lane-1.bin").exists() {
            // A machine that went down leaves a torn state: the lane begins anew.
            let torn = std::fs::read(dir.path("run/round-0000/lane-1.bin")).expect("a state");
            std::fs::write(dir.path("run/round-0000/lane-1.bin"), &torn[..torn.len() - 9]).expect("written");
        }
        assert_eq!(train(&dir, 0, &[])["root"], want, "attempt {attempt}");
        if killed_midway == 4 {
            return;
        }
    }
    panic!("killed midway {killed_midway} times of 40, expected 4");
}

#[test]
fn a_segment_is_opened_and_checked() {
    let dir = with_text();
    let run = train(&dir, 0, &[]);
    let opened = dir.json(
        0,
        &[&["train", "open", "1", "1", "0", "--text", "text", "--out", "o.bin"], &TINY[..]].concat(),
    );
    let (root, seed) = (opened["root"].as_str().expect("a root"), opened["seed"].as_str().expect("a seed"));
    assert_eq!(run["rounds"][1]["seed"], seed);
    let known = ["--root", root, "--seed", seed, "--start", "run/round-0001/start.bin"];
    assert_eq!(check(&dir, 0, &known)["verdict"], "honest");
    // What only the opening says is said first, and confirms nothing.
    let unconfirmed = check(&dir, 4, &[]);
    assert_eq!(unconfirmed["byTheOpening"], serde_json::json!(["root", "seed", "start"]));
    let text = dir.run(&["train", "check", "o.bin", "--text", "text", "--params", "train-tiny"]);
    assert!(stdout(&text).starts_with("by the opening's own root, seed, start: "), "{}", stdout(&text));
    assert_eq!(check(&dir, 4, &known[..4])["byTheOpening"], serde_json::json!(["start"]));
    // Another start, another seed, another root.
    let start = check(&dir, 1, &[&known[..4], &["--start", "run/round-0000/start.bin"]].concat());
    assert_eq!(start["verdict"], "fraud");
    assert_eq!(check(&dir, 1, &["--root", root, "--seed", root])["verdict"], "fraud");
    assert_eq!(check(&dir, 1, &["--root", seed])["verdict"], "unopened");
    // A bit of the state.
    let mut bytes = std::fs::read(dir.path("o.bin")).expect("an opening");
    let at = bytes.len() - 5;
    bytes[at] ^= 1;
    std::fs::write(dir.path("o.bin"), &bytes).expect("written");
    assert_eq!(check(&dir, 1, &known)["verdict"], "unopened");
}

#[test]
fn a_gpu_trains_opens_and_checks_to_the_same_bytes() {
    let by = |backend: &'static str| {
        let dir = with_text();
        let more = ["--backend", backend];
        let root = train(&dir, 0, &more)["root"].clone();
        let open = ["train", "open", "0", "1", "1", "--text", "text", "--out", "o.bin"];
        dir.json(0, &[&open, &TINY[..], &more].concat());
        let opening = std::fs::read(dir.path("o.bin")).expect("an opening");
        (dir, root, opening)
    };
    let ((_, root, opening), (dir, by_gpu, opening_by_gpu)) = (by("cpu"), by("gpu"));
    assert_eq!((&by_gpu, &opening_by_gpu), (&root, &opening));
    assert_eq!(check(&dir, 4, &["--backend", "gpu"])["verdict"], "unconfirmed");
    // A bit of the state: it leads to no root.
    let mut bytes = opening;
    let at = bytes.len() - 5;
    bytes[at] ^= 1;
    std::fs::write(dir.path("o.bin"), &bytes).expect("written");
    assert_eq!(check(&dir, 1, &["--backend", "gpu"])["verdict"], "unopened");
    let named = ["--backend", "cpu", "--adapter", "0"];
    let refused = dir.error(2, &[&["train", "text"], &TINY[..], &named].concat());
    assert!(refused.contains("no adapter with --backend cpu"), "{refused}");
}

#[test]
fn what_does_not_go_together_is_refused_by_name() {
    let dir = with_text();
    train(&dir, 0, &["--until", "1"]);
    let refused = |args: &[&str]| dir.error(2, &[args, &TINY[..]].concat());
    assert!(refused(&["train", "text", "--beacon", "b"]).contains("the beacon is"));
    dir.write("other", &"abcdefgh".repeat(60));
    assert!(refused(&["train", "other"]).contains("the run is"));
    dir.write("short", "abc");
    assert!(refused(&["train", "short"]).contains("the text has 3 bytes, expected 200 or more"));
    let all: Vec<u8> = (0..=255).cycle().take(2000).collect();
    std::fs::write(dir.path("all"), all).expect("written");
    assert!(refused(&["train", "all"]).contains("256 different bytes, expected 32 at most"));
    let open = |place: [&str; 3]| {
        refused(&[&["train", "open"], &place[..], &["--text", "text", "--out", "o"]].concat())
    };
    assert!(open(["1", "0", "0"]).starts_with("round") && open(["1", "0", "0"]).contains("expected below 1"));
    assert!(open(["0", "2", "0"]).contains("expected below 2"));
    assert!(open(["0", "0", "2"]).contains("expected below 2"));
    let none = dir.error(2, &["train", "check", "text", "--text", "text", "--params", "train-tiny"]);
    assert!(none.contains("the first bytes are"), "{none}");
    std::fs::write(dir.path("run/round-0001/start.bin"), vec![0; 8 * 5248]).expect("written");
    assert!(refused(&["train", "text"]).contains("the root is"));
    std::fs::write(dir.path("run/run.json"), "{").expect("written");
    assert!(refused(&["train", "text"]).contains("run.json"));
}
