//! Lanes of a training run among hosts that do not trust each other (SPEC §IV.9): who trains, what is checked, what
//! becomes of it, and what it pays. Pure functions of weights, standings, randomness and what was said.
//!
//! In reading order: [`lease`] gives lanes to hosts, [`draw`] the segments that are checked and their checkers,
//! [`verdict`] says what becomes of a lane, and [`escrow`] keeps what it earned until fraud no longer pays.

pub mod draw;
pub mod escrow;
pub mod lease;
pub mod verdict;

/// Whether a round with so many accepted lanes moves the parameters: at least half of all, rounded up. Otherwise it is
/// repeated with a new seed (SPEC §IV.9.6).
#[must_use]
pub fn is_enough(accepted: u32, lanes: u32) -> bool {
    accepted >= lanes.div_ceil(2)
}
