//! `sphere-pow serve` against the contract: requests as the network's API node sends them, in its order.
#![cfg(unix)]

mod common;

use common::service::{Manner, Receiver, Service, answer, exchange, init, until};
use common::{Dir, signal};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What an answer must look like by the document that the service serves.
struct Document(Value);

impl Document {
    fn of(service: &Service) -> Self {
        Self(service.get("/openapi.json"))
    }

    fn check(&self, method: &str, path: &str, status: u16, value: &Value) {
        let bare = path.strip_prefix("/v3.0.8").unwrap_or(path);
        let described = &self.0["paths"][bare][method.to_lowercase()]["responses"][status.to_string()];
        assert!(
            described.is_object(),
            "{method} {path} answers {status}, which the document does not say: {value}"
        );
        self.fits(&described["content"]["application/json"]["schema"], value);
    }

    /// Checks a callback against the document.
    fn check_callback(&self, kind: &str, body: &Value) {
        let request = &self.0["webhooks"][kind]["post"]["requestBody"];
        self.fits(&request["content"]["application/json"]["schema"], body);
    }

    fn fits(&self, schema: &Value, value: &Value) {
        assert!(schema.is_object(), "no schema for {value}");
        let mut schema = schema.clone();
        schema["components"] = self.0["components"].clone();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}: {value}");
    }
}

/// Asks, and checks the answer against the document.
fn ask(
    service: &Service,
    document: &Document,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let (status, value) = service.ask(method, path, body);
    document.check(method, path, status, &value);
    (status, value)
}

/// A batch of what was won, to be judged.
fn batch(won: &Value) -> Value {
    json!({
        "public_key": won["public_key"], "block_hash": won["block_hash"], "block_height": won["block_height"],
        "nonces": won["nonces"], "dist": won["dist"], "node_id": 0,
    })
}

#[test]
fn the_call_sequence_of_an_epoch_mines_delivers_judges_and_stops() {
    let dir = Dir::tiny();
    let (service, receiver) = (Service::start(&dir, &[]), Receiver::start());
    let document = Document::of(&service);
    let call = |method: &str, path: &str, body: Option<&Value>| ask(&service, &document, method, path, body);
    let get = |path: &str| call("GET", path, None).1;
    // Before the stage.
    assert_eq!(get("/api/v1/state")["state"], "STOPPED");
    assert_eq!(get("/api/v1/pow/status"), json!({"status": "NOT_LOADED"}));
    assert_eq!(call("POST", "/api/v1/stop", None), (200, json!({"status": "OK"})));
    // Generation.
    let mut stage = init(&receiver.url());
    stage["node_id"] = json!(3);
    let (status, started) = call("POST", "/api/v1/pow/init/generate", Some(&stage));
    assert_eq!((status, &started["pow_status"]["status"]), (200, &json!("GENERATING")));
    assert_eq!(get("/api/v1/state")["state"], "POW");
    assert_eq!(get("/v3.0.8/api/v1/pow/status")["status"], "GENERATING");
    let won = receiver.wait(1, "/generated").remove(0).body;
    assert_eq!(won["node_id"], 3);
    assert_eq!((&won["block_hash"], &won["block_height"]), (&json!("DEADBEEF"), &json!(240)));
    let members: BTreeSet<&str> = won.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        members,
        BTreeSet::from(["public_key", "block_hash", "block_height", "nonces", "dist", "node_id"])
    );
    for (nonce, dist) in won["nonces"].as_array().unwrap().iter().zip(won["dist"].as_array().unwrap()) {
        assert!(nonce.as_u64().unwrap() >= 3 && dist.as_f64().unwrap() < 1.414);
    }
    // Validation: the node's number may be another one by now.
    stage["node_count"] = json!(2);
    let (status, started) = call("POST", "/api/v1/pow/init/validate", Some(&stage));
    assert_eq!((status, &started["pow_status"]["status"]), (200, &json!("VALIDATING")));
    assert_eq!(
        started["pow_status"]["is_model_initialized"], true,
        "the model is loaded anew for another count"
    );
    let mut own = batch(&won);
    let n = own["nonces"].as_array().unwrap().len().min(40);
    for column in ["nonces", "dist"] {
        own[column].as_array_mut().unwrap().truncate(n);
    }
    assert_eq!(call("POST", "/api/v1/pow/validate", Some(&own)), (200, Value::Null));
    // Nonces that did not win, said to have.
    let winners: BTreeSet<u64> = receiver.nonces().into_iter().collect();
    let losers: Vec<u64> = (3..).filter(|nonce| !winners.contains(nonce)).take(10).collect();
    let forged = json!({"public_key": "02abc", "block_hash": "DEADBEEF", "block_height": 240,
        "nonces": losers, "dist": vec![1.4; 10], "node_id": 0});
    assert_eq!(call("POST", "/api/v1/pow/validate", Some(&forged)), (200, Value::Null));
    let empty = json!({"public_key": "02abc", "block_hash": "DEADBEEF", "block_height": 240, "nonces": [],
        "dist": [], "node_id": 0});
    assert_eq!(call("POST", "/api/v1/pow/validate", Some(&empty)), (200, Value::Null));
    let verdicts = receiver.wait(3, "/validated");
    for kind in ["generated", "validated"] {
        receiver
            .taken(&format!("/{kind}"))
            .iter()
            .for_each(|taken| document.check_callback(kind, &taken.body));
    }
    let of = |n: usize| {
        &verdicts.iter().find(|taken| taken.body["nonces"].as_array().unwrap().len() == n).unwrap().body
    };
    let honest = of(n);
    assert_eq!(honest["n_invalid"], 0, "{honest}");
    assert_eq!((&honest["fraud_detected"], &honest["probability_honest"]), (&json!(false), &json!(1.0)));
    assert_eq!((&honest["received_dist"], &honest["nonces"]), (&own["dist"], &own["nonces"]));
    assert_eq!((&honest["r_target"], &honest["fraud_threshold"]), (&json!(1.414), &json!(1e-7)));
    assert_eq!(honest["advisory"]["isWithinHardwareNoise"], true);
    let fraud = of(10);
    assert_eq!((&fraud["n_invalid"], &fraud["fraud_detected"]), (&json!(10), &json!(true)), "{fraud}");
    assert!(fraud["dist"].as_array().unwrap().iter().all(|dist| dist.as_f64().unwrap() > 1.414));
    assert_eq!((&of(0)["n_invalid"], &of(0)["probability_honest"]), (&json!(0), &json!(1.0)));
    // Its end.
    assert_eq!(get("/api/v1/state")["state"], "POW");
    assert_eq!(call("POST", "/api/v1/stop", None), (200, json!({"status": "OK"})));
    assert_eq!(get("/api/v1/state")["state"], "STOPPED");
    let (status, up) = call("POST", "/api/v1/inference/up", Some(&json!({"model": "m", "dtype": "auto"})));
    assert_eq!((status, &up["status"]), (200, &json!("ERROR")));
    let all = receiver.nonces();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "a nonce was sent twice");
}

