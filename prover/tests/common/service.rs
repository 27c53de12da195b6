//! `sphere-pow serve` as a process, asked the way the network's API node asks, and a receiver of callbacks that can be told
//! to misbehave.

use super::Dir;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What anything may take, beside other tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// Asks until it is so.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A running service.
pub(crate) struct Service {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    /// Starts it on the CPU, its state in the folder, unless `more` says otherwise.
    pub(crate) fn start(dir: &Dir, more: &[&str]) -> Self {
        Self::start_with::<&str>(dir, more, &[])
    }

    /// As [`Self::start`], in another environment.
    pub(crate) fn start_with<T: AsRef<OsStr>>(dir: &Dir, more: &[&str], environment: &[(&str, T)]) -> Self {
        let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--json"];
        if !more.contains(&"--send-every") {
            args.extend(["--send-every", "0.1"]);
        }
        if !more.contains(&"--backend") {
            args.extend(["--backend", "cpu"]);
        }
        if !more.contains(&"--threads") {
            args.extend(["--threads", "1"]);
        }
        args.extend(more);
        let mut command = dir.command(&args);
        command.envs(environment.iter().map(|(name, value)| (*name, value)));
        let log = std::fs::File::options().create(true).append(true).open(dir.path("log")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let begun: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{line:?}: {e}"));
        let address = |name: &str| begun[name].as_str().unwrap().parse().unwrap();
        Self { child, address: address("listen"), admin: address("adminListen") }
    }

    /// As Go's client: no Content-Type, and `Content-Length: 0` for a POST without a body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let body = body.map(Value::to_string).unwrap_or_default();
        let head = "User-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\nHost: inference:8080";
        let length =
            if method == "GET" { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let request = format!("{method} {path} HTTP/1.1\r\n{head}\r\n{length}\r\n{body}");
        let (status, text) = exchange(self.address, request.as_bytes());
        (status, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{method} {path}: {e}: {text:?}")))
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, value) = self.ask("GET", path, None);
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    pub(crate) fn post(&self, path: &str, body: Option<&Value>) -> Value {
        let (status, value) = self.ask("POST", path, body);
        assert_eq!(status, 200, "{path}: {value}");
        value
    }

    /// As [`Self::ask`] at the operator's listener, with a token.
    pub(crate) fn operate(&self, method: &str, path: &str, token: &str) -> (u16, String) {
        let head = format!("Host: here\r\nAuthorization: Bearer {token}");
        exchange(self.admin, format!("{method} {path} HTTP/1.1\r\n{head}\r\n\r\n").as_bytes())
    }

    /// What the operator's listener says.
    pub(crate) fn status(&self) -> Value {
        let (_, text) = exchange(self.admin, b"GET /status HTTP/1.1\r\nHost: here\r\n\r\n");
        serde_json::from_str(&text).unwrap()
    }

    /// Waits until `/api/v1/pow/status` has a loaded model.
    pub(crate) fn loaded(&self) {
        until("a loaded model", || {
            let status = self.get("/api/v1/pow/status");
            assert_ne!(status["status"], "NOT_LOADED", "{}", self.status());
            (status["is_model_initialized"] == true).then_some(())
        });
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Sends bytes and reads an answer to its end; the connection is then closed, as Go does.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    answer(&mut stream)
}

/// An answer's status and body.
pub(crate) fn answer(stream: &mut TcpStream) -> (u16, String) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line.split(' ').nth(1).unwrap_or_else(|| panic!("no status: {line:?}")).parse().unwrap();
    let body = read_body(&mut reader);
    (status, body)
}

/// Headers of one message, and its body by Content-Length.
fn read_body(reader: &mut impl BufRead) -> String {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

/// How a receiver treats what comes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Manner {
    /// Takes it: 200 with nothing.
    Takes,
    /// Answers with that status and body, and forgets what came.
    Refuses(u16, &'static str),
    /// Takes it, and answers with that status and body.
    TakesBut(u16, &'static str),
    /// Reads it and never answers.
    Silent,
    /// Takes it and never answers.
    Swallows,
    /// Takes it, and answers after so many milliseconds.
    Slow(u64),
    /// Takes it, and answers a byte at a time, so many milliseconds apart.
    Drips(u64),
    /// Does not take it, and begins an answer that never ends.
    Trickles,
    /// Answers with bytes that are no HTTP.
    Garbage,
    /// Closes the connection.
    Closes,
}

/// A callback that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) path: String,
    pub(crate) key: String,
    pub(crate) body: Value,
}

/// Plays the API node.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    taken: Arc<Mutex<Vec<Taken>>>,
    /// How many requests came, taken or not.
    came: Arc<Mutex<usize>>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn at(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let (manner, taken, came) =
            (Arc::new(Mutex::new(Manner::Takes)), Arc::<Mutex<Vec<Taken>>>::default(), Arc::default());
        let receiver = Self { address, manner, taken, came };
        let Self { manner, taken, came, .. } = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (manner, taken, came) = (Arc::clone(&manner), Arc::clone(&taken), Arc::clone(&came));
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream.try_clone().unwrap());
                    while serve_one(&mut reader, &stream, &manner, &taken, &came) {}
                });
            }
        });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1/poc-batches", self.address)
    }

    pub(crate) fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub(crate) fn came(&self) -> usize {
        *self.came.lock().unwrap()
    }

    /// All that was taken so far, which is forgotten.
    pub(crate) fn take_all(&self) -> Vec<Taken> {
        std::mem::take(&mut *self.taken.lock().unwrap())
    }

    /// All that was taken at a path's end.
    pub(crate) fn taken(&self, end: &str) -> Vec<Taken> {
        self.taken.lock().unwrap().iter().filter(|taken| taken.path.ends_with(end)).cloned().collect()
    }

    /// Nonces of all callbacks of what was won, as they came.
    pub(crate) fn nonces(&self) -> Vec<u64> {
        let bodies = self.taken("/generated");
        let of = |taken: &Taken| -> Vec<u64> {
            let nonces = taken.body["nonces"].as_array().unwrap();
            let number = |nonce: &Value| nonce.as_u64().or_else(|| nonce.as_str()?.parse().ok()).unwrap();
            nonces.iter().map(number).collect()
        };
        bodies.iter().flat_map(of).collect()
    }

    /// The first `n` callbacks at a path's end, once there are so many.
    pub(crate) fn wait(&self, n: usize, end: &str) -> Vec<Taken> {
        until(&format!("{n} callbacks of {end}"), || Some(self.taken(end)).filter(|taken| taken.len() >= n))
    }
}

