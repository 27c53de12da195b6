//! Stages, windows, and which messages come in time (SPEC §III.2, §III.3).

use super::check_list;
use super::number::{Whole, refused};
use crate::error::Failure;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sphere_pow_core::network::epoch::{Durations, EpochParams, Phase, Stages};
use sphere_pow_core::network::message::{
    BatchMessage, Refusal, accept_batch as takes, accept_validation as takes_vote,
};
use sphere_pow_core::text::{parser_words, shown};
use std::collections::BTreeMap;

/// Parameter sets by name.
const PRESETS: [(&str, EpochParams); 3] = [
    ("mainnet", EpochParams::MAINNET),
    ("testermint", EpochParams::TESTERMINT),
    ("code-default", EpochParams::CODE_DEFAULT),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) fn presets(_: Nothing) -> Result<BTreeMap<&'static str, Durations>, Failure> {
    Ok(PRESETS.iter().map(|(name, params)| (*name, *params.durations())).collect())
}

/// A preset's name, or durations in blocks.
fn params(value: Value) -> Result<EpochParams, Failure> {
    match value {
        Value::String(name) => {
            PRESETS.iter().find(|preset| preset.0 == name).map(|preset| preset.1).ok_or_else(|| {
                let names = PRESETS.map(|preset| preset.0).join(", ");
                Failure::profile(format!("params is {}, expected one of {names}, or durations", shown(&name)))
            })
        }
        durations => {
            let durations: Durations = serde_json::from_value(durations)
                .map_err(|error| Failure::format(format!("params: {}", parser_words(&error))))?;
            EpochParams::new(durations).map_err(refused)
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EpochRequest {
    params: Value,
    #[serde(default)]
    index: Option<Whole>,
    #[serde(default)]
    height: Option<Whole>,
}

#[derive(Serialize)]
pub(super) struct EpochAnswer {
    index: u64,
    durations: Durations,
    stages: Option<StageHeights>,
    phase: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StageHeights {
    start: u64,
    generation_wind_down: u64,
    generation_end: u64,
    batch_window: [u64; 2],
    validation_start: u64,
    validation_wind_down: u64,
    validation_window: [u64; 2],
    weights_computed: u64,
    new_validators: u64,
    claim: u64,
    inference_validation_cutoff: u64,
    next_start: u64,
}

impl StageHeights {
    fn of(stages: &Stages) -> Self {
        let (batches, votes) = (stages.batch_window(), stages.validation_window());
        Self {
            start: stages.start(),
            generation_wind_down: stages.generation_wind_down(),
            generation_end: stages.generation_end(),
            batch_window: [*batches.start(), *batches.end()],
            validation_start: stages.validation_start(),
            validation_wind_down: stages.validation_wind_down(),
            validation_window: [*votes.start(), *votes.end()],
            weights_computed: stages.weights_computed(),
            new_validators: stages.new_validators(),
            claim: stages.claim(),
            inference_validation_cutoff: stages.inference_validation_cutoff(),
            next_start: stages.next_start(),
        }
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Inference => "inference",
        Phase::Generate => "generate",
        Phase::GenerateWindDown => "generate-wind-down",
        Phase::Validate => "validate",
        Phase::ValidateWindDown => "validate-wind-down",
    }
}

pub(super) fn epoch(request: EpochRequest) -> Result<EpochAnswer, Failure> {
    let params = params(request.params)?;
    let height = request.height.map(|height| height.height("height")).transpose()?;
    let index = match (request.index, height) {
        (Some(index), None) => index.height("index")?,
        (None, Some(height)) => params.epoch_at(height),
        _ => {
            return Err(Failure::format("the request has index and height or neither, expected one of them"));
        }
    };
    let stages = stages_of(&params, index)?;
    let phase = height.map(|height| stages.map_or("inference", |stages| phase(stages.phase(height))));
    Ok(EpochAnswer {
        index,
        durations: *params.durations(),
        stages: stages.as_ref().map(StageHeights::of),
        phase,
    })
}

/// The stages of an epoch; `None` for epoch 0.
fn stages_of(params: &EpochParams, index: u64) -> Result<Option<Stages>, Failure> {
    let stages = params.epoch(index);
    if index > 0 && stages.is_none_or(|stages| stages.next_start() >> 53 > 0) {
        return Err(Failure::range(format!("epoch {index} starts past height 2^53, expected one before")));
    }
    Ok(stages)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BatchRequest {
    params: Value,
    epoch: Whole,
    height: Whole,
    stage_start: Whole,
    nonces: Vec<Whole>,
    /// `null` where the sender's is not finite.
    distances: Vec<Option<f64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ValidationRequest {
    params: Value,
    epoch: Whole,
    height: Whole,
    stage_start: Whole,
}

#[derive(Serialize)]
pub(super) struct Acceptance {
    accepted: bool,
    refusal: Option<Refused>,
}

#[derive(Serialize)]
struct Refused {
    codespace: &'static str,
    code: u32,
    message: String,
}

impl From<Result<(), Refusal>> for Acceptance {
    fn from(result: Result<(), Refusal>) -> Self {
        let refusal = result.err().map(|refusal| {
            let code = refusal.code();
            Refused { codespace: code.codespace, code: code.code, message: refusal.to_string() }
        });
        Self { accepted: refusal.is_none(), refusal }
    }
}

fn upcoming(value: Value, index: Whole) -> Result<Stages, Failure> {
    let index = index.height("epoch")?;
    stages_of(&params(value)?, index)?
        .ok_or_else(|| Failure::range("epoch is 0, which has no proof of compute, expected 1 or more"))
}

pub(super) fn accept_batch(request: BatchRequest) -> Result<Acceptance, Failure> {
    check_list("nonces", &request.nonces)?;
    check_list("distances", &request.distances)?;
    let stages = upcoming(request.params, request.epoch)?;
    let height = request.height.height("height")?;
    let nonces: Vec<i64> =
        request.nonces.iter().map(|nonce| nonce.signed("a nonce")).collect::<Result<_, _>>()?;
    let distances: Vec<f64> = request.distances.iter().map(|distance| distance.unwrap_or(f64::NAN)).collect();
    let stage_start = request.stage_start.signed("stageStart")?;
    Ok(takes(&stages, height, &BatchMessage { stage_start, nonces: &nonces, distances: &distances }).into())
}

pub(super) fn accept_validation(request: ValidationRequest) -> Result<Acceptance, Failure> {
    let stages = upcoming(request.params, request.epoch)?;
    let height = request.height.height("height")?;
    Ok(takes_vote(&stages, height, request.stage_start.signed("stageStart")?).into())
}
