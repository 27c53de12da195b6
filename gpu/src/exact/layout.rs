//! What is padded to what, where weights lie, and how much memory all of it takes.
//!
//! Every activation is `[rows, width]` with rows in whole tiles of the largest `linear` variant; widths are
//! multiples of 64 but for the logits, which are padded to one. What lies in padding rows is never read as a
//! result. So no kernel meets an edge.

use super::kernels::linear::Operand;
use super::leaves::{chaining_bytes, leaves_bytes};
use crate::device::DeviceLimits;
use crate::error::GpuError;
use sphere_pow_core::exact::Params;
use sphere_pow_core::exact::plan::{Rows, Slot};
use sphere_pow_core::exact::weights::Tensor;

/// Rows of the largest tile.
pub const TILE_ROWS: usize = 128;
/// Columns of the largest tile; every width but the vocabulary is a multiple.
pub const TILE_COLUMNS: usize = 64;
/// Staging buffers for logits.
pub const READBACKS: usize = 3;
/// Largest buffer of weights, where the limits allow.
const ARENA_BYTES: u64 = 128 << 20;
/// Tables, uniforms and small change of the driver.
const FIXED_BYTES: u64 = 8 << 20;
/// Rows beyond which a larger batch makes `linear` no faster.
const ROWS_ENOUGH: usize = 8192;
/// The same for software drivers, where a short wait counts for more.
const ROWS_ENOUGH_SOFTWARE: usize = 256;

/// Whether weights stay on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WeightPlace {
    /// All weights are made once and stay: a byte each, or two where matrix units read them.
    Resident,
    /// Each tensor is made when it is used, once a batch.
    Streamed,
}

/// Rows of a tensor that lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which buffer.
    pub arena: usize,
    /// Byte of the buffer where it begins, a multiple of 64 values.
    pub offset: u64,
    /// First row.
    pub first_row: usize,
    /// Rows that count.
    pub rows: usize,
    /// Rows with padding to whole tiles.
    pub padded_rows: usize,
}

/// How a model lies in the memory of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    params: Params,
    operand: Operand,
    binding_bytes: u64,
    arena_bytes: u64,
}

fn padded_rows(rows: usize) -> usize {
    rows.next_multiple_of(TILE_ROWS)
}

/// Columns of a slot with padding.
#[must_use]
pub fn stride(slot: Slot, params: &Params) -> usize {
    slot.width(params).next_multiple_of(TILE_COLUMNS)
}

/// The slots that hold a row for every position, and the round keys.
pub const WIDE_SLOTS: [Slot; 12] = [
    Slot::Input,
    Slot::RoundKeys,
    Slot::Stream,
    Slot::Normed,
    Slot::Lanes,
    Slot::Query,
    Slot::Key,
    Slot::Value,
    Slot::Attended,
    Slot::Gate,
    Slot::Up,
    Slot::Branch,
];
/// The slots that hold a row for every nonce.
pub const LAST_SLOTS: [Slot; 3] = [Slot::Normed, Slot::Lanes, Slot::Logits];

impl Layout {
    /// The layout of `params` for products that read `operand`, under `limits`, bindings no larger than `max_binding_bytes` if that is
    /// given.
    ///
    /// # Errors
    /// [`GpuError::Limit`] when one tile of a tensor is too large.
    pub fn new(
        params: &Params,
        operand: Operand,
        (name, limits): (&str, &DeviceLimits),
        max_binding_bytes: Option<u64>,
    ) -> Result<Self, GpuError> {
        let binding_bytes = limits.binding_bytes.min(max_binding_bytes.unwrap_or(u64::MAX));
        let widest = params.dim().max(params.hidden());
        let needed = (TILE_COLUMNS * widest * operand.bytes()) as u64;
        if needed > binding_bytes {
            let what = "one tile of a weight in bytes";
            return Err(GpuError::Limit { name: name.to_owned(), what, needed, limit: binding_bytes });
        }
        let mut this = Self { params: *params, operand, binding_bytes, arena_bytes: 0 };
        let whole: u64 = Tensor::all(params).map(|tensor| this.padded_bytes(tensor)).sum();
        this.arena_bytes = ARENA_BYTES.min(binding_bytes).min(whole);
        Ok(this)
    }

