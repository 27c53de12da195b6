//! Runs core's plan: every op becomes dispatches of its kernel over the activations on the device.

use super::kernels::linear::{self, Leaves};
use super::kernels::repack::Turns;
use super::kernels::{Kernels, add, attention, rms_norm, rope, take_last};
use super::layout::{Layout, slot_bytes, stride};
use super::pool::{DevicePool, PoolSource};
use super::steps::{Factor, Step, steps};
use crate::Progress;
use crate::context::Gpu;
use crate::error::GpuError;
use crate::recorder::Recorder;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::Params;
use sphere_pow_core::gonka::ops::{AttentionShape, RopeTable};
use sphere_pow_core::gonka::plan::{Op, Plan, Rows, Slot};
use sphere_pow_core::gonka::weights::{LayerTensor, Tensor, TensorView};
use sphere_pow_core::identity::BlockHash;

/// A model of one block in the memory of a device.
#[derive(Debug)]
pub struct Model {
    params: Params,
    block: BlockHash,
    steps: Vec<Step>,
    layout: Layout,
    batch: usize,
    pool: DevicePool,
    weight: wgpu::Buffer,
    rope: wgpu::Buffer,
    slots: Vec<wgpu::Buffer>,
}

impl Model {
    /// Makes the buffers for batches of `batch` nonces around those of the pool.
    #[must_use]
    pub fn new(
        gpu: &Gpu,
        params: &Params,
        block: &BlockHash,
        layout: Layout,
        pool: DevicePool,
        batch: usize,
    ) -> Self {
        let table = RopeTable::new(params);
        let pairs: Vec<f16> = table.cos.iter().zip(&table.sin).flat_map(|(cos, sin)| [*cos, *sin]).collect();
        let rope = gpu.buffer("rope", pairs.len() as u64 * 2);
        gpu.write(&rope, 0, bytemuck::cast_slice(&pairs));
        let slots = Slot::ALL.iter().map(|slot| gpu.buffer("activation", slot_bytes(*slot, params, batch)));
        Self {
            params: params.clone(),
            block: block.clone(),
            steps: steps(&Plan::new(params)),
            batch,
            pool,
            weight: gpu.buffer("weight", layout.weight_bytes()),
            rope,
            slots: slots.collect(),
            layout,
        }
    }

    /// Takes the pool of `block` in place of what was there.
    ///
    /// # Errors
    /// As [`DevicePool::fill`]; then there is no model.
    pub async fn load(
        &mut self,
        gpu: &Gpu,
        block: &BlockHash,
        pool: &(impl PoolSource + ?Sized),
        progress: Progress<'_>,
    ) -> Result<(), GpuError> {
        self.block = block.clone();
        self.pool.fill(gpu, pool, progress).await
    }

    /// The block.
    #[must_use]
    pub fn block(&self) -> &BlockHash {
        &self.block
    }

