//! The target on the sphere and the distance to it (SPEC §I.2, §I.5).

use super::rng::NumpyRng;
use super::seed::Seed;
use crate::identity::BlockHash;
use alloc::vec::Vec;

/// The point of the unit sphere that the block hash fixes, `[vocab]` f64.
#[derive(Clone, Debug, PartialEq)]
pub struct Target(Vec<f64>);

impl Target {
    /// Draws the target of `block` in `vocab` dimensions.
    #[must_use]
    pub fn new(block: &BlockHash, vocab: usize) -> Self {
        let mut point = NumpyRng::new(&Seed::target(block)).standard_normals(vocab);
        let squares: Vec<f64> = point.iter().map(|x| x * x).collect();
        let norm = libm::sqrt(pairwise_sum(&squares));
        for x in &mut point {
            *x /= norm;
        }
        Self(point)
    }

    /// Its coordinates.
    #[must_use]
    pub fn coordinates(&self) -> &[f64] {
        &self.0
    }

    /// The distance of permuted, normalised `logits` to this target: `o[j] = logits[permutation[j]]`,
    /// `o / |o|` in f32, the rest in f64.
    ///
    /// All-zero or non-finite logits give NaN, which no verdict counts as valid.
    ///
    /// # Panics
    /// When `logits` or `permutation` are not `[vocab]`.
    #[must_use]
    pub fn distance(&self, logits: &[f32], permutation: &[u32]) -> f64 {
        assert_eq!(logits.len(), self.0.len(), "logits are [vocab]");
        assert_eq!(permutation.len(), self.0.len(), "a permutation is [vocab]");
        let norm = norm(logits);
        let mut sum = 0.0;
        for (target, ix) in self.0.iter().zip(permutation) {
            let difference = f64::from(logits[*ix as usize] / norm) - target;
            sum += difference * difference;
        }
        libm::sqrt(sum)
    }
}

/// The length of `logits`, by which they are divided (SPEC §I.5).
#[must_use]
pub fn norm(logits: &[f32]) -> f32 {
    let square: f64 = logits.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
    #[expect(clippy::cast_possible_truncation, reason = "the norm is an f32 by rule")]
    let norm = libm::sqrt(square) as f32;
    norm
}

/// numpy's summation: blocks of at most 128 by eight accumulators, halves above.
fn pairwise_sum(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 8 {
        return values.iter().fold(-0.0, |sum, x| sum + x);
    }
    if n > 128 {
        let half = n / 2 - n / 2 % 8;
        return pairwise_sum(&values[..half]) + pairwise_sum(&values[half..]);
    }
    let (blocks, rest) = values.as_chunks::<8>();
    let mut r = blocks[0];
    for block in &blocks[1..] {
        for (sum, x) in r.iter_mut().zip(block) {
            *sum += x;
        }
    }
    let sum = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
    rest.iter().fold(sum, |sum, x| sum + x)
}
