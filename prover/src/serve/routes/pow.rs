//! Proofs of work: init, phases, batches to judge.

use super::Answer;
use crate::clock::now_ms;
use crate::serve::body::{self, Faults};
use crate::serve::init::Init;
use crate::serve::judge;
use crate::serve::node::{Assignment, Node, Phase, Waiting};
use crate::serve::store::Queued;
use crate::serve::transcripts::{self, Refusal};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// How long a stop waits for devices to be free before it is answered.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

const NOT_RUNNING: &str = "PoW is not running";

/// What the status routes say.
pub(super) fn status_value(node: &Node) -> Value {
    let Some((assignment, is_loaded)) = node.current() else { return json!({ "status": "NOT_LOADED" }) };
    // Also while the model loads: the API node takes these two as done.
    let status = match assignment.phase {
        Phase::Idle if !is_loaded => json!("LOADING"),
        phase => json!(phase),
    };
    json!({ "status": status, "is_model_initialized": is_loaded })
}

fn done(node: &Node) -> Answer {
    Answer::ok(&json!({ "status": "OK", "pow_status": status_value(node) }))
}

fn refused(faults: &Faults) -> Answer {
    Answer::json(422, &body::detail(faults))
}

pub(super) fn status(node: &Arc<Node>, _: &str) -> Answer {
    Answer::ok(&status_value(node))
}

fn init_to(node: &Node, raw: &str, phase: Phase) -> Answer {
    let init = match Init::read(raw, node.settings.profile, &node.settings.callback_hosts) {
        Ok(init) => init,
        Err(faults) => return refused(&faults),
    };
    if phase == Phase::Generating && init.node.is_none() {
        return Answer::error(400, "Node ID and node count must be set");
    }
    node.assign(Assignment { init, phase });
    done(node)
}

pub(super) fn init(node: &Arc<Node>, raw: &str) -> Answer {
    init_to(node, raw, Phase::Idle)
}

pub(super) fn init_generate(node: &Arc<Node>, raw: &str) -> Answer {
    init_to(node, raw, Phase::Generating)
}

pub(super) fn init_validate(node: &Arc<Node>, raw: &str) -> Answer {
    init_to(node, raw, Phase::Validating)
}

fn phase_to(node: &Node, phase: Phase) -> Answer {
    let Some((assignment, _)) = node.current() else { return Answer::error(400, NOT_RUNNING) };
    if phase == Phase::Generating && assignment.init.node.is_none() {
        return Answer::error(400, "Node ID and node count must be set to start generating");
    }
    node.assign(Assignment { phase, ..(*assignment).clone() });
    done(node)
}

pub(super) fn phase_generate(node: &Arc<Node>, _: &str) -> Answer {
    phase_to(node, Phase::Generating)
}

pub(super) fn phase_validate(node: &Arc<Node>, _: &str) -> Answer {
    phase_to(node, Phase::Validating)
}

pub(super) fn stop(node: &Arc<Node>, _: &str) -> Answer {
    if node.current().is_none() {
        return Answer::ok(&json!({ "status": "OK", "pow_status": NOT_RUNNING }));
    }
    node.stop();
    node.wait_until_free(PATIENCE);
    done(node)
}

/// Takes a batch to judge: it is on the disk when this is answered.
pub(super) fn validate(node: &Arc<Node>, raw: &str) -> Answer {
    let Some((assignment, _)) = node.current() else {
        // The reference looks at the members first.
        return match judge::members(raw) {
            Ok(()) => Answer::error(400, NOT_RUNNING),
            Err(faults) => refused(&faults),
        };
    };
    let init = &assignment.init;
    if let Err(faults) = judge::check(raw, init, node.settings.max_nonces) {
        return refused(&faults);
    }
    if let Some(why) = judge::foreign(raw, init) {
        // As the reference: it is taken and never answered.
        tracing::warn!("a batch is not judged: {why}");
        return Answer::ok(&Value::Null);
    }
    if node.queue_len() >= node.settings.max_queue {
        return Answer::error(503, &format!("{} batches wait already", node.settings.max_queue));
    }
    let batch = Queued { url: init.url.clone(), body: raw.to_owned(), at_ms: now_ms() };
    match node.store.enqueue(&batch) {
        Ok(id) => {
            node.push_batch(Waiting::new(id, batch));
            Answer::ok(&Value::Null)
        }
        Err(error) => Answer::error(503, &error.to_string()),
    }
}

fn refusal(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Faults(faults) => refused(&faults),
        Refusal::Nothing(why) => Answer::error(404, &why),
        Refusal::Later(why) => Answer::error(503, &why),
    }
}

/// Commits to a stage's transcripts.
pub(super) fn commit(node: &Arc<Node>, raw: &str) -> Answer {
    transcripts::commit(node, raw).map_or_else(refusal, |value| Answer::ok(&value))
}

/// Opens what a beacon draws of them.
pub(super) fn open(node: &Arc<Node>, raw: &str) -> Answer {
    transcripts::open(node, raw)
        .map_or_else(refusal, |bytes| Answer::bytes("application/octet-stream", bytes))
}
