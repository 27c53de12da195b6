//! Waiting for the device: natively by polling it, in a browser, where nothing may block, by its callbacks.

use super::context::Gpu;
use super::error::GpuError;
use futures_channel::oneshot;

/// A submit that can be waited for.
#[derive(Debug)]
pub struct Fence {
    #[cfg(not(target_family = "wasm"))]
    index: wgpu::SubmissionIndex,
    #[cfg(target_family = "wasm")]
    done: oneshot::Receiver<()>,
}

impl Gpu {
    /// What to wait for after a submit; call it before the next one.
    #[cfg_attr(
        target_family = "wasm",
        expect(clippy::needless_pass_by_value, reason = "natively the fence keeps it")
    )]
    pub(super) fn fence(&self, index: wgpu::SubmissionIndex) -> Fence {
        #[cfg(not(target_family = "wasm"))]
        return Fence { index };
        #[cfg(target_family = "wasm")]
        {
            // Browsers number no submits: the callback is for all before it.
            let _ = index;
            let (sender, done) = oneshot::channel();
            self.queue().on_submitted_work_done(move || {
                // Nobody listens after an interrupt.
                let _ = sender.send(());
            });
            Fence { done }
        }
    }

    /// Waits until a submit is done. Natively the future is ready when it is first asked, after a blocking wait.
    ///
    /// # Errors
    /// As [`Self::check`]; natively, a device that stays silent for two minutes is lost.
    pub async fn wait(&self, fence: Fence) -> Result<(), GpuError> {
        #[cfg(not(target_family = "wasm"))]
        native::poll(self, Some(fence.index));
        #[cfg(target_family = "wasm")]
        // Dropped with the device only, which `check` tells.
        let _ = fence.done.await;
        self.check(0)
    }

    /// Waits until the device has seen all calls so far, so that [`Self::check`] knows what it refused.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn settle(&self, needed_bytes: u64) -> Result<(), GpuError> {
        // Natively calls are refused at once.
        #[cfg(target_family = "wasm")]
        drop(self.device().push_error_scope(wgpu::ErrorFilter::Validation).pop().await);
        self.check(needed_bytes)
    }

    /// What the callback of a mapping sent; nothing when it is never called.
    async fn result_of<T>(
        &self,
        index: wgpu::SubmissionIndex,
        receiver: oneshot::Receiver<T>,
    ) -> Result<Option<T>, GpuError> {
        #[cfg(not(target_family = "wasm"))]
        {
            let mut receiver = receiver;
            // This runs the callback, unless another thread that polls is about to.
            self.wait(Fence { index }).await?;
            let since = std::time::Instant::now();
            loop {
                match receiver.try_recv() {
                    Ok(None) if since.elapsed() < native::PATIENCE => {
                        std::thread::sleep(native::PAUSE);
                        native::poll(self, None);
                        self.check(0)?;
                    }
                    arrived => return Ok(arrived.ok().flatten()),
                }
            }
        }
        #[cfg(target_family = "wasm")]
        {
            let _ = index;
            Ok(receiver.await.ok())
        }
    }

    /// Lets wgpu tell of a loss, which it does no sooner than at a poll.
    pub(super) fn poll_for_loss(&self) {
        #[cfg(not(target_family = "wasm"))]
        native::poll(self, None);
    }
}

#[cfg(not(target_family = "wasm"))]
mod native {
    use super::Gpu;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    /// A device that answers nothing for this long counts as lost.
    pub(super) const PATIENCE: Duration = Duration::from_secs(120);
    /// Between two looks for what another thread brings.
    pub(super) const PAUSE: Duration = Duration::from_millis(1);

    pub(super) fn poll(gpu: &Gpu, submission_index: Option<wgpu::SubmissionIndex>) {
        let poll = wgpu::PollType::Wait { submission_index, timeout: Some(PATIENCE) };
        // wgpu 30 panics where the driver reports a loss to a poll (Device::poll in its wgpu_core backend).
        match catch_unwind(AssertUnwindSafe(|| gpu.device().poll(poll))) {
            Ok(Ok(_)) => {}
            // After a loss the last submit was refused, and its index is unknown: the loss is told below.
            Ok(Err(wgpu::PollError::WrongSubmissionIndex(..))) => {
                let _ = gpu.device().poll(wgpu::PollType::Poll);
            }
            Ok(Err(error)) => gpu.report_loss(error.to_string()),
            Err(_) => gpu.report_loss("the driver reported a loss while it was polled".into()),
        }
    }
}

/// The contents of a staging buffer on their way to the host.
#[derive(Debug)]
pub struct Arrival {
    staging: wgpu::Buffer,
    bytes: u64,
    index: wgpu::SubmissionIndex,
    mapped: oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>,
}

impl Arrival {
    /// Asks for the first `bytes` of `staging`, which submit `index` writes.
    #[must_use]
    pub fn new(staging: wgpu::Buffer, bytes: u64, index: wgpu::SubmissionIndex) -> Self {
        let (sender, mapped) = oneshot::channel();
        staging.map_async(wgpu::MapMode::Read, ..bytes, move |result| {
            // Nobody listens after an interrupt.
            let _ = sender.send(result);
        });
        Self { staging, bytes, index, mapped }
    }

    /// Waits for the contents, lets `read` have them, and gives the buffer back.
    ///
    /// # Errors
    /// As [`Gpu::wait`], and [`GpuError::DeviceLost`] when they never arrive.
    pub async fn take<R>(
        self,
        gpu: &Gpu,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<(R, wgpu::Buffer), GpuError> {
        let Self { staging, bytes, index, mapped } = self;
        let lost = |reason: String| GpuError::DeviceLost { name: gpu.info().name.clone(), reason };
        match gpu.result_of(index, mapped).await? {
            Some(Ok(())) => {}
            Some(Err(error)) => return Err(lost(error.to_string())),
            None => return Err(lost("the result never arrived".into())),
        }
        // What the device refused is known by now.
        gpu.check(0)?;
        let view = staging.get_mapped_range(..bytes).map_err(|error| lost(error.to_string()))?;
        let out = read(&view);
        drop(view);
        staging.unmap();
        Ok((out, staging))
    }

    /// Gives the buffer back without its contents.
    #[must_use]
    pub fn abandon(self) -> wgpu::Buffer {
        self.staging.unmap();
        self.staging
    }
}
