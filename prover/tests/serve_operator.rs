//! What an operator has of `sphere-pow serve`: numbers, a pause, a token, and options in a file.
#![cfg(unix)]

mod common;

use common::Dir;
use common::service::{Receiver, Service, exchange, init, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const TOKEN: &str = "correct-horse-battery";

/// Prometheus's text as samples; what is no such text fails.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut families = BTreeMap::new();
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "twice: {line}");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line:?}"));
            let family = name.split('{').next().unwrap();
            assert!(families.contains_key(family), "a sample without its family: {line}");
            assert!(samples.insert(name.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
        }
    }
    samples
}

#[test]
fn numbers_agree_with_what_was_received_and_a_pause_keeps_the_stage() {
    let dir = Dir::tiny();
    dir.write("token", &format!("{TOKEN}\n"));
    dir.write("serve.toml", "send_every = 0.05\ntoken_file = \"token\"\nbatch = 32\n");
    let service = Service::start(&dir, &["--config", "serve.toml", "--send-every", "0.1"]);
    let receiver = Receiver::start();
    // With a token every request has to show it, but those for health.
    assert_eq!(service.ask("GET", "/api/v1/state", None).0, 401);
    assert_eq!(service.ask("GET", "/health", None).0, 200);
    for wrong in ["", "wrong-horse-battery-x", &TOKEN[1..], "correct-horse-batterx"] {
        assert_eq!(service.operate("POST", "/pause", wrong).0, 401, "{wrong}");
    }
    let body = init(&receiver.url()).to_string();
    let start = format!(
        "POST /api/v1/pow/init/generate HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(exchange(service.address, start.as_bytes()).0, 200);
    receiver.wait(2, "/generated");
    assert_eq!(service.operate("POST", "/pause", TOKEN), (200, json!({"isPaused": true}).to_string()));
    until("everything sent", || {
        let waiting = service.status()["waiting"].clone();
        (waiting["wins"] == 0 && waiting["parcels"] == 0).then_some(())
    });
    let status = service.status();
    assert_eq!((&status["state"], &status["isPaused"]), (&json!("POW"), &json!(true)), "{status}");
    let n = receiver.nonces().len() as f64;
    let (code, text) = service.operate("GET", "/metrics", "");
    let samples = samples(&text);
    assert_eq!(code, 200);
    let of = |name: &str| *samples.get(name).unwrap_or_else(|| panic!("no {name}: {text}"));
    assert_eq!(of("sphere_pow_nonces_acknowledged_total"), n);
    assert_eq!(of("sphere_pow_nonces_won_total"), n);
    assert_eq!(of("sphere_pow_state{state=\"POW\"}"), 1.0);
    assert_eq!(of("sphere_pow_callbacks_sent_total"), receiver.came() as f64);
    // About half of the nonces win.
    let (tried, expected) = (of("sphere_pow_nonces_tried_total"), of("sphere_pow_nonces_expected_total"));
    assert!((0.3..0.7).contains(&(expected / tried)), "{expected} of {tried}");
    assert_eq!(status["totals"]["tried"], tried);
    assert_eq!(status["rates"].as_object().unwrap().keys().collect::<Vec<_>>(), ["10s", "15min", "60s"]);
    // It goes on where it was.
    assert_eq!(service.operate("POST", "/resume", TOKEN).0, 200);
    until("more nonces", || (receiver.nonces().len() as f64 > n).then_some(()));
    let nonces = receiver.nonces();
    let different: std::collections::BTreeSet<_> = nonces.iter().collect();
    assert_eq!(different.len(), nonces.len());
}

#[test]
fn without_a_token_an_operator_may_look_and_change_nothing() {
    let dir = Dir::tiny();
    let service = Service::start(&dir, &[]);
    assert_eq!(service.operate("POST", "/pause", "").0, 403);
    assert_eq!(service.operate("GET", "/status", "").0, 200);
    assert_eq!(
        service.operate("POST", "/api/v1/stop", "").0,
        404,
        "the API node's routes are not the operator's"
    );
    assert_eq!(service.ask("GET", "/metrics", None).0, 404, "the operator's routes are not the API node's");
    // A second one on the same state would send everything twice.
    let second = dir.json(2, &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second["error"]["code"], "state-busy");
}

#[test]
fn options_that_cannot_be_are_named() {
    let dir = Dir::new();
    dir.write("short", "secret");
    dir.write("serve.toml", "lisen = \"127.0.0.1:0\"\n");
    let serve = |more: &[&str]| dir.error(2, &[&["serve", "--listen", "127.0.0.1:0"], more].concat());
    assert!(serve(&["--token-file", "short"]).contains("16"));
    assert!(serve(&["--config", "serve.toml"]).contains("lisen"));
    assert!(serve(&["--config", "nowhere.toml"]).contains("nowhere.toml"));
    assert!(serve(&["--send-every", "0"]).contains("--send-every"));
    assert!(serve(&["--state-dir", "/dev/null/x"]).contains("state directory"));
    // The environment is read, and the command line wins over it.
    let with = |value: &str, args: &[&str]| {
        let mut command = dir.command(&[&["serve", "--json"], args].concat());
        let output = command.env("SPHERE_POW_SERVE_WINDOW", value).output().unwrap();
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        value["error"]["message"].as_str().unwrap().to_owned()
    };
    assert!(with("-1", &[]).contains("--window"));
    assert!(with("-1", &["--window", "5", "--timeout", "0"]).contains("--timeout"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let taken = dir.json(3, &["serve", "--listen", &address]);
    assert_eq!(taken["error"]["code"], "listen");
}

// Elsewhere drivers are no files that a variable could hide.
#[cfg(target_os = "linux")]
#[test]
fn a_doctor_tries_all_of_it_and_names_what_is_wrong() {
    let dir = Dir::tiny();
    let tmp = dir.path("tmp");
    std::fs::create_dir(&tmp).unwrap();
    let run = |code: i32, args: &[&str]| {
        let mut command = dir.command(&[&["doctor", "--seconds", "2", "--json"], args].concat());
        let nowhere = dir.path("no-driver.json");
        let output = command.env("TMPDIR", &tmp).env("VK_DRIVER_FILES", nowhere).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", common::stderr(&output));
        assert_eq!(std::fs::read_dir(&tmp).unwrap().count(), 0, "something is left behind");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let well = run(0, &["--params", "tiny.json", "--backend", "cpu", "--threads", "1"]);
    assert_eq!(well["faults"], json!([]), "{well}");
    assert!(well["nDelivered"].as_u64().unwrap() > 0 && well["nDelivered"] == well["won"], "{well}");
    assert_eq!((&well["nInvalid"], &well["forgeryConvicted"]), (&json!(0), &json!(true)), "{well}");
    let exact = run(0, &["--profile", "exact", "--params", "nano", "--backend", "cpu", "--threads", "1"]);
    assert_eq!((&exact["nInvalid"], &exact["forgeryConvicted"]), (&json!(0), &json!(true)), "{exact}");
    let ill = run(3, &["--params", "tiny.json", "--backend", "gpu"]);
    let faults = ill["faults"].as_array().unwrap();
    assert!(faults.iter().any(|fault| fault.as_str().unwrap().contains("no nonce was computed")), "{ill}");
}
