//! Runs core's plan: every op becomes dispatches of its kernel over the activations on the device.

use super::kernels::linear::{Linear, Operand};
use super::kernels::{Kernels, attention, embed, linear, merge, norm, stream, swiglu, take_last};
use super::layout::{LAST_SLOTS, Layout, Piece, TILE_COLUMNS, WIDE_SLOTS, WeightPlace, stride};
use super::leaves::StateHasher;
use super::weights::DeviceWeights;
use crate::Progress;
use crate::context::Gpu;
use crate::error::GpuError;
use crate::pace::Pace;
use crate::recorder::Recorder;
use sphere_pow_core::exact::ops::{AttentionShape, Requant};
use sphere_pow_core::exact::plan::{Op, Plan, Rows, Slot};
use sphere_pow_core::exact::stream::StreamKey;
use sphere_pow_core::exact::weights::Tensor;
use sphere_pow_core::exact::{Params, Puzzle};
use sphere_pow_core::identity::Nonce;

/// The variants of `linear` that a model runs on, which read the same operands.
#[derive(Debug)]
pub struct Linears {
    /// For many rows.
    pub wide: Linear,
    /// For as many rows as fit one of its tiles.
    pub flat: Linear,
}

impl Linears {
    /// What both read.
    #[must_use]
    pub fn operand(&self) -> Operand {
        self.wide.variant.method.operand()
    }

    /// The one for that many rows.
    #[must_use]
    pub fn for_rows(&self, rows: usize) -> &Linear {
        if rows <= self.flat.variant.rows() { &self.flat } else { &self.wide }
    }
}

/// A model of one block in the memory of a device.
#[derive(Debug)]
pub struct Model {
    params: Params,
    plan: Plan,
    batch: usize,
    weights: DeviceWeights,
    /// Whether all weights are there that are to be.
    is_loaded: bool,
    nonces: wgpu::Buffer,
    wide: Vec<(Slot, wgpu::Buffer)>,
    last: Vec<(Slot, wgpu::Buffer)>,
    /// What comes of gate and up, as products read it.
    gated: wgpu::Buffer,
}

impl Model {
    /// Makes the buffers for batches of `batch` nonces; resident weights are made by [`Self::load`].
    #[must_use]
    pub fn new(gpu: &Gpu, puzzle: &Puzzle, layout: Layout, place: WeightPlace, batch: usize) -> Self {
        let params = *puzzle.params();
        let buffers = |slots: &[Slot], rows: Rows| {
            let buffer =
                |slot: &Slot| (*slot, gpu.buffer("activation", layout.slot_bytes(*slot, rows, batch)));
            slots.iter().map(buffer).collect::<Vec<_>>()
        };
        let (wide, last) = (buffers(&WIDE_SLOTS, Rows::All), buffers(&LAST_SLOTS, Rows::Last));
        let gated = gpu.buffer("activation", layout.gated_bytes(batch));
        Self {
            params,
            plan: Plan::new(&params),
            batch,
            weights: DeviceWeights::new(gpu, &params, puzzle.weights_key(), layout, place),
            is_loaded: place == WeightPlace::Streamed,
            nonces: gpu.buffer("nonces", batch as u64 * 8),
            wide,
            last,
            gated,
        }
    }

    /// Makes the weights of the puzzle's block, which `progress` is told of, in place of what was there.
    ///
    /// # Errors
    /// As [`Recorder::finish`]; then there is no model.
    pub async fn load(
        &mut self,
        gpu: &Gpu,
        kernels: &Kernels,
        puzzle: &Puzzle,
        pace: &mut Pace,
        progress: Progress<'_>,
    ) -> Result<(), GpuError> {
        self.is_loaded = false;
        self.weights.set_key(puzzle.weights_key());
        let mut recorder = Recorder::new(gpu, pace, self.weights.cost(), progress);
        self.weights.record_all(&mut recorder, kernels).await?;
        recorder.finish().await?;
        gpu.check(0)?;
        self.is_loaded = true;
        Ok(())
    }

    /// Most nonces at once.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The logits of the last run: `[nonces, vocab]` i32 with padded rows of [`Self::logits_stride`].
    #[must_use]
    pub fn logits(&self) -> &wgpu::Buffer {
        self.slot(Slot::Logits, true)
    }

    /// Columns of the logits with padding.
    #[must_use]
    pub fn logits_stride(&self) -> usize {
        stride(Slot::Logits, &self.params)
    }

