//! What is padded to what, what is cut into chunks, and how much memory all of it takes.
//!
//! Every buffer of values is `[rows, stride]` f16 with rows and stride in whole tiles of the largest `linear`
//! tile, zeros in the padding columns. So no kernel meets an edge.

use super::kernels::attention;
use super::kernels::repack::SLACK_BYTES;
use crate::device::DeviceLimits;
use crate::error::GpuError;
use sphere_pow_core::gonka::Params;
use sphere_pow_core::gonka::plan::Slot;
use sphere_pow_core::gonka::weights::{LayerTensor, Tensor};

/// Rows and columns of the largest tile: everything is padded to a multiple.
pub const TILE: usize = 128;
/// Most bytes of a weight chunk, where the limits allow: w1 and w3 of testnet together are one, of mainnet two.
const WEIGHT_CHUNK_BYTES: u64 = 256 << 20;
/// Uniforms of the dispatches of one submit, readback and small change of the driver.
const FIXED_BYTES: u64 = 8 << 20;
/// Batches whose logits may be on their way home.
pub const READBACKS: usize = 2;
/// What a batch should take: longer ones waste more when a Sprint ends or the user stops.
const BATCH_SECONDS: f64 = 1.0;
/// Rows that a batch has even where it takes longer: each makes all matrices from the pool anew.
const LEAST_ROWS: usize = 512;
/// Rows beyond which a larger batch makes nothing faster, on any device.
const MOST_ROWS: usize = 16_384;
/// Rows of a batch for software drivers, where a short wait counts for more.
const ROWS_SOFTWARE: usize = 64;

/// Columns with padding.
#[must_use]
pub fn stride(width: usize) -> usize {
    width.next_multiple_of(TILE)
}

/// Bytes of `[rows, width]` with padding.
#[must_use]
pub fn matrix_bytes(rows: usize, width: usize) -> u64 {
    rows.next_multiple_of(TILE) as u64 * stride(width) as u64 * 2
}

/// How a model lies in the memory of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    binding_bytes: u64,
    weight_bytes: u64,
    pool_values: usize,
    pool_len: usize,
}

/// Bytes of so many rows of w1 and as many of w3.
fn gated_bytes(rows: usize, params: &Params) -> u64 {
    2 * matrix_bytes(rows, params.dim())
}

fn tensors() -> impl Iterator<Item = Tensor> {
    LayerTensor::ALL.into_iter().map(|t| Tensor::Layer(0, t)).chain([Tensor::Norm, Tensor::Output])
}

impl Layout {
    /// The layout of `params` under `limits`, bindings no larger than `max_binding_bytes` if that is given.
    ///
    /// # Errors
    /// [`GpuError::Limit`] when one tile of a tensor, or a sequence or a head in attention, is too large.
    pub fn new(
        params: &Params,
        name: &str,
        limits: &DeviceLimits,
        max_binding_bytes: Option<u64>,
    ) -> Result<Self, GpuError> {
        let binding_bytes = limits.binding_bytes.min(max_binding_bytes.unwrap_or(u64::MAX));
        let limit = |what, needed: u64, limit: u64| {
            if needed <= limit {
                Ok(())
            } else {
                Err(GpuError::Limit { name: name.to_owned(), what, needed, limit })
            }
        };
        let widest = tensors().map(|tensor| tensor.shape(params).1).max().unwrap_or(0);
        let one_tile = matrix_bytes(1, widest).max(gated_bytes(1, params));
        limit("one tile of a weight in bytes", one_tile, binding_bytes)?;
        limit("the width of a head", params.head_dim() as u64, attention::MAX_HEAD_DIM as u64)?;
        let seq_len = u32::try_from(params.seq_len()).expect("seq_len is at most 8192");
        let positions = attention::workgroup_bytes(seq_len);
        limit("seq_len in bytes of workgroup memory", positions, limits.workgroup_bytes.into())?;
        let rope = params.seq_len() as u64 * params.head_dim() as u64 * 2;
        limit("the table of rotations in bytes", rope, binding_bytes)?;
        let whole =
            tensors().map(|tensor| tensor.shape(params)).map(|(rows, cols)| matrix_bytes(rows, cols)).max();
        let whole = whole.max(Some(gated_bytes(params.hidden(), params)));
        let weight_bytes = whole.unwrap_or(0).min(WEIGHT_CHUNK_BYTES).min(binding_bytes);
        let values = usize::try_from((binding_bytes - SLACK_BYTES) / 2).unwrap_or(usize::MAX);
        let pool_values = (values / TILE * TILE).min(params.pool_len());
        Ok(Self { binding_bytes, weight_bytes, pool_values, pool_len: params.pool_len() })
    }

