//! `sphere-pow/transcript`: a commitment judged by its openings, piece by piece (SPEC §II.12), and nonces computed whole.
//! Core judges; what is here computes on this thread and puts what is known into JSON.

use crate::error::Failure;
use crate::exact::{ONE, QUIET, limit_bytes};
use crate::json::{to_string, unix_seconds};
use crate::models::{asked, check_memory, params_of, reserve};
use crate::progress::tell;
use js_sys::Function;
use serde::Serialize;
use sphere_pow_core::exact::transcript::commitment::MAX_BYTES;
use sphere_pow_core::exact::transcript::judge::{Fault, joined};
use sphere_pow_core::exact::transcript::opening::{max_bytes, state_len};
use sphere_pow_core::exact::transcript::{Commitment, Keys, Meant, Task, Verification};
use sphere_pow_core::exact::{Digest, Exact, Params, Puzzle};
use sphere_pow_core::identity::{Beacon, BlockHash};
use sphere_pow_core::json::{self, Fields};
use sphere_pow_cpu::exact::{CpuExecutor, CpuOptions, Footprint, Progress};
use std::ops::ControlFlow;
use wasm_bindgen::prelude::wasm_bindgen;

/// Most bytes of a commitment.
#[wasm_bindgen]
#[must_use]
pub fn max_commitment_bytes() -> usize {
    MAX_BYTES
}

/// A commitment whose openings are being checked.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Transcript {
    /// `None` once it was concluded.
    verification: Option<Verification>,
    footprint: Footprint,
    /// From the first layer on.
    executor: Option<CpuExecutor>,
    /// What is repeated next.
    tasks: Vec<Task>,
    /// Faults that were given out.
    told: usize,
}

/// What a commitment is of.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About<'a> {
    params: &'a Params,
    preset: Option<&'static str>,
    block_hash: &'a str,
    public_key: &'a str,
    commitment: String,
    nonces: String,
    intervals: usize,
    memory_bytes: u64,
}

/// How far it has come.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct State<'a> {
    total: Option<usize>,
    done: usize,
    false_share_bound: Option<f64>,
    skipped_bound: Option<f64>,
    /// To be repeated now.
    layer: Option<usize>,
    nonces: Vec<String>,
    /// Since the last time.
    faults: &'a [Fault],
    wants_more: bool,
}

/// What the verifier said, from JSON: `params`, a name or sizes, `blockHash`, `publicKey`, `beacon`, `samples`.
fn meant(given: &str) -> Result<Meant, Failure> {
    const NAMES: [&str; 5] = ["params", "blockHash", "publicKey", "beacon", "samples"];
    let fields = Fields::read(given, &NAMES).map_err(Failure::format)?;
    let text = |name| fields.get(name).and_then(json::text).map(|text| text.into_owned());
    let params = fields.get("params").map(|raw| match json::text(raw) {
        Some(name) => params_of::<Exact>(&name),
        None => params_of::<Exact>(raw),
    });
    let samples = fields.get("samples").and_then(json::integer);
    Ok(Meant {
        params: params.transpose()?,
        block_hash: text("blockHash"),
        public_key: text("publicKey"),
        beacon: text("beacon").map(|beacon| Beacon::new(&beacon)).transpose()?,
        // What no u32 holds is too many for core as well.
        samples: samples.map(|samples| u32::try_from(samples).unwrap_or(u32::MAX)),
    })
}

/// Bytes that a worker needs at most, the openings in its hands included.
fn memory_bytes(params: &Params, footprint: &Footprint) -> u64 {
    // States as they are judged, joined, repeated, and given back; an opening's bytes, and its JSON's three times as many.
    let states = 4 * 2 * (state_len(params, 1) as u64) * footprint.batch.get() as u64;
    let weights = if footprint.is_packed { params.n_weights() } else { 0 };
    weights.max(footprint.memory_bytes as u64) + states + 8 * max_bytes(params) as u64 + (1 << 22)
}