    /// int8 operations of one nonce.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.plan.cost(&self.params)
    }

    /// Records the whole plan for `nonces`, whose inputs are made on the device under `key`, and `hasher`'s hashes of
    /// their states. What was recorded before must have been submitted.
    ///
    /// # Errors
    /// As [`Recorder::dispatch`].
    pub async fn record(
        &self,
        recorder: &mut Recorder<'_>,
        kernels: &Kernels,
        linears: &Linears,
        key: &StreamKey,
        nonces: &[Nonce],
        hasher: Option<&StateHasher>,
    ) -> Result<(), GpuError> {
        let mut run = self.start(recorder, kernels, linears, key, nonces)?;
        for op in self.plan.ops() {
            if let Some(hasher) = hasher {
                hasher.record(recorder, *op, self.stream(), nonces.len())?;
            }
            run.step(recorder, *op)?;
            recorder.catch_up().await?;
        }
        Ok(())
    }

    /// Records the making of the inputs and round keys of `nonces`. What was recorded before must have been submitted.
    ///
    /// # Errors
    /// As [`Recorder::dispatch`]; [`GpuError::NotLoaded`] where [`Self::load`] did not end well.
    pub fn start<'a>(
        &'a self,
        recorder: &mut Recorder<'_>,
        kernels: &'a Kernels,
        linears: &'a Linears,
        key: &StreamKey,
        nonces: &[Nonce],
    ) -> Result<Run<'a>, GpuError> {
        if !self.is_loaded {
            return Err(GpuError::NotLoaded { name: recorder.gpu().info().name.clone() });
        }
        let ids: Vec<u64> = nonces.iter().map(|nonce| nonce.get()).collect();
        recorder.gpu().write(&self.nonces, 0, bytemuck::cast_slice(&ids));
        let row_blocks = self.params.dim() / stream::BLOCK;
        let (tokens, rounds) = (self.params.tokens(), 2 * self.params.layers());
        for (slot, first_row, rows) in [(Slot::Input, 0, tokens), (Slot::RoundKeys, tokens, rounds)] {
            let shape = stream::Shape {
                first_stream: 0,
                streams: ids.len(),
                first_block: (first_row * row_blocks) as u64,
                blocks: rows * row_blocks,
                out_block: 0,
                stored: Operand::Int8,
            };
            stream::record(recorder, kernels, key, [&self.nonces, self.slot(slot, false)], shape)?;
        }
        Ok(Run { model: self, kernels, linears, nonces: ids.len(), is_last: false })
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The stream: `[nonces, tokens, dim]` i16; after the last layer `[nonces, dim]`.
    #[must_use]
    pub fn stream(&self) -> &wgpu::Buffer {
        self.slot(Slot::Stream, false)
    }

    /// A part of a tensor where it lies, made now if it is not resident: see [`DeviceWeights::first_piece`].
    ///
    /// # Errors
    /// As [`Recorder::dispatch`].
    pub fn first_piece(
        &self,
        recorder: &mut Recorder<'_>,
        kernels: &Kernels,
        tensor: Tensor,
    ) -> Result<(Piece, &wgpu::Buffer), GpuError> {
        self.weights.first_piece(recorder, kernels, tensor)
    }

    /// What a product of all positions reads and writes beside its weight.
    #[must_use]
    pub fn product_buffers(&self, input: Slot, output: Slot) -> [&wgpu::Buffer; 2] {
        [self.factor(input, false), self.slot(output, false)]
    }

    /// The left side of a product.
    fn factor(&self, input: Slot, is_last: bool) -> &wgpu::Buffer {
        // Gate and up are int8, whatever products read.
        if input == Slot::Gate { &self.gated } else { self.slot(input, is_last) }
    }

    /// Sizes of the product of `rows` rows by a piece of `weight`.
    #[must_use]
    pub fn product_shape(
        &self,
        weight: Tensor,
        output: Slot,
        requant: Requant,
        piece: Piece,
        rows: usize,
    ) -> linear::Shape {
        linear::Shape {
            rows,
            k: weight.shape(&self.params).1,
            columns: piece.padded_rows,
            weight_first: usize::try_from(piece.offset).expect("buffers are below 2^31 bytes")
                / self.weights.operand().bytes(),
            first_column: piece.first_row,
            out_stride: stride(output, &self.params),
            requant,
        }
    }

    fn slot(&self, slot: Slot, is_last: bool) -> &wgpu::Buffer {
        let of = |slots: &'_ [(Slot, wgpu::Buffer)]| slots.iter().position(|(other, _)| *other == slot);
        match of(&self.last).filter(|_| is_last) {
            Some(ix) => &self.last[ix].1,
            None => &self.wide[of(&self.wide).expect("logits are asked for by their own name")].1,
        }
    }
}