    /// The layout on a device with the limits every device has.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn least(params: &Params) -> Result<Self, GpuError> {
        Self::new(params, "any device", &DeviceLimits::new(&wgpu::Limits::default()), None)
    }

    /// Values of the pool in each of its chunks but the last.
    #[must_use]
    pub fn pool_values(&self) -> usize {
        self.pool_values
    }

    /// Bytes of the buffer that holds one chunk of a tensor.
    #[must_use]
    pub fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }

    /// Rows of a tensor of `cols` columns in a chunk, in whole tiles.
    #[must_use]
    pub fn chunk_rows(&self, cols: usize) -> usize {
        let rows = self.weight_bytes / (stride(cols) as u64 * 2);
        usize::try_from(rows).unwrap_or(usize::MAX) / TILE * TILE
    }

    /// Rows of w1 in a chunk that has as many of w3, in whole tiles; `cols` as in [`Self::chunk_rows`].
    #[must_use]
    pub fn gated_rows(&self, cols: usize) -> usize {
        self.chunk_rows(cols) / (2 * TILE) * TILE
    }

    /// Bytes of the pool's chunks.
    #[must_use]
    pub fn pool_bytes(&self) -> u64 {
        self.pool_len as u64 * 2 + self.pool_len.div_ceil(self.pool_values) as u64 * (SLACK_BYTES + 2)
    }

    /// Bytes of all buffers for batches of `batch` nonces: pool, one tensor chunk, activations, readback.
    #[must_use]
    pub fn memory_bytes(&self, params: &Params, batch: usize) -> u64 {
        let slots: u64 = Slot::ALL.iter().map(|slot| slot_bytes(*slot, params, batch)).sum();
        let rope = params.seq_len() as u64 * params.head_dim() as u64 * 2;
        let readback = READBACKS as u64 * slot_bytes(Slot::Logits, params, batch);
        self.pool_bytes() + self.weight_bytes + slots + rope + readback + FIXED_BYTES
    }

    /// The largest batch whose buffers each fit a binding and together fit `memory_bytes`; 0 when none does.
    #[must_use]
    pub fn max_batch(&self, params: &Params, memory_bytes: u64) -> usize {
        let fits = |batch: usize| {
            let largest = Slot::ALL.iter().map(|slot| slot_bytes(*slot, params, batch)).max().unwrap_or(0);
            largest <= self.binding_bytes && self.memory_bytes(params, batch) <= memory_bytes
        };
        // fits is true up to some batch and false beyond.
        let (mut low, mut high) = (0_usize, 1 << 20);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if fits(middle) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }

    /// The batch of a device that makes products at `rate` operations a second: so many nonces as take about a second, at
    /// least 1 and at most `most`. A software driver gets few.
    #[must_use]
    pub fn wanted_batch(params: &Params, is_software: bool, rate: f64, most: usize) -> usize {
        let nonces = |rows: usize| (rows / params.seq_len()).max(1);
        if is_software {
            return nonces(ROWS_SOFTWARE).min(most);
        }
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let in_time = BATCH_SECONDS * rate / params.flops_per_nonce() as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, and is clamped"
        )]
        let in_time = in_time.round() as usize;
        in_time.clamp(nonces(LEAST_ROWS), nonces(MOST_ROWS)).min(most)
    }
}

/// Bytes of one activation: none of w3's, which never is in memory.
#[must_use]
pub fn slot_bytes(slot: Slot, params: &Params, batch: usize) -> u64 {
    if slot == Slot::Up {
        return 0;
    }
    matrix_bytes(slot.max_rows(params).count(batch, params), slot.width(params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sphere_pow_core::gonka::Preset;

    #[test]
    fn testnet_mines_in_one_gigabyte_and_mainnet_in_four() {
        for (preset, memory) in [(Preset::Testnet, 1_000_000_000), (Preset::Mainnet, 4_000_000_000)] {
            let params = preset.params();
            let layout = Layout::least(&params).expect("presets fit any device");
            let batch = layout.max_batch(&params, memory);
            assert!(batch >= 4, "{}: a batch of {batch} only", preset.name());
            assert!(layout.memory_bytes(&params, batch) <= memory);
        }
    }

    #[test]
    fn chunks_are_whole_tiles_within_a_binding() {
        let params = Preset::Mainnet.params();
        let layout = Layout::least(&params).expect("fits");
        for (rows, cols) in tensors().map(|tensor| tensor.shape(&params)) {
            let chunk = layout.chunk_rows(cols);
            assert!(chunk > 0 && chunk.is_multiple_of(TILE), "{rows} x {cols}: {chunk} rows");
            assert!(matrix_bytes(chunk.min(rows), cols) <= 128 << 20);
        }
        let gated = layout.gated_rows(params.dim());
        assert!(
            gated > 0 && gated.is_multiple_of(TILE) && gated_bytes(gated, &params) <= layout.weight_bytes()
        );
        assert!(layout.pool_values() as u64 * 2 + SLACK_BYTES <= 128 << 20);
    }

    #[test]
    fn too_small_limits_are_named_with_numbers() {
        let params = Preset::Testnet.params();
        let limits = DeviceLimits::new(&wgpu::Limits::default());
        let error = Layout::new(&params, "toy", &limits, Some(1 << 20));
        let Err(GpuError::Limit { needed, limit, .. }) = error else { panic!("{error:?}") };
        assert_eq!((needed, limit), (128 * 28672 * 2, 1 << 20));
    }

    #[test]
    fn batches_take_a_second_on_any_device_and_keep_to_the_memory() {
        let params = Preset::Testnet.params();
        let batch = |rate, most| Layout::wanted_batch(&params, false, rate, most);
        let per_nonce = params.flops_per_nonce() as f64;
        assert_eq!((batch(40.0 * per_nonce, 1000), batch(40.0 * per_nonce, 7)), (40, 7));
        // Too slow for a second, and faster than any.
        let rows = |batch: usize| batch * params.seq_len();
        assert_eq!(rows(batch(1.0, 1000)), LEAST_ROWS);
        assert_eq!(rows(batch(1e18, 100_000)), MOST_ROWS);
        assert_eq!(rows(batch(f64::INFINITY, 100_000)), MOST_ROWS);
        assert_eq!(Layout::wanted_batch(&params, true, 1e18, 1000), 1);
        let long = Preset::Mainnet.params();
        assert!(Layout::wanted_batch(&long, false, 0.0, 1) == 1);
    }

    #[test]
    fn no_memory_means_no_batch() {
        let params = Preset::DevTest.params();
        assert_eq!(Layout::least(&params).expect("fits").max_batch(&params, 1 << 20), 0);
    }
}
