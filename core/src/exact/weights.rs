//! Names, shapes and streams of all weights (SPEC §II.5); any part of any of them from key and place alone.

use super::params::Params;
use super::stream::StreamKey;
use super::tables::NORMAL;
use alloc::{vec, vec::Vec};
use core::ops::Range;

/// A weight matrix of one layer, in the order of their streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LayerTensor {
    /// Queries `[dim, dim]`.
    Wq,
    /// Keys `[dim, dim]`.
    Wk,
    /// Values `[dim, dim]`.
    Wv,
    /// Attention's output `[dim, dim]`.
    Wo,
    /// Gate `[hidden, dim]`.
    W1,
    /// Up `[hidden, dim]`.
    W3,
    /// Down `[dim, hidden]`.
    W2,
}

impl LayerTensor {
    /// All of a layer, in the order of their streams.
    pub const ALL: [Self; 7] = [Self::Wq, Self::Wk, Self::Wv, Self::Wo, Self::W1, Self::W3, Self::W2];

    /// The name in SPEC and vectors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wq => "wq",
            Self::Wk => "wk",
            Self::Wv => "wv",
            Self::Wo => "wo",
            Self::W1 => "w1",
            Self::W3 => "w3",
            Self::W2 => "w2",
        }
    }
}

/// A weight matrix `[outputs, inputs]`, row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tensor {
    /// A matrix of a layer, counted from 0.
    Layer(usize, LayerTensor),
    /// The output projection `[vocab, dim]`.
    Output,
}

impl Tensor {
    /// Every tensor of a model, in the order of their streams.
    pub fn all(params: &Params) -> impl Iterator<Item = Self> + use<> {
        let layers = 0..params.layers();
        layers.flat_map(|i| LayerTensor::ALL.map(|t| Self::Layer(i, t))).chain([Self::Output])
    }

    /// `(outputs, inputs)`; inputs are a multiple of 64, so that every row starts a ChaCha20 block.
    #[must_use]
    pub fn shape(self, params: &Params) -> (usize, usize) {
        let (dim, hidden) = (params.dim(), params.hidden());
        match self {
            Self::Layer(_, LayerTensor::W1 | LayerTensor::W3) => (hidden, dim),
            Self::Layer(_, LayerTensor::W2) => (dim, hidden),
            Self::Layer(..) => (dim, dim),
            Self::Output => (params.vocab(), dim),
        }
    }

    /// The number of its stream under [`StreamKey::weights`].
    #[must_use]
    pub fn stream(self, params: &Params) -> u64 {
        match self {
            Self::Layer(layer, tensor) => 7 * layer as u64 + tensor as u64,
            Self::Output => 7 * params.layers() as u64,
        }
    }
}

/// The weights of a block, made from the key wherever they are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightStream {
    params: Params,
    key: StreamKey,
}

impl WeightStream {
    /// The weights that `key` makes.
    #[must_use]
    pub fn new(params: &Params, key: StreamKey) -> Self {
        Self { params: *params, key }
    }

    /// Model sizes.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> StreamKey {
        self.key
    }

    /// Reads the tile `rows` x `cols` of a tensor, SPEC §II.5.
    ///
    /// # Shapes
    /// - `out`: `[rows, cols]` i8, every |weight| at most 46. Overwritten.
    ///
    /// # Panics
    /// When a range passes the tensor's shape or `out` is not of the tile's.
    pub fn read_tile(&self, tensor: Tensor, rows: Range<usize>, cols: Range<usize>, out: &mut [i8]) {
        let (outputs, inputs) = tensor.shape(&self.params);
        assert!(rows.end <= outputs && cols.end <= inputs, "a tile lies within its tensor");
        assert_eq!(out.len(), rows.len() * cols.len(), "out is [rows, cols]");
        if cols.is_empty() {
            return;
        }
        let stream = tensor.stream(&self.params);
        // Whole rows are one run of the stream.
        let run = if cols.len() == inputs { rows.len() * inputs } else { cols.len() };
        let mut bytes = vec![0; run];
        for (row, out) in rows.zip(out.chunks_exact_mut(run)) {
            self.key.read(stream, (row * inputs + cols.start) as u64, &mut bytes);
            through_normal(&bytes, out);
        }
    }

    /// A whole tensor, `[outputs, inputs]`.
    #[must_use]
    pub fn tensor(&self, tensor: Tensor) -> Vec<i8> {
        let (outputs, inputs) = tensor.shape(&self.params);
        let mut out = vec![0; outputs * inputs];
        self.read_tile(tensor, 0..outputs, 0..inputs, &mut out);
        out
    }
}

/// Keystream bytes through the table [`NORMAL`].
pub(super) fn through_normal(bytes: &[u8], out: &mut [i8]) {
    for (value, byte) in out.iter_mut().zip(bytes) {
        *value = NORMAL[usize::from(*byte)];
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::Preset;
    use super::*;
    use crate::identity::BlockHash;

    #[test]
    fn any_tile_is_that_part_of_the_whole() {
        let params = Preset::Nano.params();
        let key = StreamKey::weights(&params, &BlockHash::new("tile").expect("a hash"));
        let weights = WeightStream::new(&params, key);
        let tensor = Tensor::Layer(3, LayerTensor::W2);
        let whole = weights.tensor(tensor);
        for (rows, cols) in [(0..64, 0..64), (5..7, 3..50), (63..64, 63..64), (1..3, 0..0), (9..12, 1..2)] {
            let mut tile = vec![0; rows.len() * cols.len()];
            weights.read_tile(tensor, rows.clone(), cols.clone(), &mut tile);
            let want: Vec<i8> =
                rows.flat_map(|r| whole[64 * r + cols.start..64 * r + cols.end].to_vec()).collect();
            assert_eq!(tile, want);
        }
    }

    #[test]
    fn streams_are_numbered_without_gaps() {
        let params = Preset::Nano.params();
        let streams: Vec<u64> = Tensor::all(&params).map(|t| t.stream(&params)).collect();
        assert_eq!(streams, (0..=280).collect::<Vec<u64>>());
        let total: usize = Tensor::all(&params).map(|t| t.shape(&params)).map(|(n, k)| n * k).sum();
        assert_eq!(total as u64, params.n_weights());
    }
}
