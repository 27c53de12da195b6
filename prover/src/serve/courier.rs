//! Sends callbacks: what was won and what is judged, until the API node has acknowledged it.
//!
//! What counts as acknowledged is [`outcome`]'s to say. A parcel that fails waits, with jitter, and the others go on; a
//! receiver that cannot be reached makes all of its parcels wait, and is tried with one at a time.

use super::node::Node;
use super::store::Parcel;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Callbacks under way at once.
const MOST_AT_ONCE: usize = 8;
/// Most bytes of a receiver's answer that are read.
const MAX_ANSWER_BYTES: usize = 1 << 16;
/// Nonces of one callback: some 12 bytes each on the chain, against a transaction's limit of 1 MiB.
const MOST_NONCES: usize = 50_000;

/// What came of callbacks since the process started.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counters {
    /// Acknowledged nonces, and verdicts.
    pub(super) acknowledged: AtomicU64,
    pub(super) verdicts: AtomicU64,
    /// Of the acknowledged, in words that mean it is to be broadcast again.
    pub(super) put_on_retry: AtomicU64,
    /// Callbacks sent, nonces in them.
    pub(super) sent: AtomicU64,
    pub(super) sent_nonces: AtomicU64,
    /// Callbacks that failed and will be sent again, and those given up.
    pub(super) failed: AtomicU64,
    pub(super) given_up: AtomicU64,
}

/// What a receiver made of a callback.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// It has it.
    Accepted,
    /// It has it, though its first attempt to broadcast it failed.
    PutOnRetry,
    /// It would take less at once.
    TooLarge,
    /// It will never take it: why.
    Refused(String),
    /// It may take it later: why.
    Later(String),
}

/// Reads a receiver's answer.
pub(super) fn outcome(status: u16, body: &str) -> Outcome {
    let says = |words: &[&str]| words.iter().any(|word| body.contains(word));
    let why = || format!("{status} {}", sphere_pow_core::text::shown(body.trim()));
    match status {
        200..=299 => Outcome::Accepted,
        // The API node queued it; sending it again would put its nonces on chain twice.
        500 if says(&["put on retry"]) => Outcome::PutOnRetry,
        413 => Outcome::TooLarge,
        500 if says(&["tx too large"]) => Outcome::TooLarge,
        500 if says(&["key not found", "invalid bech32 string"]) => Outcome::Refused(why()),
        // The routes are there, and switched off for good.
        503 if says(&["V1 endpoints disabled"]) => Outcome::Refused(why()),
        400 | 404 | 405 | 410 | 415 | 422 => Outcome::Refused(why()),
        _ => Outcome::Later(why()),
    }
}

/// The client of callbacks and backends.
pub(super) type Http = Client<HttpConnector, Full<Bytes>>;

