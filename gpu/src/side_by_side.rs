//! Work of the host on as many threads as the machine has cores; in a browser on the one there is.

#[cfg(not(target_family = "wasm"))]
use std::num::NonZeroUsize;
#[cfg(not(target_family = "wasm"))]
use std::sync::atomic::{AtomicUsize, Ordering};
#[cfg(not(target_family = "wasm"))]
use std::thread;

/// `work` of every job, in the order of `jobs`.
#[cfg(target_family = "wasm")]
pub(crate) fn side_by_side<J, R>(jobs: &[J], work: impl Fn(&J) -> R) -> Vec<R> {
    jobs.iter().map(work).collect()
}

/// `work` of every job, in the order of `jobs`; none of the threads outlives the call.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn side_by_side<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(jobs.len());
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let ix = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(ix) else { return done };
            done.push((ix, work(job)));
        }
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        // Where there is no thread to be had, this one does it all.
        let start = |_| thread::Builder::new().spawn_scoped(scope, worker).ok();
        let others: Vec<_> = (1..threads).filter_map(start).collect();
        let mut done = worker();
        for other in others {
            // A driver's panic is whoever's that waits for the device.
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(ix, _)| *ix);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_jobs() {
        for n in [0, 1, 2, 100] {
            let jobs: Vec<usize> = (0..n).collect();
            let squares: Vec<usize> = jobs.iter().map(|job| job * job).collect();
            assert_eq!(side_by_side(&jobs, |job| job * job), squares);
        }
    }
}
