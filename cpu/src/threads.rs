//! The thread pool. Targets without threads run the same work serially, on the caller.

use core::num::NonZeroUsize;
#[cfg(not(target_family = "wasm"))]
use std::time::Duration;

/// How long the caller sleeps between looks at the progress.
#[cfg(not(target_family = "wasm"))]
const POLL: Duration = Duration::from_millis(50);

/// Threads of our own, apart from any global pool.
#[derive(Debug)]
pub struct Threads {
    #[cfg(not(target_family = "wasm"))]
    pool: rayon::ThreadPool,
}

/// The system refused to start threads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("starting {wanted} threads: {reason}")]
pub struct ThreadsError {
    /// How many were wanted, 0 for one a core.
    pub wanted: usize,
    /// What the system said.
    pub reason: String,
}

#[cfg(not(target_family = "wasm"))]
impl Threads {
    /// Starts `count` threads, by default one a core.
    ///
    /// # Errors
    /// [`ThreadsError`] when the system refuses.
    pub fn new(count: Option<NonZeroUsize>) -> Result<Self, ThreadsError> {
        let wanted = count.map_or(0, NonZeroUsize::get);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(wanted)
            .thread_name(|ix| format!("sphere-pow-{ix}"))
            .build()
            .map_err(|error| ThreadsError { wanted, reason: error.to_string() })?;
        Ok(Self { pool })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs `work` so that everything parallel in it uses these threads.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.install(work)
    }

    /// Runs `work` on these threads while the caller calls `poll` every 50 ms.
    ///
    /// `work` gets a poll of its own to call between steps; here it does nothing.
    pub(crate) fn drive<R: Send>(
        &self,
        work: impl FnOnce(&mut dyn FnMut()) -> R + Send,
        poll: &mut dyn FnMut(),
    ) -> R {
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let mut result = None;
        self.pool.in_place_scope(|scope| {
            let result = &mut result;
            scope.spawn(move |_| {
                // Dropped at the end, and on a panic, which wakes the caller.
                let _done = done;
                *result = Some(work(&mut || ()));
            });
            while wait.recv_timeout(POLL) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                poll();
            }
        });
        result.expect("the scope waits for its work, and passes on a panic")
    }
}

#[cfg(target_family = "wasm")]
impl Threads {
    /// There is only the caller's thread.
    ///
    /// # Errors
    /// [`ThreadsError`] when more than one is wanted.
    pub fn new(count: Option<NonZeroUsize>) -> Result<Self, ThreadsError> {
        match count {
            Some(count) if count.get() > 1 => {
                Err(ThreadsError { wanted: count.get(), reason: "this target has one".into() })
            }
            _ => Ok(Self {}),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        1
    }

    /// Runs `work`.
    pub fn install<R>(&self, work: impl FnOnce() -> R) -> R {
        work()
    }

    /// Runs `work`, which calls `poll` between its steps.
    pub(crate) fn drive<R>(&self, work: impl FnOnce(&mut dyn FnMut()) -> R, poll: &mut dyn FnMut()) -> R {
        work(poll)
    }
}

/// Does every task, in parallel where there are threads; `poll` is called between tasks where there are none.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn for_each<T: Send>(tasks: Vec<T>, _poll: &mut dyn FnMut(), work: impl Fn(T) + Sync) {
    use rayon::prelude::*;
    if let [_] = tasks.as_slice() {
        tasks.into_iter().for_each(work);
    } else {
        tasks.into_par_iter().with_max_len(1).for_each(&work);
    }
}

/// Does every task in order, with a `poll` after each.
#[cfg(target_family = "wasm")]
pub(crate) fn for_each<T>(tasks: Vec<T>, poll: &mut dyn FnMut(), work: impl Fn(T)) {
    for task in tasks {
        work(task);
        poll();
    }
}

/// Threads that [`for_each`] will use when called here.
pub(crate) fn current_count() -> usize {
    #[cfg(not(target_family = "wasm"))]
    {
        rayon::current_num_threads()
    }
    #[cfg(target_family = "wasm")]
    {
        1
    }
}
