//! What JavaScript calls.

use crate::error::{Failure, kind};
use crate::json::to_string;
use crate::judge::{Judge, batches, each};
use crate::models::{self, Computed, asked, outcomes_to_json};
use crate::pool::WeightPool;
use crate::progress::{ready, tell};
use js_sys::Function;
use serde::Serialize;
use sphere_pow_core::document::{MAX_DOCUMENT_BYTES, MAX_NONCES, ModelFile, read_model};
use sphere_pow_core::exact::{self, Exact};
use sphere_pow_core::gonka::rule::{DECEMBER_2025_HEIGHT, TargetRadius};
use sphere_pow_core::gonka::{self, Gonka, verify as gonka_verify};
use sphere_pow_core::identity::BlockHash;
use sphere_pow_core::profile::{Engine, Model as _, Profile, ProfileName};
use sphere_pow_core::statistics;
use sphere_pow_core::verify::{
    AnySubmission, DEFAULT_SAMPLE, Expectations, Given, REPORT_SCHEMA, ReportVerdict, Sample, Source,
};
use wasm_bindgen::prelude::wasm_bindgen;

/// `Constants` of types.d.ts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Constants {
    report_schema: u32,
    sample: usize,
    fraud_threshold: f64,
    probability_mismatch: f64,
    rms_bound: f64,
    max_bound: f64,
    radii: [Radius; 2],
    presets: Presets,
    max_document_bytes: usize,
    max_nonces: usize,
    exit_codes: ExitCodes,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Radius {
    from_height: Option<i64>,
    r_target: TargetRadius,
}

#[derive(Serialize)]
struct Presets {
    gonka: &'static [&'static str],
    exact: &'static [&'static str],
}

/// Each verdict of a document with the exit code of a command that ends with it.
struct ExitCodes;

impl Serialize for ExitCodes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(ReportVerdict::ALL.map(|verdict| (verdict, verdict.exit_code())))
    }
}

/// The numbers of the rules, as JSON; `Constants` of types.d.ts.
///
/// # Errors
/// None that these values have.
#[wasm_bindgen]
pub fn constants() -> Result<String, Failure> {
    to_string(&Constants {
        report_schema: REPORT_SCHEMA,
        sample: DEFAULT_SAMPLE,
        fraud_threshold: gonka_verify::DEFAULT_FRAUD_THRESHOLD,
        probability_mismatch: gonka_verify::PROBABILITY_MISMATCH,
        rms_bound: gonka_verify::RMS_BOUND,
        max_bound: gonka_verify::MAX_BOUND,
        radii: [
            Radius { from_height: None, r_target: TargetRadius::LAUNCH },
            Radius { from_height: Some(DECEMBER_2025_HEIGHT), r_target: TargetRadius::DECEMBER_2025 },
        ],
        presets: Presets { gonka: gonka::Params::PRESETS, exact: exact::Params::PRESETS },
        max_document_bytes: MAX_DOCUMENT_BYTES,
        max_nonces: MAX_NONCES,
        exit_codes: ExitCodes,
    })
}

/// The network's radius at a height.
#[wasm_bindgen]
#[must_use]
pub fn radius_at(height: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "JavaScript checks that it is an integer")]
    TargetRadius::at(height as i64).get()
}

/// The share of random nonces within a radius, in as many dimensions as the model has logits, or the network's.
///
/// # Errors
/// `E_RANGE`.
#[wasm_bindgen]
pub fn win_rate(radius: f64, vocab: Option<f64>) -> Result<f64, Failure> {
    Ok(statistics::cap_probability(checked_vocab(vocab)?, TargetRadius::new(radius)?.get()))
}

/// The radius within which a share of random nonces falls.
///
/// # Errors
/// `E_RANGE`.
#[wasm_bindgen]
pub fn radius_of_rate(rate: f64, vocab: Option<f64>) -> Result<f64, Failure> {
    statistics::cap_radius(checked_vocab(vocab)?, rate)
        .ok_or_else(|| Failure::range(format!("win rate {rate} is not a number above 0 and below 1")))
}

fn checked_vocab(vocab: Option<f64>) -> Result<u32, Failure> {
    let Some(vocab) = vocab else { return Ok(gonka::Preset::Mainnet.params().vocab_u32()) };
    if (2.0..=1_048_576.0).contains(&vocab) && vocab % 1.0 == 0.0 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        return Ok(vocab as u32);
    }
    Err(Failure::range(format!("vocab_size {vocab} is not an integer from 2 to 1048576")))
}

