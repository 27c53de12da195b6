//! The system's clock, where a record or a report says when it was made. Nothing is judged by it but the age of a trusted block.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, 0 where the clock is before.
#[must_use]
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The same in whole seconds.
#[must_use]
pub fn unix_seconds() -> u64 {
    now_ms() / 1000
}
