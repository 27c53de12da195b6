//! Commitments and openings over HTTP: a service keeps the roots of what it mined, through a restart too, and what it opens is
//! checked by the command.
#![cfg(unix)]

mod common;

use common::Dir;
use common::service::{Receiver, Service, init, until};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

const COMMIT: &str = "/api/v1/transcripts/commit";
const OPEN: &str = "/api/v1/transcripts/open";

fn serve(dir: &Dir) -> Service {
    Service::start(dir, &["--profile", "exact", "--state-dir", "state", "--batch", "8"])
}

/// The bytes of an answer with status 200.
fn bytes(service: &Service, path: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let mut stream = TcpStream::connect(service.address).unwrap();
    write!(stream, "POST {path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    assert!(head.starts_with("HTTP/1.0 200") && head.contains("octet-stream"), "{head}");
    answer.split_off(end)
}

fn n_nonces(committed: &Value) -> u64 {
    committed["nonces"].as_str().unwrap().parse().unwrap()
}

#[test]
fn what_was_mined_is_committed_to_and_opened_over_http_and_the_command_believes_it() {
    let dir = Dir::new();
    let mut service = serve(&dir);
    let receiver = Receiver::start();
    let (code, none) = service.ask("POST", COMMIT, Some(&json!({})));
    assert_eq!(code, 404, "{none}");
    let params = sphere_pow_core::exact::Preset::Nano.params();
    let mut stage = init(&receiver.url());
    stage["params"] = serde_json::from_str(&params.to_string()).unwrap();
    service.post("/api/v1/pow/init/generate", Some(&stage));
    let tried = |service: &Service, more: u64| {
        until("nonces", || (service.status()["totals"]["tried"].as_u64().unwrap() >= more).then_some(()));
    };
    tried(&service, 40);
    let names = json!({"block_hash": "DEADBEEF", "public_key": "02abc"});
    let (code, error) = service.ask("POST", OPEN, Some(&json!({"beacon": "later"})));
    assert_eq!(code, 404, "nothing is committed to: {error}");
    let first = service.post(COMMIT, Some(&names));
    assert!(n_nonces(&first) >= 40 && first["intervals"] == 1, "{first}");
    // A kill takes neither roots nor the commitment, and no nonce is committed to twice.
    service.kill();
    let service = serve(&dir);
    tried(&service, 40);
    let second = service.post(COMMIT, Some(&json!({})));
    assert_eq!(second["intervals"], 2, "{second}");
    assert!(n_nonces(&second) >= n_nonces(&first) + 40, "{second}");
    // While it mines, and after it.
    let draw = json!({"beacon": "a-later-block", "samples": 24, "block_hash": "DEADBEEF"});
    let opened = bytes(&service, OPEN, &draw);
    service.post("/api/v1/stop", None);
    assert_eq!(bytes(&service, OPEN, &draw), opened);
    std::fs::write(dir.path("openings"), &opened).unwrap();
    dir.write("commitment", &second["document"].to_string());
    let check = |code: i32, openings: &str| {
        let own =
            ["verify", "commitment", "--openings", openings, "--params", "nano", "--block-hash", "DEADBEEF"];
        let more =
            ["--public-key", "02abc", "--beacon", "a-later-block", "--samples", "24", "--backend", "cpu"];
        dir.json(code, &[&own[..], &more].concat())
    };
    let report = check(0, "openings");
    assert_eq!(
        (&report["verdict"], &report["commitment"]),
        (&json!("honest"), &second["commitment"]),
        "{report}"
    );
    let mut spoilt = opened;
    let last = spoilt.len() - 1;
    spoilt[last] ^= 1;
    std::fs::write(dir.path("spoilt"), spoilt).unwrap();
    check(1, "spoilt");
    // What is asked wrong is named.
    for (body, word) in [
        (json!({}), "beacon"),
        (json!({"beacon": "b", "samples": 3}), "20"),
        (json!({"beacon": "b", "samples": -1}), "samples"),
        (json!({"beacon": 7}), "beacon"),
    ] {
        let (code, error) = service.ask("POST", OPEN, Some(&body));
        assert!(code == 422 && error.to_string().contains(word), "{body}: {code} {error}");
    }
    let (code, error) = service.ask("POST", COMMIT, Some(&json!({"block_hash": "another"})));
    assert_eq!(code, 404, "{error}");
}
