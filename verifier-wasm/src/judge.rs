//! Documents and their judge: core's reader, plan and reports behind handles.

use crate::error::Failure;
use crate::models::{Computed, engine_info};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sphere_pow_core::document::{self, AnyBatch, Batch};
use sphere_pow_core::profile::{EngineInfo, Model as _, Profile, ProfileName};
use sphere_pow_core::verify::{
    self, AnyReport, AnySubmission, Given, GivenError, Plan, Sample, SampleSize, Source, Sources, Submission,
    SubmissionReport,
};

/// What comes with a document without standing in it, as in a link: it fills gaps, and is the document's word.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Said {
    params: Option<Value>,
    block_hash: Option<String>,
    public_key: Option<String>,
    r_target: Option<f64>,
    block_height: Option<i64>,
}

impl Said {
    fn fill<P: Computed>(&self, batch: &mut Batch<P>) -> Result<ProfileName, GivenError> {
        let said = Given {
            params: self.params.clone(),
            block_hash: self.block_hash.clone(),
            public_key: self.public_key.clone(),
            ..Given::default()
        };
        let said = verify::Expectations::<P>::new(&said)?;
        batch.params = batch.params.take().or(said.params);
        batch.block_hash = batch.block_hash.take().or(said.block_hash);
        batch.public_key = batch.public_key.take().or(said.public_key);
        batch.block_height = batch.block_height.or(self.block_height);
        batch.price = batch.price.or_else(|| P::price_from_radius(self.r_target?));
        Ok(P::NAME)
    }
}

/// A batch as it stands in its document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchHead {
    profile: ProfileName,
    place: String,
    participant: Option<String>,
    public_key: Option<String>,
    block_hash: Option<String>,
    block_height: Option<i64>,
    node_id: Option<u64>,
    params: Option<Value>,
    preset: Option<&'static str>,
    r_target: Option<f64>,
    n_claimed: usize,
    has_claims: bool,
}

impl BatchHead {
    fn new<P: Computed>(batch: &Batch<P>) -> Self {
        let params = batch.params.as_ref();
        Self {
            profile: P::NAME,
            place: batch.place.to_string(),
            participant: batch.participant.clone(),
            public_key: batch.public_key.as_ref().map(ToString::to_string),
            block_hash: batch.block_hash.as_ref().map(ToString::to_string),
            block_height: batch.block_height,
            node_id: batch.node_id,
            params: params.map(|params| params.to_value()),
            preset: params.and_then(|params| params.preset()),
            r_target: batch.price.as_ref().and_then(P::radius_of_price),
            n_claimed: batch.nonces.len(),
            has_claims: batch.claims.is_some(),
        }
    }
}

/// The batches of a document as they stand, as a JSON list.
///
/// # Errors
/// As [`document::read`].
pub fn batches(bytes: &[u8]) -> Result<String, Failure> {
    let heads = document::read(bytes)?.batches.into_iter().map(|batch| match batch {
        AnyBatch::Gonka(batch) => BatchHead::new(&batch),
        AnyBatch::Exact(batch) => BatchHead::new(&batch),
    });
    Ok(serde_json::to_string(&heads.collect::<Vec<_>>())?)
}

/// What a submission is of, before it is checked: the fields that its report will have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    profile: ProfileName,
    place: String,
    participant: Option<String>,
    block_hash: String,
    public_key: String,
    block_height: Option<i64>,
    node_id: Option<u64>,
    preset: Option<&'static str>,
    params: Value,
    rule: Value,
    win_rate: f64,
    sources: Sources,
    unconfirmed: Vec<&'static str>,
    n_claimed: usize,
    hints: Vec<String>,
}

impl Head {
    fn new<P: Profile>(submission: &Submission<P>) -> Result<Self, Failure> {
        let Submission { params, settled, block_hash, public_key, .. } = submission;
        let whole = submission.sample(SampleSize::All, "", Source::Whole);
        Ok(Self {
            profile: P::NAME,
            place: submission.place.clone(),
            participant: submission.participant.clone(),
            block_hash: block_hash.to_string(),
            public_key: public_key.to_string(),
            block_height: submission.block_height,
            node_id: submission.node_id,
            preset: params.preset(),
            params: params.to_value(),
            rule: serde_json::to_value(&settled.rule)?,
            win_rate: P::win_rate(params, &settled.rule),
            sources: submission.sources,
            unconfirmed: submission.unconfirmed(&whole),
            n_claimed: submission.nonces().len(),
            hints: [block_hash.spelling_hint(), public_key.spelling_hint()].into_iter().flatten().collect(),
        })
    }
}

#[derive(Serialize)]
struct Heads<'a> {
    shape: document::Shape,
    torn: Option<document::Torn>,
    unjudged: &'a [verify::Unjudged],
    submissions: Vec<Head>,
}

/// Does the same for a submission of whichever profile.
macro_rules! each {
    ($any:expr, $submission:ident => $work:expr) => {
        match $any {
            AnySubmission::Gonka($submission) => $work,
            AnySubmission::Exact($submission) => $work,
        }
    };
}
pub(crate) use each;

/// What is to be judged of a document, and the reports so far.
#[derive(Debug)]
pub struct Judge {
    plan: Plan,
    reports: Vec<Option<AnyReport>>,
}

