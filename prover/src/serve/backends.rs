//! Inference backends: servers such as vLLM that speak OpenAI's API, to which requests are passed on.
//!
//! The network's later proofs live in such backends too, below `/api/v1/pow`: what starts or stops them goes to each backend with
//! its share, what is computed once goes to one.

use super::courier::{Http, client};
use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use axum::http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long a backend may take to say how it is: the API node waits 5 s.
const HEALTH_TIME: Duration = Duration::from_secs(3);
/// How long it may take to start or compute something.
const WORK_TIME: Duration = Duration::from_secs(600);
/// Most bytes of an answer that is read here; what is passed on has no limit.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// What a backend says: its status and JSON.
pub(super) type Said = Result<(u16, Value), String>;

pub(super) struct Backends {
    urls: Vec<String>,
    /// Whose turn it is.
    turn: AtomicUsize,
    client: Http,
}

impl Backends {
    /// At `http://HOST:PORT`, without a slash at the end.
    pub(super) fn new(urls: &[String]) -> Self {
        let urls = urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        Self { urls, turn: AtomicUsize::new(0), client: client() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.urls.is_empty()
    }

    /// Asks all at once; answers in their order.
    async fn ask_each(
        &self,
        time: Duration,
        request: impl Fn(usize) -> (Method, &'static str, String),
    ) -> Vec<Said> {
        let asked = self.urls.iter().enumerate().map(|(ix, url)| {
            let (method, path, body) = request(ix);
            tokio::spawn(ask(self.client.clone(), method, format!("{url}{path}"), body, time))
        });
        let mut answers = Vec::new();
        // All are under way before the first is waited for.
        for task in asked.collect::<Vec<_>>() {
            answers.push(task.await.unwrap_or_else(|error| Err(error.to_string())));
        }
        answers
    }

    /// Which of them are healthy.
    async fn healthy(&self) -> Vec<bool> {
        let answers = self.ask_each(HEALTH_TIME, |_| (Method::GET, "/health", String::new())).await;
        answers.iter().map(|said| matches!(said, Ok((200, _)))).collect()
    }

    /// Whether any is healthy.
    pub(super) async fn is_any_healthy(&self) -> bool {
        self.healthy().await.contains(&true)
    }

    /// What each says of the network's later proofs; one word where all say the same.
    pub(super) async fn later_status(&self) -> Value {
        let answers =
            self.ask_each(HEALTH_TIME, |_| (Method::GET, "/api/v1/pow/status", String::new())).await;
        let of = |said: &Said| match said {
            Ok((200, value)) => value["status"].as_str().unwrap_or("UNKNOWN").to_owned(),
            _ => "UNREACHABLE".to_owned(),
        };
        let words: Vec<String> = answers.iter().map(of).collect();
        let is_one = words.windows(2).all(|pair| pair[0] == pair[1]);
        let word = if is_one { words.first().map_or("NO_BACKENDS", String::as_str) } else { "MIXED" };
        let backends =
            self.urls.iter().zip(&words).map(|(url, status)| json!({ "url": url, "status": status }));
        json!({ "status": word, "backends": backends.collect::<Vec<_>>() })
    }

    /// Passes a start or stop of later proofs to each, with its share of the nonces.
    ///
    /// # Errors
    /// The first refusal: its status, and what was said.
    pub(super) async fn later_each(&self, path: &'static str, body: &Value) -> Result<Value, (u16, String)> {
        let n = self.urls.len();
        let answers = self.ask_each(WORK_TIME, |ix| {
            let mut body = body.clone();
            if let Some(members) = body.as_object_mut().filter(|_| n > 1) {
                members.insert("group_id".into(), ix.into());
                members.insert("n_groups".into(), n.into());
            }
            (Method::POST, path, body.to_string())
        });
        let mut results = Vec::new();
        for said in answers.await {
            results.push(accepted(said)?);
        }
        Ok(json!({ "status": "OK", "backends": n, "results": results }))
    }

    /// Passes a computation to one of them, in turn; the next one gets it where that cannot be reached.
    ///
    /// # Errors
    /// As [`Self::later_each`].
    pub(super) async fn later_one(&self, path: &str, body: &Value) -> Result<Value, (u16, String)> {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut last = Err("no backend".to_owned());
        for step in 0..self.urls.len() {
            let url = &self.urls[(first + step) % self.urls.len()];
            let body = body.to_string();
            last = ask(self.client.clone(), Method::POST, format!("{url}{path}"), body, WORK_TIME).await;
            if last.is_ok() {
                break;
            }
        }
        accepted(last)
    }

    /// Passes a request on to a healthy backend, in turn, and its answer back as it comes.
    pub(super) async fn pass(
        &self,
        request: Request<Body>,
        most: usize,
    ) -> Result<Response<Body>, (u16, String)> {
        let healthy: Vec<&String> = self
            .urls
            .iter()
            .zip(self.healthy().await)
            .filter_map(|(url, is_well)| is_well.then_some(url))
            .collect();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let Some(url) = healthy.get(first % healthy.len().max(1)) else {
            return Err((503, "no inference backend is healthy".into()));
        };
        let (mut parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, most).await;
        let body = body.map_err(|_| (413, format!("the body is longer than {most} bytes, or broke off")))?;
        let path = parts.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
        parts.uri = format!("{url}{path}").parse().map_err(|error| (502, format!("{error}")))?;
        // Of this connection, not of the next.
        for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            parts.headers.remove(name);
        }
        let request = Request::from_parts(parts, Full::new(body));
        let answer = self.client.request(request).await.map_err(|error| (502, error.to_string()))?;
        let (mut parts, body) = answer.into_parts();
        for name in [CONNECTION, TRANSFER_ENCODING] {
            parts.headers.remove(name);
        }
        Ok(Response::from_parts(parts, Body::new(body)))
    }
}

/// What a backend took, or its refusal.
fn accepted(said: Said) -> Result<Value, (u16, String)> {
    match said {
        Ok((status, value)) if status < 400 => Ok(value),
        Ok((status, value)) => {
            let why = value.get("detail").map_or_else(|| value.to_string(), Value::to_string);
            Err((status, format!("a backend refused: {why}")))
        }
        Err(why) => Err((502, format!("a backend cannot be reached: {why}"))),
    }
}

/// Asks one server.
pub(super) async fn ask(client: Http, method: Method, uri: String, body: String, time: Duration) -> Said {
    let request = Request::builder()
        .method(method)
        .uri(&uri)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    let answered = async {
        let answer = client.request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        // A healthy backend says so with a status alone.
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    };
    let late = |_| format!("no answer within {} s", time.as_secs());
    tokio::time::timeout(time, answered).await.map_err(late)?
}
