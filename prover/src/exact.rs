//! The `exact` profile: devices that compute its logits to the bit, the search for nonces that win, and the verdict.

pub mod backend;
pub mod search;
pub mod verify;