#[test]
fn states_and_refusals_are_those_of_the_contract() {
    let dir = Dir::tiny();
    let (service, receiver) = (Service::start(&dir, &[]), Receiver::start());
    let document = Document::of(&service);
    let call = |method: &str, path: &str, body: Option<&Value>| ask(&service, &document, method, path, body);
    let detail = |path: &str, body: Option<&Value>| {
        let (status, value) = call("POST", path, body);
        (status, value["detail"].clone())
    };
    for path in ["/api/v1/pow/phase/generate", "/api/v1/pow/phase/validate"] {
        assert_eq!(detail(path, None), (400, json!("PoW is not running")));
    }
    assert_eq!(call("POST", "/api/v1/pow/stop", None).1["pow_status"], "PoW is not running");
    let good = init(&receiver.url());
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    // What the reference takes: integers for floats, text for numbers, members it does not know.
    for body in
        [with("r_target", json!(2)), with("block_height", json!("240")), with("new_member", json!([1]))]
    {
        let (status, value) = call("POST", "/api/v1/pow/init", Some(&body));
        assert_eq!((status, &value["status"]), (200, &json!("OK")));
    }
    service.loaded();
    assert_eq!(service.get("/api/v1/pow/status"), json!({"status": "IDLE", "is_model_initialized": true}));
    // Unset numbers of nodes.
    let unset = with("node_id", json!(-1));
    assert_eq!(
        detail("/api/v1/pow/init/generate", Some(&unset)),
        (400, json!("Node ID and node count must be set"))
    );
    assert_eq!(call("POST", "/api/v1/pow/init/validate", Some(&unset)).0, 200);
    let must = "Node ID and node count must be set to start generating";
    assert_eq!(detail("/api/v1/pow/phase/generate", None), (400, json!(must)));
    assert_eq!(call("POST", "/api/v1/pow/phase/validate", None).1["pow_status"]["status"], "VALIDATING");
    // What is no init.
    for (name, value) in [
        ("block_hash", Value::Null),
        ("block_hash", json!("")),
        ("block_height", json!(1.5)),
        ("public_key", json!("gonka1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9x8")),
        ("r_target", json!("far")),
        ("r_target", json!(-1)),
        ("r_target", json!({"value": "1", "exponent": 400})),
        ("fraud_threshold", json!(2)),
        ("node_count", json!(0)),
        ("params", json!({"dim": 7})),
        ("params", json!([])),
        ("url", json!("api:9100")),
        ("url", json!("https://api/v1")),
        ("url", json!("http://api:99999/v1")),
        ("url", json!("http://api:/v1")),
        ("url", json!("http://name:word@api/v1")),
        ("profile", json!("other")),
    ] {
        let (status, faults) = detail("/api/v1/pow/init/generate", Some(&with(name, value.clone())));
        assert_eq!(status, 422, "{name} {value}: {faults}");
        assert!(
            faults.as_array().unwrap().iter().all(|fault| fault["loc"][1] == name),
            "{name} {value}: {faults}"
        );
    }
    assert_eq!(service.get("/api/v1/pow/status")["status"], "VALIDATING", "a refusal changed something");
    // Batches that could never be judged.
    let claims = |nonces: Value, dist: Value| {
        json!({"public_key": "02abc", "block_hash": "DEADBEEF", "block_height": 240, "nonces": nonces, "dist": dist,
            "node_id": 0})
    };
    for (member, bad) in [
        ("dist", claims(json!([1, 2]), json!([1.0]))),
        ("nonces", claims(json!([-1]), json!([1.0]))),
        ("dist", claims(json!([1]), json!([-1.0]))),
        ("dist", claims(json!([1]), json!(["NaN"]))),
        ("nonces", claims(json!(["x"]), json!([1.0]))),
        ("nonces", claims(json!({}), json!([]))),
        ("public_key", json!({"nonces": [1], "dist": [1.0]})),
    ] {
        let (status, faults) = detail("/api/v1/pow/validate", Some(&bad));
        assert_eq!((status, &faults[0]["loc"][1]), (422, &json!(member)), "{bad}: {faults}");
    }
    // Of another block: taken and never answered, as in the reference.
    let mut other = claims(json!([1]), json!([1.0]));
    other["block_hash"] = json!("AB");
    assert_eq!(call("POST", "/api/v1/pow/validate", Some(&other)), (200, Value::Null));
    // The other services.
    for (method, path) in [
        ("POST", "/api/v1/inference/up"),
        ("POST", "/api/v1/inference/down"),
        ("POST", "/api/v1/train/start"),
        ("GET", "/api/v1/train/status"),
    ] {
        let (status, value) = call(method, path, None);
        assert_eq!(status, 409, "{path}");
        let end = "because MLNode is currently in ServiceState.POW mode. Please stop ServiceState.POW first.";
        assert!(value["detail"].as_str().unwrap().ends_with(end), "{value}");
    }
    assert_eq!(call("POST", "/api/v1/pow/stop", None).1["pow_status"], json!({"status": "NOT_LOADED"}));
    assert_eq!(
        detail("/api/v1/pow/validate", Some(&claims(json!([1]), json!([1.0])))),
        (400, json!("PoW is not running"))
    );
    for (method, path, status) in [
        ("GET", "/api/v1/train/start", 200),
        ("POST", "/api/v1/train/stop", 400),
        ("GET", "/api/v1/inference/up/status", 200),
        ("POST", "/api/v1/inference/up/async", 200),
        ("GET", "/api/v1/inference/pow/status", 200),
        ("POST", "/api/v1/inference/pow/init/generate", 503),
        ("POST", "/api/v1/inference/pow/generate", 503),
        ("POST", "/api/v1/inference/pow/stop", 200),
        ("GET", "/api/v1/gpu/devices", 200),
        ("GET", "/api/v1/gpu/driver", 503),
        ("GET", "/health", 200),
        ("GET", "/livez", 200),
        ("GET", "/readyz", 200),
    ] {
        assert_eq!(call(method, path, Some(&json!({}))).0, status, "{path}");
    }
    assert_eq!(service.ask("GET", "/api/v1/nothing", None), (404, json!({"detail": "Not Found"})));
    assert_eq!(service.ask("GET", "/api/v1/stop", None), (405, json!({"detail": "Method Not Allowed"})));
    assert_eq!(receiver.came(), 0, "nothing was won, nothing is said");
}