/// The package's code for what core names `reason`.
#[wasm_bindgen]
#[must_use]
pub fn kind_of(reason: &str) -> String {
    kind(reason).into()
}

/// Refuses what is no block hash.
///
/// # Errors
/// `E_BLOCK_HASH`.
#[wasm_bindgen]
pub fn check_block(block_hash: &str) -> Result<(), Failure> {
    BlockHash::new(block_hash).map(|_| ()).map_err(Failure::block_hash)
}

/// Refuses what a verifier of `profile` cannot expect; `given` is JSON.
///
/// # Errors
/// As [`Expectations::new`].
#[wasm_bindgen]
pub fn check_given(profile: &str, given: &str) -> Result<(), Failure> {
    fn of<P: Profile>(given: &Given) -> Result<(), Failure> {
        Expectations::<P>::new(given)?;
        Ok(())
    }
    let given = Given::from_json(given)?;
    match models::profile_of(profile)? {
        ProfileName::Gonka => of::<Gonka>(&given),
        ProfileName::Exact => of::<Exact>(&given),
    }
}

/// What a model costs, as JSON.
///
/// # Errors
/// As [`models::describe`].
#[wasm_bindgen]
pub fn describe(profile: &str, params: &str, keep_weights: bool) -> Result<String, Failure> {
    models::describe(profile, params, keep_weights)
}

/// Model sizes from a file, as JSON `{params, notes}`.
///
/// # Errors
/// As [`read_model`].
#[wasm_bindgen]
pub fn read_sizes(profile: &str, bytes: &[u8]) -> Result<String, Failure> {
    fn of<P: Profile>(bytes: &[u8]) -> Result<String, Failure> {
        let ModelFile { params, notes } = read_model::<P::Params>(bytes)?;
        to_string(&Sizes { params, notes })
    }
    match models::profile_of(profile)? {
        ProfileName::Gonka => of::<Gonka>(bytes),
        ProfileName::Exact => of::<Exact>(bytes),
    }
}

#[derive(Serialize)]
struct Sizes<T> {
    params: T,
    notes: Vec<String>,
}

/// The batches of a document as they stand, as JSON.
///
/// # Errors
/// As [`batches`].
#[wasm_bindgen]
pub fn read_batches(bytes: &[u8]) -> Result<String, Failure> {
    batches(bytes)
}

/// A document read and joined into submissions, and what was found of them.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Document {
    judge: Judge,
}

/// Which claims of a submission to recompute.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Drawn {
    sample: Sample,
}

#[wasm_bindgen]
impl Drawn {
    /// Indices of the claims, ascending.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "at most 2^24 nonces")]
    pub fn indices(&self) -> Vec<u32> {
        self.sample.indices().iter().map(|index| *index as u32).collect()
    }
}

#[wasm_bindgen]
impl Document {
    /// Reads a document, all of `profile` where one is named; `given` and `said` are JSON.
    ///
    /// # Errors
    /// As [`Judge::new`].
    #[wasm_bindgen(constructor)]
    #[expect(clippy::needless_pass_by_value, reason = "wasm-bindgen takes optional text so")]
    pub fn new(bytes: &[u8], given: &str, said: &str, profile: Option<String>) -> Result<Self, Failure> {
        Ok(Self { judge: Judge::new(bytes, given, said, profile.as_deref())? })
    }

    /// `{shape, torn, unjudged, submissions}` as JSON.
    ///
    /// # Errors
    /// As [`Judge::heads`].
    pub fn heads(&self) -> Result<String, Failure> {
        self.judge.heads()
    }

    /// The nonces of a submission.
    ///
    /// # Errors
    /// `E_INTERNAL`.
    pub fn nonces(&self, at: usize) -> Result<Vec<u64>, Failure> {
        let any = self.judge.submission(at)?;
        Ok(each!(any, submission => submission.nonces().iter().map(|nonce| nonce.get()).collect()))
    }

    /// What the model of a submission costs, as JSON.
    ///
    /// # Errors
    /// `E_MEMORY` when it fits no wasm memory.
    pub fn cost(&self, at: usize, keep_weights: bool) -> Result<String, Failure> {
        let cost = match self.judge.submission(at)? {
            AnySubmission::Gonka(submission) => Gonka::cost(&submission.params, keep_weights)?,
            AnySubmission::Exact(submission) => Exact::cost(&submission.params, keep_weights)?,
        };
        to_string(&cost)
    }

