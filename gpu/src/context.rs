//! One opened device: its queue, its buffers, and what went wrong on it.

use super::device::{DeviceInfo, adapters};
use super::error::GpuError;
use super::fence::Arrival;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a device is opened with where it has it: f16 for kernels that compute with it, and timestamps, which cost nothing until
/// they are asked for; no page asks.
const WANTED: wgpu::Features = if cfg!(target_family = "wasm") {
    wgpu::Features::SHADER_F16
} else {
    wgpu::Features::SHADER_F16.union(wgpu::Features::TIMESTAMP_QUERY)
};

/// What went wrong first, of each kind.
#[derive(Debug, Default)]
struct Faults {
    out_of_memory: bool,
    lost: Option<String>,
    refused: Option<String>,
}

/// Shared with wgpu's callbacks.
#[derive(Clone, Debug, Default)]
struct FaultLog(Arc<Mutex<Faults>>);

impl FaultLog {
    fn lock(&self) -> MutexGuard<'_, Faults> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report_loss(&self, reason: String) {
        self.lock().lost.get_or_insert(reason);
    }
}

/// An opened device.
#[derive(Debug)]
pub struct Gpu {
    info: DeviceInfo,
    device: wgpu::Device,
    queue: wgpu::Queue,
    faults: FaultLog,
    needed_bytes: u64,
}

impl Gpu {
    /// Opens the adapter `info` with `features` that it must have.
    ///
    /// # Errors
    /// [`GpuError::NoSuchAdapter`] when it is gone, [`GpuError::Unusable`] when it refuses, else as the driver
    /// fails.
    #[allow(unsafe_code, reason = "wgpu wants experimental features acknowledged so")]
    pub async fn open(info: &DeviceInfo, features: wgpu::Features) -> Result<Self, GpuError> {
        if let Err(reason) = &info.usable {
            return Err(GpuError::Unusable { name: info.name.clone(), reason: reason.clone() });
        }
        let mut all = adapters().await;
        let listed: Vec<&DeviceInfo> = all.iter().map(|(info, _)| info).collect();
        let found = listed.iter().map(|info| info.name.as_str()).collect::<Vec<_>>().join(", ");
        let place = info.find_among(&listed);
        let place = place.ok_or(GpuError::NoSuchAdapter { wanted: info.name.clone(), found })?;
        let (_, adapter) = all.swap_remove(place);
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("sphere-pow"),
            required_features: features | (adapter.features() & WANTED),
            experimental_features: if features.intersects(wgpu::Features::all_experimental_mask()) {
                // SAFETY: whoever asks for experimental features tests on the device what they make of them.
                unsafe { wgpu::ExperimentalFeatures::enabled() }
            } else {
                wgpu::ExperimentalFeatures::disabled()
            },
            required_limits: adapter.limits(),
            // One block per large buffer; sub-allocation in big blocks would waste memory we account for.
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let opened = adapter.request_device(&descriptor).await;
        let (device, queue) = opened
            .map_err(|error| GpuError::Unusable { name: info.name.clone(), reason: error.to_string() })?;
        let faults = FaultLog::default();
        let lost = faults.clone();
        device.set_device_lost_callback(move |reason, message| {
            lost.report_loss(format!("{reason:?} {message}").trim().to_owned());
        });
        let refused = faults.clone();
        device.on_uncaptured_error(Arc::new(move |error| {
            let mut faults = refused.lock();
            match error {
                wgpu::Error::OutOfMemory { .. } => faults.out_of_memory = true,
                other => drop(faults.refused.get_or_insert(other.to_string())),
            }
        }));
        Ok(Self { info: info.clone(), device, queue, faults, needed_bytes: 0 })
    }

    /// Whether kernels may compute with f16.
    #[must_use]
    pub fn has_f16(&self) -> bool {
        self.device.features().contains(wgpu::Features::SHADER_F16)
    }

    /// The adapter.
    #[must_use]
    pub fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// Says how much memory is to be taken in all, for the message when it is not there.
    pub fn set_needed_bytes(&mut self, needed_bytes: u64) {
        self.needed_bytes = needed_bytes;
    }

    #[cfg(not(target_family = "wasm"))] // browsers tell of a loss themselves
    pub(super) fn report_loss(&self, reason: String) {
        self.faults.report_loss(reason);
    }

    pub(super) fn device(&self) -> &wgpu::Device {
        &self.device
    }

    pub(super) fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// Makes a storage buffer of zeros, `bytes` rounded up to a word.
    #[must_use]
    pub fn buffer(&self, label: &'static str, bytes: u64) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size: bytes.next_multiple_of(4).max(4),
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        })
    }

    /// Writes `data` at byte `offset` of `buffer` before the next submit.
    pub fn write(&self, buffer: &wgpu::Buffer, offset: u64, data: &[u8]) {
        self.queue.write_buffer(buffer, offset, data);
    }

    /// Reads the first `bytes` of `buffer` after all submitted work.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn read(&self, buffer: &wgpu::Buffer, bytes: u64) -> Result<Vec<u8>, GpuError> {
        self.read_from(buffer, 0, bytes).await
    }

    /// Reads `bytes` of `buffer` from byte `offset` on, after all submitted work.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn read_from(
        &self,
        buffer: &wgpu::Buffer,
        offset: u64,
        bytes: u64,
    ) -> Result<Vec<u8>, GpuError> {
        let staging = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("readback"),
            size: bytes,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(buffer, offset, &staging, 0, bytes);
        let index = self.queue.submit([encoder.finish()]);
        self.check(bytes)?;
        let (bytes, _) = Arrival::new(staging, bytes, index).take(self, <[u8]>::to_vec).await?;
        Ok(bytes)
    }

    /// The first fault of the device, if there is any.
    ///
    /// # Errors
    /// [`GpuError::DeviceLost`], [`GpuError::OutOfMemory`] (naming `needed_bytes`, or what
    /// [`Self::set_needed_bytes`] said if that is more) or [`GpuError::Internal`].
    pub fn check(&self, needed_bytes: u64) -> Result<(), GpuError> {
        let (name, needed_bytes) = (self.info.name.clone(), needed_bytes.max(self.needed_bytes));
        let (refused, lost) = {
            let faults = self.faults.lock();
            (faults.refused.is_some(), faults.lost.is_some())
        };
        if refused && !lost {
            // What is refused may only be the consequence of a loss, which wgpu tells no sooner than at a poll.
            self.poll_for_loss();
        }
        // A driver that runs out of memory is lost by wgpu's own hand.
        match &*self.faults.lock() {
            Faults { out_of_memory: true, .. } => Err(GpuError::OutOfMemory { name, needed_bytes }),
            Faults { lost: Some(reason), .. } => Err(GpuError::DeviceLost { name, reason: reason.clone() }),
            Faults { refused: Some(reason), .. } => Err(GpuError::Internal { name, reason: reason.clone() }),
            _ => Ok(()),
        }
    }

    /// As [`Self::check`], before something long is begun: also for a loss that nothing has noticed yet.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(crate) fn check_now(&self) -> Result<(), GpuError> {
        self.poll_for_loss();
        self.check(0)
    }

    /// What destroys the device, as a reset by the driver would: every later call fails with
    /// [`GpuError::DeviceLost`]. For drills and tests.
    pub fn destroyer(&self) -> impl Fn() + wgpu::WasmNotSendSync + use<> {
        let device = self.device.clone();
        // wgpu tells the loss through the callback, when the queue is empty.
        move || device.destroy()
    }
}
