//! From batches to submissions: what a document leaves out is filled in, what belongs together is joined.

use super::given::{Expectations, Given, GivenError};
use super::report::{AnyReport, REPORT_SCHEMA, Report, ReportVerdict};
use super::submission::{Sources, Submission};
use super::{Facts, Source};
use crate::document::{AnyBatch, Batch, Document, Shape, Torn};
use crate::exact::Exact;
use crate::gonka::Gonka;
use crate::identity::{BlockHash, Nonce, PublicKey};
use crate::profile::{Model, Profile};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Serialize;

/// A submission of whichever profile.
#[derive(Clone, Debug, PartialEq)]
pub enum AnySubmission {
    /// Of [`Gonka`].
    Gonka(Submission<Gonka>),
    /// Of [`Exact`].
    Exact(Submission<Exact>),
}

/// A part of a document that could not be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unjudged {
    /// Where it stands.
    pub place: String,
    /// The account it is of.
    pub participant: Option<String>,
    /// A stable name for the reason (SPEC, "Errors").
    pub code: &'static str,
    /// The reason in words.
    pub message: String,
}

/// What a verifier has to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The document's shape.
    pub shape: Shape,
    /// What is cut off.
    pub torn: Option<Torn>,
    /// To be judged.
    pub submissions: Vec<AnySubmission>,
    /// What cannot be.
    pub unjudged: Vec<Unjudged>,
}

/// Joins the batches of a document by host and block, under what the verifier expects.
///
/// Lines of one host and block that name different models, radii or heights are refused together: each would be
/// judged apart, and small parts convict nobody.
///
/// # Errors
/// [`GivenError`] for an option that cannot be, or that the document's profile does not know.
pub fn plan(document: Document, given: &Given) -> Result<Plan, GivenError> {
    let Document { shape, batches, rejected, torn } = document;
    let mut unjudged: Vec<Unjudged> = rejected
        .into_iter()
        .map(|part| Unjudged {
            place: part.error.place.to_string(),
            participant: part.participant,
            code: part.error.kind.code(),
            message: part.error.kind.to_string(),
        })
        .collect();
    if let Some(wanted) = &given.participant {
        unjudged.retain(|part| part.participant.as_ref() == Some(wanted));
    }
    let (mut gonka, mut exact) = (Vec::new(), Vec::new());
    for batch in batches {
        match batch {
            AnyBatch::Gonka(batch) => gonka.push(batch),
            AnyBatch::Exact(batch) => exact.push(batch),
        }
    }
    let mut submissions = Vec::new();
    submissions.extend(join(gonka, given, &mut unjudged)?.into_iter().map(AnySubmission::Gonka));
    submissions.extend(join(exact, given, &mut unjudged)?.into_iter().map(AnySubmission::Exact));
    if submissions.is_empty() && unjudged.is_empty() {
        let (code, message) = match (&given.participant, shape) {
            (Some(wanted), _) => (
                "no-participant",
                format!("nothing in the document is of participant {}", crate::text::shown(wanted)),
            ),
            (None, Shape::Init) => ("no-nonces", "this starts a node: it has no nonces".to_string()),
            (None, _) => ("no-nonces", "there are no nonces to judge".to_string()),
        };
        unjudged.push(Unjudged { place: "the document".into(), participant: None, code, message });
    }
    Ok(Plan { shape, torn, submissions, unjudged })
}

impl Plan {
    /// The report of the whole document, from those of its submissions and the seconds since 1970.
    #[must_use]
    pub fn conclude(&self, submissions: Vec<AnyReport>, unix_seconds: u64) -> Report {
        let worst = submissions.iter().map(|report| ReportVerdict::from(report.verdict())).max();
        let verdict = match worst {
            Some(ReportVerdict::Fraud) => ReportVerdict::Fraud,
            None => ReportVerdict::Refused,
            Some(_) if !self.unjudged.is_empty() => ReportVerdict::Incomplete,
            Some(verdict) => verdict,
        };
        Report {
            schema: REPORT_SCHEMA,
            software: env!("CARGO_PKG_VERSION"),
            date: crate::text::date(unix_seconds),
            verdict,
            shape: self.shape,
            torn: self.torn,
            submissions,
            unjudged: self.unjudged.clone(),
        }
    }
}

/// Batches of one host and block.
struct Group<P: Profile> {
    /// Where the first stands, and the last.
    places: [String; 2],
    participant: Option<String>,
    public_key: PublicKey,
    block_hash: BlockHash,
    block_height: Option<i64>,
    node_id: Option<u64>,
    params: P::Params,
    price: Option<P::Price>,
    /// Whose word each is, but for the rule: a later batch may bring the height, by which it is known.
    sources: Sources,
    nonces: Vec<Nonce>,
    claims: Vec<P::Claim>,
    /// Why it cannot be judged.
    fault: Option<Fault>,
}

fn join<P: Profile>(
    batches: Vec<Batch<P>>,
    given: &Given,
    unjudged: &mut Vec<Unjudged>,
) -> Result<Vec<Submission<P>>, GivenError> {
    if batches.is_empty() {
        return Ok(Vec::new());
    }
    let expected = Expectations::<P>::new(given)?;
    let mut groups: Vec<Group<P>> = Vec::new();
    let mut index: BTreeMap<(PublicKey, BlockHash), usize> = BTreeMap::new();
    for batch in batches {
        let is_other =
            given.participant.as_ref().is_some_and(|wanted| batch.participant.as_ref() != Some(wanted));
        // A line without won nonces tells how far a search came, and nothing else.
        let is_progress = batch.nonces.is_empty() && batch.progress.is_some();
        if is_other || is_progress {
            continue;
        }
        let (place, participant) = (batch.place.to_string(), batch.participant.clone());
        match group_of(batch, &expected) {
            Err((code, message)) => unjudged.push(Unjudged { place, participant, code, message }),
            Ok(group) => {
                let id = (group.public_key.clone(), group.block_hash.clone());
                match index.get(&id).and_then(|ix| groups.get_mut(*ix)) {
                    Some(first) => first.add(group),
                    None => {
                        index.insert(id, groups.len());
                        groups.push(group);
                    }
                }
            }
        }
    }
    let mut submissions = Vec::new();
    for group in groups {
        match group.finish(&expected) {
            Ok(submission) => submissions.push(submission),
            Err(part) => unjudged.push(part),
        }
    }
    Ok(submissions)
}

