//! Turns dispatches into submits of bounded time, a few of them in flight.

use super::Progress;
use super::context::Gpu;
use super::error::GpuError;
use super::fence::Fence;
use super::kernel::Compiled;
use super::measure::{OpTimes, Watch};
use super::pace::Pace;
use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};
use std::time::Duration;
use web_time::Instant;

/// Distance of the uniforms of two dispatches: no device wants more.
const DIMS_STRIDE: usize = 256;
/// Most dispatches in a submit.
const MAX_DISPATCHES: usize = 128;
/// Most submits in flight.
const IN_FLIGHT: usize = 2;
/// A wait this long was one for the device.
const WAITED: Duration = Duration::from_micros(500);
/// Submits without such a wait that are measured together.
const STRETCH: u32 = 8;

/// Records dispatches in order and submits them when a budget is reached; each sees the results of all before.
#[derive(Debug)]
pub struct Recorder<'a> {
    gpu: &'a Gpu,
    pace: &'a mut Pace,
    dims: wgpu::Buffer,
    staged: Vec<u8>,
    open: Option<Open>,
    cost: f64,
    in_flight: VecDeque<Submit>,
    /// Whether something was submitted since the progress was told.
    is_behind: bool,
    unobserved: Unobserved,
    done: f64,
    total: f64,
    progress: ProgressSlot<'a>,
    watch: Option<(Watch, &'a mut OpTimes)>,
}

struct ProgressSlot<'a>(Progress<'a>);

impl std::fmt::Debug for ProgressSlot<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a callback")
    }
}

/// Fields are dropped in order: the pass must end before its encoder.
#[derive(Debug)]
struct Open {
    /// One for all dispatches; none while each is timed in its own.
    pass: Option<wgpu::ComputePass<'static>>,
    encoder: wgpu::CommandEncoder,
}

#[derive(Debug)]
struct Submit {
    fence: Fence,
    cost: f64,
    since: Instant,
}

/// Submits found done since the last one that was waited for: when each of them ended is not known.
#[derive(Debug)]
struct Unobserved {
    since: Instant,
    cost: f64,
    submits: u32,
}

