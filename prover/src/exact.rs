//! The `exact` profile: devices that compute its logits to the bit, the search for nonces that win, the verdict, and
//! the harness that measures shortcuts.

pub mod backend;
pub mod search;
pub mod verify;
