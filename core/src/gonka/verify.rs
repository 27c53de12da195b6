//! The network's verdict on a batch, and what we add to it as advice (SPEC §I.7 to §I.9).

use super::proof::{Distance, ProofBatch, ProofError, TargetRadius};
use super::rng::NumpyRng;
use super::seed::Seed;
use crate::identity::Nonce;
use crate::statistics::binomial_tail;
use alloc::vec::Vec;
use serde::Serialize;

/// How often an honest prover's nonce is taken for a bad one: the network's constant.
pub const PROBABILITY_MISMATCH: f64 = 5e-4;
/// The network's default: a batch less probable than this is fraud.
pub const DEFAULT_FRAUD_THRESHOLD: f64 = 1e-7;
/// How many nonces of a batch the network's validators recompute.
pub const DEFAULT_SAMPLE: usize = 200;

/// What a validator holds a batch against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    r_target: TargetRadius,
    fraud_threshold: f64,
}

impl Rule {
    /// Joins a radius and a threshold.
    ///
    /// # Errors
    /// [`ProofError::FraudThreshold`] when `fraud_threshold` is outside 0..=1.
    pub fn new(r_target: TargetRadius, fraud_threshold: f64) -> Result<Self, ProofError> {
        if (0.0..=1.0).contains(&fraud_threshold) {
            Ok(Self { r_target, fraud_threshold })
        } else {
            Err(ProofError::FraudThreshold { got: fraud_threshold })
        }
    }

    /// The radius.
    #[must_use]
    pub fn r_target(&self) -> TargetRadius {
        self.r_target
    }

    /// The threshold.
    #[must_use]
    pub fn fraud_threshold(&self) -> f64 {
        self.fraud_threshold
    }

    /// Counts bad nonces and says whether that many are honest, SPEC §I.7.
    ///
    /// A nonce is bad when its recomputed distance is above the radius or not a number, or when its claimed
    /// distance is not below the radius. No nonces: honest.
    ///
    /// # Shapes
    /// - `claimed`, `recomputed`: `[nonces]`.
    ///
    /// # Panics
    /// When the lengths differ.
    #[must_use]
    pub fn judge(&self, claimed: &[Distance], recomputed: &[f64]) -> Verdict {
        assert_eq!(claimed.len(), recomputed.len(), "one recomputed distance for each claim");
        let radius = self.r_target.get();
        let is_bad = |(claim, own): (&Distance, &f64)| {
            own.is_nan() || *own > radius || !self.r_target.is_won(claim.get())
        };
        let n_invalid = claimed.iter().zip(recomputed).filter(|pair| is_bad(*pair)).count();
        let probability_honest = binomial_tail(claimed.len() as u64, n_invalid as u64, PROBABILITY_MISMATCH);
        let fraud_detected = probability_honest < self.fraud_threshold;
        Verdict { n_checked: claimed.len(), n_invalid, probability_honest, fraud_detected }
    }
}

/// What the network says of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Nonces recomputed.
    pub n_checked: usize,
    /// Bad ones among them.
    pub n_invalid: usize,
    /// P(X >= n_invalid) for X ~ Binomial(n_checked, 5e-4).
    pub probability_honest: f64,
    /// Whether that is below the threshold.
    pub fraud_detected: bool,
}

/// What claims and recomputed distances say beside the verdict. Advisory: the network does not compare them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Advisory {
    /// Root mean square of claimed minus recomputed distances. Honest hardware: below 5e-6 (SPEC §I.8).
    pub rms_error: f64,
    /// The largest of them in size. Honest hardware: below 2e-5.
    pub max_error: f64,
    /// Mean of the recomputed distances. Near sqrt 2: another block hash, key or model was mined.
    pub mean_recomputed: f64,
    /// Whether the errors are those of honest hardware: an opinion, not the verdict.
    pub is_within_hardware_noise: bool,
    /// Whether the recomputed distances scatter about sqrt 2 as those of random points do.
    pub looks_like_wrong_context: bool,
}

/// Root mean square distance error allowed to honest hardware, SPEC §I.8.
pub const RMS_BOUND: f64 = 5e-6;
/// Largest distance error allowed to honest hardware, SPEC §I.8.
pub const MAX_BOUND: f64 = 2e-5;

impl Advisory {
    /// Compares claims with recomputed distances; `None` without nonces.
    ///
    /// # Shapes
    /// - `claimed`, `recomputed`: `[nonces]`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn new(claimed: &[Distance], recomputed: &[f64], r_target: TargetRadius) -> Option<Self> {
        if recomputed.is_empty() {
            return None;
        }
        let n = recomputed.len() as f64;
        let errors = || claimed.iter().zip(recomputed).map(|(claim, own)| claim.get() - own);
        let rms_error = libm::sqrt(errors().map(|e| e * e).sum::<f64>() / n);
        // f64::max would drop a NaN, which must show.
        let max_error =
            errors().fold(0.0, |max: f64, e| if e.is_nan() || e.abs() > max { e.abs() } else { max });
        let mean_recomputed = recomputed.iter().sum::<f64>() / n;
        let beyond = recomputed.iter().filter(|d| !r_target.is_won(**d)).count();
        Some(Self {
            rms_error,
            max_error,
            mean_recomputed,
            is_within_hardware_noise: rms_error <= RMS_BOUND && max_error <= MAX_BOUND,
            looks_like_wrong_context: beyond * 2 > recomputed.len(),
        })
    }
}

