//! The attacker of the `exact` profile (DESIGN, "The exact profile"): a forward pass with work left out.
//!
//! A [`CutExecutor`] runs what a shortcut leaves of the plan, on the ops of the readable executor.

mod change;
mod forgery;
mod list;
mod run;
mod steps;

pub use change::Change;
pub use forgery::{Forgery, forgeries};
pub use run::CutExecutor;

use crate::harness::OnShare;
use crate::worth::Price;
use crate::{Attacker, BATCH, Score, Shortcut, identity};
use sphere_pow_core::exact::forward::ReferenceExecutor;
use sphere_pow_core::exact::{Digest, Params, Puzzle, Verdict};
use sphere_pow_core::identity::{Nonce, PublicKey};
use sphere_pow_cpu::exact::{CpuError, CpuExecutor, CpuOptions};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// Shortcuts cheaper than this get [`CHEAP_FACTOR`] times the nonces: the smaller the price, the smaller a correlation
/// pays.
const CHEAP_PRICE: f64 = 0.06;
const CHEAP_FACTOR: usize = 32;
/// Nonces that the fast executor computes between two tellings of progress.
const FAST_BATCH: usize = 16 * BATCH;

/// One piece of work left out.
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

/// The attacker, with the readable executor of a model for what shortcuts leave, and the fast one for honest work.
pub struct ExactAttacker {
    model: ReferenceExecutor,
    fast: Mutex<CpuExecutor>,
    key: PublicKey,
}

impl ExactAttacker {
    /// Attacks a model of these sizes.
    ///
    /// # Errors
    /// As [`CpuExecutor::new`].
    pub fn new(params: &Params) -> Result<Self, CpuError> {
        let (block, key) = identity();
        let puzzle = Puzzle::new(params, &block);
        let fast = Mutex::new(CpuExecutor::new(&puzzle, CpuOptions::default())?);
        Ok(Self { model: ReferenceExecutor::new(&puzzle), fast, key })
    }

    /// # Shapes
    /// - `logits`: `[nonces, vocab]`.
    fn judge<'a>(&'a self, nonces: &'a [Nonce], logits: &'a [i32]) -> impl Iterator<Item = Score> + 'a {
        let puzzle = self.model.puzzle();
        let params = puzzle.params();
        let known =
            puzzle.target(&self.key, Nonce::new(0).expect("0 is a nonce"), &Digest::from_bytes([0; 32]));
        #[expect(clippy::cast_precision_loss, reason = "at most 65536")]
        let scale = libm::sqrt(params.vocab() as f64);
        nonces.iter().zip(logits.chunks_exact(params.vocab())).map(move |(nonce, logits)| {
            let (digest, verdict) = puzzle.judge(&self.key, *nonce, logits);
            let with_known = Verdict::new(logits, &known, params.threshold());
            Score {
                by_rule: scale * verdict.cosine(),
                target_known: Some(scale * with_known.cosine()),
                digest: Some(digest),
            }
        })
    }
}

impl Attacker for ExactAttacker {
    const PROFILE: &'static str = "exact";
    type Edit = Edit;

    fn shortcuts(&self) -> Vec<Shortcut<Edit>> {
        list::all(self.model.puzzle().params())
    }

    fn price(&self, shortcut: &Shortcut<Edit>) -> Price {
        shortcut.price(self.model.puzzle().params())
    }

    fn scores(&self, shortcut: &Shortcut<Edit>, nonces: &[Nonce]) -> Vec<Score> {
        let puzzle = self.model.puzzle();
        let cut = CutExecutor::new(&self.model, shortcut, &puzzle.inputs(&self.key, &[Nonce::MAX]));
        let mut scores = Vec::with_capacity(nonces.len());
        for batch in nonces.chunks(BATCH) {
            scores.extend(self.judge(batch, &cut.logits_of_inputs(&puzzle.inputs(&self.key, batch))));
        }
        scores
    }

    fn honest_scores(&self, nonces: &[Nonce], progress: OnShare<'_>) -> Option<Vec<Score>> {
        // A panic elsewhere leaves the executor whole: each batch overwrites all it holds.
        let mut fast = self.fast.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scores = Vec::with_capacity(nonces.len());
        for batch in nonces.chunks(FAST_BATCH) {
            #[expect(clippy::cast_precision_loss, reason = "a share for display")]
            let share = scores.len() as f32 / nonces.len() as f32;
            // Being told to stop is the only error.
            let logits = fast.logits(&self.key, batch, &mut |_| progress(share)).ok()?;
            scores.extend(self.judge(batch, &logits));
        }
        Some(scores)
    }

    fn win_rate(&self) -> f64 {
        self.model.puzzle().params().win_rate()
    }

    fn n_nonces(&self, price: Price, n: usize) -> usize {
        if price.cheap < CHEAP_PRICE { CHEAP_FACTOR * n } else { n }
    }
}
