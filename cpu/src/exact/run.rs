//! What every op is given beside its operands.

use super::kernels::Present;
use crate::memory::Aligned;
use core::cell::RefCell;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How to run an op, and whether to.
pub(crate) struct Run<'a> {
    /// The instructions to use.
    pub(crate) kernels: Present,
    /// Set to stop: the rest of the op is skipped and its result is rubbish.
    pub(crate) stop: &'a AtomicBool,
    /// int8 operations done so far; ops add to it as they go.
    pub(crate) done: &'a AtomicU64,
    /// Called between tasks on targets without threads.
    pub(crate) poll: &'a mut dyn FnMut(),
    /// Whether tasks are done one after the other, here.
    pub(crate) is_serial: bool,
}

/// Room that a thread keeps between tasks.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// A panel of weights, or of keys.
    pub(crate) panel: Aligned<u8>,
    /// A panel of values.
    pub(crate) values: Aligned<u8>,
    /// Queries, or shares of attention.
    pub(crate) rows: Aligned<i8>,
    /// Scores, then powers.
    pub(crate) scores: Aligned<i32>,
    /// Fractions of octaves, then lower bytes of powers.
    pub(crate) low: Aligned<u8>,
    /// Fractions of octaves, then upper bytes of powers.
    pub(crate) high: Aligned<u8>,
    /// Whole octaves.
    pub(crate) octaves: Aligned<u8>,
    /// A row of the stream.
    pub(crate) stream: Aligned<i16>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Run<'_> {
    /// Does tasks, in parallel unless serial, until all are done or stopped.
    pub(crate) fn tasks<T: Send>(&mut self, tasks: Vec<T>, work: impl Fn(T, &mut Scratch) + Sync) {
        let stop = self.stop;
        let work = |task| {
            if !stop.load(Ordering::Relaxed) {
                SCRATCH.with_borrow_mut(|scratch| work(task, scratch));
            }
        };
        if self.is_serial {
            tasks.into_iter().for_each(work);
        } else {
            crate::threads::for_each(tasks, self.poll, work);
        }
    }

    /// Whether to go on.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
