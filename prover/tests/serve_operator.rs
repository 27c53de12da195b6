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
fn with_a_signer_what_the_api_node_changes_must_be_signed() {
    // As in `prover/src/serve/signer.rs`, where it is said who made them.
    const BODY: &str = r#"{"block_hash":"DEADBEEF"}"#;
    const OF_BODY: &str =
        "IvnhWCh+7V3RoxCkPU9nfqPXNJsRKzfMX1X9bNZQCSMuPG9IuuM8L7Uw8Mm7/qN9bgw6oihdhoBndO1MDLFZWA==";
    const OF_NOTHING: &str =
        "mGKevDTiRzjJuGcffe7WPTb31j5+wfMRH2ZhCm8+jON1/xpMOuochEeF10ithGbJ1im21ShBc4woyOFOQOjFMw==";
    let dir = Dir::tiny();
    let key = "03f028892bad7ed57d2fb57bf33081d5cfcf6f9ed3d3d7f159c2e2fff579dc341a";
    let service = Service::start_with(&dir, &[], &[("SIGNER_PUBKEY", key)]);
    let post = |path: &str, signature: &str, body: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nX-Signature: {signature}");
        let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        exchange(service.address, request.as_bytes())
    };
    let refused = (403, json!({"detail": "Invalid signature"}).to_string());
    let init = "/api/v1/pow/init/generate";
    for (path, signature, body) in [(init, "", BODY), (init, OF_NOTHING, BODY), ("/api/v1/stop", OF_BODY, "")]
    {
        assert_eq!(post(path, signature, body), refused, "{path} {signature}");
    }
    assert_eq!(service.ask("POST", "/v3.0.8/api/v1/stop", None).0, 403, "no header at all");
    assert_eq!(post("/api/v1/stop", OF_NOTHING, "").0, 200);
    // Heard, and found wanting.
    assert_eq!(post(init, OF_BODY, BODY).0, 422);
    // What is only asked for needs none.
    assert_eq!(service.get("/api/v1/state")["state"], "STOPPED");
    let error = dir.error(2, &["serve", "--signer-pubkey", "04"]);
    assert!(error.contains("secp256k1"), "{error}");
}

#[test]
fn what_the_environment_misspells_is_said_and_what_is_wrong_in_it_is_refused() {
    let dir = Dir::tiny();
    dir.write("serve.toml", "prefix = \"seg\"\n");
    let environment = [("SPHERE_POW_SERVE_CONFIG", "serve.toml"), ("SPHERE_POW_SERVE_LISEN", "x")];
    let service = Service::start_with(&dir, &[], &environment);
    assert_eq!(service.get("/seg/api/v1/state")["state"], "STOPPED");
    let log = std::fs::read_to_string(dir.path("log")).unwrap();
    assert!(log.contains("SPHERE_POW_SERVE_LISEN") && !log.contains("SPHERE_POW_SERVE_CONFIG"), "{log}");
    use std::os::unix::ffi::OsStrExt as _;
    let broken = std::ffi::OsStr::from_bytes(b"\xff");
    for (name, value) in [
        ("SPHERE_POW_SERVE_LISTEN", broken),
        ("SPHERE_POW_SERVE_THREADS", "none".as_ref()),
        ("SPHERE_POW_SERVE_PREFIX", "/a?b".as_ref()),
        ("SPHERE_POW_SERVE_MAX_BODY", "0".as_ref()),
        ("SPHERE_POW_SERVE_CALLBACK", "http://api:9100".as_ref()),
        ("SIGNER_PUBKEY", "".as_ref()),
    ] {
        let output = dir.command(&["serve"]).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {}", common::stderr(&output));
    }
}