    /// Model sizes.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Most nonces at once.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Bytes of all buffers.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.layout.memory_bytes(&self.params, self.batch)
    }

    /// The buffer of a slot, `[rows, stride(width)]` f16.
    #[must_use]
    pub fn slot(&self, slot: Slot) -> &wgpu::Buffer {
        &self.slots[slot as usize]
    }

    /// Writes the first rows of a slot, `[rows, width]`, padding them.
    pub fn write_rows(&self, gpu: &Gpu, slot: Slot, values: &[f16]) {
        let width = slot.width(&self.params);
        let stride = stride(width);
        if width == stride {
            return gpu.write(self.slot(slot), 0, bytemuck::cast_slice(values));
        }
        let mut padded = vec![f16::ZERO; values.len() / width * stride];
        for (row, padded) in values.chunks_exact(width).zip(padded.chunks_exact_mut(stride)) {
            padded[..width].copy_from_slice(row);
        }
        gpu.write(self.slot(slot), 0, bytemuck::cast_slice(&padded));
    }

    /// Records the whole plan for `nonces` nonces.
    ///
    /// # Errors
    /// As [`Recorder::flush`].
    pub async fn record(
        &self,
        recorder: &mut Recorder<'_>,
        kernels: &Kernels,
        nonces: usize,
    ) -> Result<(), GpuError> {
        for step in &self.steps {
            match *step {
                Step::Product { input, factor, output, rows } => {
                    let rows = rows.count(nonces, &self.params);
                    self.product(recorder, kernels, input, factor, output, rows)?;
                }
                Step::Other(op) => self.run(recorder, kernels, op, nonces)?,
            }
            recorder.catch_up().await?;
        }
        Ok(())
    }

    /// Reads the first rows of a slot, `[rows, width]`.
    ///
    /// # Errors
    /// As [`Gpu::read`].
    pub async fn read_rows(&self, gpu: &Gpu, slot: Slot, rows: usize) -> Result<Vec<f32>, GpuError> {
        let width = slot.width(&self.params);
        let stride = stride(width);
        let bytes = gpu.read(self.slot(slot), (rows * stride * 2) as u64).await?;
        let rows = bytes.chunks_exact(stride * 2);
        let value = |pair: &[u8]| f16::from_le_bytes([pair[0], pair[1]]).to_f32();
        Ok(rows.flat_map(|row| row[..width * 2].chunks_exact(2).map(value)).collect())
    }

    /// Records the widest product of the model alone: Gate = Normed w1ᵀ of layer 0, for benchmarks.
    ///
    /// # Errors
    /// As [`Recorder::dispatch`].
    pub fn record_gate(
        &self,
        recorder: &mut Recorder<'_>,
        kernels: &Kernels,
        rows: usize,
    ) -> Result<(), GpuError> {
        let factor = Factor::One(Tensor::Layer(0, LayerTensor::W1));
        self.product(recorder, kernels, Slot::Normed, factor, Slot::Gate, rows)
    }

    fn run(
        &self,
        recorder: &mut Recorder<'_>,
        kernels: &Kernels,
        op: Op,
        nonces: usize,
    ) -> Result<(), GpuError> {
        let params = &self.params;
        let seq_len = params.seq_len();
        let width = |slot: Slot| slot.width(params);
        let count = |rows: Rows| rows.count(nonces, params);
        match op {
            Op::RmsNorm { input, weight, output, rows } => {
                let view = TensorView::new(params, &self.block, weight);
                self.pool.unpack(recorder, kernels, &view, 0..1, Turns::Alone, &self.weight)?;
                let dim = width(input);
                let shape =
                    rms_norm::Shape { rows: count(rows), dim, stride: stride(dim), eps: params.norm_eps() };
                rms_norm::record(recorder, kernels, self.slot(input), &self.weight, self.slot(output), shape)
            }
            Op::Linear { .. } | Op::SwiGlu { .. } => unreachable!("steps have them as products"),
            Op::Rope { slot, rows } => {
                let (first_position, positions) = match rows {
                    Rows::All => (0, seq_len),
                    Rows::Last => (seq_len - 1, 1),
                };
                let shape = rope::Shape {
                    rows: count(rows),
                    width: width(slot),
                    stride: stride(width(slot)),
                    pairs: params.head_dim() / 2,
                    first_position,
                    positions,
                };
                rope::record(recorder, kernels, &self.rope, self.slot(slot), shape)
            }
            Op::Attention { rows } => {
                let shape = AttentionShape {
                    seq_len,
                    queries: rows.count(1, params),
                    heads: params.n_heads(),
                    kv_heads: params.n_kv_heads(),
                    head_dim: params.head_dim(),
                };
                let buffers = attention::Buffers {
                    query: self.slot(Slot::Query),
                    key: self.slot(Slot::Key),
                    value: self.slot(Slot::Value),
                    out: self.slot(Slot::Attended),
                };
                let strides = [stride(width(Slot::Query)), stride(width(Slot::Key))];
                attention::record(recorder, kernels, buffers, nonces, shape, strides)
            }
            Op::AddBranch { slot, rows } => {
                let (branch, x) = (self.slot(Slot::Branch), self.slot(slot));
                add::record(recorder, kernels, branch, x, count(rows), stride(width(slot)))
            }
            Op::TakeLast { input, output } => {
                let sizes = [nonces, seq_len, stride(width(input))];
                take_last::record(recorder, kernels, self.slot(input), self.slot(output), sizes)
            }
        }
    }

    /// Makes rows of a factor from row `first` on, as many as a chunk holds, and gives the row after them and the shape of
    /// their product.
    ///
    /// # Errors
    /// As [`Recorder::dispatch`].
    pub fn make_chunk(
        &self,
        recorder: &mut Recorder<'_>,
        kernels: &Kernels,
        (factor, first): (Factor, usize),
        output: Slot,
        rows: usize,
    ) -> Result<(usize, linear::Shape), GpuError> {
        let view = |tensor| TensorView::new(&self.params, &self.block, tensor);
        let mut unpack = |view: &TensorView, end, turns| {
            self.pool.unpack(recorder, kernels, view, first..end, turns, &self.weight)
        };
        let (end, cols, weight_rows, leaves) = match factor {
            Factor::One(tensor) => {
                let view = view(tensor);
                let end = view.rows.min(first + self.layout.chunk_rows(view.cols));
                unpack(&view, end, Turns::Alone)?;
                (end, view.cols, stride(end - first), Leaves::Sums)
            }
            Factor::Gated { gate, up } => {
                let [gate, up] = [gate, up].map(view);
                let end = gate.rows.min(first + self.layout.gated_rows(gate.cols));
                unpack(&gate, end, Turns::First)?;
                unpack(&up, end, Turns::Second)?;
                (end, gate.cols, 2 * stride(end - first), Leaves::Gated)
            }
        };
        let out_stride = stride(output.width(&self.params));
        let k = stride(cols);
        Ok((end, linear::Shape { rows, k, weight_rows, chunk_column: first, out_stride, leaves }))
    }

    /// What a product of `input` reads and writes.
    #[must_use]
    pub fn product_buffers(&self, input: Slot, output: Slot) -> [&wgpu::Buffer; 3] {
        [self.slot(input), &self.weight, self.slot(output)]
    }

    /// Each chunk of the weight's rows is made right before it is used, in the one buffer there is.
    fn product(
        &self,
        recorder: &mut Recorder<'_>,
        kernels: &Kernels,
        input: Slot,
        factor: Factor,
        output: Slot,
        rows: usize,
    ) -> Result<(), GpuError> {
        let mut first = 0;
        while first < output.width(&self.params) {
            let (end, shape) = self.make_chunk(recorder, kernels, (factor, first), output, rows)?;
            let buffers = self.product_buffers(input, output);
            linear::record(recorder, kernels, kernels.tile_for(&shape), buffers, shape)?;
            first = end;
        }
        Ok(())
    }
}
