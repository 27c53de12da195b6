//! The test that every device passes before it is used.
//!
//! The model is `tests/vectors/gonka_tiny.json`: small enough to take no time, and with two layers, grouped KV
//! heads and a feed-forward it runs every kernel.

use super::params::RawParams;
use super::verify::MAX_BOUND;
use super::{Params, Puzzle};
use crate::f16;
use crate::identity::{BlockHash, Nonce, PublicKey};
use alloc::vec::Vec;

/// Distances of nonces 0 to 7 as the network's reference computes them.
pub const DISTANCES: [f64; 8] = [
    1.3377195371599704,
    1.4731305999967548,
    1.3649028425223466,
    1.33675645261622,
    1.402304136019282,
    1.401621216695394,
    1.43132235877722,
    1.4753436845229335,
];

/// A distance that is not the known one.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("nonce {nonce} has distance {got}, expected {expected} within {MAX_BOUND}")]
pub struct WrongAnswer {
    /// The nonce.
    pub nonce: u64,
    /// What the device computed.
    pub got: f64,
    /// The known answer.
    pub expected: f64,
}

/// The puzzle whose answers are known.
#[must_use]
pub fn puzzle() -> Puzzle {
    let raw = RawParams {
        dim: 64,
        n_layers: 2,
        n_heads: 4,
        n_kv_heads: 2,
        vocab_size: 128,
        ffn_dim_multiplier: Some(1.3),
        multiple_of: 32,
        norm_eps: 1e-5,
        rope_theta: 10_000.0,
        use_scaled_rope: false,
        seq_len: 8,
    };
    let params = Params::new(&raw).expect("the vector's sizes are valid");
    Puzzle::new(&params, &BlockHash::new("deadbeef").expect("visible ASCII"))
}

fn key() -> PublicKey {
    PublicKey::new("02abc").expect("visible ASCII")
}

fn nonces() -> impl Iterator<Item = Nonce> {
    (0..).map(|n| Nonce::new(n).expect("small"))
}

/// Inputs of the first `count` nonces of [`puzzle`], `[count * seq_len, dim]`.
#[must_use]
pub fn inputs(count: usize) -> Vec<f16> {
    let (puzzle, key) = (puzzle(), key());
    nonces().take(count).flat_map(|nonce| puzzle.input(&key, nonce)).collect()
}

/// Holds logits of the first nonces to their distances, SPEC §I.8.
///
/// # Shapes
/// - `logits`: `[known.len(), vocab]`; `known`: the first of [`DISTANCES`].
///
/// # Errors
/// [`WrongAnswer`] with the first distance that is more than 2e-5 off or missing.
pub fn check(logits: &[f32], known: &[f64]) -> Result<(), WrongAnswer> {
    let (puzzle, key) = (puzzle(), key());
    let mut rows = logits.chunks_exact(puzzle.params().vocab());
    for (nonce, expected) in nonces().zip(known) {
        let got = rows.next().map_or(f64::NAN, |logits| puzzle.distance(&key, nonce, logits));
        // Written so that NaN fails.
        let is_close = (got - expected).abs() <= MAX_BOUND;
        if !is_close {
            return Err(WrongAnswer { nonce: nonce.get(), got, expected: *expected });
        }
    }
    Ok(())
}