/// The CPU within what [`memory_bytes`] says.
fn open(puzzle: &Puzzle, footprint: &Footprint) -> Result<CpuExecutor, Failure> {
    let params = puzzle.params();
    reserve(memory_bytes(params, footprint))?;
    let memory_limit_bytes = limit_bytes(params, false);
    Ok(CpuExecutor::new(puzzle, CpuOptions { threads: Some(ONE), kernels: None, memory_limit_bytes })?)
}

/// Progress of the executor for `function`, as the share of the whole that `share` makes of it, but not more often than is
/// of use.
fn telling(function: &Function, share: impl Fn(f64) -> f64) -> impl FnMut(Progress) -> ControlFlow<()> {
    let mut last = 0;
    move |done| {
        if done.done < last + QUIET {
            return ControlFlow::Continue(());
        }
        last = done.done;
        tell(function, share(done.fraction()))
    }
}

/// A nonce computed whole.
#[derive(Serialize)]
struct NonceTranscript {
    nonce: String,
    digest: String,
    leaves: Vec<String>,
    root: String,
}

/// Computes nonces whole and gives their transcripts, as a JSON list of `{nonce, digest, leaves, root}`.
///
/// # Errors
/// `E_FORMAT`, `E_RANGE` and `E_BLOCK_HASH` for what cannot be; `E_MEMORY` above `limit` bytes; `E_ABORTED`.
#[wasm_bindgen]
pub fn transcribe(
    params: &str,
    block_hash: &str,
    public_key: &str,
    nonces: &[u64],
    limit: f64,
    progress: &Function,
) -> Result<String, Failure> {
    let params = params_of::<Exact>(params)?;
    let block = BlockHash::new(block_hash).map_err(Failure::block_hash)?;
    let (key, nonces) = asked::<Exact>(public_key, nonces)?;
    let footprint = Footprint::new(&params, ONE, limit_bytes(&params, false))?;
    let needed = memory_bytes(&params, &footprint);
    check_memory(needed)?;
    #[expect(clippy::cast_precision_loss, reason = "below 2^33, see above")]
    if needed as f64 > limit {
        let message = format!("the worker needs {needed} bytes, expected at most {limit}");
        return Err(Failure::memory(message));
    }
    let puzzle = Puzzle::new(&params, &block);
    let (keys, mut executor) = (Keys::new(&puzzle, &key), open(&puzzle, &footprint)?);
    let (mut whole, n) = (Vec::with_capacity(nonces.len()), nonces.len() as f64);
    for part in nonces.chunks(footprint.batch.get()) {
        let (done, share) = (whole.len() as f64, part.len() as f64);
        let mut told = telling(progress, move |part| (done + share * part) / n);
        let (logits, leaves) = executor.transcripts(&keys, &key, part, &mut told)?;
        let rows = logits.chunks_exact(params.vocab()).zip(leaves.chunks_exact(params.layers() + 1));
        whole.extend(part.iter().zip(rows).map(|(nonce, (logits, leaves))| {
            let digest = Digest::of_logits(logits);
            NonceTranscript {
                nonce: nonce.to_string(),
                digest: digest.to_hex(),
                root: keys.transcript(*nonce, leaves, &digest).to_hex(),
                leaves: leaves.iter().map(|leaf| leaf.to_hex()).collect(),
            }
        }));
    }
    to_string(&whole)
}

#[wasm_bindgen]
impl Transcript {
    /// Reads a commitment, bytes or JSON, and holds it to what the verifier said.
    ///
    /// # Errors
    /// Core's, `E_MEMORY` for a model that no wasm memory holds.
    #[wasm_bindgen(constructor)]
    pub fn new(commitment: &[u8], given: &str) -> Result<Self, Failure> {
        let meant = meant(given)?;
        let refused = |error| Failure::transcript("commitment", error);
        let verification =
            Verification::new(Commitment::read(commitment).map_err(refused)?, meant).map_err(refused)?;
        let params = verification.commitment().puzzle().params();
        let footprint = Footprint::new(params, ONE, limit_bytes(params, false))?;
        check_memory(memory_bytes(params, &footprint))?;
        Ok(Self { verification: Some(verification), footprint, executor: None, tasks: Vec::new(), told: 0 })
    }

