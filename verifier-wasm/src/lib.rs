//! The npm package's wasm: sphere-pow's core and CPU executor as functions of text and numbers.
//!
//! Bindings only. What crosses is text, JSON and typed arrays; every `Err` is a string of lines: one of the package's
//! stable codes, core's name for the failure, its place, and the message ([`error`]). Nothing here can panic on what
//! a caller passes; should it happen all the same, [`start`] lets the panic's words out before the trap.

#[cfg(feature = "bench")]
pub mod bench;
#[cfg(feature = "chain")]
pub mod chain;
pub mod error;
pub mod exact;
#[cfg(feature = "verifier")]
pub mod exports;
pub mod gonka;
pub mod json;
#[cfg(feature = "verifier")]
pub mod judge;
#[cfg(feature = "learn")]
pub mod learn;
pub mod models;
#[cfg(feature = "network")]
pub mod network;
#[cfg(feature = "verifier")]
pub mod pool;
pub mod progress;
#[cfg(feature = "train")]
pub mod train;
#[cfg(feature = "transcript")]
pub mod transcript;

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
