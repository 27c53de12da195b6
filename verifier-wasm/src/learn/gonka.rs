//! The `gonka` profile (SPEC Part I).

use super::request::{Identity, Request};
use super::{Correlation, SHOWN, Told, check_small, correlation, hex, json};
use crate::error::Failure;
use crate::gonka::{Model, memory_bytes};
use crate::models::params_of;
use half::f16;
use serde::Serialize;
use sphere_pow_core::gonka::params::RawParams;
use sphere_pow_core::gonka::plan::Plan;
use sphere_pow_core::gonka::rng::{NumpyRng, SeedSequence};
use sphere_pow_core::gonka::rule::TargetRadius;
use sphere_pow_core::gonka::seed::{Seed, parameter_offset};
use sphere_pow_core::gonka::weights::{LayerTensor, Tensor, TensorView};
use sphere_pow_core::gonka::{Gonka, Params, geometry};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use sphere_pow_core::statistics::cap_probability;
use sphere_pow_cpu::gonka::LentPool as _;

fn radius(request: &Request) -> Result<f64, Failure> {
    let radius = request.r_target.map(TargetRadius::new).transpose()?;
    Ok(radius.unwrap_or(TargetRadius::LAUNCH).get())
}

pub(super) fn check(request: &Request) -> Result<(), Failure> {
    let params = params_of::<Gonka>(&request.params())?;
    radius(request)?;
    request.kept(params.n_layers())?;
    if request.skips() { check_small(params.flops_per_nonce(), memory_bytes(&params)) } else { Ok(()) }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace<'a> {
    profile: &'static str,
    params: &'a RawParams,
    block_hash: &'a str,
    public_key: &'a str,
    nonce: String,
    steps: Steps,
}

#[derive(Serialize)]
struct Steps {
    seeds: Seeds<String>,
    generators: Seeds<SeedTrace>,
    pool: PoolStep,
    tensors: TensorsStep,
    input: InputStep,
    forward: ForwardStep,
    logits: LogitsStep,
    permutation: ListStep<u32>,
    target: ListStep<f64>,
    output: OutputStep,
    distance: DistanceStep,
    verdict: VerdictStep,
}

#[derive(Serialize)]
struct Seeds<T> {
    section: &'static str,
    pool: T,
    input: T,
    permutation: T,
    target: T,
}

impl<T> Seeds<T> {
    fn new(
        section: &'static str,
        block: &BlockHash,
        key: &PublicKey,
        nonce: Nonce,
        of: fn(&Seed) -> T,
    ) -> Self {
        Self {
            section,
            pool: of(&Seed::weights(block)),
            input: of(&Seed::input(block, key, nonce)),
            permutation: of(&Seed::permutation(block, key, nonce)),
            target: of(&Seed::target(block)),
        }
    }
}

#[derive(Serialize)]
struct SeedTrace {
    text: String,
    hashes: Vec<HashTrace>,
    entropy: Vec<u32>,
    state: [String; 4],
    pcg: PcgTrace,
    draws: [String; 3],
}

