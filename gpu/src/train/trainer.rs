//! A device that makes a lane's steps.

use super::buffers::{Model, Sizes};
use super::kernels::product::Method;
use super::kernels::{Kernels, Pass};
use super::layout::Layout;
use super::self_test;
use crate::context::Gpu;
use crate::device::DeviceInfo;
use crate::error::GpuError;
use crate::measure::OpTimes;
use crate::pace::Pace;
use crate::recorder::Recorder;
use sphere_pow_core::train::state::Tensor;
use sphere_pow_core::train::{Lane, Params, Run, State};
use std::cell::Cell;
use std::ops::{ControlFlow, Range};

/// How a trainer is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuTrainerOptions {
    /// Only this way to multiply; by default the faster one that is exact.
    pub method: Option<Method>,
    /// Keep wgpu's bounds checks in the kernels: slower, for tests.
    pub checked: bool,
}

/// Told how many of the steps asked for are on their way or done; may stop them.
pub type OnStep<'a> = &'a mut dyn FnMut(u32) -> ControlFlow<()>;

/// Makes steps of lanes of runs of one size, with all that lies between a state and the next on the device.
#[derive(Debug)]
pub struct GpuTrainer {
    gpu: Gpu,
    kernels: Kernels,
    model: Model,
    pace: Pace,
    params: Params,
    options: GpuTrainerOptions,
    /// What the device holds, where it is known.
    held: Option<State>,
}

impl GpuTrainer {
    /// Opens the device, holds its kernels to core's steps, and takes the memory for runs of `params`.
    ///
    /// # Errors
    /// Any [`GpuError`]; [`GpuError::NoKernel`] when the device computes wrongly.
    pub async fn new(
        info: &DeviceInfo,
        params: &Params,
        options: GpuTrainerOptions,
    ) -> Result<Self, GpuError> {
        let (sizes, layout) = (Sizes::new(params), Layout::new(params));
        let needed_bytes = sizes.check(&layout, info)?;
        let gpu = Gpu::open(info, wgpu::Features::empty()).await?;
        let mut pace = Pace::default();
        let (mut gpu, kernels) = self_test::choose(gpu, options, &mut pace).await?;
        gpu.set_needed_bytes(needed_bytes);
        let model = Model::new(&gpu, sizes, layout);
        gpu.settle(needed_bytes).await?;
        Ok(Self { gpu, kernels, model, pace, params: params.clone(), options, held: None })
    }

    /// A trainer of kernels that are tested by it.
    pub(super) fn untested(gpu: Gpu, kernels: Kernels, params: &Params) -> Self {
        let model = Model::new(&gpu, Sizes::new(params), Layout::new(params));
        let (pace, options) = (Pace::default(), GpuTrainerOptions::default());
        Self { gpu, kernels, model, pace, params: params.clone(), options, held: None }
    }

    /// Opens the device anew after [`GpuError::DeviceLost`].
    ///
    /// # Errors
    /// As [`Self::new`]; the trainer stays lost.
    pub async fn rebuild(&mut self) -> Result<(), GpuError> {
        let (info, params) = (self.gpu.info().clone(), self.params.clone());
        // What the driver still holds of the old device must not stand in the way of the new one.
        self.destroy_device();
        *self = Self::new(&info, &params, self.options).await?;
        Ok(())
    }

    /// What it was made of.
    pub(super) fn into_parts(self) -> (Gpu, Kernels) {
        (self.gpu, self.kernels)
    }

    /// The device and what it can do.
    #[must_use]
    pub fn info(&self) -> &DeviceInfo {
        self.gpu.info()
    }

    /// The adapter, its driver interface and how it multiplies, for people.
    #[must_use]
    pub fn description(&self) -> String {
        let info = self.gpu.info();
        format!("{}, {}, {}", info.name, info.backend, self.kernels.method().name())
    }