impl<'a> Recorder<'a> {
    /// Begins recording work of about `total` operations, for the share that `progress` is told.
    pub fn new(gpu: &'a Gpu, pace: &'a mut Pace, total: f64, progress: Progress<'a>) -> Self {
        let dims = gpu.device().create_buffer(&wgpu::BufferDescriptor {
            label: Some("dims"),
            size: (DIMS_STRIDE * MAX_DISPATCHES) as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self {
            gpu,
            pace,
            dims,
            staged: Vec::new(),
            open: None,
            cost: 0.0,
            in_flight: VecDeque::new(),
            is_behind: false,
            unobserved: Unobserved { since: Instant::now(), cost: 0.0, submits: 0 },
            done: 0.0,
            total: total.max(1.0),
            progress: ProgressSlot(progress),
            watch: None,
        }
    }

    /// Times every dispatch by itself from here on, and adds that up in `times` when all is done; tells whether the device
    /// has timestamps. Costs speed.
    pub fn time_dispatches(&mut self, times: &'a mut OpTimes) -> bool {
        self.watch = Watch::new(self.gpu, MAX_DISPATCHES).map(|watch| (watch, times));
        self.watch.is_some()
    }

    /// The device.
    #[must_use]
    pub fn gpu(&self) -> &'a Gpu {
        self.gpu
    }

    /// How many parts of `unit_cost` a dispatch may hold, at least 1.
    #[must_use]
    pub fn affordable(&self, unit_cost: f64) -> usize {
        let parts = (self.pace.dispatch_budget() / unit_cost.max(1.0)).clamp(1.0, 32768.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped just above")]
        {
            parts as usize
        }
    }

    /// Calls `record` with ranges that cover `0..rows`, each within the budget of a dispatch, and their costs.
    ///
    /// # Errors
    /// The first of `record`.
    pub fn split_rows(
        &mut self,
        rows: usize,
        row_cost: f64,
        mut record: impl FnMut(&mut Self, Range<usize>, f64) -> Result<(), GpuError>,
    ) -> Result<(), GpuError> {
        let mut first = 0;
        while first < rows {
            let end = rows.min(first + self.affordable(row_cost));
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            record(self, first..end, row_cost * (end - first) as f64)?;
            first = end;
        }
        Ok(())
    }

    /// Records one dispatch of `groups` workgroups of a kernel compiled on the same device; `dims` go to binding 0, `buffers` to the bindings from 1.
    ///
    /// # Errors
    /// As [`Self::flush`], which it may do first.
    ///
    /// # Panics
    /// When `groups` are more than a device takes: callers split.
    pub fn dispatch(
        &mut self,
        compiled: &Compiled,
        dims: &[u8],
        buffers: &[&wgpu::Buffer],
        groups: [u32; 2],
        cost: f64,
    ) -> Result<(), GpuError> {
        let name = compiled.name;
        assert!(groups.iter().all(|n| (1..=65535).contains(n)), "{groups:?} workgroups of {name}");
        let full = self.staged.len() >= DIMS_STRIDE * MAX_DISPATCHES;
        if full || (self.cost > 0.0 && self.cost + cost > self.pace.submit_budget()) {
            self.flush()?;
        }
        let dims_bytes = std::num::NonZeroU64::new(dims.len() as u64);
        let uniform = wgpu::BufferBinding { buffer: &self.dims, offset: 0, size: dims_bytes };
        let uniform = wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(uniform) };
        let storage = (1..)
            .zip(buffers)
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() });
        let entries: Vec<_> = std::iter::once(uniform).chain(storage).collect();
        let device = self.gpu.device();
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(name),
            layout: &compiled.layout,
            entries: &entries,
        });
        let offset = self.staged.len();
        self.staged.extend_from_slice(dims);
        self.staged.resize(offset + DIMS_STRIDE, 0);
        let open = self.open.get_or_insert_with(|| {
            let descriptor = wgpu::CommandEncoderDescriptor::default();
            Open { pass: None, encoder: device.create_command_encoder(&descriptor) }
        });
        let times = self.watch.as_mut().map(|(watch, _)| watch.next(name, cost));
        let is_timed = times.is_some();
        let pass = open.pass.get_or_insert_with(|| {
            let descriptor = wgpu::ComputePassDescriptor { label: None, timestamp_writes: times };
            open.encoder.begin_compute_pass(&descriptor).forget_lifetime()
        });
        pass.set_pipeline(&compiled.pipeline);
        let offset = u32::try_from(offset).expect("at most MAX_DISPATCHES slots");
        pass.set_bind_group(0, &bind_group, &[offset]);
        pass.dispatch_workgroups(groups[0], groups[1], 1);
        if is_timed {
            open.pass = None;
        }
        self.cost += cost;
        Ok(())
    }

    /// Submits what is recorded. Natively it waits until few enough submits are in flight and tells the progress;
    /// in a browser nothing may block, and [`Self::catch_up`] does so between ops.
    ///
    /// # Errors
    /// As [`Gpu::check`], and [`GpuError::Interrupted`] when the callback says so; then nothing is in flight.
    pub fn flush(&mut self) -> Result<(), GpuError> {
        self.submit(None)?;
        #[cfg(not(target_family = "wasm"))]
        // Ready when first asked: the wait within blocks.
        pollster::block_on(self.catch_up())?;
        Ok(())
    }

    /// Submits what is recorded and after it a copy of the first `bytes` of `from` to `to`; gives the submit that
    /// the copy is in. Waits for nothing.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub fn copy(
        &mut self,
        from: &wgpu::Buffer,
        to: &wgpu::Buffer,
        bytes: u64,
    ) -> Result<wgpu::SubmissionIndex, GpuError> {
        let index = self.submit(Some((from, to, bytes)))?;
        Ok(index.expect("a copy is always submitted"))
    }

    fn submit(
        &mut self,
        copy: Option<(&wgpu::Buffer, &wgpu::Buffer, u64)>,
    ) -> Result<Option<wgpu::SubmissionIndex>, GpuError> {
        let mut encoder = match self.open.take() {
            Some(Open { pass, encoder }) => {
                drop(pass);
                Some(encoder)
            }
            None => None,
        };
        if let Some((from, to, bytes)) = copy {
            let descriptor = wgpu::CommandEncoderDescriptor::default();
            let encoder =
                encoder.get_or_insert_with(|| self.gpu.device().create_command_encoder(&descriptor));
            encoder.copy_buffer_to_buffer(from, 0, to, 0, bytes);
        }
        let Some(mut encoder) = encoder else { return Ok(None) };
        let times = self.watch.as_ref().and_then(|(watch, _)| watch.resolve(self.gpu, &mut encoder));
        // The queue orders this write after the submits before and before the submit below.
        self.gpu.write(&self.dims, 0, &self.staged);
        self.staged.clear();
        let since = Instant::now();
        let index = self.gpu.queue().submit([encoder.finish()]);
        self.gpu.check(0)?;
        if let Some((watch, _)) = &mut self.watch {
            watch.sent(times, index.clone());
        }
        let fence = self.gpu.fence(index.clone());
        self.in_flight.push_back(Submit { fence, cost: self.cost, since });
        self.is_behind = true;
        self.cost = 0.0;
        Ok(Some(index))
    }

    /// Waits until few enough submits are in flight and tells the progress, if anything was submitted since it
    /// last did. What records many ops awaits it after each.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub async fn catch_up(&mut self) -> Result<(), GpuError> {
        if !std::mem::take(&mut self.is_behind) {
            return Ok(());
        }
        while self.in_flight.len() > IN_FLIGHT {
            self.wait_oldest().await?;
        }
        #[expect(clippy::cast_possible_truncation, reason = "a share")]
        let share = (self.done / self.total).min(1.0) as f32;
        if (self.progress.0)(share).is_break() {
            self.drain().await?;
            return Err(GpuError::Interrupted);
        }
        Ok(())
    }

    /// Submits what is recorded and waits until all is done.
    ///
    /// # Errors
    /// As [`Self::flush`].
    pub async fn finish(mut self) -> Result<(), GpuError> {
        self.flush()?;
        self.catch_up().await?;
        self.drain().await?;
        if let Some((watch, times)) = self.watch.take() {
            watch.add_to(self.gpu, times).await?;
        }
        // Too late to stop anything.
        let _ = (self.progress.0)(1.0);
        Ok(())
    }

    async fn drain(&mut self) -> Result<(), GpuError> {
        while !self.in_flight.is_empty() {
            self.wait_oldest().await?;
        }
        Ok(())
    }

    async fn wait_oldest(&mut self) -> Result<(), GpuError> {
        let Some(Submit { fence, cost, since }) = self.in_flight.pop_front() else { return Ok(()) };
        let asked = Instant::now();
        self.gpu.wait(fence).await?;
        let now = Instant::now();
        let past = &mut self.unobserved;
        if past.submits == 0 {
            // The device may have idled before this submit.
            past.since = past.since.max(since);
        }
        past.cost += cost;
        past.submits += 1;
        // Only an end that was waited for is a point in time. Without one, when recording is what takes the time,
        // a stretch of submits still bounds the rate from below.
        if now - asked > WAITED || past.submits >= STRETCH {
            let time = (now - past.since) / past.submits;
            let cost = past.cost / f64::from(past.submits);
            tracing::trace!(cost, ?time, rate = self.pace.rate(), "submit");
            self.pace.observe(cost, time);
            *past = Unobserved { since: now, cost: 0.0, submits: 0 };
        }
        self.done += cost;
        Ok(())
    }
}

/// Runs what `record` records, from a slow pace on, and waits for it.
///
/// # Errors
/// The first of `record`, else as the device fails.
pub async fn run(
    gpu: &Gpu,
    record: impl FnOnce(&mut Recorder<'_>) -> Result<(), GpuError>,
) -> Result<(), GpuError> {
    let (mut pace, mut progress) = (Pace::default(), |_| ControlFlow::Continue(()));
    let mut recorder = Recorder::new(gpu, &mut pace, 1.0, &mut progress);
    record(&mut recorder)?;
    recorder.finish().await
}
