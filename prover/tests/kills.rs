//! `mine` killed where it stands, two hundred times: nothing acknowledged is lost, nothing is tried twice.
#![cfg(unix)]

mod common;

use common::{Dir, JUDGE, PUZZLE, lines};
use std::io::Write;
use std::process::{Child, Stdio};
use std::time::Duration;

const KILLS: usize = 200;

/// Starts mining without an end.
fn start(dir: &Dir) -> Child {
    let args = ["mine", "--out", "killed.jsonl", "--r-target", "1.414", "--backend", "cpu", "--batch", "2"];
    let mut command = dir.command(&[&args[..], &["--threads", "1"], &PUZZLE].concat());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Whole lines of the file: what a reader may have seen and relied on.
fn acknowledged(dir: &Dir) -> Vec<String> {
    let text = std::fs::read_to_string(dir.path("killed.jsonl")).unwrap_or_default();
    text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(ToOwned::to_owned).collect()
}

#[test]
fn two_hundred_kills_lose_nothing_acknowledged_and_repeat_nothing() {
    let dir = Dir::tiny();
    let mut seen: Vec<String> = Vec::new();
    for kill in 0..KILLS {
        let mut child = start(&dir);
        // Some while it starts, the others within a line or between two: after up to three lines of this run, and some
        // microseconds more.
        let want = seen.len() + kill % 4;
        let mut now = acknowledged(&dir);
        while kill % 4 > 0 && now.len() < want {
            assert!(child.try_wait().unwrap().is_none(), "mining ended by itself at kill {kill}");
            std::thread::sleep(Duration::from_millis(1));
            now = acknowledged(&dir);
        }
        std::thread::sleep(Duration::from_micros(kill as u64 * 7919 % 4000));
        let seen_before_the_kill = acknowledged(&dir);
        child.kill().unwrap();
        child.wait().unwrap();
        let after = acknowledged(&dir);
        for before in [&seen, &now, &seen_before_the_kill] {
            assert_eq!(after[..before.len()], before[..], "acknowledged lines are gone after kill {kill}");
        }
        seen = after;
    }
    dir.mine("2", "killed.jsonl", &["--batch", "2", "--threads", "1"]);
    let all = lines(&dir.path("killed.jsonl"));
    let text = |line: &serde_json::Value| line.to_string() + "\n";
    assert_eq!(all.iter().take(seen.len()).map(text).collect::<Vec<_>>(), seen);
    // Each line goes on where the one before ends: no nonce is lost or tried twice.
    let mut tried = 0;
    for line in &all {
        tried += line["tried"].as_u64().unwrap();
        assert_eq!(line["last"].as_u64().unwrap() + 1, tried, "nonces are left out or tried twice: {line}");
    }
    assert_eq!(dir.json(0, &[&["verify", "killed.jsonl"], &JUDGE[..]].concat())["verdict"], "honest");
    let torn = std::fs::read_to_string(dir.path("killed.jsonl.torn")).unwrap_or_default().lines().count();
    // Past the test harness, which shows only what failing tests print.
    let _ = writeln!(
        std::io::stderr(),
        "{KILLS} kills: {} lines acknowledged, {tried} nonces tried, 0 lost, 0 twice; {torn} torn lines set aside",
        all.len(),
    );
}