    /// Makes `steps` of a lane as core's [`Run::step`] does; gives the sum of their losses. The state goes to the device where it
    /// does not hold it already, and comes back when all is done.
    ///
    /// # Errors
    /// [`GpuError::Interrupted`], [`GpuError::DeviceLost`] and what else a device can do; `state` stays as it was.
    ///
    /// # Panics
    /// When run or state have other sizes than the trainer.
    pub async fn steps(
        &mut self,
        run: &Run,
        lane: &Lane,
        steps: Range<u32>,
        state: &mut State,
        on_step: OnStep<'_>,
    ) -> Result<i64, GpuError> {
        assert_eq!(run.params().words(), self.params.words(), "a run of the trainer's sizes");
        self.hold(state).await?;
        // Until it is read back, what the device holds is nobody's.
        self.held = None;
        let (mut sum, done) = (0, Cell::new(0));
        let all: Vec<u32> = steps.collect();
        for steps in all.chunks(self.model.sizes.steps) {
            sum += self.some(run, lane, steps, (&done, on_step), None).await?;
        }
        let new = self.read().await?;
        state.clone_from(&new);
        self.held = Some(new);
        Ok(sum)
    }

    /// What each kernel takes of `steps`, of which there are no more than a segment has; nothing where the device has no
    /// timestamps. The state on the device goes on, and is nobody's afterwards.
    ///
    /// # Errors
    /// As [`Self::steps`].
    pub async fn times(
        &mut self,
        run: &Run,
        lane: &Lane,
        steps: Range<u32>,
        state: &State,
    ) -> Result<OpTimes, GpuError> {
        self.hold(state).await?;
        self.held = None;
        let (mut times, steps) = (OpTimes::new(), steps.collect::<Vec<_>>());
        let mut go_on = |_| ControlFlow::Continue(());
        self.some(run, lane, &steps, (&Cell::new(0), &mut go_on), Some(&mut times)).await?;
        Ok(times)
    }

