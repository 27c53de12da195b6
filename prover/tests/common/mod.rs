//! What the tests of the command share: a folder of their own, the command run in it, the tiny model.
#![allow(dead_code, reason = "each test file takes what it needs")]

#[cfg(target_os = "linux")]
pub(crate) mod made;
#[cfg(target_os = "linux")]
pub(crate) mod rig;
pub(crate) mod service;

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Child;
use std::process::{Command, Output, Stdio};

pub(crate) struct Dir(tempfile::TempDir);

impl Dir {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with the sizes of the model of `tests/vectors/gonka_tiny.json`, whose distances are known.
    pub(crate) fn tiny() -> Self {
        let dir = Self::new();
        dir.write("tiny.json", &vector("gonka_tiny.json")["params"].to_string());
        dir
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sphere-pow"));
        command.current_dir(self.0.path()).args(args).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs with `--json` and expects an exit code and one document.
    pub(crate) fn json(&self, code: i32, args: &[&str]) -> Value {
        let output = self.command(args).arg("--json").output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}{}", stdout(&output), stderr(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{args:?}: {e}: {text}"))
    }

    /// Runs with `--json`, expects an error with that exit code, and gives its message.
    pub(crate) fn error(&self, code: i32, args: &[&str]) -> String {
        let error = self.json(code, args)["error"].take();
        assert!(error["code"].as_str().is_some_and(|code| !code.is_empty()), "{args:?}: {error}");
        error["message"].as_str().unwrap_or_else(|| panic!("{args:?}: {error}")).to_owned()
    }

    /// Mines tiny on the CPU, unless `more` says where, at a radius that about half of the nonces win.
    pub(crate) fn mine(&self, count: &str, out: &str, more: &[&str]) -> Value {
        let mut args = vec!["mine", "--count", count, "--out", out, "--r-target", "1.414"];
        args.extend(PUZZLE);
        args.extend(if more.contains(&"--backend") { &[][..] } else { &["--backend", "cpu"] });
        args.extend(more);
        self.json(0, &args)
    }

    /// A batch of 200 claims, `n_forged` of which did not win but say so.
    pub(crate) fn forged(&self, n_forged: usize) -> Value {
        if !self.path("all.jsonl").exists() {
            self.mine("600", "all.jsonl", &[]);
        }
        let won = proofs(&self.path("all.jsonl"));
        let lost = (0..600).filter(|n| !won.iter().any(|(w, _)| w == n)).map(|n| (n, 1.40));
        let mut claims: Vec<(u64, f64)> = won.iter().copied().take(200 - n_forged).collect();
        claims.extend(lost.take(n_forged));
        assert_eq!(claims.len(), 200);
        let (nonces, dist): (Vec<u64>, Vec<f64>) = claims.into_iter().unzip();
        json!({"public_key": "02abc", "block_hash": "deadbeef", "block_height": 1, "nonces": nonces,
            "dist": dist, "node_id": 0})
    }
}

/// Of the tiny model.
pub(crate) const PUZZLE: [&str; 6] =
    ["--params", "tiny.json", "--block-hash", "deadbeef", "--public-key", "02abc"];

/// How proofs of it are verified.
pub(crate) const JUDGE: [&str; 6] = ["--params", "tiny.json", "--r-target", "1.414", "--backend", "cpu"];

/// A file of `tests/vectors`.
pub(crate) fn vector(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'), "the file ends within a line");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every nonce of a ledger with its distance.
pub(crate) fn proofs(path: &Path) -> Vec<(u64, f64)> {
    let pair = |line: &Value| {
        let nonces = line["nonces"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap());
        let dist = line["dist"].as_array().unwrap().iter().map(|d| d.as_f64().unwrap());
        nonces.zip(dist).collect::<Vec<_>>()
    };
    lines(path).iter().flat_map(pair).collect()
}

/// Sends a signal, `-TERM` or another.
#[cfg(unix)]
pub(crate) fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
