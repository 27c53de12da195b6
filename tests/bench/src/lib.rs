//! What the benchmarks of `benches/` measure with.

use std::time::Instant;

/// How long a piece of work takes, in seconds.
pub fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// The value in the middle; of an even number the higher of two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
