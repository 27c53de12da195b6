//! Kernels to pipelines, as many at once as the machine has cores.

use super::context::Gpu;
use super::error::GpuError;
use super::kernel::{Compiled, Kernel};

/// A kernel and its override constants.
pub type Job<'a> = (&'a Kernel, Vec<(&'static str, f64)>);

impl Gpu {
    /// Compiles one kernel with its override constants.
    ///
    /// # Errors
    /// [`GpuError::Internal`] when the driver refuses it; the device stays as it was.
    pub async fn compile_kernel(
        &self,
        kernel: &Kernel,
        constants: &[(&str, f64)],
        checked: bool,
    ) -> Result<Compiled, GpuError> {
        self.begin(kernel, constants, checked).await
    }

    /// Hands a kernel to the driver; the future says what became of it.
    fn begin(
        &self,
        kernel: &Kernel,
        constants: &[(&str, f64)],
        checked: bool,
    ) -> impl Future<Output = Result<Compiled, GpuError>> + use<> {
        // wgpu keeps error scopes by thread.
        let validation = self.device().push_error_scope(wgpu::ErrorFilter::Validation);
        let internal = self.device().push_error_scope(wgpu::ErrorFilter::Internal);
        let compiled = Compiled::new(self.device(), kernel, constants, checked);
        let (internal, validation) = (internal.pop(), validation.pop());
        let name = self.info().name.clone();
        async move {
            match internal.await.or(validation.await) {
                None => Ok(compiled),
                Some(error) => Err(GpuError::Internal { name, reason: error.to_string() }),
            }
        }
    }

    /// Compiles kernels side by side, natively on threads, of which none outlives the call; in a browser all are
    /// handed over before any is waited for. The results are in the order of `jobs`.
    #[cfg_attr(not(target_family = "wasm"), expect(clippy::unused_async, reason = "a browser is waited for"))]
    pub async fn compile_kernels(&self, jobs: &[Job<'_>], checked: bool) -> Vec<Result<Compiled, GpuError>> {
        #[cfg(not(target_family = "wasm"))]
        return native::side_by_side(jobs, |(kernel, constants)| {
            pollster::block_on(self.begin(kernel, constants, checked))
        });
        #[cfg(target_family = "wasm")]
        {
            let begin = |(kernel, constants): &Job<'_>| self.begin(kernel, constants, checked);
            let begun: Vec<_> = jobs.iter().map(begin).collect();
            let mut out = Vec::new();
            for compiled in begun {
                out.push(compiled.await);
            }
            out
        }
    }
}

#[cfg(not(target_family = "wasm"))]
mod native {
    use std::num::NonZeroUsize;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    /// `work` of every job, in the order of `jobs`.
    pub(super) fn side_by_side<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Vec<R> {
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

    #[test]
    fn results_stand_in_the_order_of_the_jobs() {
        for n in [0, 1, 2, 100] {
            let jobs: Vec<usize> = (0..n).collect();
            let squares: Vec<usize> = jobs.iter().map(|job| job * job).collect();
            assert_eq!(side_by_side(&jobs, |job| job * job), squares);
        }
    }
}