    fn verification(&mut self) -> Result<&mut Verification, Failure> {
        self.verification.as_mut().ok_or_else(|| Failure::internal("it is concluded"))
    }

    /// What the commitment is of and what checking it takes, as JSON.
    ///
    /// # Errors
    /// None that these values have.
    pub fn about(&mut self) -> Result<String, Failure> {
        let footprint = self.footprint;
        let commitment = self.verification()?.commitment();
        let (puzzle, key) = (commitment.puzzle(), commitment.key());
        let params = puzzle.params();
        to_string(&About {
            params,
            preset: sphere_pow_core::profile::Model::preset(params),
            block_hash: puzzle.block().as_str(),
            public_key: key.as_str(),
            commitment: commitment.hash(&Keys::new(puzzle, key)).to_hex(),
            nonces: commitment.nonces().to_string(),
            intervals: commitment.intervals().len(),
            memory_bytes: memory_bytes(params, &footprint),
        })
    }

    /// Takes the next bytes of the openings; gives the state as JSON.
    ///
    /// # Errors
    /// What is wrong with their head.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<String, Failure> {
        let fed = self.verification()?.feed(bytes);
        fed.map_err(|error| Failure::transcript("openings", error))?;
        self.state()
    }

    /// Says that nothing more comes; gives the state as JSON.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub fn end(&mut self) -> Result<String, Failure> {
        let ended = self.verification()?.end();
        ended.map_err(|error| Failure::transcript("openings", error))?;
        self.state()
    }

    /// Repeats the layers that the state named, telling `progress` the share done; gives the next state as JSON.
    ///
    /// # Errors
    /// `E_ABORTED`, `E_MEMORY`.
    pub fn repeat(&mut self, progress: &Function) -> Result<String, Failure> {
        let tasks = core::mem::take(&mut self.tasks);
        if let Some(first) = tasks.first() {
            let commitment = self.verification()?.commitment();
            let (puzzle, key) = (commitment.puzzle().clone(), commitment.key().clone());
            let executor = match &mut self.executor {
                Some(executor) => executor,
                none => none.insert(open(&puzzle, &self.footprint)?),
            };
            let (nonces, states) = joined(&tasks);
            let mut told = telling(progress, |share| share);
            let (next, logits) = executor.repeat(&key, &nonces, first.layer, &states, &mut told)?;
            self.verification()?.settle(&tasks, &next, &logits);
        }
        self.state()
    }

    fn state(&mut self) -> Result<String, Failure> {
        let most = self.footprint.batch.get();
        if self.tasks.is_empty() {
            self.tasks = self.verification()?.tasks(most);
        }
        let Some(verification) = &self.verification else { return Err(Failure::internal("it is concluded")) };
        let judge = verification.judge();
        let faults = judge.map_or(&[][..], |judge| judge.faults());
        let bounds = judge.filter(|_| faults.is_empty()).map(|judge| judge.bounds());
        let state = State {
            total: judge.map(|judge| judge.steps().len()),
            done: judge.map_or(0, |judge| judge.checked()),
            false_share_bound: bounds.map(|(share, _)| share),
            skipped_bound: bounds.map(|(_, skipped)| skipped),
            layer: self.tasks.first().map(|task| task.layer),
            nonces: self.tasks.iter().map(|task| task.nonce.to_string()).collect(),
            faults: faults.get(self.told..).unwrap_or_default(),
            wants_more: verification.wants_more(),
        };
        let json = to_string(&state)?;
        self.told = faults.len();
        Ok(json)
    }

    /// The report as JSON; nothing can be called after it.
    ///
    /// # Errors
    /// `E_FORMAT` for bytes after true openings.
    pub fn report(&mut self) -> Result<String, Failure> {
        let verification = self.verification.take().ok_or_else(|| Failure::internal("it is concluded"))?;
        let report =
            verification.report(unix_seconds()).map_err(|error| Failure::transcript("openings", error))?;
        to_string(&report)
    }
}
