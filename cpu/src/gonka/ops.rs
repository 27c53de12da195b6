//! One op a file, the same names as core's twins: f16-rounded values in, f16-rounded values out, f32 inside.

mod attention;
mod elementwise;
mod linear;
mod math;
mod product;
mod rms_norm;
mod rope;

pub use attention::{attention, attention_flops};
pub use elementwise::{add, swiglu};
pub use linear::{Weight, linear};
pub use rms_norm::rms_norm;
pub use rope::rope;

use crate::simd::Simd;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What every op is given beside its operands.
pub struct Run<'a> {
    /// The instructions to use.
    pub simd: Simd,
    /// Set to stop: the rest of the op is skipped and its result is rubbish.
    pub stop: &'a AtomicBool,
    /// Floating-point operations done so far; ops add to it as they go.
    pub done: &'a AtomicU64,
    /// Called between tasks on targets without threads.
    pub poll: &'a mut dyn FnMut(),
    /// Memory that ops may reuse; empty at first.
    pub scratch: Vec<u32>,
}

impl Run<'_> {
    /// Does tasks in parallel, each worth `flops`, until all are done or stopped.
    fn tasks<T: Send>(&mut self, flops: u64, tasks: Vec<T>, work: impl Fn(T) + Sync) {
        let (stop, done) = (self.stop, self.done);
        crate::threads::for_each(tasks, self.poll, |task| {
            if !stop.load(Ordering::Relaxed) {
                work(task);
                done.fetch_add(flops, Ordering::Relaxed);
            }
        });
    }
}
