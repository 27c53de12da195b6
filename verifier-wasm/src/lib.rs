//! The npm package's wasm: sphere-pow's core and CPU executor as functions of text and numbers.
//!
//! Bindings only. What crosses is text, JSON and typed arrays; every `Err` is a string `CODE message` with one
//! of the package's stable codes ([`error`]). Nothing here can panic on what a caller passes; should it
//! happen all the same, [`start`] lets the panic's words out before the trap.

#[cfg(feature = "bench")]
pub mod bench;
pub mod documents;
pub mod error;
pub mod exact;
pub mod gonka;
#[cfg(feature = "learn")]
pub mod learn;
pub mod models;
pub mod progress;

use error::Failure;
use sphere_pow_core::gonka::verify;
use sphere_pow_core::identity::{BlockHash, PublicKey};
use sphere_pow_core::statistics;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(raw_module = "../panic.js")]
extern "C" {
    /// Keeps a panic's words for whoever catches the trap.
    fn panicked(message: &str);
}

/// Lets a panic's words out; the instance is lost after one.
#[wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|info| panicked(&info.to_string())));
}

/// The version of this wasm, which must be the package's.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

/// Reads `text` as what `what` names and gives it in the one form that the rest takes: a `block-hash` or a
/// `public-key` as seeds use them, what a `gonka-model` costs, or an `exact-model`, also with its weights kept
/// (`exact-model-kept`); models as JSON.
///
/// One function for all, since each costs JavaScript.
///
/// # Errors
/// `E_BLOCK_HASH`; `E_RANGE` for a key; as [`gonka::describe`] and [`exact::describe`].
#[cfg_attr(feature = "verifier", wasm_bindgen)]
pub fn read(what: &str, text: &str) -> Result<String, Failure> {
    match what {
        "block-hash" => Ok(BlockHash::from_network(text).map_err(Failure::block_hash)?.to_string()),
        "public-key" => Ok(PublicKey::from_network(text)?.to_string()),
        "gonka-model" => gonka::describe(text),
        "exact-model" => exact::describe(text, false),
        "exact-model-kept" => exact::describe(text, true),
        _ => Err(Failure::internal(format!("nothing reads a {what:?}"))),
    }
}

/// `count` different indices below `n` in ascending order, drawn by `seed`.
#[cfg_attr(feature = "verifier", wasm_bindgen)]
#[must_use]
pub fn sample_indices(n: u32, count: u32, seed: &str) -> Vec<u32> {
    let indices = verify::sample_indices(n as usize, count as usize, seed);
    indices.into_iter().map(|ix| u32::try_from(ix).unwrap_or(u32::MAX)).collect()
}

/// The share of random nonces that fall within `radius` at `vocab` logits.
///
/// # Errors
/// `E_RANGE` when `vocab` is below 2 or above 2^20, or `radius` is no radius.
#[cfg_attr(feature = "verifier", wasm_bindgen)]
pub fn win_rate(vocab: f64, radius: f64) -> Result<f64, Failure> {
    let vocab = checked_vocab(vocab)?;
    let radius = sphere_pow_core::gonka::proof::TargetRadius::new(radius)?;
    Ok(statistics::cap_probability(vocab, radius.get()))
}

/// The radius within which a share `rate` of random nonces falls at `vocab` logits.
///
/// # Errors
/// `E_RANGE` when `vocab` is below 2 or above 2^20, or `rate` is outside (0, 1).
#[cfg_attr(feature = "verifier", wasm_bindgen)]
pub fn target_radius(vocab: f64, rate: f64) -> Result<f64, Failure> {
    statistics::cap_radius(checked_vocab(vocab)?, rate)
        .ok_or_else(|| Failure::range(format!("win rate {rate} is not a number above 0 and below 1")))
}

fn checked_vocab(vocab: f64) -> Result<u32, Failure> {
    if (2.0..=1_048_576.0).contains(&vocab) && vocab % 1.0 == 0.0 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        return Ok(vocab as u32);
    }
    Err(Failure::range(format!("vocab_size {vocab} is not an integer from 2 to 1048576")))
}
