//! Connections: HTTP/1.0 and 1.1, closed early when idle, within limits.
//!
//! The API node reads no body of an answer to a POST and never gives the connection back; a proxy in front of it speaks
//! HTTP/1.0. axum's own loop has no time limits.

use crate::error::ProverError;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Uri};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// How long a connection may be silent before a request's head is whole.
const IDLE: Duration = Duration::from_secs(5);
/// Connections at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 2048;

/// A bound listener.
pub(super) struct Listener {
    listener: TcpListener,
    pub(super) address: SocketAddr,
}

impl Listener {
    /// # Errors
    /// [`ProverError::Listen`].
    pub(super) async fn bind(address: SocketAddr) -> Result<Self, ProverError> {
        let error = |source| ProverError::Listen { address: address.to_string(), source };
        let listener = TcpListener::bind(address).await.map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        Ok(Self { listener, address })
    }

    /// Serves `router` until the task is dropped.
    pub(super) async fn serve(self, router: Router, prefix: String) {
        let prefix: Arc<str> = prefix.into();
        let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            let (stream, _) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or a peer that has gone: either passes.
                    tracing::warn!("a connection is not accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (router, prefix) = (router.clone(), Arc::clone(&prefix));
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let (mut router, request) = (router.clone(), stripped(request.map(Body::new), &prefix));
                    async move { Ok::<_, Infallible>(call(&mut router, request).await) }
                });
                let mut builder = hyper::server::conn::http1::Builder::new();
                builder.timer(TokioTimer::new()).header_read_timeout(IDLE).half_close(true);
                // What a peer does to its connection is its own affair.
                let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                drop(permit);
            });
        }
    }
}

async fn call(router: &mut Router, request: Request<Body>) -> axum::response::Response {
    use hyper::service::Service as _;
    let service = hyper_util::service::TowerToHyperService::new(router.clone());
    service.call(request).await.unwrap_or_else(|never| match never {})
}

/// The request without the version that proxies and the API node put before the path: one segment like `v3.0.8`, the
/// configured prefix, or one before the other.
fn stripped(mut request: Request<Body>, prefix: &str) -> Request<Body> {
    if let Some(rest) = rest_of(request.uri().path(), prefix) {
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        if let Ok(uri) = format!("{rest}{query}").parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    request
}

fn rest_of<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let below = |path: &'a str| {
        let rest = path.strip_prefix(prefix).filter(|_| !prefix.is_empty());
        rest.filter(|rest| rest.starts_with('/'))
    };
    // The API node writes the version before the configured segment.
    below(path).or_else(|| without_version(path).map(|rest| below(rest).unwrap_or(rest)))
}

fn without_version(path: &str) -> Option<&str> {
    let (first, rest) = path.strip_prefix('/')?.split_once('/')?;
    let number = first.strip_prefix('v')?;
    // `v1` alone is a route of inference.
    let is_version = number.starts_with(|c: char| c.is_ascii_digit()) && number.contains('.');
    is_version.then(|| &path[path.len() - rest.len() - 1..])
}

#[cfg(test)]
mod tests {
    use super::rest_of;

    #[test]
    fn one_version_is_taken_from_the_path() {
        assert_eq!(rest_of("/v3.0.8/api/v1/state", ""), Some("/api/v1/state"));
        assert_eq!(rest_of("/v0.2.0-post1/api/v1/stop", ""), Some("/api/v1/stop"));
        assert_eq!(rest_of("/seg/ment/api/v1/stop", "/seg/ment"), Some("/api/v1/stop"));
        assert_eq!(rest_of("/v3.0.8/seg/ment/api/v1/stop", "/seg/ment"), Some("/api/v1/stop"));
        assert_eq!(rest_of("/v3.0.8/segment/x", "/seg"), Some("/segment/x"));
        assert_eq!(rest_of("/v9/api/v1/stop", "/v9"), Some("/api/v1/stop"));
        for path in ["/api/v1/state", "/v1/models", "/vx.y/api", "/v3.0.8", "/segment/x", "/", ""] {
            assert_eq!(rest_of(path, "/seg"), None, "{path}");
        }
    }
}
