//! A ring of staging buffers: results travel to the host while the device works on.

use crate::context::Gpu;
use crate::error::GpuError;
use crate::recorder::Recorder;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, channel};

/// Staging buffers, taken in turn.
#[derive(Debug)]
pub struct Readback {
    free: VecDeque<wgpu::Buffer>,
    under_way: VecDeque<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    staging: wgpu::Buffer,
    bytes: u64,
    index: wgpu::SubmissionIndex,
    mapped: Receiver<Result<(), wgpu::BufferAsyncError>>,
}

impl Readback {
    /// `slots` staging buffers of `bytes` each.
    #[must_use]
    pub fn new(gpu: &Gpu, slots: usize, bytes: u64) -> Self {
        let buffer = |_| {
            gpu.device().create_buffer(&wgpu::BufferDescriptor {
                label: Some("readback"),
                size: bytes,
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        Self { free: (0..slots).map(buffer).collect(), under_way: VecDeque::new() }
    }

    /// Results that were sent off and not taken.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Submits what `recorder` holds and sends the first `bytes` of `from` off after it.
    ///
    /// # Errors
    /// As [`Recorder::copy`].
    ///
    /// # Panics
    /// When all buffers are under way: take one first.
    pub fn send(
        &mut self,
        recorder: &mut Recorder<'_>,
        from: &wgpu::Buffer,
        bytes: u64,
    ) -> Result<(), GpuError> {
        let staging = self.free.pop_front().expect("callers take a result before they send one too many");
        let index = match recorder.copy(from, &staging, bytes) {
            Ok(index) => index,
            Err(error) => {
                self.free.push_back(staging);
                return Err(error);
            }
        };
        let (sender, mapped) = channel();
        staging.map_async(wgpu::MapMode::Read, ..bytes, move |result| {
            // Nobody listens after an interrupt.
            let _ = sender.send(result);
        });
        self.under_way.push_back(UnderWay { staging, bytes, index, mapped });
        Ok(())
    }

    /// Waits for the oldest result under way and takes it.
    ///
    /// # Errors
    /// As [`Gpu::wait`], and [`GpuError::DeviceLost`] when the result never arrives.
    ///
    /// # Panics
    /// When none is under way.
    pub fn take(&mut self, gpu: &Gpu) -> Result<Vec<i32>, GpuError> {
        let UnderWay { staging, bytes, index, mapped } =
            self.under_way.pop_front().expect("callers take what they have sent");
        let lost = |reason: String| GpuError::DeviceLost { name: gpu.info().name.clone(), reason };
        gpu.wait(index)?;
        match mapped.try_recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(lost(error.to_string())),
            Err(error) => return Err(lost(format!("the result never arrived: {error}"))),
        }
        let view = staging.get_mapped_range(..bytes).map_err(|error| lost(error.to_string()))?;
        let values = bytemuck::pod_collect_to_vec(&view);
        drop(view);
        staging.unmap();
        self.free.push_back(staging);
        Ok(values)
    }

    /// Forgets all results under way, after an interrupt.
    pub fn clear(&mut self) {
        for UnderWay { staging, .. } in self.under_way.drain(..) {
            staging.unmap();
            self.free.push_back(staging);
        }
    }
}