#[derive(Serialize)]
struct HashTrace {
    text: String,
    sha256: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PcgTrace {
    initial_state: String,
    stream: String,
}

impl SeedTrace {
    fn new(seed: &Seed) -> Self {
        let entropy = seed.entropy();
        let state = SeedSequence::new(&entropy).generate_u64x4().map(|word| format!("{word:016x}"));
        let [s0, s1, s2, s3] = &state;
        let pcg = PcgTrace { initial_state: format!("{s0}{s1}"), stream: format!("{s2}{s3}") };
        let mut rng = NumpyRng::new(seed);
        let hash = |(text, digest): (String, [u8; 32])| HashTrace { text, sha256: hex(&digest) };
        Self {
            text: seed.text().into(),
            hashes: seed.hashes().into_iter().map(hash).collect(),
            entropy,
            pcg,
            state,
            draws: [(); 3].map(|()| format!("{:016x}", rng.next_u64())),
        }
    }
}

#[derive(Serialize)]
struct PoolStep {
    section: &'static str,
    length: usize,
    bytes: usize,
    first: Vec<f64>,
}

#[derive(Serialize)]
struct TensorsStep {
    section: &'static str,
    parameters: u64,
    views: Vec<TensorTrace>,
}

#[derive(Serialize)]
struct TensorTrace {
    name: String,
    shape: [usize; 2],
    offset: u32,
    start: usize,
    rotation: usize,
    first: Vec<f64>,
}

#[derive(Serialize)]
struct InputStep {
    section: &'static str,
    shape: [usize; 2],
    first: Vec<f64>,
}

#[derive(Serialize)]
struct ForwardStep {
    section: &'static str,
    layers: usize,
    flops: u64,
}

#[derive(Serialize)]
struct LogitsStep {
    section: &'static str,
    length: usize,
    first: Vec<f64>,
    norm: f64,
}

#[derive(Serialize)]
struct ListStep<T> {
    section: &'static str,
    length: usize,
    first: Vec<T>,
}

#[derive(Serialize)]
struct OutputStep {
    section: &'static str,
    first: Vec<f64>,
}

#[derive(Serialize)]
struct DistanceStep {
    section: &'static str,
    distance: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerdictStep {
    section: &'static str,
    r_target: f64,
    won: bool,
    win_rate: f64,
    share: Option<f64>,
}

fn numbers(values: &[f16]) -> Vec<f64> {
    values.iter().take(SHOWN).map(|x| x.to_f64()).collect()
}

/// The pool's first weights.
fn first_weights(model: &Model) -> Vec<f64> {
    let mut first = [f16::ZERO; SHOWN];
    model.executor.pool().read(0, &mut first);
    numbers(&first)
}

impl TensorTrace {
    fn new(model: &Model, tensor: Tensor) -> Self {
        let (params, block) = (model.puzzle.params(), model.puzzle.block());
        let view = TensorView::new(params, block, tensor);
        let mut first = vec![f16::ZERO; SHOWN.min(view.len())];
        model.executor.pool().read_tensor(view, 0, &mut first);
        Self {
            name: tensor.name(),
            shape: [view.rows, view.cols],
            offset: parameter_offset(block, &tensor.name()),
            start: view.start(),
            rotation: view.rotation(),
            first: numbers(&first),
        }
    }
}

/// The first matrix, the output projection, and the first tensor beyond the pool's length, if any.
fn shown_tensors(params: &Params) -> Vec<Tensor> {
    let of_layer = |t| Tensor::Layer(0, t);
    let mut shown = vec![of_layer(LayerTensor::Wq), Tensor::Output];
    let is_long = |tensor: &Tensor| {
        let (rows, cols) = tensor.shape(params);
        rows * cols > params.pool_len()
    };
    let long = [Tensor::TokEmbeddings].into_iter().chain(LayerTensor::ALL.map(of_layer)).find(is_long);
    shown.extend(long.filter(|tensor| !shown.contains(tensor)));
    shown
}

pub(super) fn trace(
    model: &mut Model,
    request: &Request,
    identity: &Identity,
    told: Told<'_>,
) -> Result<String, Failure> {
    let (r_target, key, nonce) = (radius(request)?, &identity.key, identity.nonces[0]);
    let puzzle = model.puzzle.clone();
    let (params, block) = (puzzle.params(), puzzle.block());
    let input = puzzle.input(key, nonce);
    let logits = model.executor.logits(&input, &mut |done| told(done.fraction()))?;
    let permutation = puzzle.permutation(key, nonce);
    let distance = puzzle.distance(key, nonce, &logits);
    let norm = geometry::norm(&logits);
    let output = permutation.iter().take(SHOWN).map(|ix| f64::from(logits[*ix as usize] / norm));
    let steps = Steps {
        seeds: Seeds::new("I.2", block, key, nonce, |seed| seed.text().into()),
        generators: Seeds::new("I.1", block, key, nonce, SeedTrace::new),
        pool: PoolStep {
            section: "I.3",
            length: params.pool_len(),
            bytes: 2 * params.pool_len(),
            first: first_weights(model),
        },
        tensors: TensorsStep {
            section: "I.3",
            parameters: params.n_parameters(),
            views: shown_tensors(params).into_iter().map(|t| TensorTrace::new(model, t)).collect(),
        },
        input: InputStep { section: "I.2", shape: [params.seq_len(), params.dim()], first: numbers(&input) },
        forward: ForwardStep { section: "I.4", layers: params.n_layers(), flops: params.flops_per_nonce() },
        logits: LogitsStep {
            section: "I.4",
            length: logits.len(),
            first: logits.iter().take(SHOWN).map(|x| f64::from(*x)).collect(),
            norm: norm.into(),
        },
        permutation: ListStep {
            section: "I.2",
            length: permutation.len(),
            first: permutation.iter().take(SHOWN).copied().collect(),
        },
        target: ListStep {
            section: "I.2",
            length: params.vocab(),
            first: puzzle.target().coordinates().iter().take(SHOWN).copied().collect(),
        },
        output: OutputStep { section: "I.5", first: output.collect() },
        distance: DistanceStep { section: "I.5", distance },
        verdict: VerdictStep {
            section: "I.5",
            r_target,
            won: distance < r_target,
            win_rate: cap_probability(params.vocab_u32(), r_target),
            share: distance.is_finite().then(|| cap_probability(params.vocab_u32(), distance)),
        },
    };
    json(&Trace {
        profile: "gonka",
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
    params: &'a RawParams,
    block_hash: &'a str,
    public_key: &'a str,
    layers: usize,
    kept: Vec<usize>,
    work: f64,
    r_target: f64,
    win_rate: f64,
    correlation: Option<Correlation>,
    rms_difference: f64,
    nonces: Vec<Pair>,
}

#[derive(Serialize)]
struct Pair {
    nonce: String,
    honest: Outcome,
    shortcut: Outcome,
}

#[derive(Serialize)]
struct Outcome {
    distance: f64,
    won: bool,
}

pub(super) fn skip_layers(
    model: &mut Model,
    request: &Request,
    identity: &Identity,
    told: Told<'_>,
) -> Result<String, Failure> {
    let params = model.puzzle.params().clone();
    let (r_target, key, nonces) = (radius(request)?, &identity.key, &identity.nonces);
    let kept = request.kept(params.n_layers())?;
    let (plan, honest_plan) = (Plan::of_layers(&kept), Plan::new(&params));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let work = plan.cost(&params) as f64 / honest_plan.cost(&params) as f64;
    let mut part = |done: f64| told(done / (1.0 + work));
    let honest = model.distances(key, nonces, &mut part)?;
    model.executor.set_plan(plan);
    let cheap = model.distances(key, nonces, &mut |done| part(1.0 + done * work));
    model.executor.set_plan(honest_plan);
    let cheap = cheap?;
    let square: f64 = cheap.iter().zip(&honest).map(|(a, b)| (a - b) * (a - b)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let rms_difference = (square / nonces.len() as f64).sqrt();
    let outcome = |distance: f64| Outcome { distance, won: distance < r_target };
    let pairs = nonces.iter().zip(honest.iter().zip(&cheap)).map(|(nonce, (honest, cheap))| Pair {
        nonce: nonce.to_string(),
        honest: outcome(*honest),
        shortcut: outcome(*cheap),
    });
    json(&SkipReport {
        profile: "gonka",
        params: params.raw(),
        block_hash: identity.block.as_str(),
        public_key: key.as_str(),
        layers: params.n_layers(),
        kept,
        work,
        r_target,
        win_rate: cap_probability(params.vocab_u32(), r_target),
        correlation: correlation(cheap.iter().copied(), honest.iter().copied()),
        rms_difference,
        nonces: pairs.collect(),
    })
}
