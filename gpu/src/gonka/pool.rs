//! The weight pool on the device, and tensors made of it chunk by chunk.

use super::kernels::Kernels;
use super::kernels::repack::{self, SLACK_BYTES, Shape, Turns};
use super::layout::{Layout, TILE, stride};
use crate::Progress;
use crate::context::Gpu;
use crate::error::GpuError;
use crate::recorder::Recorder;
use sphere_pow_core::f16;
use sphere_pow_core::gonka::weights::TensorView;
use std::ops::Range;

/// Values written at once: what the driver stages stays small.
const PIECE_VALUES: usize = 8 << 20;

/// Writes piece `ix` of a chunk and holds what arrived against it.
async fn upload(gpu: &Gpu, buffer: &wgpu::Buffer, ix: usize, piece: &[f16]) -> Result<(), GpuError> {
    let offset = (ix * PIECE_VALUES * 2) as u64;
    // Writes are in words of two values.
    let (even, odd) = piece.split_at(piece.len() / 2 * 2);
    gpu.write(buffer, offset, bytemuck::cast_slice(even));
    if let [last] = odd {
        gpu.write(buffer, offset + even.len() as u64 * 2, bytemuck::cast_slice(&[*last, f16::ZERO]));
    }
    let bytes = gpu.read_from(buffer, offset, (piece.len().next_multiple_of(2) * 2) as u64).await?;
    let wanted = bytemuck::cast_slice::<f16, u8>(piece);
    match bytes.iter().zip(wanted).position(|(got, want)| got != want) {
        None => Ok(()),
        Some(at) => Err(GpuError::SelfTest {
            name: gpu.info().name.clone(),
            what: format!("byte {} of a chunk of the weight pool", offset + at as u64),
            got: bytes[at].to_string(),
            expected: wanted[at].to_string(),
        }),
    }
}

/// The pool in buffers that each fit a binding.
#[derive(Debug)]
pub struct DevicePool {
    chunks: Vec<wgpu::Buffer>,
    values: usize,
}

impl DevicePool {
    /// Uploads `pool` and reads it back to compare: a bad weight would spoil every nonce of the block.
    ///
    /// # Errors
    /// As [`Gpu::check`], [`GpuError::SelfTest`], [`GpuError::Interrupted`].
    pub async fn new(
        gpu: &Gpu,
        layout: &Layout,
        pool: &[f16],
        progress: Progress<'_>,
    ) -> Result<Self, GpuError> {
        let values = layout.pool_values();
        let mut chunks = Vec::new();
        let mut done = 0;
        for part in pool.chunks(values) {
            let buffer = gpu.buffer("pool", part.len() as u64 * 2 + SLACK_BYTES);
            gpu.settle(layout.pool_bytes()).await?;
            for (ix, piece) in part.chunks(PIECE_VALUES).enumerate() {
                upload(gpu, &buffer, ix, piece).await?;
                done += piece.len();
                #[expect(clippy::cast_precision_loss, reason = "a share")]
                if progress(done as f32 / pool.len() as f32).is_break() {
                    return Err(GpuError::Interrupted);
                }
            }
            chunks.push(buffer);
        }
        Ok(Self { chunks, values })
    }

    /// Records the copy of rows `rows` of a tensor into `chunk`, padded with zeros to whole tiles, between those of another
    /// tensor where there are `turns`.
    ///
    /// # Shapes
    /// - `chunk`: `[rows, cols]` f16 with padding, twice the rows where there are turns.
    ///
    /// # Errors
    /// As [`Recorder::dispatch`].
    pub fn unpack(
        &self,
        recorder: &mut Recorder<'_>,
        kernels: &Kernels,
        view: &TensorView,
        rows: Range<usize>,
        turns: Turns,
        chunk: &wgpu::Buffer,
    ) -> Result<(), GpuError> {
        let cols = view.cols;
        let padded_rows = if view.rows == 1 { 1 } else { rows.len().next_multiple_of(TILE) };
        let shape = Shape { rows: rows.len(), cols, padded_rows, stride: stride(cols), turns };
        let mut at = 0;
        for run in view.runs(rows.start * cols..rows.end * cols) {
            let mut first = run.start;
            while first < run.end {
                let (ix, offset) = (first / self.values, first % self.values);
                let len = (run.end - first).min(self.values - offset);
                repack::record(recorder, kernels, [&self.chunks[ix], chunk], shape, at..at + len, offset)?;
                first += len;
                at += len;
            }
        }
        Ok(())
    }
}
