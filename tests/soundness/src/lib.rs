#![doc = include_str!("../README.md")]
//!
//! # Modules
//!
//! In reading order: [`worth`] is the arithmetic of a cheater who screens nonces by a cheap score and does the full work
//! on the promising ones only; [`gonka`] and [`exact`] are the attackers, each a list of [`Shortcut`]s with their price
//! and their scores; [`harness`] measures any of them. The tests are `tests/exact_soundness.rs` and
//! `tests/gonka_soundness.rs`.
#![forbid(unsafe_code)]

pub mod exact;
pub mod gonka;
pub mod harness;
pub mod worth;

use harness::OnShare;
use sphere_pow_core::exact::Digest;
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};
use worth::Price;

/// Nonces that an attacker computes at once.
const BATCH: usize = 64;

/// A named way to do less: what is left out of the honest work. Nothing left out is the honest work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortcut<Edit> {
    /// What a table shows.
    pub name: String,
    /// What is left out.
    pub edits: Vec<Edit>,
}

impl<Edit> Shortcut<Edit> {
    /// A shortcut that leaves out `edits`.
    pub fn new(name: impl Into<String>, edits: Vec<Edit>) -> Self {
        Self { name: name.into(), edits }
    }
}

/// A nonce's scores, as a cheater takes them from logits, true or not; the larger, the nearer to a win. Of order 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// By the profile's rule.
    pub by_rule: f64,
    /// Were the target known beforehand, where the rule draws it last: how far the network alone resists. No part of the
    /// profile.
    pub target_known: Option<f64>,
    /// Of profiles whose claims carry one: a claim with another digest than the honest one is refused.
    pub digest: Option<Digest>,
}

/// One who may do less than a profile asks: a model on one block, for one key.
pub trait Attacker: Sync {
    /// The profile's name.
    const PROFILE: &'static str;
    /// What can be left out.
    type Edit: Sync;

    /// The shortcuts to measure.
    fn shortcuts(&self) -> Vec<Shortcut<Self::Edit>>;

    /// What the score of a nonce costs by a shortcut.
    fn price(&self, shortcut: &Shortcut<Self::Edit>) -> Price;

    /// The scores of `nonces` by a shortcut.
    fn scores(&self, shortcut: &Shortcut<Self::Edit>, nonces: &[Nonce]) -> Vec<Score>;

    /// The scores of `nonces` when nothing is left out; `None` when `progress` says stop.
    fn honest_scores(&self, nonces: &[Nonce], progress: OnShare<'_>) -> Option<Vec<Score>>;

    /// The chance of an honest nonce to win.
    fn win_rate(&self) -> f64;

    /// Nonces to measure for a shortcut at `price`, where most get `n`.
    fn n_nonces(&self, price: Price, n: usize) -> usize {
        let _ = price;
        n
    }
}

/// The block attacked and the key that attacks; any other would do.
fn identity() -> (BlockHash, PublicKey) {
    (BlockHash::new("soundness").expect("a hash"), PublicKey::new("cheater").expect("a key"))
}
