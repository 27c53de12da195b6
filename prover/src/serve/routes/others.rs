//! What the node is beside proofs of work: its state, inference, training, the network's later proofs.

use super::Answer;
use super::pow::{PATIENCE, status_value};
use crate::serve::node::{Node, Service};
use serde_json::{Value, json};
use std::sync::Arc;

const NO_BACKEND: &str = "this node has no inference backend";

/// The version as it goes on the chain.
pub(super) const VERSION: &str = concat!("sphere-pow ", env!("CARGO_PKG_VERSION"));

pub(super) fn state(node: &Arc<Node>, _: &str) -> Answer {
    let service = node.service();
    Answer::ok(&json!({
        "state": service,
        "version": VERSION,
        "poc_status": status_value(node)["status"],
        "inference_healthy": service == Service::Inference && wait(node.backends.is_any_healthy()),
        "loaded_model": null,
        "poc_validation_inference": false,
    }))
}

/// Ends whatever runs; what is to be sent stays to be sent.
pub(super) fn stop(node: &Arc<Node>, _: &str) -> Answer {
    if node.stop() {
        node.wait_until_free(PATIENCE);
    }
    Answer::ok(&json!({ "status": "OK" }))
}

/// Always 200: what happened is in the body.
pub(super) fn inference_up(node: &Arc<Node>, _: &str) -> Answer {
    if node.backends.is_empty() {
        return Answer::ok(&json!({ "status": "ERROR", "message": NO_BACKEND }));
    }
    if !wait(node.backends.is_any_healthy()) {
        return Answer::ok(&json!({ "status": "ERROR", "message": "no inference backend is healthy" }));
    }
    node.set_inference(true);
    Answer::ok(&json!({ "status": "OK" }))
}

pub(super) fn inference_status(node: &Arc<Node>, _: &str) -> Answer {
    let is_running = node.service() == Service::Inference;
    let error = if is_running { None } else { Some(NO_BACKEND).filter(|_| node.backends.is_empty()) };
    Answer::ok(&json!({ "is_running": is_running, "error": error }))
}

pub(super) fn inference_down(node: &Arc<Node>, _: &str) -> Answer {
    node.set_inference(false);
    Answer::ok(&json!({ "status": "OK" }))
}

/// 200 when the node infers and a backend is healthy.
pub(super) fn inference_health(node: &Arc<Node>, _: &str) -> Answer {
    if node.service() != Service::Inference {
        return Answer::error(503, if node.backends.is_empty() { NO_BACKEND } else { "inference is down" });
    }
    if wait(node.backends.is_any_healthy()) {
        Answer::ok(&json!({ "status": "healthy" }))
    } else {
        Answer::error(503, "no inference backend is healthy")
    }
}

pub(super) fn later_status(node: &Arc<Node>, _: &str) -> Answer {
    Answer::ok(&wait(node.backends.later_status()))
}

/// The network's later proofs, begun on each backend.
pub(super) fn later_init(node: &Arc<Node>, raw: &str) -> Answer {
    later(node, |body| wait(node.backends.later_each("/api/v1/pow/init/generate", &body)), raw)
}

/// The same, computed by one of them.
pub(super) fn later_generate(node: &Arc<Node>, raw: &str) -> Answer {
    later(node, |body| wait(node.backends.later_one("/api/v1/pow/generate", &body)), raw)
}

pub(super) fn later_stop(node: &Arc<Node>, raw: &str) -> Answer {
    if node.backends.is_empty() {
        return Answer::ok(&json!({ "status": "OK" }));
    }
    later(node, |body| wait(node.backends.later_each("/api/v1/pow/stop", &body)), raw)
}

fn later(node: &Node, pass: impl FnOnce(Value) -> Result<Value, (u16, String)>, raw: &str) -> Answer {
    if node.backends.is_empty() {
        return Answer::error(503, "sphere-pow speaks PoC v1 only; no backend for PoC v2 is configured");
    }
    let body = serde_json::from_str(raw).unwrap_or_else(|_| json!({}));
    match pass(body) {
        Ok(value) => Answer::ok(&value),
        Err((status, why)) => Answer::error(status, &why),
    }
}

/// Waits for backends, in a thread where that holds up nobody.
fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Handle::current().block_on(future)
}

pub(super) fn train_start(_: &Arc<Node>, _: &str) -> Answer {
    Answer::error(400, "this node does not train")
}

pub(super) fn train_status(_: &Arc<Node>, _: &str) -> Answer {
    Answer::ok(&json!({ "status": false }))
}

pub(super) fn train_stop(_: &Arc<Node>, _: &str) -> Answer {
    Answer::error(400, "Training is not running")
}
