//! What one input may cost.

use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Most memory that the work on one input may take beside the input, in bytes.
pub const MOST_BYTES: usize = 64_000_000;
/// Most processor time that it may take.
pub const MOST_SECONDS: f64 = 1.0;

/// Processor time of this thread, in seconds.
#[must_use]
#[cfg(unix)]
#[expect(clippy::cast_precision_loss, reason = "seconds of a thread are few")]
pub fn thread_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Wall time, where there is nothing better, in seconds.
#[must_use]
#[cfg(not(unix))]
pub fn thread_seconds() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}

/// Does `work` within [`MOST_BYTES`] and [`MOST_SECONDS`].
///
/// # Panics
/// When it took more.
pub fn within<T>(name: &str, work: impl FnOnce() -> T) -> T {
    MEMORY.reset_peak_usage();
    let (bytes, began) = (MEMORY.current_usage(), thread_seconds());
    let done = work();
    let bytes = MEMORY.peak_usage().saturating_sub(bytes);
    let seconds = thread_seconds() - began;
    assert!(bytes <= MOST_BYTES, "{name} took {bytes} bytes for one input");
    assert!(seconds <= MOST_SECONDS, "{name} took {seconds:.3} s of processor time for one input");
    done
}