/// One pass over ops.
#[derive(Debug)]
pub struct Run<'a> {
    model: &'a Model,
    kernels: &'a Kernels,
    linears: &'a Linears,
    nonces: usize,
    /// From `TakeLast` on: normed rows and lanes are those of the last positions.
    is_last: bool,
}

impl<'a> Run<'a> {
    fn slot(&self, slot: Slot) -> &'a wgpu::Buffer {
        self.model.slot(slot, self.is_last)
    }

    /// Records one op.
    ///
    /// # Errors
    /// As [`Recorder::dispatch`].
    pub fn step(&mut self, recorder: &mut Recorder<'_>, op: Op) -> Result<(), GpuError> {
        let (params, kernels, nonces) = (&self.model.params, self.kernels, self.nonces);
        let (dim, tokens) = (params.dim(), params.tokens());
        let count = |rows: Rows| rows.count(nonces, params);
        match op {
            Op::Embed => {
                let buffers = [self.slot(Slot::Input), self.slot(Slot::Stream)];
                embed::record(recorder, kernels, buffers, count(Rows::All) * dim / 4)
            }
            Op::Norm { rows, round } => {
                let first_position = rows.position(0, params);
                let positions = if rows == Rows::All { tokens } else { 1 };
                let rounds = 2 * params.layers();
                let shape = norm::Shape { rows: count(rows), dim, first_position, positions, rounds, round };
                let slots = [Slot::Stream, Slot::RoundKeys, Slot::Normed, Slot::Lanes];
                let buffers = slots.map(|slot| self.slot(slot));
                norm::record(recorder, kernels, buffers, shape)
            }
            Op::Linear { input, weight, output, requant, rows } => self.linear(
                recorder,
                [self.model.factor(input, self.is_last), self.slot(output)],
                (weight, output, requant),
                count(rows),
            ),
            Op::TakeLast => {
                let from = [Slot::Normed, Slot::Lanes].map(|slot| self.slot(slot));
                self.is_last = true;
                let to = [Slot::Normed, Slot::Lanes].map(|slot| self.slot(slot));
                take_last::record(recorder, kernels, [from[0], to[0]], [nonces, tokens, dim / 2])?;
                let lane_words = dim * kernels.operand().bytes() / 4;
                take_last::record(recorder, kernels, [from[1], to[1]], [nonces, tokens, lane_words])
            }
            Op::Attention { rows } => {
                let queries = rows.count(1, params);
                let shape =
                    AttentionShape { queries, tokens, heads: params.heads(), head_dim: params.head_dim() };
                let buffers = attention::Buffers {
                    query: self.slot(Slot::Query),
                    key: self.slot(Slot::Key),
                    value: self.slot(Slot::Value),
                    out: self.slot(Slot::Attended),
                };
                attention::record(recorder, kernels, buffers, nonces, shape)
            }
            Op::SwiGlu { rows } => {
                let buffers = [self.slot(Slot::Up), self.slot(Slot::Gate), &self.model.gated];
                swiglu::record(recorder, kernels, buffers, count(rows) * params.hidden() / 4)
            }
            Op::Merge { rows } => {
                let buffers = [Slot::Normed, Slot::Branch, Slot::Stream].map(|slot| self.slot(slot));
                merge::record(recorder, kernels, buffers, count(rows), dim)
            }
        }
    }

    fn linear(
        &self,
        recorder: &mut Recorder<'_>,
        [x, out]: [&wgpu::Buffer; 2],
        (weight, output, requant): (Tensor, Slot, Requant),
        rows: usize,
    ) -> Result<(), GpuError> {
        let (model, chosen) = (self.model, self.linears.for_rows(rows));
        debug_assert!(TILE_COLUMNS.is_multiple_of(chosen.variant.columns()));
        model.weights.with_pieces(recorder, self.kernels, weight, |recorder, piece, buffer| {
            let shape = model.product_shape(weight, output, requant, piece, rows);
            linear::record(recorder, chosen, [x, buffer, out], shape)
        })
    }
}
