//! The attacker: forward passes with work left out (DESIGN, "The exact profile"), as changes to the honest plan.
//!
//! A [`Shortcut`] is a list of [`Edit`]s; [`CutExecutor`] runs what they leave of the plan on the reference
//! twins and counts what it costs. [`crate::soundness`] says what the outcome is worth.

mod change;
mod list;
mod run;
mod steps;

pub use change::Change;
pub use list::all;
pub use run::CutExecutor;

use super::params::Params;
use super::puzzle::Puzzle;
use super::verdict::Digest;
use crate::identity::{Nonce, PublicKey};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

/// One way to do less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// These layers do nothing.
    SkipLayers(Range<usize>),
    /// From layer `from` on, only the last `keep` positions exist.
    DropPositions {
        /// First layer without the other positions.
        from: usize,
        /// Positions left.
        keep: usize,
    },
    /// In these layers only the first `keep` heads exist.
    DropHeads {
        /// Layers.
        layers: Range<usize>,
        /// Heads left.
        keep: usize,
    },
    /// In these layers only the first `keep` columns of the feed-forward exist.
    DropColumns {
        /// Layers.
        layers: Range<usize>,
        /// Columns left.
        keep: usize,
    },
    /// These layers have no attention.
    SkipAttention(Range<usize>),
    /// These layers have no feed-forward.
    SkipFeedForward(Range<usize>),
    /// The matrices of these layers are replaced by cheaper ones.
    Approximate {
        /// Layers.
        layers: Range<usize>,
        /// By what.
        change: Change,
    },
    /// Only the last position is computed; keys and values of the others are those of another nonce.
    BorrowKeys,
    /// The result of an input that differs by one unit of the table in one coordinate.
    BorrowResult,
    /// Only the first `keep` logits are computed, the others taken for 0.
    DropLogits {
        /// Logits left.
        keep: usize,
    },
}

/// A named list of edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortcut {
    /// What a table shows.
    pub name: String,
    /// What is left out.
    pub edits: Vec<Edit>,
}

/// A nonce's scores as a cheater may take them from logits, true or not; all of order 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// The cosine by the rules, times sqrt(vocab): the target depends on these logits' own digest.
    pub bound: f64,
    /// What the cosine would be were the target known beforehand (that of nonce 0 and digest 0), times
    /// sqrt(vocab). Not part of the profile: it shows how far the network alone resists.
    pub fixed: f64,
    /// The digest; only equal digests make a claim that verifies.
    pub digest: Digest,
}

impl Scores {
    /// The scores of logits.
    ///
    /// # Shapes
    /// - `logits`: `[vocab]`.
    #[must_use]
    pub fn new(puzzle: &Puzzle, key: &PublicKey, nonce: Nonce, logits: &[i32]) -> Self {
        let params: &Params = puzzle.params();
        #[expect(clippy::cast_precision_loss, reason = "at most 65536")]
        let scale = libm::sqrt(params.vocab() as f64);
        let (digest, verdict) = puzzle.judge(key, nonce, logits);
        let first = Nonce::new(0).expect("0 is a nonce");
        let target = puzzle.target(key, first, &Digest::from_bytes([0; 32]));
        let fixed = super::Verdict::new(logits, &target, params.threshold()).cosine();
        Self { bound: scale * verdict.cosine(), fixed: scale * fixed, digest }
    }
}
