//! What an operator sees: the node, its devices, what waits and what became of callbacks.

use super::Answer;
use super::others::VERSION;
use super::pow::status_value;
use crate::rates::Counts;
use crate::search::Tally;
use crate::serve::node::Node;
use crate::serve::{metrics, rates::WINDOWS};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) fn status(node: &Arc<Node>, _: &str) -> Answer {
    let at_work = node.devices();
    let devices: Vec<Value> = at_work
        .infos
        .iter()
        .zip(at_work.tallies.iter())
        .map(|(info, tally)| {
            let Counts { tried, won } = tally.counts();
            let (n_checked, n_bad) = tally.checks();
            json!({
                "engine": info.engine,
                "device": info.device,
                "tried": tried,
                "won": won,
                "nChecked": n_checked,
                "nBad": n_bad,
                "silentSeconds": tally.silence().as_secs_f64(),
            })
        })
        .collect();
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
        "plausibility": counts.plausibility(at_work.win_rate),
        "waiting": node.store.waiting().ok(),
        "callbacks": &node.counters,
    }))
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
