//! Rotary position embedding.

use crate::gonka::params::Params;
use alloc::vec::Vec;
use core::f32::consts::PI;
use half::f16;

/// Cosines and sines of every position and pair, computed in f32 and stored as f16.
#[derive(Clone, Debug, PartialEq)]
pub struct RopeTable {
    /// `[seq_len, head_dim / 2]`.
    pub cos: Vec<f16>,
    /// `[seq_len, head_dim / 2]`.
    pub sin: Vec<f16>,
    /// `head_dim / 2`.
    pub pairs: usize,
}

/// Llama 3.1's frequency scaling.
mod scaling {
    pub(super) const FACTOR: f32 = 8.0;
    pub(super) const LOW_FREQUENCY: f32 = 1.0;
    pub(super) const HIGH_FREQUENCY: f32 = 4.0;
    pub(super) const ORIGINAL_CONTEXT: f32 = 8192.0;
}

fn scaled(frequency: f32) -> f32 {
    use scaling::{FACTOR, HIGH_FREQUENCY, LOW_FREQUENCY, ORIGINAL_CONTEXT};
    let wavelength = 2.0 * PI / frequency;
    if wavelength < ORIGINAL_CONTEXT / HIGH_FREQUENCY {
        frequency
    } else if wavelength > ORIGINAL_CONTEXT / LOW_FREQUENCY {
        frequency / FACTOR
    } else {
        let smooth = (ORIGINAL_CONTEXT / wavelength - LOW_FREQUENCY) / (HIGH_FREQUENCY - LOW_FREQUENCY);
        (1.0 - smooth) * frequency / FACTOR + smooth * frequency
    }
}

impl RopeTable {
    /// The table of `params`: angle `position * theta^(-2 pair / head_dim)`, SPEC §I.4.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "positions and widths are far below 2^24")]
    #[expect(clippy::cast_possible_truncation, reason = "the reference computes in f32")]
    pub fn new(params: &Params) -> Self {
        let pairs = params.head_dim() / 2;
        let theta = params.raw().rope_theta as f32;
        let frequencies: Vec<f32> = (0..pairs)
            .map(|pair| {
                let frequency = 1.0 / libm::powf(theta, (2 * pair) as f32 / params.head_dim() as f32);
                if params.raw().use_scaled_rope { scaled(frequency) } else { frequency }
            })
            .collect();
        let angles = (0..params.seq_len()).flat_map(|t| frequencies.iter().map(move |f| t as f32 * f));
        let (cos, sin) = angles.map(|a| (f16::from_f32(libm::cosf(a)), f16::from_f32(libm::sinf(a)))).unzip();
        Self { cos, sin, pairs }
    }
}

/// Rotates pairs (2i, 2i+1) of each head in place, SPEC §I.4.
///
/// # Shapes
/// - `x`: `[rows, width]`, width a multiple of `head_dim`.
/// - `position(row)`: the row's position, below the table's.
///
/// # Panics
/// When a position is beyond the table.
pub fn rope(x: &mut [f16], width: usize, table: &RopeTable, position: impl Fn(usize) -> usize) {
    for (row_ix, row) in x.chunks_exact_mut(width).enumerate() {
        let first = position(row_ix) * table.pairs;
        let (cos, sin) = (&table.cos[first..][..table.pairs], &table.sin[first..][..table.pairs]);
        for head in row.chunks_exact_mut(2 * table.pairs) {
            for ((pair, cos), sin) in head.chunks_exact_mut(2).zip(cos).zip(sin) {
                let (a, b, cos, sin) = (pair[0].to_f32(), pair[1].to_f32(), cos.to_f32(), sin.to_f32());
                pair[0] = f16::from_f32(a * cos - b * sin);
                pair[1] = f16::from_f32(a * sin + b * cos);
            }
        }
    }
}
