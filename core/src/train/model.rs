//! Forward and backward pass of a batch (SPEC §IV.4, §IV.5) over an [`Executor`].

use super::executor::Executor;
use super::ops::attention::{self, Kept as AttentionKept, Shape};
use super::ops::norm::Factor;
use super::ops::{
    AddBranch, AddGradients, CrossEntropy, Embed, Largest, Mantissas, Norm, NormBackward, Quantise, Shift,
    SquaredRelu, SquaredReluBackward,
};
use super::params::Params;
use super::values::{ACTIVATION, GRADIENT, Rows, top_exponent};
use alloc::vec;
use alloc::vec::Vec;

/// Rows of a task.
const TASK: usize = 32;

/// The int8 copy of a tensor (SPEC §IV.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weight {
    /// `[outputs, inputs]` within ±127.
    pub values: Vec<i16>,
    /// Their exponent.
    pub exponent: i32,
    /// Inputs.
    pub inputs: usize,
}

impl Weight {
    /// That of parameters in units of 2^-22.
    #[must_use]
    pub fn new<E: Executor>(executor: &E, theta: &[i32], inputs: usize) -> Self {
        let s = (executor.run(Largest(theta)) - ACTIVATION.cast_signed()).max(0);
        let mut values = vec![0; theta.len()];
        executor.run(Mantissas { values: theta, s, bits: ACTIVATION, out: &mut values });
        Self { values, exponent: s - 22, inputs }
    }
}

/// A gradient of a tensor: i32 with an exponent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gradient {
    /// As the tensor.
    pub values: Vec<i32>,
    /// Their exponent.
    pub exponent: i32,
}

/// What a layer leaves for the backward pass.
#[derive(Clone, Debug)]
struct LayerKept {
    x: Rows,
    first_norm: Vec<Factor>,
    attention: Vec<AttentionKept>,
    mixed: Rows,
    y: Rows,
    second_norm: Vec<Factor>,
    a: Rows,
    f: Rows,
}

/// What the forward pass leaves for the backward pass.
#[derive(Clone, Debug)]
pub struct Kept {
    layers: Vec<LayerKept>,
    z: Rows,
    norm: Vec<Factor>,
}

/// The forward pass's result.
#[derive(Clone, Debug)]
pub struct Logits {
    /// `[tokens, vocab]` accumulators.
    pub values: Vec<i32>,
    /// `[tokens]`.
    pub exponents: Vec<i32>,
}

/// A model with its weights, ready to run.
#[derive(Debug)]
pub struct Model<'a, E> {
    executor: &'a E,
    params: &'a Params,
    weights: Vec<Weight>,
}

/// Rows by a function of each row's number, in tasks.
fn rows_by<E: Executor, K: Clone + Default + Send>(
    executor: &E,
    rows: usize,
    width: usize,
    work: impl Fn(usize, &mut [i16]) -> (i32, K) + Sync + Send,
) -> (Rows, Vec<K>) {
    let mut out = Rows::zeros(rows, width);
    let mut kept = vec![K::default(); rows];
    let parts =
        out.values.chunks_mut(TASK * width).zip(out.exponents.chunks_mut(TASK)).zip(kept.chunks_mut(TASK));
    executor.for_each(parts.enumerate().collect(), |(task, ((values, exponents), kept))| {
        let rows = values.chunks_exact_mut(width).zip(exponents).zip(kept).enumerate();
        for (ix, ((values, exponent), kept)) in rows {
            (*exponent, *kept) = work(task * TASK + ix, values);
        }
    });
    (out, kept)
}

