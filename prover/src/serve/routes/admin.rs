//! What an operator sees: the node, its devices, what waits and what became of callbacks.

use super::Answer;
use super::others::VERSION;
use super::pow::status_value;
use crate::rates::Counts;
use crate::search::Tally;
use crate::serve::node::{Node, View};
use crate::serve::{metrics, rates::WINDOWS};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) fn status(node: &Arc<Node>, _: &str) -> Answer {
    let at_work = node.devices();
    let devices: Vec<Value> = node.views().iter().map(device).collect();
    let counts = Tally::total(&at_work.tallies);
    let rates: Map<String, Value> =
        WINDOWS.iter().map(|(name, window)| ((*name).to_owned(), json!(node.rates(*window)))).collect();
    let stage = node.current().map(|(assignment, _)| {
        let init = &assignment.init;
        json!({
            "profile": init.profile,
            "blockHash": init.block_hash.as_str(),
            "blockHeight": init.block_height,
            "publicKey": init.public_key.as_str(),
            "node": init.node.map(|(id, count)| json!({ "id": id, "count": count })),
        })
    });
    Answer::ok(&json!({
        "version": VERSION,
        "uptimeSeconds": node.started.elapsed().as_secs_f64(),
        "state": node.service(),
        "pow": status_value(node),
        "stage": stage,
        "error": node.failure(),
        "devices": devices,
        "isPaused": node.is_paused(),
        "totals": node.totals(),
        "rates": rates,
        "guardBand": { "distance": node.settings.guard_band, "loss": at_work.guard_loss },
        "plausibility": counts.plausibility(at_work.win_rate),
        "waiting": node.store.waiting().ok(),
        "callbacks": &node.counters,
    }))
}

fn device(view: &View) -> Value {
    let Counts { tried, won } = view.counts;
    let (n_checked, n_bad) = view.checks;
    let rates: Map<String, Value> = WINDOWS
        .iter()
        .zip(view.rates)
        .map(|((name, _), rates)| ((*name).to_owned(), json!(rates.raw)))
        .collect();
    json!({
        "engine": view.info.engine,
        "device": view.info.device,
        "pciAddress": view.pci_address,
        "state": view.condition,
        "why": view.why,
        "tried": tried,
        "won": won,
        "nChecked": n_checked,
        "nBad": n_bad,
        "silentSeconds": view.silence.as_secs_f64(),
        "loaded": view.loaded,
        "batch": view.batch,
        "resets": view.resets,
        "memoryRefusals": view.refusals,
        "temperatureC": view.reading.temperature_c,
        "powerW": view.reading.power_w,
        "powerLimitW": view.reading.power_limit_w,
        "rates": rates,
    })
}

pub(super) fn metrics(node: &Arc<Node>, _: &str) -> Answer {
    Answer::text("text/plain; version=0.0.4; charset=utf-8", metrics::page(node))
}

/// Devices rest; the stage and its model stay.
pub(super) fn pause(node: &Arc<Node>, _: &str) -> Answer {
    node.pause(true);
    Answer::ok(&json!({ "isPaused": true }))
}

pub(super) fn resume(node: &Arc<Node>, _: &str) -> Answer {
    node.pause(false);
    Answer::ok(&json!({ "isPaused": false }))
}