impl Judge {
    /// Reads a document and joins its batches. `given` and `said` are JSON of [`Given`] and [`Said`].
    ///
    /// # Errors
    /// As [`document::read`] and [`verify::plan`]; `E_FORMAT` for options of other types, and for batches of another
    /// profile than `profile`.
    pub fn new(bytes: &[u8], given: &str, said: &str, profile: Option<&str>) -> Result<Self, Failure> {
        let given: Given = serde_json::from_str(given).map_err(Failure::format)?;
        let said: Said = serde_json::from_str(said).map_err(Failure::format)?;
        let mut document = document::read(bytes)?;
        for batch in &mut document.batches {
            let own = match batch {
                AnyBatch::Gonka(batch) => said.fill(batch)?,
                AnyBatch::Exact(batch) => said.fill(batch)?,
            };
            if let Some(expected) = profile.filter(|name| *name != own.as_str()) {
                let message = format!("the proof is of profile {own}, expected {expected} as the verifier's");
                return Err(Failure::format(message));
            }
        }
        let plan = verify::plan(document, &given)?;
        let reports = plan.submissions.iter().map(|_| None).collect();
        Ok(Self { plan, reports })
    }

    /// Shape, torn tail, what cannot be judged, and what each submission is of, as JSON.
    ///
    /// # Errors
    /// None that these values have.
    pub fn heads(&self) -> Result<String, Failure> {
        let heads = self.plan.submissions.iter().map(|any| each!(any, submission => Head::new(submission)));
        Ok(serde_json::to_string(&Heads {
            shape: self.plan.shape,
            torn: self.plan.torn,
            unjudged: &self.plan.unjudged,
            submissions: heads.collect::<Result<_, _>>()?,
        })?)
    }

    /// The submission of that number.
    ///
    /// # Errors
    /// `E_INTERNAL`.
    pub fn submission(&self, at: usize) -> Result<&AnySubmission, Failure> {
        self.plan.submissions.get(at).ok_or_else(|| Failure::internal("there is no such submission"))
    }

    /// Draws a sample of a submission; without a size, as many as the network's validators take.
    ///
    /// # Errors
    /// `E_INTERNAL`.
    pub fn sample(
        &self,
        at: usize,
        size: Option<u32>,
        seed: &str,
        source: Source,
    ) -> Result<Sample, Failure> {
        let size = size.map_or_else(SampleSize::default, |count| SampleSize::Count(count as usize));
        Ok(each!(self.submission(at)?, submission => submission.sample(size, seed, source)))
    }

    /// Findings of single claims, as a JSON list.
    ///
    /// # Shapes
    /// - `outcomes`: a JSON list `[indices.len()]`, in its order, of outcomes or earlier results.
    ///
    /// # Errors
    /// `E_FORMAT`, `E_RANGE` for outcomes that are none.
    pub fn check(&self, at: usize, indices: &[u32], outcomes: &str) -> Result<String, Failure> {
        each!(self.submission(at)?, submission => {
            let outcomes = read_outcomes(submission, outcomes, indices.len())?;
            let pairs = indices.iter().zip(&outcomes);
            let findings = pairs.map(|(index, outcome)| {
                let finding = submission.check(*index as usize, outcome);
                finding.ok_or_else(|| Failure::range(format!("there is no claim {index}")))
            });
            Ok(serde_json::to_string(&findings.collect::<Result<Vec<_>, _>>()?)?)
        })
    }

    /// Judges a sample, keeps the report and gives it as JSON. `gpu` is the device where a GPU computed.
    ///
    /// # Shapes
    /// - `outcomes`: a JSON list `[sample.indices().len()]`, in its order.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn judge(
        &mut self,
        at: usize,
        sample: &Sample,
        outcomes: &str,
        gpu: Option<String>,
    ) -> Result<String, Failure> {
        let engine = match gpu {
            Some(device) => EngineInfo { engine: "webgpu", device },
            None => engine_info(),
        };
        let report = each!(self.submission(at)?, submission => {
            AnyReport::from(report(submission, sample, outcomes, &engine)?)
        });
        let json = serde_json::to_string(&report)?;
        self.reports[at] = Some(report);
        Ok(json)
    }

    /// The report of the document, as JSON.
    ///
    /// # Errors
    /// `E_INTERNAL` before every submission is judged.
    pub fn conclude(&mut self) -> Result<String, Failure> {
        let reports = core::mem::take(&mut self.reports).into_iter().collect::<Option<Vec<_>>>();
        let reports = reports.ok_or_else(|| Failure::internal("not every submission is judged"))?;
        Ok(serde_json::to_string(&self.plan.conclude(reports))?)
    }
}

fn read_outcomes<P: Computed>(
    submission: &Submission<P>,
    json: &str,
    expected: usize,
) -> Result<Vec<P::Outcome>, Failure> {
    let values: Vec<Value> = serde_json::from_str(json).map_err(Failure::format)?;
    if values.len() != expected {
        return Err(Failure::format(format!("{} outcomes, expected {expected}", values.len())));
    }
    values.iter().map(|value| P::outcome_from_value(&submission.params, value)).collect()
}

fn report<P: Computed>(
    submission: &Submission<P>,
    sample: &Sample,
    outcomes: &str,
    engine: &EngineInfo,
) -> Result<SubmissionReport<P>, Failure> {
    let n = submission.nonces().len();
    if sample.indices().iter().any(|index| *index >= n) {
        return Err(Failure::internal("the sample is of another submission"));
    }
    let outcomes = read_outcomes(submission, outcomes, sample.indices().len())?;
    Ok(submission.report(sample, &outcomes, engine))
}
