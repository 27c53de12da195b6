//! The npm package's wasm.
