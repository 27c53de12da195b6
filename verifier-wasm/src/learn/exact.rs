//! The `exact` profile (SPEC Part II).

use super::request::{Identity, Request};
use super::{Correlation, SHOWN, Told, check_small, correlation, hex, json};
use crate::error::Failure;
use crate::exact::Model;
use crate::models::params_of;
use serde::Serialize;
use sphere_pow_core::exact::params::RawParams;
use sphere_pow_core::exact::plan::Plan;
use sphere_pow_core::exact::stream::{KeyEncoding, StreamKey};
use sphere_pow_core::exact::weights::{LayerTensor, Tensor};
use sphere_pow_core::exact::{Digest, Exact, Puzzle, Verdict};

pub(super) fn check(request: &Request) -> Result<(), Failure> {
    let params = params_of::<Exact>(&request.params())?;
    request.kept(params.layers())?;
    if request.r_target.is_some() {
        return Err(Failure::format("rTarget is of the profile gonka, expected none for exact"));
    }
    let operations = Plan::new(&params).cost(&params);
    if request.skips() { check_small(operations, params.n_weights()) } else { Ok(()) }
}

fn logits(model: &mut Model, identity: &Identity, told: Told<'_>) -> Result<Vec<i32>, Failure> {
    Ok(model.executor.logits(&identity.key, &identity.nonces, &mut |done| told(done.fraction()))?)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace<'a> {
    profile: &'static str,
    params: RawParams,
    block_hash: &'a str,
    public_key: &'a str,
    nonce: String,
    steps: Steps,
}

#[derive(Serialize)]
struct Steps {
    keys: KeysStep,
    weights: WeightsStep,
    input: InputStep,
    forward: ForwardStep,
    logits: LogitsStep,
    digest: DigestStep,
    target: TargetStep,
    verdict: VerdictStep,
}

#[derive(Serialize)]
struct KeysStep {
    section: &'static str,
    weights: KeyTrace,
    input: KeyTrace,
}

#[derive(Serialize)]
struct KeyTrace {
    encoding: String,
    key: String,
}

impl KeyTrace {
    fn new(encoding: &KeyEncoding) -> Self {
        Self { encoding: hex(encoding.as_bytes()), key: hex(encoding.key().as_bytes()) }
    }
}

#[derive(Serialize)]
struct WeightsStep {
    section: &'static str,
    total: u64,
    tensors: Vec<TensorTrace>,
}

#[derive(Serialize)]
struct TensorTrace {
    name: String,
    shape: [usize; 2],
    stream: String,
    keystream: String,
    first: Vec<i8>,
}

impl TensorTrace {
    fn new(puzzle: &Puzzle, tensor: Tensor) -> Self {
        let params = puzzle.params();
        let (outputs, inputs) = tensor.shape(params);
        let stream = tensor.stream(params);
        let mut first = vec![0; SHOWN];
        puzzle.weights().read_tile(tensor, 0..1, 0..SHOWN, &mut first);
        let name = match tensor {
            Tensor::Layer(layer, tensor) => format!("layers.{layer}.{}", tensor.name()),
            Tensor::Output => "output".into(),
        };
        let keystream = keystream(puzzle.weights_key(), stream);
        Self { name, shape: [outputs, inputs], stream: stream.to_string(), keystream, first }
    }
}

#[derive(Serialize)]
struct InputStep {
    section: &'static str,
    shape: [usize; 2],
    stream: String,
    keystream: String,
    first: Vec<i8>,
}

#[derive(Serialize)]
struct ForwardStep {
    section: &'static str,
    layers: usize,
    operations: u64,
}

#[derive(Serialize)]
struct LogitsStep {
    section: &'static str,
    length: usize,
    first: Vec<i32>,
    squared: String,
}

#[derive(Serialize)]
struct DigestStep {
    section: &'static str,
    digest: String,
}

