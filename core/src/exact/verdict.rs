//! Digest and verdict (SPEC §II.8): what the logits of a nonce come to, in integers only.

use super::params::{MAX_DIM, MAX_VOCAB};
use super::stream;
use super::tables::MAX_WEIGHT;
use alloc::string::String;
use core::fmt;

/// Largest size of a logit: `MAX_DIM * 127 * 46`.
pub const MAX_LOGIT: i32 = MAX_DIM.cast_signed() * 127 * MAX_WEIGHT;

/// SHA-256 over a nonce's logits with tag, version and domain (SPEC §II.8).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of logits.
    ///
    /// # Shapes
    /// - `logits`: `[vocab]`.
    #[must_use]
    pub fn of_logits(logits: &[i32]) -> Self {
        Self(stream::digest_of(logits))
    }

    /// A digest as received.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest of 64 lower-case hex digits; `None` for any other text.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 lower-case hex digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        alloc::format!("{self}")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Whether a nonce wins, with the exact numbers that say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Sum of logit times target: below 2^57 in size (SPEC §II.8).
    pub dot: i64,
    /// Sum of squared logits: below 2^66.
    pub logits_squared: u128,
    /// Sum of squared target entries: below 2^28.
    pub target_squared: u32,
    /// `dot > 0` and `dot² 2^32 >= threshold * target_squared * logits_squared`.
    pub won: bool,
}

impl Verdict {
    /// Compares the cosine of logits and target with the threshold, SPEC §II.8.
    ///
    /// # Shapes
    /// - `logits`: `[vocab]`, each at most [`MAX_LOGIT`] in size.
    /// - `target`: `[vocab]`, entries of the normal table.
    ///
    /// # Units
    /// `threshold`: squared cosine in units of 2^-32.
    ///
    /// # Panics
    /// When the lengths differ or pass 65536, or a value is beyond its bound: no forward pass gives that.
    #[must_use]
    pub fn new(logits: &[i32], target: &[i8], threshold: u32) -> Self {
        assert_eq!(logits.len(), target.len(), "logits and target are [vocab]");
        assert!(logits.len() <= MAX_VOCAB as usize, "at most 65536 logits");
        assert!(logits.iter().all(|x| x.unsigned_abs() <= MAX_LOGIT.unsigned_abs()), "logits within bounds");
        assert!(target.iter().all(|t| i32::from(*t).abs() <= MAX_WEIGHT), "targets within bounds");
        // 65536 * (4096 * 127 * 46) * 46 < 2^57.
        let dot: i64 = logits.iter().zip(target).map(|(x, t)| i64::from(*x) * i64::from(*t)).sum();
        // 65536 * (4096 * 127 * 46)² < 2^66.
        let logits_squared: u128 = logits.iter().map(|x| u128::from(x.unsigned_abs()).pow(2)).sum();
        // 65536 * 46² < 2^28.
        let target_squared: u32 = target.iter().map(|t| u32::from(t.unsigned_abs()).pow(2)).sum();
        let verdict = Self { dot, logits_squared, target_squared, won: false };
        let (left, right) = verdict.sides(threshold);
        Self { won: dot > 0 && left >= right, ..verdict }
    }

    /// `dot² 2^32` and `threshold * target_squared * logits_squared`, which the verdict compares.
    ///
    /// By Cauchy and Schwarz dot² <= target² logits² < 2^94, so both stay below 2^126.
    #[must_use]
    pub fn sides(&self, threshold: u32) -> (u128, u128) {
        let left = u128::from(self.dot.unsigned_abs()).pow(2) << 32;
        (left, u128::from(threshold) * u128::from(self.target_squared) * self.logits_squared)
    }

    /// The cosine, for display only: nothing may be decided by it. 0 for zero logits.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "for display")]
    pub fn cosine(&self) -> f64 {
        let norm = libm::sqrt(self.logits_squared as f64) * libm::sqrt(f64::from(self.target_squared));
        if norm > 0.0 { self.dot as f64 / norm } else { 0.0 }
    }

    /// The distance on the unit sphere, `sqrt(2 - 2 cosine)`, for display only.
    #[must_use]
    pub fn distance(&self) -> f64 {
        libm::sqrt(2.0 - 2.0 * self.cosine())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn the_largest_values_fit() {
        let n = MAX_VOCAB as usize;
        let verdict = Verdict::new(&vec![MAX_LOGIT; n], &vec![46; n], u32::MAX);
        assert!(verdict.won);
        assert!(
            verdict.dot < 1 << 57 && verdict.logits_squared < 1 << 66 && verdict.target_squared < 1 << 28
        );
        let verdict = Verdict::new(&vec![-MAX_LOGIT; n], &vec![46; n], u32::MAX);
        assert!(!verdict.won);
        assert_eq!(verdict.dot, -(65_536 * 46 * i64::from(MAX_LOGIT)));
    }

    #[test]
    fn equality_wins_and_one_unit_less_does_not() {
        // cos² = 16 / (4 * 16) = 1/4 exactly.
        let (logits, target) = ([4, 0, 0, 0], [1, 1, 1, 1]);
        assert!(Verdict::new(&logits, &target, 1 << 30).won);
        assert!(!Verdict::new(&logits, &target, (1 << 30) + 1).won);
        assert!(!Verdict::new(&[-4, 0, 0, 0], &target, 0).won);
        assert!(!Verdict::new(&[0; 4], &target, 0).won);
    }

    #[test]
    fn hex_is_strict() {
        let digest = Digest::of_logits(&[1, -2, 3]);
        assert_eq!(Digest::from_hex(&digest.to_hex()), Some(digest));
        for bad in
            ["", "00", &"0".repeat(63), &"0".repeat(65), &"G".repeat(64), &"A".repeat(64), &"é".repeat(32)]
        {
            assert_eq!(Digest::from_hex(bad), None);
        }
    }
}
