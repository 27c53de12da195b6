//! What the node is beside proofs of work: its state, inference, training, the network's later proofs.

use super::Answer;
use super::pow::{PATIENCE, status_value};
use crate::serve::node::{Node, Service};
use serde_json::json;
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
        "inference_healthy": service == Service::Inference,
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
pub(super) fn inference_up(_: &Arc<Node>, _: &str) -> Answer {
    Answer::ok(&json!({ "status": "ERROR", "message": NO_BACKEND }))
}

pub(super) fn inference_status(_: &Arc<Node>, _: &str) -> Answer {
    Answer::ok(&json!({ "is_running": false, "error": NO_BACKEND }))
}

pub(super) fn inference_down(node: &Arc<Node>, _: &str) -> Answer {
    node.set_inference(false);
    Answer::ok(&json!({ "status": "OK" }))
}

pub(super) fn no_inference(_: &Arc<Node>, _: &str) -> Answer {
    Answer::error(503, NO_BACKEND)
}

pub(super) fn later_status(_: &Arc<Node>, _: &str) -> Answer {
    Answer::ok(&json!({ "status": "NO_BACKENDS", "backends": [] }))
}

pub(super) fn later_refused(_: &Arc<Node>, _: &str) -> Answer {
    Answer::error(503, "sphere-pow speaks PoC v1 only; no backend for PoC v2 is configured")
}

pub(super) fn later_stop(_: &Arc<Node>, _: &str) -> Answer {
    Answer::ok(&json!({ "status": "OK" }))
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