/// A batch with its verdict in the network's JSON form (proof shape B): `dist` is the validator's own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValidatedBatch {
    public_key: alloc::string::String,
    block_hash: alloc::string::String,
    block_height: i64,
    nonces: Vec<u64>,
    dist: Vec<f64>,
    node_id: u64,
    received_dist: Vec<Distance>,
    r_target: TargetRadius,
    fraud_threshold: f64,
    n_invalid: usize,
    probability_honest: f64,
    fraud_detected: bool,
}

impl ValidatedBatch {
    /// The verdict of `rule` on the entries `sample` of `batch`.
    ///
    /// # Shapes
    /// - `sample`: indices into the batch.
    /// - `recomputed`: `[sample]`.
    ///
    /// # Panics
    /// When an index is out of range or the lengths differ.
    #[must_use]
    pub fn new(batch: &ProofBatch, sample: &[usize], recomputed: &[f64], rule: &Rule) -> Self {
        let received_dist: Vec<Distance> = sample.iter().map(|ix| batch.distances()[*ix]).collect();
        let nonces: Vec<Nonce> = sample.iter().map(|ix| batch.nonces()[*ix]).collect();
        let verdict = rule.judge(&received_dist, recomputed);
        Self {
            public_key: batch.public_key.as_str().into(),
            block_hash: batch.block_hash.as_str().into(),
            block_height: batch.block_height,
            nonces: nonces.into_iter().map(Nonce::get).collect(),
            dist: recomputed.to_vec(),
            node_id: batch.node_id,
            received_dist,
            r_target: rule.r_target(),
            fraud_threshold: rule.fraud_threshold(),
            n_invalid: verdict.n_invalid,
            probability_honest: verdict.probability_honest,
            fraud_detected: verdict.fraud_detected,
        }
    }

    /// Who mined.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// On which block.
    #[must_use]
    pub fn block_hash(&self) -> &str {
        &self.block_hash
    }

    /// The validator's own distances, `[nonces]`.
    #[must_use]
    pub fn recomputed(&self) -> &[f64] {
        &self.dist
    }

    /// What the batch was held against.
    #[must_use]
    pub fn rule(&self) -> Rule {
        Rule { r_target: self.r_target, fraud_threshold: self.fraud_threshold }
    }

    /// What came of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict {
            n_checked: self.nonces.len(),
            n_invalid: self.n_invalid,
            probability_honest: self.probability_honest,
            fraud_detected: self.fraud_detected,
        }
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
    use super::*;
    use alloc::vec;

    fn rule() -> Rule {
        Rule::new(TargetRadius::LAUNCH, DEFAULT_FRAUD_THRESHOLD).expect("valid")
    }

    fn judged(n: usize, n_bad: usize) -> Verdict {
        let mut own = vec![1.4; n];
        own[..n_bad].fill(1.41);
        rule().judge(&vec![Distance::new(1.4).expect("chord"); n], &own)
    }

    #[test]
    fn five_bad_of_two_hundred_are_fraud_and_four_are_not() {
        for (n, first_flagged) in [(10, 3), (20, 4), (50, 4), (100, 5), (200, 5), (500, 7), (1000, 8)] {
            assert!(!judged(n, first_flagged - 1).fraud_detected, "{n}");
            assert!(judged(n, first_flagged).fraud_detected, "{n}");
        }
    }

    #[test]
    fn an_empty_sample_is_honest() {
        let verdict = rule().judge(&[], &[]);
        assert_eq!((verdict.n_invalid, verdict.probability_honest, verdict.fraud_detected), (0, 1.0, false));
    }

    #[test]
    fn nan_and_claims_at_the_radius_are_bad_and_the_radius_itself_is_good() {
        let r = TargetRadius::LAUNCH.get();
        let claims: Vec<_> = [1.4, 1.4, r].iter().map(|d| Distance::new(*d).expect("chord")).collect();
        assert_eq!(rule().judge(&claims, &[f64::NAN, r, 1.0]).n_invalid, 2);
    }

    #[test]
    fn samples_are_distinct_sorted_and_depend_on_the_seed() {
        let a = sample_indices(1000, 200, "a");
        assert_eq!(a.len(), 200);
        assert!(a.windows(2).all(|w| w[0] < w[1]));
        assert_ne!(a, sample_indices(1000, 200, "b"));
        assert_eq!(sample_indices(3, 200, "a"), vec![0, 1, 2]);
    }

    #[test]
    fn advice_tells_noise_from_nonsense() {
        let claims = vec![Distance::new(1.4).expect("chord"); 4];
        let honest = Advisory::new(&claims, &[1.400_001; 4], TargetRadius::LAUNCH).expect("nonces");
        assert!(honest.is_within_hardware_noise && !honest.looks_like_wrong_context);
        let wrong = Advisory::new(&claims, &[1.41, 1.42, 1.414, 1.39], TargetRadius::LAUNCH).expect("nonces");
        assert!(!wrong.is_within_hardware_noise && wrong.looks_like_wrong_context);
        let broken =
            Advisory::new(&claims, &[f64::NAN, 1.4, 1.4, 1.4], TargetRadius::LAUNCH).expect("nonces");
        assert!(broken.max_error.is_nan() && !broken.is_within_hardware_noise);
    }
}