#[test]
fn transport_is_that_of_go_and_of_a_proxy() {
    let dir = Dir::tiny();
    let service = Service::start(&dir, &["--prefix", "/seg/", "--max-body", "100000"]);
    // A proxy of HTTP/1.0, below the configured segment.
    for path in ["/seg/api/v1/state", "/v3.0.8/seg/api/v1/state", "/v3.0.8/api/v1/state"] {
        let request = format!("GET {path} HTTP/1.0\r\nConnection: close\r\n\r\n");
        assert!(exchange(service.address, request.as_bytes()).1.contains("STOPPED"), "{path}");
    }
    // Five POSTs on one connection, of which Go would read the last.
    let mut stream = TcpStream::connect(service.address).unwrap();
    for _ in 0..5 {
        stream.write_all(b"POST /api/v1/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").unwrap();
        assert_eq!(answer(&mut stream).0, 200);
    }
    // A connection that says nothing more is closed from here.
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(stream.read(&mut [0; 16]).expect("closed, not silent"), 0);
    // Types of bodies that are none of JSON's, and bodies that are no JSON.
    let typed = |kind: &str, body: &str| {
        let head = format!("POST /api/v1/pow/init HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}");
        exchange(
            service.address,
            format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes(),
        )
        .0
    };
    let good = init("http://127.0.0.1:1/v1").to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"] {
        assert_eq!(typed(kind, &good), 200, "{kind}");
    }
    let deep = "[".repeat(90_000);
    for bad in ["", " ", "{", "nonsense", "[]", "1", "\"x\"", "{\"url\":1,\"url\":2}", deep.as_str()] {
        assert_eq!(typed("application/json", bad), 422, "{bad:.20}");
    }
    assert_eq!(typed("application/json", &"x".repeat(100_001)), 413);
    // A request that is cut off in mid-body changes nothing and stops nothing.
    let mut cut = TcpStream::connect(service.address).unwrap();
    cut.write_all(b"POST /api/v1/pow/init HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{").unwrap();
    drop(cut);
    assert_eq!(service.get("/api/v1/state")["state"], "POW");
}

