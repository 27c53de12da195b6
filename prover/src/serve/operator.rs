//! Asking a running service what its operator may know.

use super::backends::ask;
use super::courier::client;
use crate::error::ProverError;
use axum::http::Method;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What `/status` says at a service's `--admin-listen`.
///
/// # Errors
/// [`ProverError::Service`].
pub fn status(address: SocketAddr) -> Result<Value, ProverError> {
    let wrong = |reason: String| ProverError::Service { address: address.to_string(), reason };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(ProverError::Thread)?;
    let asked = async {
        ask(client(), Method::GET, format!("http://{address}/status"), String::new(), PATIENCE).await
    };
    match runtime.block_on(asked) {
        Ok((200, status)) if status.is_object() => Ok(status),
        Ok((code, _)) => Err(wrong(format!("it answers {code}, and no status; is that its --admin-listen?"))),
        Err(why) => Err(wrong(why)),
    }
}