#[test]
fn a_view_of_a_running_service_is_printed_once_and_a_recorded_status_is_like_its() {
    let dir = Dir::tiny();
    let service = Service::start(&dir, &[]);
    let receiver = Receiver::start();
    service.post("/api/v1/pow/init/generate", Some(&init(&receiver.url())));
    receiver.wait(1, "/generated");
    let (address, status) = (service.admin.to_string(), service.status());
    let output = dir.run(&["top", &address, "--once"]);
    let frame = common::stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{frame}{}", common::stderr(&output));
    let device = status["devices"][0]["device"].as_str().unwrap();
    for word in [
        "POW GENERATING",
        "gonka block DEADBEEF at 240",
        device,
        "working",
        "nonces a second",
        "acknowledged",
    ] {
        assert!(frame.contains(word), "no {word}: {frame}");
    }
    assert_eq!(dir.json(0, &["top", &address, "--once"])["stage"], status["stage"]);
    // What tests of views and wrappers read is no other shape than what is served.
    let recorded: Value = serde_json::from_str(include_str!("recorded/status.json")).unwrap();
    let shape = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(shape(&recorded), shape(&status));
    for part in ["totals", "waiting", "callbacks", "plausibility", "guardBand", "pow", "stage", "rates"] {
        assert_eq!(shape(&recorded[part]), shape(&status[part]), "{part}");
    }
    assert_eq!(shape(&recorded["devices"][0]), shape(&status["devices"][0]));
    let document = service.get("/openapi.json");
    let schema = json!({"$ref": "#/components/schemas/NodeStatus", "components": document["components"]});
    let validator = jsonschema::validator_for(&schema).unwrap();
    for value in [&recorded, &status] {
        let faults: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
    // Nobody there, somebody else there, nobody who looks.
    let error = dir.json(3, &["top", "127.0.0.1:1", "--once"]);
    assert_eq!(error["error"]["code"], "service");
    assert!(dir.error(3, &["top", &service.address.to_string(), "--once"]).contains("404"));
    assert!(dir.error(2, &["top", &address]).contains("--once"));
}

#[test]
fn a_log_file_takes_a_json_object_a_line_and_old_ones_go() {
    let dir = Dir::tiny();
    for old in ["2020-01-01", "2020-01-02", "2020-01-03"] {
        dir.write(&format!("serve.jsonl.{old}"), "{}\n");
        // Files go by when they were made.
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let log = dir.path("serve.jsonl").to_str().unwrap().to_owned();
    let more = ["--log-file", &log, "--log-format", "json", "--log-keep", "2"];
    let service = Service::start(&dir, &more);
    let receiver = Receiver::start();
    service.post("/api/v1/pow/init/generate", Some(&init(&receiver.url())));
    service.loaded();
    let files = || {
        let names = std::fs::read_dir(dir.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        let own = names.filter(|name| name.to_str().unwrap().starts_with("serve.jsonl"));
        own.map(|name| name.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let today = until("a line of the log", || {
        let newest = files().into_iter().max().unwrap();
        let text = std::fs::read_to_string(dir.path(&newest)).unwrap();
        text.contains("is loaded after").then_some(text)
    });
    for line in today.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(
            line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
    assert_eq!(files().len(), 2, "{:?}", files());
    assert!(!dir.path("serve.jsonl.2020-01-01").exists());
    let error = dir.error(2, &["serve", "--listen", "127.0.0.1:0", "--log-file", "/dev/null/x"]);
    assert!(error.contains("--log-file"), "{error}");
}

#[test]
fn a_guard_band_keeps_what_lies_at_the_edge_and_says_what_that_costs() {
    let dir = Dir::tiny();
    let service = Service::start(&dir, &["--guard-band", "0.01"]);
    let receiver = Receiver::start();
    service.post("/api/v1/pow/init/generate", Some(&init(&receiver.url())));
    receiver.wait(2, "/generated");
    for taken in receiver.taken("/generated") {
        let dist = taken.body["dist"].as_array().unwrap();
        assert!(dist.iter().all(|dist| dist.as_f64().unwrap() < 1.404), "{dist:?}");
    }
    let status = service.status();
    let loss = status["guardBand"]["loss"].as_f64().unwrap();
    assert!(status["guardBand"]["distance"] == 0.01 && (0.01..0.9).contains(&loss), "{status}");
    assert!(dir.error(2, &["serve", "--guard-band", "-1"]).contains("guard-band"));
    assert!(dir.error(2, &["serve", "--guard-band", "NaN"]).contains("--guard-band"));
    assert!(dir.error(2, &["serve", "--max-temperature", "20"]).contains("from 30 to 120"));
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
