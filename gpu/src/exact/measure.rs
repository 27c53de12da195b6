//! What a device is measured by: its products alone, without what they read back, and each kernel's share of a batch.

use super::executor::ExactGpuExecutor;
use super::kernels::linear;
use crate::error::GpuError;
use crate::measure::{OpTimes, ProductTime, seconds_each};
use crate::recorder::Recorder;
use sphere_pow_core::exact::ops::Requant;
use sphere_pow_core::exact::plan::{Rows, Slot};
use sphere_pow_core::exact::weights::{LayerTensor, Tensor};
use sphere_pow_core::identity::{Nonce, PublicKey};
use std::ops::ControlFlow;

impl ExactGpuExecutor {
    /// Times products of a layer at the rows of a full batch: the wide one of the gate, the deep one back and the square one, each by
    /// as much of its weight as lies together. Activations are whatever lies in the buffers.
    ///
    /// # Errors
    /// As the device fails.
    pub async fn product_times(&mut self) -> Result<Vec<ProductTime>, GpuError> {
        let products = [
            ("w1", Slot::Lanes, LayerTensor::W1, Slot::Gate, Requant::Int8),
            ("w2", Slot::Gate, LayerTensor::W2, Slot::Branch, Requant::Branch),
            ("wq", Slot::Lanes, LayerTensor::Wq, Slot::Query, Requant::Int8),
        ];
        let Self { gpu, kernels, linears, model, pace, puzzle, .. } = self;
        let rows = Rows::All.count(model.batch(), puzzle.params());
        let mut out = Vec::new();
        for (name, input, tensor, output, requant) in products {
            let mut go_on = |_| ControlFlow::Continue(());
            let mut recorder = Recorder::new(gpu, pace, 1.0, &mut go_on);
            let weight = Tensor::Layer(0, tensor);
            let (piece, buffer) = model.first_piece(&mut recorder, kernels, weight)?;
            recorder.finish().await?;
            let shape = model.product_shape(weight, output, requant, piece, rows);
            let buffers = model.product_buffers(input, output);
            let linear = linears.for_rows(rows);
            let seconds = seconds_each(gpu, pace, |recorder| {
                linear::record(recorder, linear, [buffers[0], buffer, buffers[1]], shape)
            });
            out.push(ProductTime { name, rows, k: shape.k, columns: shape.columns, seconds: seconds.await? });
        }
        Ok(out)
    }

    /// Time on the device of each kernel in a full batch, each dispatch timed by itself; `None` where the device has no
    /// timestamps.
    ///
    /// # Errors
    /// As the device fails.
    ///
    /// # Panics
    /// Never: the key and the nonces measured by are there.
    pub async fn op_times(&mut self) -> Result<Option<OpTimes>, GpuError> {
        let Self { gpu, kernels, linears, model, pace, puzzle, .. } = self;
        let key = puzzle.inputs_key(&PublicKey::new("bench").expect("visible ASCII"));
        let nonces: Vec<Nonce> = (0..model.batch() as u64).map(|n| Nonce::new(n).expect("small")).collect();
        let (mut times, mut go_on) = (OpTimes::new(), |_| ControlFlow::Continue(()));
        let mut recorder = Recorder::new(gpu, pace, 1.0, &mut go_on);
        if !recorder.time_dispatches(&mut times) {
            return Ok(None);
        }
        model.record(&mut recorder, kernels, linears, &key, &nonces, None).await?;
        recorder.finish().await?;
        Ok(Some(times))
    }
}
