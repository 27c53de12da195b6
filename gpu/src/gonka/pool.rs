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
use std::ops::{ControlFlow, Range};

/// Values written at once: what the driver stages stays small.
const PIECE_VALUES: usize = 8 << 20;

/// Gives the values of a weight pool, which may still be in the making.
pub trait PoolSource {
    /// How many values it has when it is whole.
    fn values(&self) -> usize;

    /// Gives values `range` to `take` as soon as they are made; until then asks `goes_on` again and again. Breaks when that
    /// does, or when they will never be made.
    fn read(
        &self,
        range: Range<usize>,
        goes_on: &mut dyn FnMut() -> ControlFlow<()>,
        take: &mut dyn FnMut(&[f16]),
    ) -> ControlFlow<()>;
}

impl<T: AsRef<[f16]> + ?Sized> PoolSource for T {
    fn values(&self) -> usize {
        self.as_ref().len()
    }

    fn read(
        &self,
        range: Range<usize>,
        _: &mut dyn FnMut() -> ControlFlow<()>,
        take: &mut dyn FnMut(&[f16]),
    ) -> ControlFlow<()> {
        take(&self.as_ref()[range]);
        ControlFlow::Continue(())
    }
}

/// Writes values `piece` of the pool into the chunk that begins at value `first`, and holds what arrived against them.
async fn upload(
    gpu: &Gpu,
    (buffer, first): (&wgpu::Buffer, usize),
    pool: &(impl PoolSource + ?Sized),
    piece: Range<usize>,
    goes_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<(), GpuError> {
    let offset = ((piece.start - first) * 2) as u64;
    let written = pool.read(piece.clone(), goes_on, &mut |values| {
        // Writes are in words of two values.
        let (even, odd) = values.split_at(values.len() / 2 * 2);
        gpu.write(buffer, offset, bytemuck::cast_slice(even));
        if let [last] = odd {
            let at = offset + even.len() as u64 * 2;
            gpu.write(buffer, at, bytemuck::cast_slice(&[*last, f16::ZERO]));
        }
    });
    if written.is_break() {
        return Err(GpuError::Interrupted);
    }
    let bytes = gpu.read_from(buffer, offset, (piece.len().next_multiple_of(2) * 2) as u64).await?;
    let mut wrong = None;
    let compared = pool.read(piece, goes_on, &mut |values| {
        let wanted = bytemuck::cast_slice::<f16, u8>(values);
        let at = bytes.iter().zip(wanted).position(|(got, want)| got != want);
        wrong = at.map(|at| (at, wanted[at]));
    });
    match (compared, wrong) {
        (ControlFlow::Break(()), _) => Err(GpuError::Interrupted),
        (_, None) => Ok(()),
        (_, Some((at, wanted))) => Err(GpuError::SelfTest {
            name: gpu.info().name.clone(),
            what: format!("byte {} of a chunk of the weight pool", offset + at as u64),
            got: bytes[at].to_string(),
            expected: wanted.to_string(),
        }),
    }
}

/// The pool in buffers that each fit a binding.
#[derive(Debug)]
pub struct DevicePool {
    chunks: Vec<wgpu::Buffer>,
    /// Of a chunk.
    values: usize,
    /// Whether they hold all of one pool.
    is_whole: bool,
}

impl DevicePool {
    /// Takes the memory for a pool of `all` values.
    ///
    /// # Errors
    /// As [`Gpu::check`].
    pub async fn new(gpu: &Gpu, layout: &Layout, all: usize) -> Result<Self, GpuError> {
        let values = layout.pool_values();
        let mut chunks = Vec::new();
        for first in (0..all).step_by(values) {
            chunks.push(gpu.buffer("pool", values.min(all - first) as u64 * 2 + SLACK_BYTES));
            gpu.settle(layout.pool_bytes()).await?;
        }
        Ok(Self { chunks, values, is_whole: false })
    }

    /// Uploads `pool`, of as many values, as it is made, in place of what was there, and reads it back to compare: a bad weight
    /// would spoil every nonce of the block.
    ///
    /// # Errors
    /// As [`Gpu::check`], [`GpuError::SelfTest`], [`GpuError::Interrupted`]; then no tensor can be made of it.
    pub async fn fill(
        &mut self,
        gpu: &Gpu,
        pool: &(impl PoolSource + ?Sized),
        progress: Progress<'_>,
    ) -> Result<(), GpuError> {
        self.is_whole = false;
        let all = pool.values();
        for (first, buffer) in (0..all).step_by(self.values).zip(&self.chunks) {
            let end = all.min(first + self.values);
            for start in (first..end).step_by(PIECE_VALUES) {
                #[expect(clippy::cast_precision_loss, reason = "a share")]
                let mut tell = |done: usize| progress(done as f32 / all as f32);
                let piece = start..end.min(start + PIECE_VALUES);
                let done = piece.end;
                upload(gpu, (buffer, first), pool, piece, &mut || tell(start)).await?;
                if tell(done).is_break() {
                    return Err(GpuError::Interrupted);
                }
            }
        }
        self.is_whole = true;
        Ok(())
    }

    /// Records the copy of rows `rows` of a tensor into `chunk`, padded with zeros to whole tiles, between those of another
    /// tensor where there are `turns`.
    ///
    /// # Shapes
    /// - `chunk`: `[rows, cols]` f16 with padding, twice the rows where there are turns.
    ///
    /// # Errors
    /// As [`Recorder::dispatch`]; [`GpuError::NotLoaded`] where [`Self::fill`] did not end well.
    pub fn unpack(
        &self,
        recorder: &mut Recorder<'_>,
        kernels: &Kernels,
        view: &TensorView,
        rows: Range<usize>,
        turns: Turns,
        chunk: &wgpu::Buffer,
    ) -> Result<(), GpuError> {
        if !self.is_whole {
            return Err(GpuError::NotLoaded { name: recorder.gpu().info().name.clone() });
        }
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