    /// The layout on a device with the limits every device has, and without matrix units.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn least(params: &Params) -> Result<Self, GpuError> {
        let limits = DeviceLimits::new(&wgpu::Limits::default());
        Self::new(params, Operand::Int8, ("any device", &limits), None)
    }

    /// What products read.
    #[must_use]
    pub fn operand(&self) -> Operand {
        self.operand
    }

    /// Bytes of a slot that holds `rows` of a batch of `batch` nonces.
    #[must_use]
    pub fn slot_bytes(&self, slot: Slot, rows: Rows, batch: usize) -> u64 {
        let params = &self.params;
        let rows =
            if slot == Slot::RoundKeys { 2 * batch * params.layers() } else { rows.count(batch, params) };
        let value_bytes = match slot {
            Slot::Stream | Slot::Normed | Slot::Branch => 2,
            Slot::Logits => 4,
            Slot::Lanes | Slot::Attended => self.operand.bytes() as u64,
            _ => 1,
        };
        padded_rows(rows) as u64 * stride(slot, params) as u64 * value_bytes
    }

    /// Bytes of what comes of gate and up, as products read it.
    #[must_use]
    pub fn gated_bytes(&self, batch: usize) -> u64 {
        self.slot_bytes(Slot::Gate, Rows::All, batch) * self.operand.bytes() as u64
    }

    fn padded_bytes(&self, tensor: Tensor) -> u64 {
        let (outputs, inputs) = tensor.shape(&self.params);
        (outputs.next_multiple_of(TILE_COLUMNS) * inputs * self.operand.bytes()) as u64
    }

    /// Where every tensor lies, by the number of its stream, and the bytes of each buffer.
    #[must_use]
    pub fn resident(&self) -> (Vec<Vec<Piece>>, Vec<u64>) {
        let mut arenas = vec![0];
        let place = |tensor: Tensor| {
            let bytes = self.padded_bytes(tensor);
            let used = arenas.last().copied().unwrap_or(0);
            // A tensor that fits a buffer is not cut; what is left of the last buffer then stays empty.
            if used > 0 && used + bytes > self.arena_bytes {
                arenas.push(0);
            }
            let mut pieces = self.pieces(tensor);
            for (ix, piece) in pieces.iter_mut().enumerate() {
                if ix > 0 {
                    arenas.push(0);
                }
                piece.arena = arenas.len() - 1;
                piece.offset = arenas[piece.arena];
                arenas[piece.arena] += self.piece_bytes(tensor, piece);
            }
            pieces
        };
        let pieces = Tensor::all(&self.params).map(place).collect();
        (pieces, arenas)
    }

    /// The parts of a tensor that each fit one buffer, at its start.
    #[must_use]
    pub fn pieces(&self, tensor: Tensor) -> Vec<Piece> {
        let (outputs, inputs) = tensor.shape(&self.params);
        let fit = usize::try_from(self.arena_bytes).unwrap_or(usize::MAX) / (inputs * self.operand.bytes());
        let most = (fit / TILE_COLUMNS * TILE_COLUMNS).max(TILE_COLUMNS);
        let firsts = (0..outputs).step_by(most);
        let piece = |first_row: usize| {
            let rows = most.min(outputs - first_row);
            Piece { arena: 0, offset: 0, first_row, rows, padded_rows: rows.next_multiple_of(TILE_COLUMNS) }
        };
        firsts.map(piece).collect()
    }

    /// Bytes of the buffer that holds any one piece.
    #[must_use]
    pub fn scratch_bytes(&self) -> u64 {
        let of = |tensor| self.pieces(tensor).iter().map(|piece| self.piece_bytes(tensor, piece)).max();
        Tensor::all(&self.params).filter_map(of).max().unwrap_or(0)
    }

    fn piece_bytes(&self, tensor: Tensor, piece: &Piece) -> u64 {
        (piece.padded_rows * tensor.shape(&self.params).1 * self.operand.bytes()) as u64
    }

    /// Bytes of all buffers for batches of `batch` nonces: weights, activations, readback, leaves if kept or not.
    #[must_use]
    pub fn memory_bytes(&self, batch: usize, place: WeightPlace) -> u64 {
        let weights = match place {
            WeightPlace::Resident => self.resident().1.iter().sum(),
            WeightPlace::Streamed => self.scratch_bytes(),
        };
        weights + self.batch_bytes(batch) + FIXED_BYTES
    }

    fn batch_bytes(&self, batch: usize) -> u64 {
        let params = &self.params;
        let bytes = |slots: &[Slot], rows| -> u64 {
            slots.iter().map(|slot| self.slot_bytes(*slot, rows, batch)).sum()
        };
        let readbacks = READBACKS as u64 * self.slot_bytes(Slot::Logits, Rows::Last, batch);
        let leaves = (1 + READBACKS as u64) * leaves_bytes(params, batch) + chaining_bytes(params, batch);
        let slots = bytes(&WIDE_SLOTS, Rows::All) + bytes(&LAST_SLOTS, Rows::Last);
        slots + self.gated_bytes(batch) + readbacks + leaves
    }

    /// The largest batch whose buffers each fit a binding and together fit `memory_bytes`; 0 when none does.
    #[must_use]
    pub fn max_batch(&self, memory_bytes: u64, place: WeightPlace) -> usize {
        let fits = |batch: usize| {
            let params = &self.params;
            let largest = |slots: &[Slot], rows| {
                slots.iter().map(|slot| self.slot_bytes(*slot, rows, batch)).max().unwrap_or(0)
            };
            largest(&WIDE_SLOTS, Rows::All) <= self.binding_bytes
                && largest(&LAST_SLOTS, Rows::Last) <= self.binding_bytes
                && self.gated_bytes(batch) <= self.binding_bytes
                && leaves_bytes(params, batch).max(chaining_bytes(params, batch)) <= self.binding_bytes
                && self.batch_bytes(batch) <= memory_bytes.saturating_sub(self.memory_bytes(0, place))
        };
        let (mut low, mut high) = (0_usize, 1_usize << 20);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if fits(middle) { low = middle } else { high = middle - 1 }
        }
        low
    }

    /// The batch that keeps a device busy.
    #[must_use]
    pub fn wanted_batch(&self, is_software: bool) -> usize {
        let rows = if is_software { ROWS_ENOUGH_SOFTWARE } else { ROWS_ENOUGH };
        (rows / self.params.tokens()).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sphere_pow_core::exact::Preset;
    use sphere_pow_core::exact::params::RawParams;

    #[test]
    fn presets_fit_the_least_limits_within_their_promises() {
        let limits = DeviceLimits::new(&wgpu::Limits::default());
        let bytes = |preset: Preset, operand, place| {
            let layout = Layout::new(&preset.params(), operand, ("any device", &limits), None).expect("fits");
            layout.memory_bytes(1, place)
        };
        let least = |preset, place| bytes(preset, Operand::Int8, place);
        assert!(least(Preset::Standard, WeightPlace::Resident) < 320_000_000);
        assert!(least(Preset::Standard, WeightPlace::Streamed) < 16_000_000);
        assert!(least(Preset::Large, WeightPlace::Streamed) < 64_000_000);
        let in_f16 = |preset, place| bytes(preset, Operand::F16, place);
        assert!(in_f16(Preset::Standard, WeightPlace::Resident) < 620_000_000);
        assert!(in_f16(Preset::Large, WeightPlace::Resident) < 9_000_000_000);
        assert!(in_f16(Preset::Large, WeightPlace::Streamed) < 96_000_000);
    }

    #[test]
    fn pieces_cover_every_tensor_within_the_buffers() {
        let odd = RawParams {
            dim: 256,
            heads: 4,
            hidden: 64,
            vocab: 1000,
            tokens: 3,
            ..Preset::Nano.params().raw()
        };
        let cases = [(odd, 1 << 16), (odd, 1 << 15), (Preset::Large.params().raw(), 1 << 27)];
        for ((raw, binding), operand) in cases.into_iter().zip([Operand::F16, Operand::Int8, Operand::F16]) {
            let params = Params::new(&raw).expect("valid");
            let limits = DeviceLimits::new(&wgpu::Limits::default());
            let layout = Layout::new(&params, operand, ("toy", &limits), Some(binding)).expect("fits");
            let (tensors, arenas) = layout.resident();
            assert!(arenas.iter().all(|bytes| *bytes > 0 && *bytes <= binding));
            let mut ends = vec![0; arenas.len()];
            for (tensor, pieces) in Tensor::all(&params).zip(tensors) {
                let (outputs, inputs) = tensor.shape(&params);
                assert_eq!(pieces.iter().map(|piece| piece.rows).sum::<usize>(), outputs);
                for piece in pieces {
                    assert_eq!(piece.offset, ends[piece.arena]);
                    assert!(piece.first_row.is_multiple_of(TILE_COLUMNS));
                    ends[piece.arena] += (piece.padded_rows * inputs * operand.bytes()) as u64;
                }
            }
            assert_eq!(ends, arenas);
        }
    }

    #[test]
    fn no_memory_means_no_batch_and_more_means_more() {
        let layout = Layout::least(&Preset::Standard.params()).expect("fits");
        let batch = |bytes| layout.max_batch(bytes, WeightPlace::Streamed);
        assert_eq!(batch(1 << 20), 0);
        assert!(batch(1 << 28) > batch(1 << 26));
        let bytes = layout.memory_bytes(batch(1 << 28), WeightPlace::Streamed);
        assert!(bytes <= 1 << 28);
        assert_eq!(layout.max_batch(1 << 28, WeightPlace::Resident), 0);
    }

    #[test]
    fn too_small_limits_are_named_with_numbers() {
        let limits = DeviceLimits::new(&wgpu::Limits::default());
        for operand in Operand::ALL {
            let error = Layout::new(&Preset::Large.params(), operand, ("toy", &limits), Some(1 << 16));
            let Err(GpuError::Limit { needed, limit, .. }) = error else { panic!("{error:?}") };
            assert_eq!((needed, limit), (64 * 4096 * operand.bytes() as u64, 1 << 16));
        }
    }
}
