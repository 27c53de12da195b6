//! The test that every device passes before it is used.
//!
//! The model is `tests/vectors/gonka_tiny.json`: small enough to take no time, and with two layers, grouped KV
//! heads and a feed-forward it runs every kernel.

use crate::error::ProverError;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::params::RawParams;
use sphere_pow_core::gonka::verify::MAX_BOUND;
use sphere_pow_core::gonka::{Params, Puzzle};
use sphere_pow_core::identity::{BlockHash, Nonce, PublicKey};

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

/// The key whose answers are known.
#[must_use]
pub fn key() -> PublicKey {
    PublicKey::new("02abc").expect("visible ASCII")
}

/// Runs `logits` (`[nonces * seq_len, dim]` to `[nonces, vocab]`) on the known nonces, SPEC §I.8.
///
/// # Errors
/// [`ProverError::KnownAnswer`] with the first distance that is more than 2e-5 off, or the executor's own error.
pub fn check(
    device: &str,
    logits: impl FnOnce(&[f16]) -> Result<Vec<f32>, ProverError>,
) -> Result<(), ProverError> {
    let (puzzle, key) = (puzzle(), key());
    let nonces = || (0..).zip(DISTANCES).map(|(n, want)| (Nonce::new(n).expect("small"), want));
    let inputs: Vec<f16> = nonces().flat_map(|(nonce, _)| puzzle.input(&key, nonce)).collect();
    let out = logits(&inputs)?;
    for ((nonce, expected), logits) in nonces().zip(out.chunks_exact(puzzle.params().vocab())) {
        let got = puzzle.distance(&key, nonce, logits);
        // Written so that NaN fails.
        let is_close = (got - expected).abs() <= MAX_BOUND;
        if !is_close {
            return Err(ProverError::KnownAnswer {
                device: device.into(),
                nonce: nonce.get(),
                got,
                expected,
            });
        }
    }
    Ok(())
}
