//! Answers: a status and JSON, text or bytes.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

/// A status and a body.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    status: u16,
    kind: &'static str,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(status: u16, value: &impl Serialize) -> Self {
        Self::text("application/json", serde_json::to_string(value).expect("plain data")).with(status)
    }

    /// Status 200 with a body of that type.
    pub(super) fn text(kind: &'static str, body: String) -> Self {
        Self::bytes(kind, body.into_bytes())
    }

    /// The same with a body that is no text.
    pub(super) fn bytes(kind: &'static str, body: Vec<u8>) -> Self {
        Self { status: 200, kind, body }
    }

    fn with(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Status 200.
    pub(super) fn ok(value: &impl Serialize) -> Self {
        Self::json(200, value)
    }

    /// `{"detail": why}`, as the reference says errors.
    pub(super) fn error(status: u16, why: &str) -> Self {
        Self::json(status, &json!({ "detail": why }))
    }
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        let response = Response::builder().status(answer.status).header(CONTENT_TYPE, answer.kind);
        response.body(Body::from(answer.body)).expect("a status and a fixed header")
    }
}
