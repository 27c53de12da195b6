//! The machine: its devices, its health, and this service's own description.

use super::Answer;
use crate::serve::node::{Node, Service};
use serde_json::{Value, json};
use sphere_pow_gpu::DeviceInfo;
use std::sync::Arc;

const OPENAPI: &str = include_str!("../openapi.json");

/// Hardware adapters: a software driver is no GPU that a host could offer.
fn adapters(node: &Node) -> Vec<&DeviceInfo> {
    let all = node.adapters.get().into_iter().flatten();
    all.filter(|info| !info.is_software()).collect()
}

pub(super) fn gpu_devices(node: &Arc<Node>, _: &str) -> Answer {
    let devices: Vec<Value> = adapters(node)
        .into_iter()
        .map(|info| {
            json!({
                "index": info.index,
                "name": info.name,
                "total_memory_mb": info.memory_bytes.map(|bytes| bytes >> 20),
                "free_memory_mb": null,
                "used_memory_mb": null,
                "utilization_percent": null,
                "temperature_c": node.temperature(info),
                "is_available": info.usable.is_ok(),
                "error_message": info.usable.as_ref().err(),
            })
        })
        .collect();
    Answer::ok(&json!({ "count": devices.len(), "devices": devices }))
}

pub(super) fn gpu_driver(node: &Arc<Node>, _: &str) -> Answer {
    match node.sensors.nvidia_driver() {
        Some(driver) => Answer::ok(&driver),
        None => {
            Answer::error(503, "there is no NVIDIA driver: devices are driven through Vulkan, Metal or DX12")
        }
    }
}

/// Healthy unless the last stage was given up.
pub(super) fn health(node: &Arc<Node>, _: &str) -> Answer {
    let failure = node.failure();
    let (status, word) = if failure.is_none() { (200, "healthy") } else { (503, "unhealthy") };
    let service = node.service();
    let names: Vec<&str> = adapters(node).iter().map(|info| info.name.as_str()).collect();
    let manager =
        |own: Service, is_healthy: bool| json!({ "running": service == own, "healthy": is_healthy });
    let value = json!({
        "status": word,
        "service_state": service,
        "gpu": { "available": !names.is_empty(), "count": names.len(), "devices": names },
        "managers": {
            "pow": manager(Service::Pow, failure.is_none()),
            "inference": manager(Service::Inference, true),
            "train": manager(Service::Train, true),
        },
        "error": failure,
    });
    Answer::json(status, &value)
}

pub(super) fn ready(node: &Arc<Node>, _: &str) -> Answer {
    let is_ready = node.failure().is_none();
    Answer::json(if is_ready { 200 } else { 503 }, &json!({ "ready": is_ready }))
}

pub(super) fn openapi(_: &Arc<Node>, _: &str) -> Answer {
    Answer::text("application/json", OPENAPI.to_owned())
}
