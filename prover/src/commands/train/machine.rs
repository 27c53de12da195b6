//! What makes the steps of lanes: the CPU, or a device that keeps the state between them.

use super::machine;
use crate::error::ProverError;
use crate::options::{Backend, DeviceArgs};
use crate::session::choose;
use crate::signals::Stop;
use clap::Args;
use pollster::block_on;
use sphere_pow_core::train::{Executor, Known, Lane, Opening, Params, Run, State, Verdict};
use sphere_pow_cpu::threads::Threads;
use sphere_pow_cpu::train::TrainExecutor;
use sphere_pow_gpu::{GpuError, GpuTrainer, GpuTrainerOptions};
use std::num::NonZeroUsize;
use std::ops::{ControlFlow, Range};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// On what to train.
#[derive(Debug, Args)]
pub(super) struct MachineArgs {
    /// Where to compute; auto takes a hardware GPU if there is one, else the CPU; gpu never falls back. All give the same bits
    #[arg(long, value_enum, default_value_t = Backend::Cpu)]
    backend: Backend,
    /// Adapter by index, PCI address, UUID, or a name that fits one only, see `sphere-pow devices`
    #[arg(long, value_name = "INDEX|PCI|UUID|NAME")]
    adapter: Option<String>,
    /// CPU threads; all by default
    #[arg(long, value_name = "N")]
    pub(super) threads: Option<NonZeroUsize>,
}

/// How often a device that is lost is opened anew before it is given up, each time after a longer pause.
const REOPENS: u32 = 6;
/// The first pause.
const PAUSE: Duration = Duration::from_millis(250);

/// Makes steps of lanes of runs of one size.
pub(super) struct Machine<'a> {
    cpu: TrainExecutor,
    gpu: Option<Mutex<GpuTrainer>>,
    stop: &'a Stop,
}

impl MachineArgs {
    /// Threads, and what computes on them or beside them.
    pub(super) fn open<'a>(
        &self,
        params: &Params,
        stop: &'a Stop,
    ) -> Result<(Threads, Machine<'a>), ProverError> {
        let (pool, cpu) = machine(self.threads)?;
        Ok((pool, Machine { cpu, gpu: self.device(params)?.map(Mutex::new), stop }))
    }

    fn device(&self, params: &Params) -> Result<Option<GpuTrainer>, ProverError> {
        let adapter = self.adapter.iter().cloned().collect();
        let args = DeviceArgs { backend: self.backend, adapter, ..DeviceArgs::any() };
        // Lanes follow each other on one device.
        let Some(info) = choose(&args)?.into_iter().next() else { return Ok(None) };
        match block_on(GpuTrainer::new(&info, params, GpuTrainerOptions::default())) {
            Ok(trainer) => {
                tracing::info!("training on {}", trainer.description());
                Ok(Some(trainer))
            }
            Err(error) if self.backend == Backend::Auto && self.adapter.is_none() => {
                tracing::warn!("{} is not used: {error}", info.name);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl<'a> Machine<'a> {
    /// The CPU.
    pub(super) fn cpu(cpu: TrainExecutor, stop: &'a Stop) -> Self {
        Self { cpu, gpu: None, stop }
    }

    /// Does each task, side by side where there are threads for them.
    pub(super) fn for_each<T: Send>(&self, tasks: Vec<T>, work: impl Fn(T) + Sync + Send) {
        match &self.gpu {
            Some(_) => tasks.into_iter().for_each(work),
            None => self.cpu.for_each(tasks, work),
        }
    }

    /// Makes steps of a lane; gives the sum of their losses. `on_step` hears of each step, once.
    pub(super) fn steps(
        &self,
        run: &Run,
        lane: &Lane,
        steps: Range<u32>,
        state: &mut State,
        on_step: &mut dyn FnMut(),
    ) -> Result<i64, ProverError> {
        if let Some(gpu) = &self.gpu {
            let mut told = 0;
            let mut on_step = |done: u32| {
                (told..done).for_each(|_| on_step());
                told = told.max(done);
                if self.stop.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            return self.on_device(gpu, &mut |gpu| {
                block_on(gpu.steps(run, lane, steps.clone(), state, &mut on_step))
            });
        }
        let mut loss = 0;
        for step in steps {
            if self.stop.is_asked() {
                return Err(ProverError::Interrupted);
            }
            loss += run.step(&self.cpu, lane, step, state);
            on_step();
        }
        Ok(loss)
    }

    /// Loss of parameters on what is held out, and of how many tokens.
    pub(super) fn validate(
        &self,
        run: &Run,
        theta: &[i32],
        sequences: usize,
    ) -> Result<(i64, usize), ProverError> {
        match &self.gpu {
            Some(gpu) => self.on_device(gpu, &mut |gpu| block_on(gpu.validate(run, theta, sequences))),
            None => Ok(run.validate(&self.cpu, theta, sequences)),
        }
    }

    /// The verdict on an opening.
    pub(super) fn check(
        &self,
        run: &Run,
        opening: &Opening,
        known: &Known<'_>,
        on_step: &mut dyn FnMut(),
    ) -> Result<Verdict, ProverError> {
        opening.check_by(run, known, |lane, steps, state| {
            self.steps(run, lane, steps, state, on_step).map(|_| ())
        })
    }

    /// Work of a device, again where the device is lost meanwhile and comes back.
    fn on_device<R>(
        &self,
        gpu: &Mutex<GpuTrainer>,
        work: &mut dyn FnMut(&mut GpuTrainer) -> Result<R, GpuError>,
    ) -> Result<R, ProverError> {
        let mut gpu = gpu.lock().unwrap_or_else(PoisonError::into_inner);
        let mut result = work(&mut gpu);
        for lost in 0..REOPENS {
            let Err(error @ GpuError::DeviceLost { .. }) = &result else { break };
            tracing::warn!("{error}; it is opened anew, and what it was at is done again");
            std::thread::sleep(PAUSE * 2_u32.pow(lost));
            if self.stop.is_asked() {
                return Err(ProverError::Interrupted);
            }
            match block_on(gpu.rebuild()) {
                Ok(()) => result = work(&mut gpu),
                Err(error) => tracing::warn!("{error}"),
            }
        }
        Ok(result?)
    }
}
