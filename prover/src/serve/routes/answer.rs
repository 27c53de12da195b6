//! Answers: a status and JSON.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

/// A status and a body of JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(status: u16, value: &impl Serialize) -> Self {
        Self { status, body: serde_json::to_string(value).expect("plain data") }
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
        let response = Response::builder().status(answer.status).header(CONTENT_TYPE, "application/json");
        response.body(Body::from(answer.body)).expect("a status and a fixed header")
    }
}