// Elsewhere drivers are no files that a variable could hide.
#[cfg(target_os = "linux")]
#[test]
fn a_stage_that_no_device_can_load_ends_in_stopped_and_may_be_tried_again() {
    let dir = Dir::tiny();
    let nowhere = dir.path("no-driver.json");
    let environment = [("VK_DRIVER_FILES", nowhere.to_str().unwrap())];
    let service = Service::start_with(&dir, &["--backend", "gpu"], &environment);
    for _ in 0..2 {
        service.post("/api/v1/pow/init/generate", Some(&init("http://127.0.0.1:1/v1")));
        until("the failure", || (service.get("/api/v1/state")["state"] == "STOPPED").then_some(()));
        let (status, health) = service.ask("GET", "/health", None);
        assert_eq!(status, 503);
        assert!(health["error"].as_str().is_some_and(|why| !why.is_empty()), "{health}");
    }
    // A stop mends no device.
    service.post("/api/v1/stop", None);
    assert_eq!(service.ask("GET", "/readyz", None).0, 503);
}

#[test]
fn a_stop_while_a_model_loads_is_heard_and_the_next_stage_runs() {
    let dir = Dir::tiny();
    let (service, receiver) = (Service::start(&dir, &[]), Receiver::start());
    let mut large = init(&receiver.url());
    large["params"] = json!({"dim": 1024, "n_layers": 32, "n_heads": 32, "n_kv_heads": 32, "vocab_size": 8196,
        "ffn_dim_multiplier": 10.0, "multiple_of": 2048, "rope_theta": 10000.0, "seq_len": 128});
    service.post("/api/v1/pow/init/generate", Some(&large));
    let status = service.get("/api/v1/pow/status");
    assert_eq!(status, json!({"status": "GENERATING", "is_model_initialized": false}));
    service.post("/api/v1/stop", None);
    assert_eq!(service.get("/api/v1/state")["state"], "STOPPED");
    service.post("/api/v1/pow/init/generate", Some(&init(&receiver.url())));
    receiver.wait(1, "/generated");
}

#[test]
fn a_stage_that_nobody_ends_ends_by_itself_and_sigterm_ends_the_process() {
    let dir = Dir::tiny();
    let (mut service, receiver) = (Service::start(&dir, &["--window", "1.5"]), Receiver::start());
    service.post("/api/v1/pow/init/generate", Some(&init(&receiver.url())));
    until("the end of the window", || (service.get("/api/v1/state")["state"] == "STOPPED").then_some(()));
    assert_eq!(service.status()["error"], Value::Null);
    service.post("/api/v1/pow/init/generate", Some(&init(&receiver.url())));
    signal(&service.child, "-TERM");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

#[test]
fn callbacks_go_only_where_they_may() {
    let dir = Dir::tiny();
    let receiver = Receiver::start();
    let service = Service::start(&dir, &["--callback", "api", "--callback", &receiver.address.to_string()]);
    for (url, status) in [
        (receiver.url(), 200),
        ("http://api:9100/v1/poc-batches".into(), 200),
        ("http://169.254.169.254/latest".into(), 422),
        ("http://127.0.0.1:1/".into(), 422),
        ("file:///etc/passwd".into(), 422),
    ] {
        assert_eq!(service.ask("POST", "/api/v1/pow/init", Some(&init(&url))).0, status, "{url}");
    }
    receiver.set(Manner::Takes);
}
