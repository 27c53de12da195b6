//! How long a device takes over a product, by many of them on the host's clock; and itself over each kernel, by its timestamps: what the
//! host sees is recording and waiting, too.

use super::context::Gpu;
use super::error::GpuError;
use super::fence::Arrival;
use super::pace::Pace;
use super::recorder::Recorder;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;
use web_time::Instant;

/// A measurement that takes this long tells variants apart.
pub(super) const TELLING: Duration = Duration::from_millis(15);
/// One that takes this long is shown to people.
const SHOWN: Duration = Duration::from_millis(200);
/// Repetitions after which it is believed anyway.
const MAX_REPEATS: u32 = 1 << 14;

/// A product as it was timed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProductTime {
    /// The tensors' names in the model's rules.
    pub name: &'static str,
    /// Rows of the left side.
    pub rows: usize,
    /// What is summed over.
    pub k: usize,
    /// Rows of the weight, of both tensors where there are two.
    pub columns: usize,
    /// Of one, on the host's clock over many, without any readback.
    pub seconds: f64,
}

/// How often a second a device does what `record` records, once it has repeated it for as long as is `telling`.
///
/// # Errors
/// As the device fails.
pub(super) async fn rate(
    gpu: &Gpu,
    pace: &mut Pace,
    telling: Duration,
    record: impl Fn(&mut Recorder<'_>) -> Result<(), GpuError>,
) -> Result<f64, GpuError> {
    let mut repeats = 1;
    loop {
        let mut go_on = |_| ControlFlow::Continue(());
        let mut recorder = Recorder::new(gpu, pace, 1.0, &mut go_on);
        let since = Instant::now();
        for _ in 0..repeats {
            record(&mut recorder)?;
            recorder.catch_up().await?;
        }
        recorder.finish().await?;
        let time = since.elapsed();
        if time >= telling || repeats >= MAX_REPEATS {
            return Ok(f64::from(repeats) / time.as_secs_f64());
        }
        repeats *= 2;
    }
}

/// Seconds that one of many takes, as they are shown to people.
///
/// # Errors
/// As the device fails.
pub(super) async fn seconds_each(
    gpu: &Gpu,
    pace: &mut Pace,
    record: impl Fn(&mut Recorder<'_>) -> Result<(), GpuError>,
) -> Result<f64, GpuError> {
    Ok(1.0 / rate(gpu, pace, SHOWN, record).await?)
}

/// What the dispatches of one kernel came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OpTime {
    /// Time on the device, of all together.
    pub seconds: f64,
    /// How many there were.
    pub dispatches: u32,
    /// Operations as the recorder counts them.
    pub cost: f64,
}

/// Times by the kernel's name.
pub type OpTimes = BTreeMap<&'static str, OpTime>;

/// Timestamps around each dispatch of a submit, and those on their way home.
#[derive(Debug)]
pub(super) struct Watch {
    set: wgpu::QuerySet,
    /// Dispatches since the last submit: name and cost.
    open: Vec<(&'static str, f64)>,
    under_way: Vec<(Arrival, Vec<(&'static str, f64)>)>,
}

impl Watch {
    /// For submits of `most` dispatches; `None` where the device has no timestamps.
    pub(super) fn new(gpu: &Gpu, most: usize) -> Option<Self> {
        let count = u32::try_from(2 * most).expect("few dispatches");
        gpu.device().features().contains(wgpu::Features::TIMESTAMP_QUERY).then(|| {
            let ty = wgpu::QueryType::Timestamp;
            let descriptor = wgpu::QuerySetDescriptor { label: Some("times"), ty, count };
            let set = gpu.device().create_query_set(&descriptor);
            Self { set, open: Vec::new(), under_way: Vec::new() }
        })
    }

    /// Where the next dispatch's pass writes its times.
    pub(super) fn next(&mut self, name: &'static str, cost: f64) -> wgpu::ComputePassTimestampWrites<'_> {
        let first = u32::try_from(2 * self.open.len()).expect("few dispatches");
        self.open.push((name, cost));
        wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        }
    }

    /// Records the way home of the times of this submit, which goes after its passes.
    pub(super) fn resolve(&self, gpu: &Gpu, encoder: &mut wgpu::CommandEncoder) -> Option<wgpu::Buffer> {
        let count = u32::try_from(2 * self.open.len()).expect("few dispatches");
        if count == 0 {
            return None;
        }
        let buffer = |usage| {
            let size = u64::from(count) * 8;
            let descriptor =
                wgpu::BufferDescriptor { label: Some("times"), size, usage, mapped_at_creation: false };
            gpu.device().create_buffer(&descriptor)
        };
        let resolved = buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
        let staging = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        encoder.resolve_query_set(&self.set, 0..count, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, u64::from(count) * 8);
        Some(staging)
    }

    /// Notes that they were submitted.
    pub(super) fn sent(&mut self, staging: Option<wgpu::Buffer>, index: wgpu::SubmissionIndex) {
        let open = std::mem::take(&mut self.open);
        let bytes = open.len() as u64 * 16;
        self.under_way.extend(staging.map(|staging| (Arrival::new(staging, bytes, index), open)));
    }

    /// Waits for all, and adds them up.
    pub(super) async fn add_to(self, gpu: &Gpu, times: &mut OpTimes) -> Result<(), GpuError> {
        let tick = f64::from(gpu.queue().get_timestamp_period()) * 1e-9;
        for (arrival, dispatches) in self.under_way {
            let (ticks, _) = arrival.take(gpu, bytemuck::pod_collect_to_vec::<u8, [u64; 2]>).await?;
            for ((name, cost), [begin, end]) in dispatches.into_iter().zip(ticks) {
                let time = times.entry(name).or_default();
                #[expect(clippy::cast_precision_loss, reason = "seconds at most")]
                let took = end.saturating_sub(begin) as f64 * tick;
                time.seconds += took;
                time.dispatches += 1;
                time.cost += cost;
            }
        }
        Ok(())
    }
}