    /// Steps whose losses there is room for.
    async fn some(
        &mut self,
        run: &Run,
        lane: &Lane,
        steps: &[u32],
        (done, on_step): (&Cell<u32>, OnStep<'_>),
        times: Option<&mut OpTimes>,
    ) -> Result<i64, GpuError> {
        let Self { gpu, kernels, model, pace, .. } = self;
        let Sizes { batch, context, .. } = model.sizes;
        let mut stop = |_| on_step(done.get());
        let mut recorder = Recorder::new(gpu, pace, 1.0, &mut stop);
        if let Some(times) = times {
            recorder.time_dispatches(times);
        }
        for (slot, step) in steps.iter().enumerate() {
            let (tokens, targets) = run.text().batch(&run.starts(lane, *step), context);
            // What is recorded reads the batch that is there when it is submitted.
            recorder.flush()?;
            write(gpu, model, &tokens, &targets);
            let mut pass = Pass { recorder: &mut recorder, kernels };
            pass.copy_int8(&model.tensors)?;
            model.forward(&mut pass, batch, slot)?;
            model.backward(&mut pass)?;
            let [rate, decay] = run.rates(lane, *step);
            pass.optimise(&model.tensors, rate, decay)?;
            done.set(done.get() + 1);
            recorder.catch_up().await?;
        }
        recorder.finish().await?;
        let bytes = gpu.read(&model.losses, (4 * batch * steps.len()) as u64).await?;
        let losses: Vec<i32> = bytemuck::pod_collect_to_vec(&bytes);
        Ok(losses.into_iter().map(i64::from).sum())
    }

    /// Loss of parameters on what is held out, as core's [`Run::validate`].
    ///
    /// # Errors
    /// As [`Self::steps`].
    pub async fn validate(
        &mut self,
        run: &Run,
        theta: &[i32],
        sequences: usize,
    ) -> Result<(i64, usize), GpuError> {
        self.hold(&State::start(run.params(), theta)).await?;
        let Self { gpu, kernels, model, pace, .. } = self;
        let Sizes { batch, context, .. } = model.sizes;
        let (mut sum, mut count) = (0, 0);
        let mut go_on = |_| ControlFlow::Continue(());
        for starts in run.text().held_out(sequences, context).chunks(batch / context) {
            let (tokens, targets) = run.text().batch(starts, context);
            let mut recorder = Recorder::new(gpu, pace, 1.0, &mut go_on);
            write(gpu, model, &tokens, &targets);
            let mut pass = Pass { recorder: &mut recorder, kernels };
            pass.copy_int8(&model.tensors)?;
            model.forward(&mut pass, tokens.len(), 0)?;
            recorder.finish().await?;
            let bytes = gpu.read(&model.losses, 4 * tokens.len() as u64).await?;
            let losses: Vec<i32> = bytemuck::pod_collect_to_vec(&bytes);
            sum += losses.into_iter().map(i64::from).sum::<i64>();
            count += tokens.len();
        }
        Ok((sum, count))
    }

    /// Brings a state to the device, unless it is there.
    async fn hold(&mut self, state: &State) -> Result<(), GpuError> {
        if self.held.as_ref() == Some(state) {
            return Ok(());
        }
        self.held = None;
        let Self { gpu, kernels, model, pace, .. } = self;
        let (tensors, layout) = (&model.tensors, &model.layout);
        assert!(state.tensors.len() == layout.places.len(), "a state of the trainer's sizes");
        for (place, tensor) in layout.places.iter().zip(&state.tensors) {
            assert_eq!(tensor.theta.len(), place.size(), "a state of the trainer's sizes");
        }
        let theta: fn(&Tensor) -> &[i32] = |tensor| &tensor.theta;
        let first: fn(&Tensor) -> &[i32] = |tensor| &tensor.first;
        let root: fn(&Tensor) -> &[i32] = |tensor| &tensor.root;
        let parts = [(&tensors.theta, theta), (&tensors.first, first), (&tensors.root, root)];
        let mut go_on = |_| ControlFlow::Continue(());
        let mut recorder = Recorder::new(gpu, pace, 1.0, &mut go_on);
        for (values, of) in parts {
            let padded = layout.padded(state.tensors.iter().map(of));
            gpu.write(&values.values, 0, bytemuck::cast_slice(&padded));
            Pass { recorder: &mut recorder, kernels }.largest(values, layout.blocks)?;
        }
        let steps: Vec<[i32; 4]> = state.tensors.iter().map(|tensor| [tensor.exponent, 0, 0, 0]).collect();
        gpu.write(&tensors.steps, 0, bytemuck::cast_slice(&steps));
        recorder.finish().await?;
        self.held = Some(state.clone());
        Ok(())
    }

    /// The state that the device holds.
    async fn read(&self) -> Result<State, GpuError> {
        let Model { tensors, layout, .. } = &self.model;
        let words = async |buffer: &wgpu::Buffer| -> Result<Vec<i32>, GpuError> {
            Ok(bytemuck::pod_collect_to_vec(&self.gpu.read(buffer, buffer.size()).await?))
        };
        let theta = words(&tensors.theta.values).await?;
        let first = words(&tensors.first.values).await?;
        let root = words(&tensors.root.values).await?;
        let steps = words(&tensors.steps).await?;
        let tensor = |number: usize| Tensor {
            theta: layout.tensor(&theta, number).to_vec(),
            first: layout.tensor(&first, number).to_vec(),
            root: layout.tensor(&root, number).to_vec(),
            exponent: steps[4 * number],
        };
        Ok(State { tensors: (0..layout.places.len()).map(tensor).collect() })
    }

    /// Destroys the device as a driver's reset would: the next call fails with [`GpuError::DeviceLost`]. For drills and
    /// tests.
    pub fn destroy_device(&self) {
        self.gpu.destroyer()();
    }
}

/// Brings a batch to the device.
fn write(gpu: &Gpu, model: &Model, tokens: &[u16], targets: &[u16]) {
    for (buffer, symbols) in [(&model.tokens, tokens), (&model.targets, targets)] {
        let words: Vec<u32> = symbols.iter().map(|symbol| u32::from(*symbol)).collect();
        gpu.write(buffer, 0, bytemuck::cast_slice(&words));
    }
}