impl<'a, E: Executor> Model<'a, E> {
    /// One with the int8 copies of `theta`.
    #[must_use]
    pub fn new<'t>(executor: &'a E, params: &'a Params, theta: impl Iterator<Item = &'t [i32]>) -> Self {
        let weights =
            theta.zip(params.shapes()).map(|(theta, (_, inputs))| Weight::new(executor, theta, inputs));
        Self { executor, params, weights: weights.collect() }
    }

    fn sizes(&self) -> (usize, usize, usize) {
        let [_, dim, _, hidden, _, vocab, ..] = self.params.words().map(|word| word as usize);
        (dim, hidden, vocab)
    }

    fn shape(&self) -> Shape {
        let [_, dim, heads, _, context, ..] = self.params.words().map(|word| word as usize);
        Shape { context, dim, heads }
    }

    /// `x` by a weight: accumulators `[rows, outputs]`, row r in units of the row's exponent plus the weight's.
    fn linear(&self, x: &Rows, index: usize) -> Vec<i32> {
        let weight = &self.weights[index];
        let mut acc = vec![0; x.len() * (weight.values.len() / weight.inputs)];
        self.executor.product(&x.values, &weight.values, weight.inputs, &mut acc);
        acc
    }

    fn norm(&self, h: &[i32], dim: usize) -> (Rows, Vec<Factor>) {
        let norm = |row, out: &mut [i16]| self.executor.run(Norm { row: &h[row * dim..][..dim], out });
        rows_by(self.executor, h.len() / dim, dim, norm)
    }

    fn join(&self, h: &mut [i32], dim: usize, x: &Rows, index: usize) {
        let acc = self.linear(x, index);
        let e = self.weights[index].exponent;
        let parts = h.chunks_mut(TASK * dim).zip(acc.chunks(TASK * dim)).zip(x.exponents.chunks(TASK));
        self.executor.for_each(parts.collect(), |((h, acc), exponents)| {
            for ((h, acc), ex) in h.chunks_exact_mut(dim).zip(acc.chunks_exact(dim)).zip(exponents) {
                self.executor.run(AddBranch { acc, e: ex + e, stream: h });
            }
        });
    }

    /// Logits of `tokens`, whole sequences, and what the backward pass needs.
    ///
    /// # Shapes
    /// - `symbols`: `[vocab, dim]`, `positions`: `[context, dim]` parameters; `tokens`: each below vocab.
    #[must_use]
    pub fn forward(&self, symbols: &[i32], positions: &[i32], tokens: &[u16]) -> (Logits, Kept) {
        let (dim, hidden, _) = self.sizes();
        let shape = self.shape();
        let mut h = vec![0; tokens.len() * dim];
        let parts = h.chunks_mut(TASK * dim).zip(tokens.chunks(TASK)).enumerate();
        self.executor.for_each(parts.collect(), |(task, (h, tokens))| {
            for (ix, (h, token)) in h.chunks_exact_mut(dim).zip(tokens).enumerate() {
                let position = (task * TASK + ix) % shape.context;
                let symbol = &symbols[usize::from(*token) * dim..][..dim];
                self.executor.run(Embed { symbol, position: &positions[position * dim..][..dim], out: h });
            }
        });
        let mut layers = Vec::new();
        for first in (2..self.weights.len() - 1).step_by(4) {
            let (x, first_norm) = self.norm(&h, dim);
            let qkv = self.linear(&x, first);
            let (mixed, attention) = self.attention(&qkv, &x, self.weights[first].exponent);
            self.join(&mut h, dim, &mixed, first + 1);
            let (y, second_norm) = self.norm(&h, dim);
            let acc = self.linear(&y, first + 2);
            let e = self.weights[first + 2].exponent;
            let mut a = Rows::zeros(y.len(), hidden);
            let mut f = Rows::zeros(y.len(), hidden);
            let parts = a.values.chunks_mut(TASK * hidden).zip(f.values.chunks_mut(TASK * hidden));
            let parts = parts.zip(a.exponents.chunks_mut(TASK).zip(f.exponents.chunks_mut(TASK)));
            let parts = parts.zip(acc.chunks(TASK * hidden).zip(y.exponents.chunks(TASK)));
            self.executor.for_each(parts.collect(), |(((a, f), (ea, ef)), (acc, ey))| {
                for ix in 0..ea.len() {
                    let own = ix * hidden..(ix + 1) * hidden;
                    let (acc, a, out) = (&acc[own.clone()], &mut a[own.clone()], &mut f[own]);
                    (ea[ix], ef[ix]) = self.executor.run(SquaredRelu { acc, e: ey[ix] + e, a, out });
                }
            });
            self.join(&mut h, dim, &f, first + 3);
            layers.push(LayerKept { x, first_norm, attention, mixed, y, second_norm, a, f });
        }
        let (z, norm) = self.norm(&h, dim);
        let last = self.weights.len() - 1;
        let e = self.weights[last].exponent;
        let logits = Logits {
            values: self.linear(&z, last),
            exponents: z.exponents.iter().map(|ez| ez + e).collect(),
        };
        (logits, Kept { layers, z, norm })
    }

    fn attention(&self, qkv: &[i32], x: &Rows, e: i32) -> (Rows, Vec<AttentionKept>) {
        let shape = self.shape();
        let (context, dim) = (shape.context, shape.dim);
        let exponents: Vec<i32> = x.exponents.iter().map(|ex| ex + e).collect();
        let mut out = Rows::zeros(x.len(), dim);
        let mut kept = vec![AttentionKept::default(); x.len() / context];
        let parts = out.values.chunks_mut(context * dim).zip(out.exponents.chunks_mut(context));
        let parts = parts.zip(qkv.chunks(3 * context * dim).zip(exponents.chunks(context))).zip(&mut kept);
        self.executor.for_each(parts.collect(), |(((out, out_e), (qkv, e)), kept)| {
            *kept = attention::attention(self.executor, shape, qkv, e, out, out_e);
        });
        (out, kept)
    }

    /// Gradient of the loss by logits, and the loss of all tokens in units of 2^-16 octaves.
    #[must_use]
    pub fn loss(&self, logits: &Logits, targets: &[u16]) -> (Rows, i64) {
        let (_, _, vocab) = self.sizes();
        let (g, losses) = rows_by(self.executor, targets.len(), vocab, |row, g| {
            let acc = &logits.values[row * vocab..][..vocab];
            let (e, target) = (logits.exponents[row], usize::from(targets[row]));
            (-14, self.executor.run(CrossEntropy { acc, e, target, g }))
        });
        (g, losses.iter().sum())
    }

    /// Gradient of a tensor from a gradient of its outputs and its inputs (SPEC §IV.5.1).
    fn weight_gradient(&self, g: &Rows, x: &Rows) -> Gradient {
        let unit = |row: usize| g.exponents[row] + x.exponents[row];
        let top = top_exponent(g, unit);
        let aligned = self.aligned(g, |row| top - unit(row));
        let mut values = vec![0; g.width * x.width];
        self.executor.gradient(&aligned, &x.values, g.len(), &mut values);
        Gradient { values, exponent: top }
    }

    /// Rows shifted to the right by a shift of each.
    fn aligned(&self, g: &Rows, shift: impl Fn(usize) -> i32 + Sync + Send) -> Vec<i16> {
        let (out, _) = rows_by(self.executor, g.len(), g.width, |row, out| {
            self.executor.run(Shift { values: g.row(row), s: shift(row).max(0), out });
            (0, ())
        });
        out.values
    }

    /// Gradient of a weight's inputs (SPEC §IV.5.1).
    fn through(&self, g: &Rows, index: usize) -> Rows {
        let Weight { values, exponent, inputs } = &self.weights[index];
        let mut acc = vec![0; g.len() * inputs];
        self.executor.through(&g.values, values, *inputs, &mut acc);
        let quantised = |row: usize, out: &mut [i16]| {
            let (values, exponent) = (&acc[row * inputs..][..*inputs], g.exponents[row] + exponent);
            (self.executor.run(Quantise { values, exponent, bits: GRADIENT, out }), ())
        };
        rows_by(self.executor, g.len(), *inputs, quantised).0
    }

    fn norm_backward(&self, g: &Rows, y: &Rows, kept: &[Factor]) -> Rows {
        let back = |row: usize, out: &mut [i16]| {
            let (e, ey) = (g.exponents[row], y.exponents[row]);
            let op = NormBackward { g: g.row(row), e, y: y.row(row), ey, kept: kept[row], out };
            (self.executor.run(op), ())
        };
        rows_by(self.executor, g.len(), g.width, back).0
    }

    fn added(&self, a: &Rows, b: &Rows) -> Rows {
        let add = |row: usize, out: &mut [i16]| {
            let [a, b] = [a, b].map(|rows| (rows.row(row), rows.exponents[row]));
            (self.executor.run(AddGradients { a, b, out }), ())
        };
        rows_by(self.executor, a.len(), a.width, add).0
    }

    /// Gradient of each tensor, from that of the logits.
    #[must_use]
    pub fn backward(&self, g: &Rows, kept: &Kept, tokens: &[u16]) -> Vec<Gradient> {
        let (dim, hidden, vocab) = self.sizes();
        let shape = self.shape();
        let last = self.weights.len() - 1;
        let mut backwards = vec![self.weight_gradient(g, &kept.z)];
        let mut dh = self.norm_backward(&self.through(g, last), &kept.z, &kept.norm);
        for (layer, kept) in kept.layers.iter().enumerate().rev() {
            let first = 2 + 4 * layer;
            backwards.push(self.weight_gradient(&dh, &kept.f));
            let df = self.through(&dh, first + 3);
            let (da, _) = rows_by(self.executor, df.len(), hidden, |row, out| {
                let (e, ea) = (df.exponents[row], kept.a.exponents[row]);
                let op = SquaredReluBackward { g: df.row(row), e, a: kept.a.row(row), ea, out };
                (self.executor.run(op), ())
            });
            backwards.push(self.weight_gradient(&da, &kept.y));
            let dy = self.through(&da, first + 2);
            dh = self.added(&dh, &self.norm_backward(&dy, &kept.y, &kept.second_norm));
            backwards.push(self.weight_gradient(&dh, &kept.mixed));
            let mixed = self.through(&dh, first + 1);
            let mut dqkv = Rows::zeros(mixed.len(), 3 * dim);
            let (context, width) = (shape.context, shape.context * dim);
            let parts = dqkv.values.chunks_mut(3 * width).zip(dqkv.exponents.chunks_mut(context));
            let parts = parts.zip(mixed.values.chunks(width).zip(mixed.exponents.chunks(context)));
            self.executor.for_each(parts.zip(&kept.attention).collect(), |(((out, out_e), (g, e)), kept)| {
                attention::attention_backward(self.executor, shape, g, e, kept, out, out_e);
            });
            backwards.push(self.weight_gradient(&dqkv, &kept.x));
            let dx = self.through(&dqkv, first);
            dh = self.added(&dh, &self.norm_backward(&dx, &kept.x, &kept.first_norm));
        }
        let top = top_exponent(&dh, |row| dh.exponents[row]);
        let aligned = self.aligned(&dh, |row| top - dh.exponents[row]);
        let (mut symbols, mut positions) = (vec![0; vocab * dim], vec![0; shape.context * dim]);
        for (row, (g, token)) in aligned.chunks_exact(dim).zip(tokens).enumerate() {
            let at = [usize::from(*token) * dim, row % shape.context * dim];
            for (sums, at) in [&mut symbols, &mut positions].into_iter().zip(at) {
                sums[at..].iter_mut().zip(g).for_each(|(sum, g)| *sum += i32::from(*g));
            }
        }
        backwards.extend([positions, symbols].map(|values| Gradient { values, exponent: top }));
        backwards.reverse();
        backwards
    }
}