/// A client over plain HTTP.
pub(super) fn client() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Sends until the task is dropped.
pub(super) async fn run(node: Arc<Node>) {
    let client = client();
    let mut courier = Courier {
        node,
        client,
        waits: HashMap::new(),
        seen: HashMap::new(),
        gates: HashMap::new(),
        under_way: JoinSet::new(),
        busy: HashSet::new(),
    };
    let mut packed: Option<Instant> = None;
    let mut stage = 0;
    loop {
        // Wins wait to be joined, but not for a stage that is over.
        let order = courier.node.order_number();
        let is_due =
            packed.is_none_or(|at| at.elapsed() >= courier.node.settings.send_every) || order != stage;
        if is_due {
            stage = order;
            packed = Some(Instant::now());
            courier.with_store(|node| node.store.pack(MOST_NONCES)).await;
        }
        let wait = courier.dispatch().await.min(courier.node.settings.send_every);
        let node = Arc::clone(&courier.node);
        tokio::select! {
            () = node.wake.notified() => {}
            Some(ended) = courier.under_way.join_next() => {
                if let Ok(ended) = ended { courier.ended(ended).await; }
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// What was sent, and what became of it.
struct Ended {
    id: u64,
    parcel: Parcel,
    outcome: Outcome,
    /// Whether the receiver answered at all.
    is_answer: bool,
}

/// When something may be tried again.
struct Wait {
    until: Instant,
    backoff: ExponentialBackoff,
}

impl Wait {
    fn new() -> Self {
        let backoff = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(500))
            .with_max_delay(Duration::from_secs(20))
            .without_max_times()
            .with_jitter()
            .build();
        Self { until: Instant::now(), backoff }
    }

    fn longer(&mut self) {
        self.until = Instant::now() + self.backoff.next().unwrap_or(Duration::from_secs(20));
    }
}

struct Courier {
    node: Arc<Node>,
    client: Http,
    /// Parcels that failed.
    waits: HashMap<u64, Wait>,
    /// Since when this process tries each.
    seen: HashMap<u64, Instant>,
    /// Receivers that could not be reached.
    gates: HashMap<String, Wait>,
    under_way: JoinSet<Ended>,
    /// Their numbers.
    busy: HashSet<u64>,
}

impl Courier {
    /// Does something to the store beside the runtime's threads; a disk that fails is said and tried again later.
    async fn with_store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Node) -> Result<T, super::store::StoreError> + Send + 'static,
    ) -> Option<T> {
        let node = Arc::clone(&self.node);
        let result = tokio::task::spawn_blocking(move || work(&node)).await.ok()?;
        result.inspect_err(|error| tracing::error!("{error}")).ok()
    }

    /// Sends what may be sent now; gives how long the next has to wait.
    async fn dispatch(&mut self) -> Duration {
        let mut wait = Duration::from_secs(3600);
        let Some(ids) = self.with_store(|node| node.store.parcels()).await else {
            return Duration::from_secs(1);
        };
        self.waits.retain(|id, _| ids.contains(id));
        self.seen.retain(|id, _| ids.contains(id));
        for id in ids {
            if self.under_way.len() >= MOST_AT_ONCE {
                break;
            }
            let now = Instant::now();
            let until = self.waits.get(&id).map(|wait| wait.until).filter(|until| *until > now);
            if let Some(until) = until {
                wait = wait.min(until - now);
                continue;
            }
            if self.busy.contains(&id) {
                continue;
            }
            let Some(Some(parcel)) = self.with_store(move |node| node.store.parcel(id)).await else {
                continue;
            };
            // By a clock that nobody sets: what waited while no process ran is tried for a whole window.
            if self.seen.entry(id).or_insert(now).elapsed() > self.node.settings.window {
                let why = format!("not acknowledged within {} s", self.node.settings.window.as_secs());
                self.give_up(id, &parcel, why).await;
                continue;
            }
            let receiver = receiver(&parcel.url);
            if let Some(gate) = self.gates.get_mut(&receiver) {
                if gate.until > now {
                    wait = wait.min(gate.until - now);
                    continue;
                }
                // One at a time until it answers.
                gate.until = now + self.node.settings.timeout;
            }
            self.busy.insert(id);
            self.node.counters.sent.fetch_add(1, Ordering::Relaxed);
            self.node.counters.sent_nonces.fetch_add(parcel.len() as u64, Ordering::Relaxed);
            let (client, timeout) = (self.client.clone(), self.node.settings.timeout);
            self.under_way.spawn(async move { send(&client, id, parcel, timeout).await });
        }
        wait
    }

    async fn ended(&mut self, ended: Ended) {
        let Ended { id, parcel, outcome, is_answer } = ended;
        self.busy.remove(&id);
        let receiver = receiver(&parcel.url);
        if is_answer {
            self.gates.remove(&receiver);
        } else {
            self.gates.entry(receiver).or_insert_with(Wait::new).longer();
        }
        let counters = &self.node.counters;
        match outcome {
            Outcome::Accepted | Outcome::PutOnRetry => {
                let n = parcel.len() as u64;
                match parcel.kind {
                    super::store::Kind::Generated => counters.acknowledged.fetch_add(n, Ordering::Relaxed),
                    super::store::Kind::Validated => counters.verdicts.fetch_add(1, Ordering::Relaxed),
                };
                if outcome == Outcome::PutOnRetry {
                    counters.put_on_retry.fetch_add(1, Ordering::Relaxed);
                }
                // Known to be acknowledged: it is not sent again while the disk does not take that.
                while self.with_store(move |node| node.store.delivered(id)).await.is_none() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Outcome::TooLarge => {
                let (whole, why) = (parcel.clone(), "too large, and one nonce is all there is".to_owned());
                match self.with_store(move |node| node.store.split(id, &whole)).await {
                    Some(true) => {}
                    Some(false) => self.give_up(id, &parcel, why).await,
                    None => self.later(id),
                }
            }
            Outcome::Refused(why) => self.give_up(id, &parcel, why).await,
            Outcome::Later(why) => {
                counters.failed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!("{}/{} is sent again later: {why}", parcel.url, parcel.kind.as_str());
                if is_answer {
                    self.later(id);
                }
            }
        }
    }

    fn later(&mut self, id: u64) {
        self.waits.entry(id).or_insert_with(Wait::new).longer();
    }

    async fn give_up(&mut self, id: u64, parcel: &Parcel, why: String) {
        tracing::error!(
            "a callback of {} nonces to {}/{} is given up: {why}",
            parcel.len(),
            parcel.url,
            parcel.kind.as_str()
        );
        self.node.counters.given_up.fetch_add(1, Ordering::Relaxed);
        if self.with_store(move |node| node.store.give_up(id, &why)).await.is_none() {
            self.later(id);
        }
    }
}

/// Host and port of a URL.
fn receiver(url: &str) -> String {
    url.split('/').nth(2).unwrap_or_default().to_owned()
}

async fn send(client: &Http, id: u64, parcel: Parcel, timeout: Duration) -> Ended {
    let result = tokio::time::timeout(timeout, post(client, &parcel)).await;
    let (outcome, is_answer) = match result {
        Ok(Ok((status, body))) => (outcome(status, &body), true),
        Ok(Err(error)) => (Outcome::Later(error), false),
        Err(_) => (Outcome::Later(format!("no answer within {} s", timeout.as_secs())), false),
    };
    Ended { id, parcel, outcome, is_answer }
}

async fn post(client: &Http, parcel: &Parcel) -> Result<(u16, String), String> {
    let words = |error: &dyn std::error::Error| {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{error}{cause}")
    };
    let uri = format!("{}/{}", parcel.url, parcel.kind.as_str());
    let request = hyper::Request::post(&uri)
        .header(HOST, receiver(&uri))
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("sphere-pow/", env!("CARGO_PKG_VERSION")))
        .header("Idempotency-Key", &parcel.key)
        .body(Full::new(Bytes::from(parcel.body())))
        .map_err(|error| words(&error))?;
    let answer = client.request(request).await.map_err(|error| words(&error))?;
    let status = answer.status().as_u16();
    // A status is an answer, whatever comes of its body.
    let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
    let body = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
    Ok((status, body))
}

#[cfg(test)]
mod tests {
    use super::{Outcome, outcome};

    #[test]
    fn answers_are_read_as_the_network_means_them() {
        assert_eq!(outcome(200, ""), Outcome::Accepted);
        assert_eq!(outcome(500, r#"{"error":"failed to broadcast and put on retry"}"#), Outcome::PutOnRetry);
        assert_eq!(outcome(500, r#"{"error":"tx too large"}"#), Outcome::TooLarge);
        assert_eq!(outcome(413, ""), Outcome::TooLarge);
        let disabled = r#"{"error":"V1 endpoints disabled when poc_v2_enabled=true"}"#;
        for (status, body) in [(503, disabled), (404, ""), (400, ""), (500, "key not found")] {
            assert!(matches!(outcome(status, body), Outcome::Refused(_)), "{status} {body}");
        }
        for status in [500, 502, 503, 429, 408, 302, 100] {
            assert!(matches!(outcome(status, "busy"), Outcome::Later(_)), "{status}");
        }
    }
}
