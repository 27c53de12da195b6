//! The `gonka` profile: devices that compute its distances, the search for nonces that win, and the verdict.

pub mod backend;
pub mod search;
pub mod verify;
