//! One host's claims on one block, ready to be checked.

use super::report::SubmissionReport;
use super::{Settled, Source, Verdict};
use crate::gonka::rng::NumpyRng;
use crate::gonka::seed::Seed;
use crate::identity::{BlockHash, Nonce, PublicKey};
use crate::network::sample::{SampleError, network_sample};
use crate::profile::{EngineInfo, Model, Profile};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::Serialize;

/// Who said what a submission is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sources {
    /// The model.
    pub params: Source,
    /// What prices a win beside it.
    pub rule: Source,
    /// The block.
    pub block_hash: Source,
    /// The host.
    pub public_key: Source,
}

/// All claims of one host on one block under one model, as a validator joins them.
///
/// No nonce stands twice, and there is at least one. Only [`super::plan`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission<P: Profile> {
    /// Where in the document it stands, as `lines 1 to 3` or `poc_batch[2]`.
    pub place: String,
    /// The account that submitted it.
    pub participant: Option<String>,
    /// The host.
    pub public_key: PublicKey,
    /// The block.
    pub block_hash: BlockHash,
    /// Its height.
    pub block_height: Option<i64>,
    /// Which of the host's nodes; of several, the first.
    pub node_id: Option<u64>,
    /// The model.
    pub params: P::Params,
    /// The rule to judge by.
    pub settled: Settled<P::Rule>,
    /// Who said all this.
    pub sources: Sources,
    pub(super) nonces: Vec<Nonce>,
    pub(super) claims: Vec<P::Claim>,
}

/// How many nonces of a submission the network's validators recompute.
pub const DEFAULT_SAMPLE: usize = 200;

/// How much of a submission to recompute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleSize {
    /// So many claims, or all where there are fewer.
    Count(usize),
    /// All claims.
    All,
}

impl Default for SampleSize {
    /// As many as the network's validators take.
    fn default() -> Self {
        Self::Count(DEFAULT_SAMPLE)
    }
}

/// Which claims to recompute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    indices: Vec<usize>,
    seed: Option<String>,
    source: Source,
}

impl Sample {
    /// Indices of the claims, ascending.
    #[must_use]
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    /// What drew it; `None` when it is all there is.
    #[must_use]
    pub fn seed(&self) -> Option<&str> {
        self.seed.as_deref()
    }

    /// Who chose it.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }
}

impl<P: Profile> Submission<P> {
    /// The nonces claimed, in the document's order.
    #[must_use]
    pub fn nonces(&self) -> &[Nonce] {
        &self.nonces
    }

    /// What is claimed of each nonce.
    #[must_use]
    pub fn claims(&self) -> &[P::Claim] {
        &self.claims
    }

    /// The puzzle that the nonces are of.
    #[must_use]
    pub fn puzzle(&self) -> P::Puzzle {
        P::puzzle(&self.params, &self.block_hash)
    }

    /// Draws a sample. A seed that the prover can foresee protects nothing: `source` says whose it is, and only
    /// [`Source::Random`] and [`Source::Verifier`] carry a verdict.
    #[must_use]
    pub fn sample(&self, size: SampleSize, seed: &str, source: Source) -> Sample {
        let n = self.nonces.len();
        match size {
            SampleSize::Count(count) if count < n => {
                Sample { indices: sample_indices(n, count, seed), seed: Some(seed.to_string()), source }
            }
            _ => Sample { indices: (0..n).collect(), seed: None, source: Source::Whole },
        }
    }

    /// The sample that a validator of the network draws at the stage's height (SPEC §III.7), for comparison with what that one
    /// found: whoever knows the chain foresees it, so it confirms nothing.
    ///
    /// # Errors
    /// [`SampleError::TooMany`].
    pub fn network_sample(
        &self,
        validator: &PublicKey,
        height: u64,
        size: SampleSize,
    ) -> Result<Sample, SampleError> {
        let all = u32::try_from(self.nonces.len()).unwrap_or(u32::MAX);
        let size = match size {
            SampleSize::Count(count) => u32::try_from(count).unwrap_or(u32::MAX),
            SampleSize::All => all,
        };
        let places = network_sample(validator, &self.block_hash, height, all, size)?;
        if places.len() == self.nonces.len() {
            return Ok(Sample { indices: (0..places.len()).collect(), seed: None, source: Source::Whole });
        }
        let mut indices: Vec<usize> = places.into_iter().map(|place| place as usize).collect();
        indices.sort_unstable();
        let seed = alloc::format!("{validator}:{}:{height}", self.block_hash);
        Ok(Sample { indices, seed: Some(seed), source: Source::Document })
    }

