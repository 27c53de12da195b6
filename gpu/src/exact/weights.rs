//! Weights on the device, made there from 32 bytes of key.

use super::kernels::linear::Operand;
use super::kernels::{Kernels, stream};
use super::layout::{Layout, Piece, WeightPlace};
use crate::context::Gpu;
use crate::error::GpuError;
use crate::recorder::Recorder;
use sphere_pow_core::exact::Params;
use sphere_pow_core::exact::stream::StreamKey;
use sphere_pow_core::exact::weights::Tensor;

/// The weights of a block.
#[derive(Debug)]
pub struct DeviceWeights {
    params: Params,
    key: StreamKey,
    /// The numbers 0, 1, … as u64: streams by tensor.
    numbers: wgpu::Buffer,
    layout: Layout,
    /// By stream number; empty where weights are made as they are used.
    placed: Vec<Vec<Piece>>,
    /// Where they lie, or the one buffer that takes each piece in turn.
    arenas: Vec<wgpu::Buffer>,
}

impl DeviceWeights {
    /// Makes the buffers; resident weights are recorded by [`Self::record_all`].
    #[must_use]
    pub fn new(gpu: &Gpu, params: &Params, key: StreamKey, layout: Layout, place: WeightPlace) -> Self {
        let ids: Vec<u64> = Tensor::all(params).map(|tensor| tensor.stream(params)).collect();
        let numbers = gpu.buffer("stream numbers", ids.len() as u64 * 8);
        gpu.write(&numbers, 0, bytemuck::cast_slice(&ids));
        let (placed, arenas) = match place {
            WeightPlace::Resident => layout.resident(),
            WeightPlace::Streamed => (Vec::new(), vec![layout.scratch_bytes()]),
        };
        let arenas = arenas.into_iter().map(|bytes| gpu.buffer("weights", bytes)).collect();
        Self { params: *params, key, numbers, layout, placed, arenas }
    }

    /// How they are stored.
    #[must_use]
    pub fn operand(&self) -> Operand {
        self.layout.operand()
    }

    /// Takes the key of another block; resident weights are to be recorded anew.
    pub fn set_key(&mut self, key: StreamKey) {
        self.key = key;
    }

    /// What [`Self::record_all`] costs, in operations of `linear`.
    #[must_use]
    pub fn cost(&self) -> f64 {
        let bytes: u64 = self.arenas.iter().map(wgpu::Buffer::size).sum();
        let block_bytes = (stream::BLOCK * self.layout.operand().bytes()) as f64;
        if self.placed.is_empty() { 0.0 } else { bytes as f64 / block_bytes * stream::BLOCK_COST }
    }

    /// Records the making of all resident weights.
    ///
    /// # Errors
    /// As [`Recorder::dispatch`].
    pub async fn record_all(&self, recorder: &mut Recorder<'_>, kernels: &Kernels) -> Result<(), GpuError> {
        for (tensor, pieces) in Tensor::all(&self.params).zip(&self.placed) {
            for piece in pieces {
                self.make(recorder, kernels, tensor, *piece)?;
                recorder.catch_up().await?;
            }
        }
        Ok(())
    }

    /// Calls `each` with every piece of a tensor and the buffer that holds it by then.
    ///
    /// # Errors
    /// The first of `each` or of the recorder.
    pub fn with_pieces(
        &self,
        recorder: &mut Recorder<'_>,
        kernels: &Kernels,
        tensor: Tensor,
        mut each: impl FnMut(&mut Recorder<'_>, Piece, &wgpu::Buffer) -> Result<(), GpuError>,
    ) -> Result<(), GpuError> {
        if let Some(pieces) = self.placed.get(self.number(tensor)) {
            return pieces.iter().try_for_each(|piece| each(recorder, *piece, &self.arenas[piece.arena]));
        }
        self.layout.pieces(tensor).into_iter().try_for_each(|piece| {
            self.make(recorder, kernels, tensor, piece)?;
            each(recorder, piece, &self.arenas[0])
        })
    }

    /// The first piece of a tensor and the buffer that holds it by then.
    ///
    /// # Errors
    /// The recorder's.
    pub fn first_piece(
        &self,
        recorder: &mut Recorder<'_>,
        kernels: &Kernels,
        tensor: Tensor,
    ) -> Result<(Piece, &wgpu::Buffer), GpuError> {
        if let Some(pieces) = self.placed.get(self.number(tensor)) {
            return Ok((pieces[0], &self.arenas[pieces[0].arena]));
        }
        let piece = self.layout.pieces(tensor)[0];
        self.make(recorder, kernels, tensor, piece)?;
        Ok((piece, &self.arenas[0]))
    }

    fn number(&self, tensor: Tensor) -> usize {
        usize::try_from(tensor.stream(&self.params)).expect("at most 1793 tensors")
    }

    fn make(
        &self,
        recorder: &mut Recorder<'_>,
        kernels: &Kernels,
        tensor: Tensor,
        piece: Piece,
    ) -> Result<(), GpuError> {
        let (inputs, stored) = (tensor.shape(&self.params).1, self.layout.operand());
        // Rows are whole blocks of the stream. Padding rows are the stream's next, and nobody reads their sums.
        let row_blocks = inputs / stream::BLOCK;
        let shape = stream::Shape {
            first_stream: self.number(tensor),
            streams: 1,
            first_block: (piece.first_row * row_blocks) as u64,
            blocks: piece.padded_rows * row_blocks,
            out_block: usize::try_from(piece.offset).expect("buffers are below 2^31 bytes")
                / (stream::BLOCK * stored.bytes()),
            stored,
        };
        stream::record(recorder, kernels, &self.key, [&self.numbers, &self.arenas[piece.arena]], shape)
    }
}
