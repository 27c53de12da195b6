//! Recomputes somebody else's claims and gives the network's verdict.

use super::backend::{Backend, distances};
use crate::error::ProverError;
use serde::Serialize;
use sphere_pow_core::gonka::proof::{ProofBatch, TargetRadius};
use sphere_pow_core::gonka::shapes::{self, Claim};
use sphere_pow_core::gonka::verify::{Advisory, Rule, ValidatedBatch, sample_indices};
use sphere_pow_core::gonka::{Params, Puzzle};
use sphere_pow_core::identity::{BlockHash, PublicKey};
use std::ops::ControlFlow;
use std::path::Path;

/// What options say about a document that leaves it out.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// `--block-hash`.
    pub block_hash: Option<BlockHash>,
    /// `--public-key`.
    pub public_key: Option<PublicKey>,
    /// `--params`.
    pub params: Option<Params>,
    /// `--r-target`.
    pub r_target: Option<TargetRadius>,
}

/// Claims of one key on one block under one model, joined as a validator joins them.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The claims.
    pub batch: ProofBatch,
    /// The model.
    pub params: Params,
    /// The radius to win.
    pub r_target: TargetRadius,
}

/// A verdict with what led to it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The network's own form.
    #[serde(flatten)]
    pub validated: ValidatedBatch,
    /// Nonces in the submission, of which `nonces` are the sample.
    pub n_claimed: usize,
    /// Seed of the sample; empty when all were checked.
    pub sample_seed: String,
    /// Where it was recomputed.
    pub backend: &'static str,
    /// On which device.
    pub adapter: String,
    /// What the network does not look at.
    pub advisory: Option<Advisory>,
}

/// Reads a document, or JSON lines of documents, and joins what belongs together.
///
/// # Errors
/// [`ProverError::Shape`], [`ProverError::MissingContext`], [`ProverError::Contradiction`],
/// [`ProverError::Proof`] for an empty submission or a nonce claimed twice.
pub fn read_submissions(file: &Path, text: &str, context: &Context) -> Result<Vec<Submission>, ProverError> {
    let shape_error = |source| ProverError::Shape { file: file.into(), source };
    let mut claims = match shapes::parse(text) {
        Ok(document) => document.claims,
        Err(error) => {
            // One document a line: the form of our own ledger.
            let mut lines = text.lines().filter(|line| !line.trim().is_empty());
            if text.trim_end().lines().count() < 2 {
                return Err(shape_error(error));
            }
            lines.try_fold(Vec::new(), |mut claims, line| {
                claims.extend(shapes::parse(line).map_err(shape_error)?.claims);
                Ok::<_, ProverError>(claims)
            })?
        }
    };
    claims.retain(|claim| !claim.nonces.is_empty());
    if claims.is_empty() {
        return Err(sphere_pow_core::gonka::proof::ProofError::Empty.into());
    }
    let mut groups: Vec<(Submission, Claim)> = Vec::new();
    for claim in claims {
        let (params, r_target) = complete(file, &claim, context)?;
        let key =
            or_option(file, "public key", claim.public_key.clone(), &context.public_key, "--public-key")?;
        let block =
            or_option(file, "block hash", claim.block_hash.clone(), &context.block_hash, "--block-hash")?;
        let same = |(s, _): &&mut (Submission, Claim)| {
            s.batch.public_key == key
                && s.batch.block_hash == block
                && s.params == params
                && s.r_target == r_target
        };
        if let Some((_, joined)) = groups.iter_mut().find(same) {
            joined.nonces.extend(claim.nonces);
            joined.distances.extend(claim.distances);
            continue;
        }
        let (height, node) = (claim.block_height.unwrap_or(0), claim.node_id.unwrap_or(0));
        let first = (claim.nonces[..1].to_vec(), claim.distances[..1].to_vec());
        let batch = ProofBatch::new(key, block, height, node, first.0, first.1)?;
        groups.push((Submission { batch, params, r_target }, claim));
    }
    let join = |(submission, claim): (Submission, Claim)| {
        let ProofBatch { public_key, block_hash, block_height, node_id, .. } = submission.batch;
        let batch =
            ProofBatch::new(public_key, block_hash, block_height, node_id, claim.nonces, claim.distances)?;
        Ok(Submission { batch, ..submission })
    };
    groups.into_iter().map(join).collect()
}

fn complete(file: &Path, claim: &Claim, context: &Context) -> Result<(Params, TargetRadius), ProverError> {
    let params = match (&claim.params, &context.params) {
        (Some(own), Some(option)) if own != option => {
            return Err(ProverError::Contradiction {
                file: file.into(),
                what: "the model",
                got: format!("{:?}", own.raw()),
                option: "--params",
                expected: format!("{:?}", option.raw()),
            });
        }
        (own, option) => own.clone().or_else(|| option.clone()),
    };
    let missing = |what, option| ProverError::MissingContext { file: file.into(), what, option };
    let params = params.ok_or_else(|| missing("the model", "--params"))?;
    // A radius is the validator's choice, so the option goes first.
    let r_target = context.r_target.or(claim.r_target).ok_or_else(|| missing("the radius", "--r-target"))?;
    Ok((params, r_target))
}

fn or_option<T: Clone + PartialEq + ToString>(
    file: &Path,
    what: &'static str,
    own: Option<T>,
    given: &Option<T>,
    option: &'static str,
) -> Result<T, ProverError> {
    match (own, given) {
        (Some(own), Some(given)) if own != *given => Err(ProverError::Contradiction {
            file: file.into(),
            what,
            got: own.to_string(),
            option,
            expected: given.to_string(),
        }),
        (Some(own), _) => Ok(own),
        (None, Some(given)) => Ok(given.clone()),
        (None, None) => Err(ProverError::MissingContext { file: file.into(), what, option }),
    }
}

/// Recomputes a sample of `submission` and judges it.
///
/// `progress` gets the share done, 0 to 1.
///
/// # Errors
/// The backend's, [`ProverError::Proof`] for a threshold that is none, [`ProverError::Interrupted`].
pub fn verify(
    submission: &Submission,
    backend: &mut dyn Backend,
    sample: usize,
    seed: &str,
    fraud_threshold: f64,
    progress: &mut dyn FnMut(f32) -> ControlFlow<()>,
) -> Result<Report, ProverError> {
    let Submission { batch, params, r_target } = submission;
    let rule = Rule::new(*r_target, fraud_threshold)?;
    let puzzle = Puzzle::new(params, &batch.block_hash);
    let n_claimed = batch.nonces().len();
    let indices = sample_indices(n_claimed, sample, seed);
    let nonces: Vec<_> = indices.iter().map(|ix| batch.nonces()[*ix]).collect();
    let own = distances(backend, &puzzle, &batch.public_key, &nonces, progress)?;
    let claimed: Vec<_> = indices.iter().map(|ix| batch.distances()[*ix]).collect();
    let validated = ValidatedBatch::new(batch, &indices, &own, &rule);
    Ok(Report {
        validated,
        n_claimed,
        sample_seed: if indices.len() < n_claimed { seed.into() } else { String::new() },
        backend: backend.info().backend,
        adapter: backend.info().adapter.clone(),
        advisory: Advisory::new(&claimed, &own, *r_target),
    })
}
