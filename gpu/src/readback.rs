//! A ring of staging buffers: results travel to the host while the device works on.

use super::context::Gpu;
use super::error::GpuError;
use super::fence::Arrival;
use super::recorder::Recorder;
use std::collections::VecDeque;

/// Staging buffers, taken in turn.
#[derive(Debug)]
pub struct Readback {
    free: VecDeque<wgpu::Buffer>,
    under_way: VecDeque<Arrival>,
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
        self.under_way.push_back(Arrival::new(staging, bytes, index));
        Ok(())
    }

    /// Waits for the oldest result under way and takes it.
    ///
    /// # Errors
    /// As [`Arrival::take`].
    ///
    /// # Panics
    /// When none is under way.
    pub async fn take(&mut self, gpu: &Gpu) -> Result<Vec<i32>, GpuError> {
        self.take_values(gpu).await
    }

    /// [`Self::take`], as values of another type.
    ///
    /// # Errors
    /// As [`Arrival::take`].
    ///
    /// # Panics
    /// When none is under way, or what was sent is no whole number of values.
    pub async fn take_values<T: bytemuck::Pod>(&mut self, gpu: &Gpu) -> Result<Vec<T>, GpuError> {
        let arrival = self.under_way.pop_front().expect("callers take what they have sent");
        let (values, staging) = arrival.take(gpu, bytemuck::pod_collect_to_vec).await?;
        self.free.push_back(staging);
        Ok(values)
    }

    /// Forgets all results under way, after an interrupt.
    pub fn clear(&mut self) {
        self.free.extend(self.under_way.drain(..).map(Arrival::abandon));
    }
}