/// One request of a connection; whether another may follow.
fn serve_one(
    reader: &mut BufReader<TcpStream>,
    mut stream: &TcpStream,
    manner: &Mutex<Manner>,
    taken: &Mutex<Vec<Taken>>,
    came: &Mutex<usize>,
) -> bool {
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return false;
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut length, mut key, mut is_json) = (0, String::new(), false);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        let lower = line.to_lowercase();
        if let Some(number) = lower.strip_prefix("content-length:") {
            length = number.trim().parse().unwrap();
        }
        if let Some(value) = lower.strip_prefix("idempotency-key:") {
            value.trim().clone_into(&mut key);
        }
        is_json |= lower.trim() == "content-type: application/json";
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return false;
    }
    *came.lock().unwrap() += 1;
    // The network's node answers 400 without it.
    assert!(is_json, "no Content-Type");
    let body: Value = serde_json::from_slice(&body).unwrap();
    let take =
        || taken.lock().unwrap().push(Taken { path: path.clone(), key: key.clone(), body: body.clone() });
    let mut say = |status: u16, text: &str| {
        let answer = format!("HTTP/1.1 {status} Words\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        stream.write_all(answer.as_bytes()).is_ok()
    };
    let manner = manner.lock().unwrap().clone();
    match manner {
        Manner::Takes => {
            take();
            say(200, "")
        }
        Manner::Refuses(status, text) => say(status, text),
        Manner::TakesBut(status, text) => {
            take();
            say(status, text)
        }
        Manner::Slow(millis) => {
            take();
            std::thread::sleep(Duration::from_millis(millis));
            say(200, "")
        }
        Manner::Drips(_) | Manner::Trickles => {
            let millis = if let Manner::Drips(millis) = manner { millis } else { 100 };
            if manner != Manner::Trickles {
                take();
            }
            let drip = |byte| {
                std::thread::sleep(Duration::from_millis(millis));
                (&mut &*stream).write_all(&[byte]).is_ok()
            };
            let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
            let more: &[u8] =
                if manner == Manner::Trickles { &[b'x'; 10_000] } else { b"Content-Length: 0\r\n\r\n" };
            head.extend(more);
            head.into_iter().all(drip)
        }
        Manner::Silent | Manner::Swallows => {
            if manner == Manner::Swallows {
                take();
            }
            // Until the sender gives up.
            let _ = (&mut &*stream).read(&mut [0]);
            false
        }
        Manner::Garbage => {
            let _ = stream.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n");
            false
        }
        Manner::Closes => false,
    }
}

/// Wins in the state directory and on their way, none: all that was won was sent.
pub(crate) fn drained(service: &Service) -> Option<()> {
    let waiting = service.status()["waiting"].clone();
    (waiting["wins"] == 0 && waiting["parcels"] == 0).then_some(())
}

/// What the search of a stage wins up to a nonce, when nothing happens meanwhile; in ascending order.
pub(crate) fn won_until(dir: &Dir, stage: &Value, last: u64) -> Vec<u64> {
    let _ = std::fs::remove_file(dir.path("all.jsonl"));
    dir.write("node.json", &stage["params"].to_string());
    let (count, hash) = (last.to_string(), stage["block_hash"].as_str().unwrap());
    let puzzle = ["--params", "node.json", "--block-hash", hash, "--public-key", "02abc"];
    let search = ["mine", "--count", &count, "--node-id", "1", "--out", "all.jsonl", "--backend", "cpu"];
    dir.json(0, &[&search[..], &["--r-target", "1.414"], &puzzle[..]].concat());
    super::proofs(&dir.path("all.jsonl")).into_iter().map(|(nonce, _)| nonce).collect()
}

/// What starts a stage of the tiny model, in which about half of the nonces win; Go prints `1` for 1.0.
pub(crate) fn init(url: &str) -> Value {
    json!({
        "block_hash": "DEADBEEF",
        "block_height": 240,
        "public_key": "02abc",
        "batch_size": 100,
        "r_target": 1.414,
        "fraud_threshold": 1e-7,
        "params": super::vector("gonka_tiny.json")["params"],
        "node_id": 1,
        "node_count": 1,
        "url": url,
    })
}