    /// The nonces of a sample, in its order.
    #[must_use]
    pub fn sampled_nonces(&self, sample: &Sample) -> Vec<Nonce> {
        sample.indices.iter().filter_map(|ix| self.nonces.get(*ix).copied()).collect()
    }

    /// Checks one claim against what was recomputed; `None` beyond the claims.
    #[must_use]
    pub fn check(&self, index: usize, outcome: &P::Outcome) -> Option<P::Finding> {
        let (nonce, claim) = (self.nonces.get(index)?, self.claims.get(index)?);
        Some(P::check(&self.settled.rule, index, *nonce, claim, outcome))
    }

    /// What the verdict rests on that only the document says, and that prices the work.
    #[must_use]
    pub fn unconfirmed(&self, sample: &Sample) -> Vec<&'static str> {
        let parts = [
            ("params", self.sources.params == Source::Document),
            ("rule", !self.settled.is_confirmed),
            ("sample", sample.source == Source::Document),
        ];
        parts.into_iter().filter(|(_, is_open)| *is_open).map(|(name, _)| name).collect()
    }

    /// Judges a sample.
    ///
    /// # Shapes
    /// - `outcomes`: `[sample.indices().len()]`, in its order.
    ///
    /// # Panics
    /// When there is not one outcome for each claim of the sample.
    #[must_use]
    pub fn report(
        &self,
        sample: &Sample,
        outcomes: &[P::Outcome],
        engine: &EngineInfo,
    ) -> SubmissionReport<P> {
        assert_eq!(sample.indices.len(), outcomes.len(), "one outcome for each claim of the sample");
        let pairs = sample.indices.iter().zip(outcomes);
        let findings: Vec<P::Finding> = pairs.filter_map(|(ix, outcome)| self.check(*ix, outcome)).collect();
        let (verdict, evidence) = P::conclude(&self.settled.rule, self.nonces.len(), &findings);
        let unconfirmed = self.unconfirmed(sample);
        let verdict = match verdict {
            Verdict::Honest if !unconfirmed.is_empty() => Verdict::Unconfirmed,
            other => other,
        };
        SubmissionReport {
            verdict,
            summary: String::new(),
            profile: P::NAME,
            profile_version: P::VERSION,
            place: self.place.clone(),
            participant: self.participant.clone(),
            block_hash: self.block_hash.to_string(),
            public_key: self.public_key.to_string(),
            block_height: self.block_height,
            node_id: self.node_id,
            preset: self.params.preset(),
            params: self.params.clone(),
            rule: self.settled.rule.clone(),
            win_rate: P::win_rate(&self.params, &self.settled.rule),
            sources: self.sources,
            unconfirmed,
            n_claimed: self.nonces.len(),
            n_checked: findings.len(),
            n_bad: findings.iter().filter(|finding| !P::is_good(finding)).count(),
            sample_seed: sample.seed.clone(),
            sample_source: sample.source,
            engine: engine.clone(),
            evidence,
            hints: self.hints(),
            results: findings,
        }
        .summarised(&self.settled.words)
    }

    /// Spellings that the network would not use: a likely cause where distances scatter.
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        [self.block_hash.spelling_hint(), self.public_key.spelling_hint()].into_iter().flatten().collect()
    }
}

/// `count` different indices below `n` in ascending order; all of them when `count >= n`.
///
/// The first entries of the numpy permutation of n under the seed string `{seed}`, one hash. A prover that
/// can guess `seed` can keep its junk where nobody looks: choose it after the batch is fixed.
#[must_use]
pub fn sample_indices(n: usize, count: usize, seed: &str) -> Vec<usize> {
    if count >= n {
        return (0..n).collect();
    }
    let total = u32::try_from(n).unwrap_or(u32::MAX);
    let order = NumpyRng::new(&Seed::from_text(seed, 1)).permutation(total);
    let mut sample: Vec<usize> = order.into_iter().take(count).map(|ix| ix as usize).collect();
    sample.sort_unstable();
    sample
}

#[cfg(test)]
mod tests {
    use super::sample_indices;

    #[test]
    fn samples_are_distinct_sorted_and_depend_on_the_seed() {
        let a = sample_indices(1000, 200, "a");
        assert_eq!(a.len(), 200);
        assert!(a.array_windows().all(|[x, y]| x < y));
        assert_ne!(a, sample_indices(1000, 200, "b"));
        assert_eq!(sample_indices(3, 200, "a"), [0, 1, 2]);
    }
}