type Fault = (&'static str, String);

/// Fills in what a batch leaves out, and refuses what contradicts the verifier.
fn group_of<P: Profile>(batch: Batch<P>, expected: &Expectations<P>) -> Result<Group<P>, Fault> {
    if batch.nonces.is_empty() {
        return Err(("no-nonces", "there are no nonces to judge".into()));
    }
    let Batch { place, participant, public_key, block_hash, block_height, node_id, params, price, .. } =
        batch;
    let (public_key, key_source) =
        settled("key", public_key, &expected.public_key, ToString::to_string, ("wrong-key", "missing-key"))?;
    P::check_key(&public_key).map_err(|error| (error.code(), error.to_string()))?;
    let (block_hash, block_source) = settled(
        "block",
        block_hash,
        &expected.block_hash,
        ToString::to_string,
        ("wrong-block", "missing-block"),
    )?;
    let sizes = |params: &P::Params| match params.preset() {
        Some(name) => name.to_string(),
        None => params.to_string(),
    };
    let (params, params_source) =
        settled("model", params, &expected.params, sizes, ("wrong-params", "missing-params"))?;
    let params_source = match params_source {
        Source::Document if params.preset().is_some() => Source::Network,
        source => source,
    };
    let Some(claims) = batch.claims else {
        let message =
            format!("{} is left out: nonces can be recomputed, nothing can be judged", P::CLAIM_COLUMN);
        return Err(("no-claims", message));
    };
    let place = place.to_string();
    Ok(Group {
        places: [place.clone(), place],
        participant,
        public_key,
        block_hash,
        block_height,
        node_id,
        params,
        price,
        sources: Sources {
            params: params_source,
            rule: Source::Document,
            block_hash: block_source,
            public_key: key_source,
        },
        nonces: batch.nonces,
        claims,
        fault: None,
    })
}

/// A value from the document and the verifier: the same, or from one of them.
fn settled<T: Clone + PartialEq>(
    what: &str,
    own: Option<T>,
    given: &Option<T>,
    words: impl Fn(&T) -> String,
    (wrong, missing): (&'static str, &'static str),
) -> Result<(T, Source), Fault> {
    match (own, given) {
        (Some(own), Some(given)) if own != *given => {
            Err((wrong, format!("{what} is {}, expected {} as the verifier says", words(&own), words(given))))
        }
        (_, Some(given)) => Ok((given.clone(), Source::Verifier)),
        (Some(own), None) => Ok((own, Source::Document)),
        (None, None) => {
            Err((missing, format!("the document leaves out the {what}, so the verifier must say it")))
        }
    }
}

impl<P: Profile> Group<P> {
    /// Adds a batch of the same host and block.
    fn add(&mut self, new: Self) {
        let differs = if self.params != new.params {
            Some("model")
        } else if self.price != new.price {
            Some(P::PRICE_WORD)
        } else {
            match (self.block_height, new.block_height) {
                (Some(a), Some(b)) if a != b => Some("block height"),
                _ => None,
            }
        };
        let ([first, last], [place, _]) = (&mut self.places, new.places);
        if let Some(what) = differs
            && self.fault.is_none()
        {
            let message = format!("{place} has another {what} than {first} of the same host and block");
            self.fault = Some(("mixed", message));
        }
        *last = place;
        self.block_height = self.block_height.or(new.block_height);
        self.node_id = self.node_id.or(new.node_id);
        self.nonces.extend(new.nonces);
        self.claims.extend(new.claims);
    }

    fn finish(self, expected: &Expectations<P>) -> Result<Submission<P>, Unjudged> {
        let [first, last] = self.places;
        let place = if first == last { first } else { format!("{first} to {last}") };
        let fault = self.fault.or_else(|| {
            let (nonce, first, second) = duplicate(&self.nonces)?;
            Some((
                "duplicate",
                format!("nonce {nonce} is claimed at entry {first} and again at entry {second}"),
            ))
        });
        if let Some((code, message)) = fault {
            return Err(Unjudged { place, participant: self.participant, code, message });
        }
        let facts =
            Facts { params: &self.params, price: self.price.as_ref(), block_height: self.block_height };
        let settled = P::settle(&expected.terms, &facts);
        Ok(Submission {
            place,
            participant: self.participant,
            public_key: self.public_key,
            block_hash: self.block_hash,
            block_height: self.block_height,
            node_id: self.node_id,
            params: self.params,
            sources: Sources { rule: settled.source, ..self.sources },
            settled,
            nonces: self.nonces,
            claims: self.claims,
        })
    }
}

/// A nonce that stands twice, with both entries.
fn duplicate(nonces: &[Nonce]) -> Option<(Nonce, usize, usize)> {
    let mut order: Vec<(Nonce, usize)> = nonces.iter().copied().zip(0..).collect();
    order.sort_unstable();
    order.array_windows().find(|[a, b]| a.0 == b.0).map(|[a, b]| (a.0, a.1, b.1))
}