#[derive(Serialize)]
struct TargetStep {
    section: &'static str,
    encoding: String,
    key: String,
    stream: String,
    keystream: String,
    length: usize,
    first: Vec<i8>,
    squared: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerdictStep {
    section: &'static str,
    dot: String,
    threshold: Fraction,
    left: String,
    right: String,
    won: bool,
    cosine: f64,
    distance: f64,
    win_rate: f64,
}

#[derive(Serialize)]
struct Fraction {
    numerator: u32,
    denominator: u64,
}

fn keystream(key: StreamKey, stream: u64) -> String {
    let mut bytes = [0; SHOWN];
    key.read(stream, 0, &mut bytes);
    hex(&bytes)
}

fn first<T: Copy>(values: &[T]) -> Vec<T> {
    values.iter().take(SHOWN).copied().collect()
}

pub(super) fn trace(model: &mut Model, identity: &Identity, told: Told<'_>) -> Result<String, Failure> {
    let logits = logits(model, identity, told)?;
    let (puzzle, block, key, nonce) =
        (model.executor.puzzle(), &identity.block, &identity.key, identity.nonces[0]);
    let params = puzzle.params();
    let (digest, verdict) = puzzle.judge(key, nonce, &logits);
    let target_encoding = KeyEncoding::target(params, block, key, nonce, digest.as_bytes());
    let KeyTrace { encoding, key: target_key } = KeyTrace::new(&target_encoding);
    let (left, right) = verdict.sides(params.threshold());
    let steps = Steps {
        keys: KeysStep {
            section: "II.3",
            weights: KeyTrace::new(&KeyEncoding::weights(params, block)),
            input: KeyTrace::new(&KeyEncoding::inputs(params, block, key)),
        },
        weights: WeightsStep {
            section: "II.5",
            total: params.n_weights(),
            tensors: [Tensor::Layer(0, LayerTensor::Wq), Tensor::Output]
                .map(|t| TensorTrace::new(puzzle, t))
                .into(),
        },
        input: InputStep {
            section: "II.5",
            shape: [params.tokens(), params.dim()],
            stream: nonce.to_string(),
            keystream: keystream(puzzle.inputs_key(key), nonce.get()),
            first: first(&puzzle.input(key, nonce)),
        },
        forward: ForwardStep {
            section: "II.7",
            layers: params.layers(),
            operations: Plan::new(params).cost(params),
        },
        logits: LogitsStep {
            section: "II.7",
            length: logits.len(),
            first: first(&logits),
            squared: verdict.logits_squared.to_string(),
        },
        digest: DigestStep { section: "II.8", digest: digest.to_hex() },
        target: TargetStep {
            section: "II.8",
            encoding,
            key: target_key,
            stream: "0".into(),
            keystream: keystream(target_encoding.key(), 0),
            length: params.vocab(),
            first: first(&puzzle.target(key, nonce, &digest)),
            squared: verdict.target_squared.to_string(),
        },
        verdict: VerdictStep {
            section: "II.8",
            dot: verdict.dot.to_string(),
            threshold: Fraction { numerator: params.threshold(), denominator: 1 << 32 },
            left: left.to_string(),
            right: right.to_string(),
            won: verdict.won,
            cosine: verdict.cosine(),
            distance: verdict.distance(),
            win_rate: params.win_rate(),
        },
    };
    json(&Trace {
        profile: "exact",
        params: params.raw(),
        block_hash: block.as_str(),
        public_key: key.as_str(),
        nonce: nonce.to_string(),
        steps,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SkipReport<'a> {
    profile: &'static str,
    params: RawParams,
    block_hash: &'a str,
    public_key: &'a str,
    layers: usize,
    kept: Vec<usize>,
    work: f64,
    win_rate: f64,
    correlation: Option<Correlation>,
    correlation_if_target_known: Option<Correlation>,
    nonces: Vec<Pair>,
}

#[derive(Serialize)]
struct Pair {
    nonce: String,
    honest: Honest,
    shortcut: Cut,
}

#[derive(Serialize)]
struct Honest {
    digest: String,
    distance: f64,
    won: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cut {
    digest: String,
    distance: f64,
    won: bool,
    distance_to_honest_target: f64,
}

pub(super) fn skip_layers(
    model: &mut Model,
    request: &Request,
    identity: &Identity,
    told: Told<'_>,
) -> Result<String, Failure> {
    let params = *model.executor.puzzle().params();
    let honest_plan = Plan::new(&params);
    let kept = request.kept(params.layers())?;
    let plan = Plan::of_layers(&kept);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let work = plan.cost(&params) as f64 / honest_plan.cost(&params) as f64;
    let mut part = |done: f64| told(done / (1.0 + work));
    let honest = logits(model, identity, &mut part)?;
    model.executor.set_plan(plan);
    let cheap = logits(model, identity, &mut |done| part(1.0 + done * work));
    model.executor.set_plan(honest_plan);
    let cheap = cheap?;
    let rows = honest.chunks_exact(params.vocab()).zip(cheap.chunks_exact(params.vocab()));
    let puzzle = model.executor.puzzle();
    let pair = |(nonce, (honest, cheap)): (&_, (&[i32], &[i32]))| {
        let (digest, verdict) = puzzle.judge(&identity.key, *nonce, honest);
        let (cut_digest, cut) = puzzle.judge(&identity.key, *nonce, cheap);
        let target = puzzle.target(&identity.key, *nonce, &digest);
        let known = Verdict::new(cheap, &target, params.threshold());
        let hex = |digest: Digest| digest.to_hex();
        Pair {
            nonce: nonce.to_string(),
            honest: Honest { digest: hex(digest), distance: verdict.distance(), won: verdict.won },
            shortcut: Cut {
                digest: hex(cut_digest),
                distance: cut.distance(),
                won: cut.won,
                distance_to_honest_target: known.distance(),
            },
        }
    };
    let pairs: Vec<Pair> = identity.nonces.iter().zip(rows).map(pair).collect();
    let of_honest = || pairs.iter().map(|pair| pair.honest.distance);
    json(&SkipReport {
        profile: "exact",
        params: params.raw(),
        block_hash: identity.block.as_str(),
        public_key: identity.key.as_str(),
        layers: params.layers(),
        kept,
        work,
        win_rate: params.win_rate(),
        correlation: correlation(pairs.iter().map(|pair| pair.shortcut.distance), of_honest()),
        correlation_if_target_known: correlation(
            pairs.iter().map(|pair| pair.shortcut.distance_to_honest_target),
            of_honest(),
        ),
        nonces: pairs,
    })
}
