//! `sphere-pow/network`: the network's rules (SPEC Part III) and a simulation of many hosts. JSON in, JSON out.
//!
//! Bindings only: `sphere_pow_core::network` decides, `sphere_pow_network` simulates. Whole numbers come as JSON numbers
//! or decimal text; those that may pass 2^53 leave as text.

#![allow(clippy::needless_pass_by_value, reason = "a request belongs to the rule that answers it")]

mod checks;
mod hosts;
mod number;
mod reward;
mod schedule;
mod simulate;
mod weight;

use crate::error::Failure;
use crate::json::to_string;
use js_sys::Function;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sphere_pow_core::text::{parser_words, shown};
use wasm_bindgen::prelude::wasm_bindgen;

/// Most entries of one list.
const MAX_LIST: usize = 1 << 20;

/// Answers one rule by its name.
///
/// # Errors
/// `E_FORMAT` for a request that is not of the rule's shape, `E_RANGE` for values that cannot be, `E_BLOCK_HASH`.
#[wasm_bindgen]
pub fn rule(name: &str, request: &str) -> Result<String, Failure> {
    match name {
        "epochPresets" => answer(request, schedule::presets),
        "epoch" => answer(request, schedule::epoch),
        "acceptBatch" => answer(request, schedule::accept_batch),
        "acceptValidation" => answer(request, schedule::accept_validation),
        "claimedWeight" => answer(request, weight::claimed),
        "candidateWeight" => answer(request, weight::candidate),
        "backedWeight" => answer(request, weight::backed),
        "guardianPowers" => answer(request, weight::guardians),
        "majority" => answer(request, weight::majority),
        "capPowers" => answer(request, weight::cap),
        "networkSample" => answer(request, checks::network_sample),
        "drawSample" => answer(request, checks::draw_sample),
        "detection" => answer(request, checks::detection),
        "missProbability" => answer(request, checks::miss_probability),
        "reputation" => answer(request, checks::reputation),
        "minimumAverage" => answer(request, checks::minimum_average),
        "duty" => answer(request, checks::duty),
        "standing" => answer(request, checks::standing),
        "committee" => answer(request, hosts::committee),
        "requestSeed" => answer(request, hosts::request_seed),
        "weightTable" => answer(request, hosts::table),
        "emission" => answer(request, reward::emission),
        "shareByWeight" => answer(request, reward::share),
        "settleCycle" => answer(request, reward::settle),
        "difficulty" => answer(request, reward::difficulty),
        "nextDifficulty" => answer(request, reward::next_difficulty),
        "scenario" => answer(request, simulate::complete),
        _ => Err(Failure::format(format!("no rule is called {}", shown(name)))),
    }
}

/// The participants of a document with the weight that their batches claim, as JSON.
///
/// # Errors
/// As the reader's of core; `E_FORMAT` for documents that claim nothing.
#[wasm_bindgen]
pub fn claims(document: &[u8]) -> Result<String, Failure> {
    to_string(&hosts::claims(document)?)
}

/// Simulates a network and gives what came of it as JSON; `told` hears the share done and answers whether to stop.
///
/// # Errors
/// `E_FORMAT`, `E_RANGE`, `E_ABORTED`.
#[wasm_bindgen]
pub fn simulate(scenario: &str, told: &Function) -> Result<String, Failure> {
    to_string(&simulate::run(scenario, told)?)
}

fn answer<Request: DeserializeOwned, Answer: Serialize>(
    request: &str,
    work: impl FnOnce(Request) -> Result<Answer, Failure>,
) -> Result<String, Failure> {
    let request = serde_json::from_str(request).map_err(|error| Failure::format(parser_words(&error)))?;
    to_string(&work(request)?)
}

/// Refuses lists that are too long to work on in one call.
fn check_list<T>(what: &str, list: &[T]) -> Result<(), Failure> {
    if list.len() <= MAX_LIST {
        return Ok(());
    }
    Err(Failure::range(format!("{what} has {} entries, expected at most {MAX_LIST}", list.len())))
}
