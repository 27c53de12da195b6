//! numpy's random numbers, bit for bit (SPEC §I.1): [`SeedSequence`], PCG64, ziggurat normals, permutations.

mod normal;
mod seed_sequence;
pub mod ziggurat_tables;

pub use normal::{Ziggurat, ZigguratStep};
pub use seed_sequence::SeedSequence;

use super::seed::Seed;
use alloc::vec::Vec;
use half::f16;
use rand_pcg::{Pcg64, rand_core::Rng};

/// numpy's `PCG64` with its buffered half word and the distributions the profile draws from.
#[derive(Clone, Debug)]
pub struct NumpyRng {
    pcg: Pcg64,
    high_half: Option<u32>,
}

impl NumpyRng {
    /// The generator that numpy makes from the extended entropy of `seed`.
    #[must_use]
    pub fn new(seed: &Seed) -> Self {
        let [s0, s1, s2, s3] = SeedSequence::new(&seed.entropy()).generate_u64x4();
        let join = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
        Self { pcg: Pcg64::new(join(s0, s1), join(s2, s3)), high_half: None }
    }

    /// Skips `n` 64-bit draws in O(log n).
    pub fn advance(&mut self, n: u128) {
        self.pcg.advance(n);
        self.high_half = None;
    }

    /// The next 64-bit draw.
    pub fn next_u64(&mut self) -> u64 {
        self.pcg.next_u64()
    }

    /// The next 32-bit draw: the low half of a fresh 64-bit draw, then its kept high half.
    pub fn next_u32(&mut self) -> u32 {
        if let Some(high) = self.high_half.take() {
            return high;
        }
        let fresh = self.next_u64();
        self.high_half = Some((fresh >> 32) as u32);
        #[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
        {
            fresh as u32
        }
    }

    /// A uniform f64 in [0, 1) with 53 random bits.
    pub fn next_f64(&mut self) -> f64 {
        uniform(self.next_u64())
    }

    /// A standard normal by numpy's 256-level ziggurat.
    pub fn standard_normal(&mut self) -> f64 {
        Ziggurat::new().draw(|| self.next_u64())
    }

    /// `n` standard normals in order.
    pub fn standard_normals(&mut self, n: usize) -> Vec<f64> {
        let ziggurat = Ziggurat::new();
        (0..n).map(|_| ziggurat.draw(|| self.pcg.next_u64())).collect()
    }

    /// A uniform integer in 0..=`max`: 32-bit draws cut to the bits of `max`, those above it thrown away.
    pub fn bounded(&mut self, max: u32) -> u32 {
        if max == 0 {
            return 0;
        }
        let mask = u32::MAX >> max.leading_zeros();
        loop {
            let draw = self.next_u32() & mask;
            if draw <= max {
                return draw;
            }
        }
    }

    /// A permutation of 0..n: Fisher-Yates from the last index down to 1.
    pub fn permutation(&mut self, n: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n).collect();
        for i in (1..n).rev() {
            let j = self.bounded(i);
            order.swap(i as usize, j as usize);
        }
        order
    }
}

/// The top 53 bits of a draw as an f64 in [0, 1).
fn uniform(draw: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let bits = (draw >> 11) as f64;
    bits * (1.0 / 9_007_199_254_740_992.0)
}

/// f64 to f16 as the network does it: to nearest even twice, through f32.
#[must_use]
pub fn f16_through_f32(value: f64) -> f16 {
    #[expect(clippy::cast_possible_truncation, reason = "rounding to nearest even is the rule")]
    let single = value as f32;
    f16::from_f32(single)
}

/// Weights are normal(0, 0.02): numpy computes `0.0 + 0.02 * z` in f64.
#[must_use]
pub fn weight_from_normal(z: f64) -> f16 {
    f16_through_f32(0.02 * z)
}
