//! What a device is measured by: its products alone, without what they read back, and each kernel's share of a batch.

use super::executor::GpuExecutor;
use super::kernels::linear;
use super::steps::Factor;
use crate::error::GpuError;
use crate::measure::{OpTimes, ProductTime, seconds_each};
use crate::recorder::Recorder;
use sphere_pow_core::gonka::plan::Slot;
use sphere_pow_core::gonka::weights::{LayerTensor, Tensor};
use std::ops::ControlFlow;

impl GpuExecutor {
    /// Times the products of a layer at the rows of a full batch: the wide one of gate and up, the deep one and the square one. Their values
    /// are whatever lies in the buffers.
    ///
    /// # Errors
    /// As the device fails.
    pub async fn product_times(&mut self) -> Result<Vec<ProductTime>, GpuError> {
        let [gate, up, down, query] = [LayerTensor::W1, LayerTensor::W3, LayerTensor::W2, LayerTensor::Wq]
            .map(|tensor| Tensor::Layer(0, tensor));
        let products = [
            ("w1+w3", Slot::Normed, Factor::Gated { gate, up }, Slot::Gate),
            ("w2", Slot::Gate, Factor::One(down), Slot::Branch),
            ("wq", Slot::Normed, Factor::One(query), Slot::Query),
        ];
        let (gpu, kernels, model, pace) = self.parts();
        let mut out = Vec::new();
        for (name, input, factor, output) in products {
            let rows = input.max_rows(model.params()).count(model.batch(), model.params());
            let buffers = model.product_buffers(input, output);
            let shape = {
                let mut go_on = |_| ControlFlow::Continue(());
                let mut recorder = Recorder::new(gpu, pace, 1.0, &mut go_on);
                let (_, shape) = model.make_chunk(&mut recorder, kernels, (factor, 0), output, rows)?;
                recorder.finish().await?;
                shape
            };
            let seconds = seconds_each(gpu, pace, |recorder| {
                linear::record(recorder, kernels, kernels.tile_for(&shape), buffers, shape)
            });
            out.push(ProductTime {
                name,
                rows,
                k: shape.k,
                columns: shape.weight_rows,
                seconds: seconds.await?,
            });
        }
        Ok(out)
    }

    /// Time on the device of each kernel in a full batch, each dispatch timed by itself; `None` where the device has no
    /// timestamps.
    ///
    /// # Errors
    /// As the device fails.
    pub async fn op_times(&mut self) -> Result<Option<OpTimes>, GpuError> {
        let (gpu, kernels, model, pace) = self.parts();
        let (mut times, mut go_on) = (OpTimes::new(), |_| ControlFlow::Continue(()));
        let mut recorder = Recorder::new(gpu, pace, 1.0, &mut go_on);
        if !recorder.time_dispatches(&mut times) {
            return Ok(None);
        }
        model.record(&mut recorder, kernels, model.batch()).await?;
        recorder.finish().await?;
        Ok(Some(times))
    }
}
