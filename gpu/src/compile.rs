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
        return crate::side_by_side::side_by_side(jobs, |(kernel, constants)| {
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