    /// The claims of a submission: a `Float64Array` of distances, or a `Uint8Array` of 32 bytes a digest.
    ///
    /// # Errors
    /// `E_INTERNAL`.
    pub fn claims(&self, at: usize) -> Result<wasm_bindgen::JsValue, Failure> {
        Ok(match self.judge.submission(at)? {
            AnySubmission::Gonka(submission) => Gonka::claims_to_js(submission.claims()),
            AnySubmission::Exact(submission) => Exact::claims_to_js(submission.claims()),
        })
    }

    /// Draws a sample; without a size as many as the network's validators take. Whose the seed is: `random`,
    /// `verifier` or `document`.
    ///
    /// # Errors
    /// `E_FORMAT` for another source.
    pub fn sample(&self, at: usize, size: Option<u32>, seed: &str, source: &str) -> Result<Drawn, Failure> {
        let source = match source {
            "random" => Source::Random,
            "verifier" => Source::Verifier,
            "document" => Source::Document,
            _ => return Err(Failure::format("a seed is the verifier's, random, or the document's")),
        };
        Ok(Drawn { sample: self.judge.sample(at, size, seed, source)? })
    }

    /// Findings of single claims, as JSON; outcomes as [`Model::compute`] gives them, or results.
    ///
    /// # Errors
    /// As [`Judge::check`].
    pub fn check(&self, at: usize, indices: &[u32], outcomes: &str) -> Result<String, Failure> {
        self.judge.check(at, indices, outcomes)
    }

    /// Judges a sample and gives the submission's report as JSON.
    ///
    /// # Errors
    /// As [`Judge::judge`].
    pub fn judge(
        &mut self,
        at: usize,
        sample: &Drawn,
        outcomes: &str,
        gpu: Option<String>,
    ) -> Result<String, Failure> {
        self.judge.judge(at, &sample.sample, outcomes, gpu)
    }

    /// The report of the document, as JSON.
    ///
    /// # Errors
    /// As [`Judge::conclude`].
    pub fn conclude(&mut self) -> Result<String, Failure> {
        self.judge.conclude()
    }
}

/// A model of one block, ready to compute.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Model {
    model: models::Model,
}

#[wasm_bindgen]
impl Model {
    /// Opens a model; `progress` is told the share of the weights done, where they are made ahead. `pool` is the block's
    /// weight pool, whole or to be made, where the model has one.
    ///
    /// # Errors
    /// As [`models::describe`]; `E_BLOCK_HASH`; `E_MEMORY` when the memory cannot grow; `E_ABORTED`.
    #[wasm_bindgen(constructor)]
    pub fn new(
        profile: &str,
        params: &str,
        block_hash: &str,
        keep_weights: bool,
        progress: &Function,
        pool: Option<WeightPool>,
    ) -> Result<Self, Failure> {
        let block = BlockHash::new(block_hash).map_err(Failure::block_hash)?;
        let model = match models::profile_of(profile)? {
            ProfileName::Gonka => {
                let pool = pool.ok_or_else(|| Failure::internal("this model reads a weight pool"))?;
                let params = models::params_of::<Gonka>(params)?;
                models::Model::Gonka(Box::new(crate::gonka::Model::lent(&params, &block, pool, progress)?))
            }
            ProfileName::Exact => {
                let params = models::params_of::<Exact>(params)?;
                models::Model::Exact(Box::new(Exact::open(&params, &block, keep_weights, progress)?))
            }
        };
        Ok(Self { model })
    }

    /// What nonces come to, as a JSON list of [`Computed::outcome_words`].
    ///
    /// # Errors
    /// `E_RANGE` for a key or nonce that cannot be; `E_ABORTED`.
    pub fn compute(
        &mut self,
        public_key: &str,
        nonces: &[u64],
        progress: &Function,
    ) -> Result<String, Failure> {
        fn of<P: Computed>(
            model: &mut P::Model,
            public_key: &str,
            nonces: &[u64],
            progress: &Function,
        ) -> Result<String, Failure> {
            let (key, nonces) = asked::<P>(public_key, nonces)?;
            let mut told = |share| tell(progress, f64::from(share));
            outcomes_to_json::<P>(&ready(model.outcomes(&key, &nonces, &mut told))?)
        }
        match &mut self.model {
            models::Model::Gonka(model) => of::<Gonka>(model, public_key, nonces, progress),
            models::Model::Exact(model) => of::<Exact>(model, public_key, nonces, progress),
        }
    }
}
