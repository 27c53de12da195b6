//! `sphere-pow serve` before inference backends: what is passed on, to whom, and when.
#![cfg(unix)]

mod common;

use common::Dir;
use common::service::{Service, exchange, init};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// Plays vLLM: remembers what it was asked, and answers with its name.
struct Backend {
    address: SocketAddr,
    is_healthy: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Backend {
    fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (is_healthy, asked) = (Arc::new(AtomicBool::new(true)), Arc::<Mutex<Vec<_>>>::default());
        let backend = Self { address, is_healthy: Arc::clone(&is_healthy), asked: Arc::clone(&asked) };
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut line, mut length) = (String::new(), 0);
                reader.read_line(&mut line).unwrap();
                let request =
                    line.rsplit_once(' ').map(|(request, _)| request.to_owned()).unwrap_or_default();
                while line.trim() != "" {
                    line.clear();
                    reader.read_line(&mut line).unwrap();
                    if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
                        length = number.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let status = if is_healthy.load(Ordering::Relaxed) { 200 } else { 503 };
                let answer = match request.as_str() {
                    "GET /health" => String::new(),
                    "GET /api/v1/pow/status" => json!({"status": "GENERATING"}).to_string(),
                    _ => json!({"from": name}).to_string(),
                };
                asked.lock().unwrap().push((request, serde_json::from_slice(&body).unwrap_or(Value::Null)));
                // In pieces, as a stream of tokens comes.
                let head = format!(
                    "HTTP/1.1 {status} Words\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                );
                let pieces: Vec<String> = answer
                    .as_bytes()
                    .chunks(5)
                    .map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece)))
                    .collect();
                let _ = stream.write_all(format!("{head}{}0\r\n\r\n", pieces.concat()).as_bytes());
            }
        });
        backend
    }

    fn asked(&self, request: &str) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(own, _)| own == request).map(|(_, body)| body.clone()).collect()
    }
}

#[test]
fn backends_get_what_is_theirs_and_only_while_the_node_infers() {
    let dir = Dir::tiny();
    let backends = [Backend::start("a"), Backend::start("b")];
    let [a, b] = backends.each_ref().map(|backend| format!("http://{}", backend.address));
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = free.to_string();
    let args = ["--inference-listen", &listen, "--inference-backend", &a, "--inference-backend", &b];
    let service = Service::start(&dir, &args);
    // As a proxy of HTTP/1.0, which reads to the end.
    let text = |path: &str| {
        let mut stream = std::net::TcpStream::connect(free).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let infer = |path: &str, body: &str| {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let request =
            format!("{method} {path} HTTP/1.0\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        exchange(free, request.as_bytes()).0
    };
    // Nothing while it is stopped.
    assert_eq!([infer("/health", ""), infer("/v1/models", "")], [503, 503]);
    assert_eq!(service.post("/api/v1/inference/up", Some(&json!({"model": "m"}))), json!({"status": "OK"}));
    let state = service.get("/api/v1/state");
    assert_eq!((&state["state"], &state["inference_healthy"]), (&json!("INFERENCE"), &json!(true)));
    assert_eq!(infer("/health", ""), 200);
    for _ in 0..2 {
        assert_eq!(infer("/v3.0.8/v1/chat/completions?x=1", "{\"messages\": []}"), 200);
    }
    for backend in &backends {
        let asked = backend.asked("POST /v1/chat/completions?x=1");
        assert_eq!(asked, [json!({"messages": []})], "each has its turn");
    }
    // Proofs of work wait until it is stopped.
    let (status, value) = service.ask("POST", "/api/v1/pow/init", Some(&init("http://127.0.0.1:1/")));
    assert_eq!(status, 409);
    assert!(value["detail"].as_str().unwrap().contains("ServiceState.INFERENCE"), "{value}");
    // The network's later proofs: begun on each with its share, computed by one.
    let begun = service.post("/api/v1/inference/pow/init/generate", Some(&json!({"block_hash": "AB"})));
    assert_eq!((&begun["backends"], &begun["results"][1]["from"]), (&json!(2), &json!("b")));
    for (group, backend) in backends.iter().enumerate() {
        let share = json!({"block_hash": "AB", "group_id": group, "n_groups": 2});
        assert_eq!(backend.asked("POST /api/v1/pow/init/generate"), [share]);
    }
    let status = service.get("/api/v1/inference/pow/status");
    assert_eq!((&status["status"], status["backends"].as_array().unwrap().len()), (&json!("GENERATING"), 2));
    service.post("/api/v1/inference/pow/generate", Some(&json!({"nonces": [1]})));
    let computed: usize =
        backends.iter().map(|backend| backend.asked("POST /api/v1/pow/generate").len()).sum();
    assert_eq!(computed, 1);
    service.post("/api/v1/inference/pow/stop", Some(&json!({})));
    assert!(backends.iter().all(|backend| backend.asked("POST /api/v1/pow/stop").len() == 1));
    // One that is ill is left out; without any the node says so.
    backends[0].is_healthy.store(false, Ordering::Relaxed);
    assert_eq!([infer("/health", ""), infer("/v1/models", ""), infer("/v1/models", "")], [200; 3]);
    assert!(backends[0].asked("GET /v1/models").is_empty());
    let whole = text("/v1/models");
    assert!(whole.starts_with("HTTP/1.0 200") && whole.ends_with("\r\n\r\n{\"from\":\"b\"}"), "{whole}");
    backends[1].is_healthy.store(false, Ordering::Relaxed);
    assert_eq!([infer("/health", ""), infer("/v1/models", "")], [503, 503]);
    let (status, value) = service.ask("POST", "/api/v1/inference/pow/init/generate", Some(&json!({})));
    assert_eq!((status, value["detail"].as_str().unwrap().contains("refused")), (503, true), "{value}");
    assert_eq!(service.get("/api/v1/state")["inference_healthy"], false);
    service.post("/api/v1/stop", None);
    assert_eq!(service.get("/api/v1/state")["state"], "STOPPED");
    let up = service.post("/api/v1/inference/up", None);
    assert_eq!(up["status"], "ERROR", "{up}");
}
