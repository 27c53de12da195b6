//! A GPU on a thread of its own: a driver that does not return costs that thread, not the service.
//!
//! Work goes to the thread and is waited for. A batch that is not done in time is a loss like any other
//! ([`GpuError::DeviceLost`]): whoever asked has the device made anew, on another thread, and gives it up when that does
//! not help. Too many of these in too short a time are a storm, which is final. Memory that is refused halves the batch.

mod device;
mod roster;
mod transcriber;

pub use roster::{Condition, Roster, Row};

use crate::device::Device;
use crate::error::ProverError;
use crate::profiles::Machine;
use sphere_pow_core::profile::{EngineInfo, OnProgress};
use sphere_pow_gpu::GpuError;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often whoever waits is asked whether to go on.
const TICK: Duration = Duration::from_millis(50);
/// How long a device may take to notice that nobody waits any more.
const HEED: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 5000 });
/// Kernels are compiled while a device is opened, which tells of no progress meanwhile.
const LEAST_OPENING: Duration = Duration::from_secs(60);
/// The first batch to try when memory is refused before the device has said how much it would take.
const FIRST_LIMIT: NonZeroUsize = NonZeroUsize::new(32).expect("not zero");

/// What is borne of a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// How long a batch may take.
    pub batch: Duration,
    /// How often a device may be made anew within [`Self::within`].
    pub resets: usize,
    /// See [`Self::resets`].
    pub within: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { batch: Duration::from_secs(120), resets: 5, within: Duration::from_secs(600) }
    }
}

/// What a device is to hold: the model of a block, and what devices share of it while anybody has it.
pub struct Wanted<P: Machine> {
    /// The model.
    pub puzzle: P::Puzzle,
    /// See [`Machine::Shared`].
    pub shared: Weak<P::Shared>,
}

impl<P: Machine> Wanted<P> {
    /// The model of `puzzle`.
    #[must_use]
    pub fn new(puzzle: &P::Puzzle, shared: &Arc<P::Shared>) -> Self {
        Self { puzzle: puzzle.clone(), shared: Arc::downgrade(shared) }
    }
}

