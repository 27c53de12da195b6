//! `sphere-pow/train`: a segment of a training run repeated from its opening (SPEC §IV.8). Core judges.

use crate::error::Failure;
use crate::json::to_string;
use crate::models::{check_memory, reserve};
use crate::progress::tell;
use js_sys::Function;
use serde::Serialize;
use sphere_pow_core::exact::transcript::hash::Hash;
use sphere_pow_core::json::{self, Fields};
use sphere_pow_core::text::{hex, shown};
use sphere_pow_core::train::merge::Agreed;
use sphere_pow_core::train::opening::Head;
use sphere_pow_core::train::params::SizesError;
use sphere_pow_core::train::{Known, Opening, OpeningError, Params, Report, Run, State, Text};
use sphere_pow_cpu::train::TrainExecutor;
use wasm_bindgen::prelude::wasm_bindgen;

/// Memory that stands beside a run's own.
const BESIDE: u64 = 1 << 22;
/// Most bytes of a text, as the command's.
const MAX_TEXT: usize = 1 << 28;
/// More than an opening has beside its state.
const MAX_HEAD: usize = 1 << 16;
/// A text takes its bytes twice, and two bytes a symbol.
const BYTES_OF_TEXT: u64 = 4;

/// What the verifier said, from JSON: `params`, a name or sizes, `root`, `seed`.
#[derive(Debug)]
struct Meant {
    params: Params,
    root: Option<Hash>,
    seed: Option<Hash>,
}

impl Meant {
    fn read(given: &str) -> Result<Self, Failure> {
        let fields = Fields::read(given, &["params", "root", "seed"]).map_err(Failure::format)?;
        let raw = fields.get("params").ok_or_else(|| Failure::format("params is missing"))?;
        let params = match json::text(raw) {
            Some(name) => Params::read(&name),
            None => Params::read(raw),
        };
        let hash = |name: &str| {
            let Some(raw) = fields.get(name) else { return Ok(None) };
            let text = json::text(raw).unwrap_or_default();
            let wrong =
                || Failure::format(format!("{name} is {}, expected 64 lower-case hex digits", shown(&text)));
            Hash::from_hex(&text).map(Some).ok_or_else(wrong)
        };
        Ok(Self { params: params?, root: hash("root")?, seed: hash("seed")? })
    }
}

impl From<SizesError> for Failure {
    fn from(error: SizesError) -> Self {
        match error {
            SizesError::Name { .. } => Self::profile(error),
            SizesError::Json { .. } => Self::format(error),
            SizesError::Size(_) => Self::range(error),
        }
    }
}

/// What checking a segment of a run takes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct About {
    /// Bytes at most, with a text of that many.
    memory_bytes: u64,
    /// Bytes of an opening at most.
    opening_bytes: usize,
    /// Bytes of a round's start.
    start_bytes: usize,
    /// Bytes of a text at most.
    text_bytes: usize,
}

/// What checking a segment takes, as JSON: of a run of sizes, as JSON or by a preset's name, and a text of `text` bytes.
///
/// # Errors
/// `E_FORMAT`, `E_RANGE`, `E_PROFILE_UNKNOWN` for sizes that no run has.
#[wasm_bindgen]
pub fn about(params: &str, text: u32) -> Result<String, Failure> {
    let params = Params::read(params)?;
    to_string(&About {
        memory_bytes: needed(&params, text.into()),
        opening_bytes: State::bytes_of(&params) + MAX_HEAD,
        start_bytes: 8 * params.size(),
        text_bytes: MAX_TEXT,
    })
}

fn needed(params: &Params, text: u64) -> u64 {
    params.check_bytes() + BYTES_OF_TEXT * text + BESIDE
}

/// Whose an opening is, by its own word.
#[derive(Serialize)]
struct Told {
    run: String,
    round: u32,
    lane: u32,
    segment: u32,
    root: String,
    seed: String,
}

/// Whose an opening of any run is, as JSON `{run, round, lane, segment, root, seed}`; its first bytes are enough.
///
/// # Errors
/// `E_FORMAT` for bytes that begin as none.
#[wasm_bindgen]
pub fn read_opening(bytes: &[u8]) -> Result<String, Failure> {
    let Head { run, lane, segment, root } = Head::read(bytes).map_err(no_opening)?;
    let (run, seed, root) = (hex(&run), hex(&lane.seed), root.to_hex());
    to_string(&Told { run, round: lane.round, lane: lane.lane, segment, root, seed })
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err calls")]
fn no_opening(error: OpeningError) -> Failure {
    Failure::format(format!("the opening: {error}"))
}

/// Repeats the segment of `opening`, telling `progress` the share done; gives core's [`Report`] as JSON. `start` has what was
/// agreed on before the round.
///
/// # Errors
/// `E_FORMAT` for bytes that are no opening of the run, `E_RANGE` for a text or sizes that no run has, `E_MEMORY`, `E_ABORTED`.
#[wasm_bindgen]
pub fn check_segment(
    opening: &[u8],
    text: &[u8],
    start: Option<Vec<u8>>,
    given: &str,
    progress: &Function,
) -> Result<String, Failure> {
    let meant = Meant::read(given)?;
    let bytes = needed(&meant.params, text.len() as u64);
    check_memory(bytes)?;
    reserve(bytes)?;
    let run = Run::new(&meant.params, Text::new(&meant.params, text).map_err(Failure::range)?);
    let opening = Opening::from_bytes(&run, opening).map_err(no_opening)?;
    let start = start.map(|bytes| Agreed::from_bytes(run.params(), opening.lane.round, &bytes));
    let start = start.transpose().map_err(Failure::format)?;
    let known = Known {
        root: meant.root,
        seed: meant.seed.map(|seed| *seed.as_bytes()),
        theta: start.as_ref().map(|agreed| &agreed.theta[..]),
    };
    let executor = TrainExecutor::new(None).ok_or_else(|| Failure::internal("no set of instructions"))?;
    let (mut done, steps) = (0, run.params().segment());
    let verdict = executor.check(&run, &opening, &known, &mut || {
        done += 1;
        tell(progress, f64::from(done) / f64::from(steps))
    });
    let verdict = verdict.ok_or_else(Failure::aborted)?;
    to_string(&Report::new(&run, &opening, &known, verdict))
}
