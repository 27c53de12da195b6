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
use sphere_pow_core::gonka::proof::TargetRadius;
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

/// Answers what needs no model. One function for all questions, since each costs JavaScript:
///
/// | `what` | `text` | answer |
/// | --- | --- | --- |
/// | `block-hash`, `public-key` | as users have it | as seeds use it |
/// | `gonka-model`, `exact-model`, `exact-model-kept` | a preset's name or JSON of sizes | JSON of [`gonka::describe`] or [`exact::describe`] |
/// | `rule` | `[radius, fraud threshold]` | nothing, when they can be |
/// | `judgement` | `[radius, fraud threshold, [claimed], [recomputed]]`, null for no number | JSON of [`gonka::judge`] |
/// | `win-rate` | `[vocab, radius]` | the share of random nonces within the radius |
/// | `target-radius` | `[vocab, rate]` | the radius within which that share falls |
/// | `sample` | `[n, count, seed]` | JSON list of `count` different indices below `n`, ascending |
///
/// # Errors
/// `E_BLOCK_HASH`; `E_RANGE` for what cannot be; as the functions named; `E_INTERNAL` for no such question.
#[cfg_attr(feature = "verifier", wasm_bindgen)]
pub fn ask(what: &str, text: &str) -> Result<String, Failure> {
    match what {
        "block-hash" => Ok(BlockHash::from_network(text).map_err(Failure::block_hash)?.to_string()),
        "public-key" => Ok(PublicKey::from_network(text)?.to_string()),
        "gonka-model" => gonka::describe(text),
        "exact-model" => exact::describe(text, false),
        "exact-model-kept" => exact::describe(text, true),
        "rule" => {
            let (radius, threshold): (f64, f64) = serde_json::from_str(text)?;
            gonka::rule(radius, threshold).map(|_| String::new())
        }
        "judgement" => {
            let (radius, threshold, claimed, recomputed): (_, _, Vec<_>, Vec<_>) =
                serde_json::from_str(text)?;
            gonka::judge(gonka::rule(radius, threshold)?, &claimed, &recomputed)
        }
        "win-rate" => {
            let (vocab, radius) = serde_json::from_str(text)?;
            let vocab = checked_vocab(vocab)?;
            let radius = TargetRadius::new(radius)?;
            Ok(serde_json::to_string(&statistics::cap_probability(vocab, radius.get()))?)
        }
        "target-radius" => {
            let (vocab, rate) = serde_json::from_str(text)?;
            let radius = statistics::cap_radius(checked_vocab(vocab)?, rate).ok_or_else(|| {
                Failure::range(format!("win rate {rate} is not a number above 0 and below 1"))
            })?;
            Ok(serde_json::to_string(&radius)?)
        }
        "sample" => {
            let (n, count, seed): (usize, usize, String) = serde_json::from_str(text)?;
            Ok(serde_json::to_string(&verify::sample_indices(n, count, &seed))?)
        }
        _ => Err(Failure::internal(format!("nothing answers {what:?}"))),
    }
}

fn checked_vocab(vocab: f64) -> Result<u32, Failure> {
    if (2.0..=1_048_576.0).contains(&vocab) && vocab % 1.0 == 0.0 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
        return Ok(vocab as u32);
    }
    Err(Failure::range(format!("vocab_size {vocab} is not an integer from 2 to 1048576")))
}