/// Makes a device anew, with so many nonces at once or as many as it likes.
pub type Opener<P> = Arc<
    dyn Fn(&Wanted<P>, Option<NonZeroUsize>, OnProgress<'_>) -> Result<Box<dyn Device<P>>, ProverError>
        + Send
        + Sync,
>;

/// What comes back from the thread.
enum Told<T> {
    Share(f32),
    Done(Result<T, ProverError>),
}

/// Why nothing comes back.
enum Silence {
    /// For longer than it may take.
    Hung,
    /// Though nobody waits any more.
    Unheeded,
    /// The thread has ended.
    Gone,
}

type Work<P> = Box<dyn FnOnce(&mut dyn Device<P>) + Send>;

/// The thread that has the device.
struct Bench<P: Machine> {
    work: Sender<Work<P>>,
    thread: JoinHandle<()>,
}

/// What a device says of itself once it is open.
struct Opened {
    info: EngineInfo,
    batch: usize,
    keeps: bool,
}

/// A watched device.
pub struct Watched<P: Machine> {
    info: EngineInfo,
    batch: usize,
    /// Nonces at once since memory was refused.
    limit: Option<NonZeroUsize>,
    keeps: bool,
    roots: Vec<String>,
    opener: Opener<P>,
    wanted: Arc<Wanted<P>>,
    bench: Option<Bench<P>>,
    patience: Patience,
    row: Arc<Row>,
}

impl<P: Machine> Watched<P> {
    /// Opens a device by `opener` for what is `wanted`; what becomes of it is noted in `row`.
    ///
    /// # Errors
    /// The device's; [`GpuError::DeviceLost`] when it does not answer.
    pub fn open(
        opener: Opener<P>,
        wanted: Wanted<P>,
        (row, patience): (Arc<Row>, Patience),
        progress: OnProgress<'_>,
    ) -> Result<Self, ProverError> {
        let info = EngineInfo { engine: "gpu", device: row.name().to_owned() };
        let mut this = Self {
            info,
            batch: 1,
            limit: None,
            keeps: false,
            roots: Vec::new(),
            opener,
            wanted: Arc::new(wanted),
            bench: None,
            patience,
            row,
        };
        this.take_bench(progress)?;
        Ok(this)
    }

    /// Takes a new thread with a new device, at a smaller batch where memory is refused.
    fn take_bench(&mut self, progress: OnProgress<'_>) -> Result<(), ProverError> {
        loop {
            self.leave_bench();
            match self.try_bench(progress) {
                Err(ProverError::Gpu(error @ GpuError::OutOfMemory { .. })) => {
                    self.halve(self.limit.map_or(2 * FIRST_LIMIT.get(), NonZeroUsize::get), error)?;
                }
                other => return other,
            }
        }
    }

    /// Half of `from` nonces at once from here on.
    ///
    /// # Errors
    /// The refusal, when there is no less.
    fn halve(&mut self, from: usize, error: GpuError) -> Result<(), ProverError> {
        let Some(half) = NonZeroUsize::new(from / 2) else { return Err(error.into()) };
        tracing::warn!("{error}; trying {half} nonces at once");
        self.limit = Some(half);
        self.row.count_refusal();
        Ok(())
    }

    fn try_bench(&mut self, progress: OnProgress<'_>) -> Result<(), ProverError> {
        let (work, ordered) = channel::<Work<P>>();
        let (tell, told) = channel();
        let (opener, wanted) = (Arc::clone(&self.opener), Arc::clone(&self.wanted));
        let (limit, keeps) = (self.limit, self.keeps);
        let breaks = Arc::new(AtomicBool::new(false));
        let (name, own_breaks) = (self.info.device.clone(), Arc::clone(&breaks));
        let run = move || {
            let mut on_progress = reporter(tell.clone(), own_breaks);
            let opened =
                std::panic::catch_unwind(AssertUnwindSafe(|| opener(&wanted, limit, &mut on_progress)))
                    .unwrap_or_else(|panic| Err(ProverError::panicked(&name, panic.as_ref())));
            let mut device = match opened {
                Ok(device) => device,
                Err(error) => return drop(tell.send(Told::Done(Err(error)))),
            };
            let keeps = keeps && device.keep_roots();
            let opened = Opened { info: device.info().clone(), batch: device.batch(), keeps };
            // Whoever waited may have gone; so does the device then.
            if tell.send(Told::Done(Ok(opened))).is_ok() {
                drop((tell, on_progress));
                ordered.into_iter().for_each(|work| work(device.as_mut()));
            }
        };
        let thread = std::thread::Builder::new().spawn(run).map_err(ProverError::Thread)?;
        let limit = self.opening();
        let opened = wait(&told, &breaks, progress, (limit, true));
        let Opened { info, batch, keeps } =
            opened.unwrap_or_else(|silence| Err(self.silent(&silence, limit)))?;
        (self.info, self.batch, self.keeps) = (info, batch, keeps);
        self.bench = Some(Bench { work, thread });
        self.row.opened(&self.info, self.batch);
        Ok(())
    }

    /// How long a device that is opened or loaded may tell nothing.
    fn opening(&self) -> Duration {
        self.patience.batch.max(LEAST_OPENING)
    }

    /// Lets the thread go. One that answers frees the device first.
    fn leave_bench(&mut self) {
        let Some(Bench { work, thread }) = self.bench.take() else { return };
        drop(work);
        let since = Instant::now();
        while !thread.is_finished() && since.elapsed() < HEED {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn silent(&self, silence: &Silence, limit: Duration) -> ProverError {
        let reason = match silence {
            Silence::Unheeded => return ProverError::Interrupted,
            Silence::Hung => format!("it does not answer: no batch in {:.0} s", limit.as_secs_f64()),
            Silence::Gone => "its thread has ended".to_owned(),
        };
        GpuError::DeviceLost { name: self.info.device.clone(), reason }.into()
    }

    /// Waits while it is too hot to be given work.
    ///
    /// # Errors
    /// [`ProverError::Interrupted`] when `progress` breaks.
    fn rest(&self, progress: OnProgress<'_>) -> Result<(), ProverError> {
        while self.row.is_hot() {
            if progress(0.0).is_break() {
                return Err(ProverError::Interrupted);
            }
            std::thread::sleep(TICK);
        }
        Ok(())
    }

    /// Has the device's thread do something to `n` nonces, and waits.
    fn ask<T: Send + 'static>(
        &mut self,
        n: usize,
        progress: OnProgress<'_>,
        act: impl FnOnce(&mut dyn Device<P>, OnProgress<'_>) -> Result<T, ProverError> + Send + 'static,
    ) -> Result<T, ProverError> {
        let batches = u32::try_from(n.div_ceil(self.batch.max(1)).max(1)).unwrap_or(u32::MAX);
        self.ask_within((self.patience.batch.saturating_mul(batches), false), progress, act)
    }

    /// Has the device's thread do something, and waits for no longer than [`wait`] does.
    fn ask_within<T: Send + 'static>(
        &mut self,
        (limit, signs_count): (Duration, bool),
        progress: OnProgress<'_>,
        act: impl FnOnce(&mut dyn Device<P>, OnProgress<'_>) -> Result<T, ProverError> + Send + 'static,
    ) -> Result<T, ProverError> {
        let Some(bench) = &self.bench else { return Err(self.silent(&Silence::Gone, limit)) };
        let (tell, told) = channel();
        let breaks = Arc::new(AtomicBool::new(false));
        let (name, own_breaks) = (self.info.device.clone(), Arc::clone(&breaks));
        let work = move |device: &mut dyn Device<P>| {
            let mut on_progress = reporter(tell.clone(), own_breaks);
            let done = std::panic::catch_unwind(AssertUnwindSafe(|| act(device, &mut on_progress)))
                .unwrap_or_else(|panic| Err(ProverError::panicked(&name, panic.as_ref())));
            // Whoever waited may have gone.
            let _ = tell.send(Told::Done(done));
        };
        let is_sent = bench.work.send(Box::new(work)).is_ok();
        let waited =
            if is_sent { wait(&told, &breaks, progress, (limit, signs_count)) } else { Err(Silence::Gone) };
        waited.unwrap_or_else(|silence| {
            // The thread keeps what hangs; nobody waits for it.
            self.bench = None;
            Err(self.silent(&silence, limit))
        })
    }

    /// As [`Self::ask`], once more with a smaller batch each time memory is refused.
    fn ask_for_less<T: Send + 'static, A>(
        &mut self,
        n: usize,
        progress: OnProgress<'_>,
        act: A,
    ) -> Result<T, ProverError>
    where
        A: FnOnce(&mut dyn Device<P>, OnProgress<'_>) -> Result<T, ProverError> + Clone + Send + 'static,
    {
        loop {
            match self.ask(n, progress, act.clone()) {
                Err(ProverError::Gpu(error @ GpuError::OutOfMemory { .. })) => {
                    self.halve(self.batch, error)?;
                    self.take_bench(progress)?;
                }
                other => return other,
            }
        }
    }
}

impl<P: Machine> Drop for Watched<P> {
    /// What the device holds is free again before anybody takes another one, unless it hangs.
    fn drop(&mut self) {
        self.leave_bench();
    }
}

/// Tells the share done, and whether to go on.
fn reporter<T>(tell: Sender<Told<T>>, breaks: Arc<AtomicBool>) -> impl FnMut(f32) -> ControlFlow<()> {
    move |share| {
        let is_heard = tell.send(Told::Share(share)).is_ok();
        if is_heard && !breaks.load(Ordering::Relaxed) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}

/// Waits for what the thread tells: `limit` in all, or since the last sign of life where signs count.
fn wait<T>(
    told: &Receiver<Told<T>>,
    breaks: &AtomicBool,
    progress: OnProgress<'_>,
    (limit, signs_count): (Duration, bool),
) -> Result<Result<T, ProverError>, Silence> {
    let (mut since, mut share, mut broke) = (Instant::now(), 0.0, None);
    loop {
        match told.recv_timeout(TICK) {
            Ok(Told::Done(done)) => return Ok(done),
            Ok(Told::Share(now)) => {
                share = now;
                if signs_count {
                    since = Instant::now();
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Silence::Gone),
        }
        if broke.is_none() && progress(share).is_break() {
            breaks.store(true, Ordering::Relaxed);
            broke = Some(Instant::now());
        }
        match broke {
            Some(at) if at.elapsed() > HEED => return Err(Silence::Unheeded),
            None if since.elapsed() > limit => return Err(Silence::Hung),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
