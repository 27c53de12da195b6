//! One callback on its way: what is sent, what comes back, and what that means.

use crate::serve::store::Parcel;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;

/// Most bytes of a receiver's answer that are read.
const MAX_ANSWER_BYTES: usize = 1 << 16;

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
pub(in crate::serve) type Http = Client<HttpConnector, Full<Bytes>>;

/// A client over plain HTTP.
pub(in crate::serve) fn client() -> Http {
    Client::builder(TokioExecutor::new()).build_http()
}

/// What was sent, and what became of it.
pub(super) struct Ended {
    pub(super) id: u64,
    /// As it was before.
    pub(super) parcel: Parcel,
    pub(super) outcome: Outcome,
    pub(super) reply: Reply,
}

/// How far a callback came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reply {
    /// The receiver answered.
    Answer,
    /// It left, and nothing came back, or what a proxy says that had no answer: the receiver may have taken it.
    Silence,
    /// There was no connection.
    Unsent,
}

/// Host and port of a URL.
pub(super) fn receiver(url: &str) -> String {
    url.split('/').nth(2).unwrap_or_default().to_owned()
}

/// Sends one, and waits for the answer.
pub(super) async fn send(client: &Http, id: u64, parcel: Parcel, timeout: Duration) -> Ended {
    let result = tokio::time::timeout(timeout, post(client, &parcel)).await;
    let (outcome, reply) = match result {
        Ok(Ok((status @ (502 | 504), body))) => (outcome(status, &body), Reply::Silence),
        Ok(Ok((status, body))) => (outcome(status, &body), Reply::Answer),
        Ok(Err((reply, why))) => (Outcome::Later(why), reply),
        Err(_) => (Outcome::Later(format!("no answer within {} s", timeout.as_secs())), Reply::Silence),
    };
    Ended { id, parcel, outcome, reply }
}

async fn post(client: &Http, parcel: &Parcel) -> Result<(u16, String), (Reply, String)> {
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
        .map_err(|error| (Reply::Unsent, words(&error)))?;
    let answer = client
        .request(request)
        .await
        .map_err(|error| (if error.is_connect() { Reply::Unsent } else { Reply::Silence }, words(&error)))?;
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
