//! Documents and their judge: core's reader, plan and reports behind handles.

use crate::error::Failure;
use crate::json::{to_string, unix_seconds};
use crate::models::{Computed, engine_info};
use serde::Serialize;
use sphere_pow_core::document::{self, AnyBatch, Batch};
use sphere_pow_core::exact::Exact;
use sphere_pow_core::gonka::Gonka;
use sphere_pow_core::json;
use sphere_pow_core::profile::{EngineInfo, Model as _, Profile, ProfileName};
use sphere_pow_core::verify::{
    self, AnyReport, AnySubmission, Given, GivenError, Plan, Sample, SampleSize, Source, Sources, Submission,
    SubmissionReport,
};

/// Fills gaps of a batch with what comes with a document without standing in it, as in a link: it is the document's
/// word.
fn fill<P: Computed>(batch: &mut Batch<P>, said: &Given) -> Result<ProfileName, GivenError> {
    let own = Given { r_target: None, block_height: None, ..said.clone() };
    let own = verify::Expectations::<P>::new(&own)?;
    batch.params = batch.params.take().or(own.params);
    batch.block_hash = batch.block_hash.take().or(own.block_hash);
    batch.public_key = batch.public_key.take().or(own.public_key);
    batch.block_height = batch.block_height.or(said.block_height);
    batch.price = batch.price.or_else(|| P::price_from_radius(said.r_target?));
    Ok(P::NAME)
}

/// What may come with a document.
fn said_of(json: &str) -> Result<Given, Failure> {
    let said = Given::from_json(json)?;
    let is_more = said.participant.is_some() || said.fraud_threshold.is_some();
    if is_more {
        Err(Failure::format("participant and fraudThreshold are the verifier's to say"))
    } else {
        Ok(said)
    }
}

/// A batch as it stands in its document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase", bound = "")]
struct BatchHead<'a, P: Profile> {
    profile: ProfileName,
    place: String,
    participant: Option<String>,
    public_key: Option<String>,
    block_hash: Option<String>,
    block_height: Option<i64>,
    node_id: Option<u64>,
    params: Option<&'a P::Params>,
    preset: Option<&'static str>,
    r_target: Option<f64>,
    n_claimed: usize,
    has_claims: bool,
}

impl<'a, P: Computed> BatchHead<'a, P> {
    fn new(batch: &'a Batch<P>) -> Self {
        let params = batch.params.as_ref();
        Self {
            profile: P::NAME,
            place: batch.place.to_string(),
            participant: batch.participant.clone(),
            public_key: batch.public_key.as_ref().map(ToString::to_string),
            block_hash: batch.block_hash.as_ref().map(ToString::to_string),
            block_height: batch.block_height,
            node_id: batch.node_id,
            params,
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
    let document = document::read(bytes)?;
    let heads = document.batches.iter().map(|batch| match batch {
        AnyBatch::Gonka(batch) => Either::Gonka(BatchHead::new(batch)),
        AnyBatch::Exact(batch) => Either::Exact(BatchHead::new(batch)),
    });
    to_string(&heads.collect::<Vec<_>>())
}

/// What a submission is of, before it is checked: the fields that its report will have.
#[derive(Serialize)]
#[serde(rename_all = "camelCase", bound = "")]
struct Head<'a, P: Profile> {
    profile: ProfileName,
    place: String,
    participant: Option<String>,
    block_hash: String,
    public_key: String,
    block_height: Option<i64>,
    node_id: Option<u64>,
    preset: Option<&'static str>,
    params: &'a P::Params,
    rule: &'a P::Rule,
    win_rate: f64,
    sources: Sources,
    unconfirmed: Vec<&'static str>,
    n_claimed: usize,
    hints: Vec<String>,
}

impl<'a, P: Profile> Head<'a, P> {
    fn new(submission: &'a Submission<P>) -> Self {
        let Submission { params, settled, block_hash, public_key, .. } = submission;
        let whole = submission.sample(SampleSize::All, "", Source::Whole);
        Self {
            profile: P::NAME,
            place: submission.place.clone(),
            participant: submission.participant.clone(),
            block_hash: block_hash.to_string(),
            public_key: public_key.to_string(),
            block_height: submission.block_height,
            node_id: submission.node_id,
            preset: params.preset(),
            params,
            rule: &settled.rule,
            win_rate: P::win_rate(params, &settled.rule),
            sources: submission.sources,
            unconfirmed: submission.unconfirmed(&whole),
            n_claimed: submission.nonces().len(),
            hints: submission.hints(),
        }
    }
}

#[derive(Serialize)]
struct Heads<'a> {
    shape: document::Shape,
    torn: Option<document::Torn>,
    unjudged: &'a [verify::Unjudged],
    submissions: Vec<Either<Head<'a, Gonka>, Head<'a, Exact>>>,
}

/// One or the other, shown without saying which.
#[derive(Serialize)]
#[serde(untagged)]
enum Either<G, E> {
    Gonka(G),
    Exact(E),
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
    /// Reads a document and joins its batches. `given` and `said` are JSON of [`Given`].
    ///
    /// # Errors
    /// As [`document::read`] and [`verify::plan`]; `E_FORMAT` for options of other types, and for batches of another
    /// profile than `profile`.
    pub fn new(bytes: &[u8], given: &str, said: &str, profile: Option<&str>) -> Result<Self, Failure> {
        let given = Given::from_json(given)?;
        let said = said_of(said)?;
        let mut document = document::read(bytes)?;
        for batch in &mut document.batches {
            let own = match batch {
                AnyBatch::Gonka(batch) => fill(batch, &said)?,
                AnyBatch::Exact(batch) => fill(batch, &said)?,
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
        let heads = self.plan.submissions.iter().map(|any| match any {
            AnySubmission::Gonka(submission) => Either::Gonka(Head::new(submission)),
            AnySubmission::Exact(submission) => Either::Exact(Head::new(submission)),
        });
        to_string(&Heads {
            shape: self.plan.shape,
            torn: self.plan.torn,
            unjudged: &self.plan.unjudged,
            submissions: heads.collect(),
        })
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
            to_string(&findings.collect::<Result<Vec<_>, _>>()?)
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
        let json = to_string(&report)?;
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
        to_string(&self.plan.conclude(reports, unix_seconds()))
    }
}

fn read_outcomes<P: Computed>(
    submission: &Submission<P>,
    text: &str,
    expected: usize,
) -> Result<Vec<P::Outcome>, Failure> {
    let mut outcomes = Vec::with_capacity(expected);
    let read = json::elements(json::only(text).map_err(Failure::format)?, |_, raw| {
        outcomes.push(P::outcome_from_json(&submission.params, raw)?);
        Ok(())
    });
    match read {
        Err(json::Stop::Own(failure)) => Err(failure),
        Err(json::Stop::Json(error)) => Err(Failure::format(error)),
        Ok(()) if outcomes.len() == expected => Ok(outcomes),
        Ok(()) => Err(Failure::format(format!("{} outcomes, expected {expected}", outcomes.len()))),
    }
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
