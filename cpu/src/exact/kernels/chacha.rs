//! Weights straight from ChaCha20 (RFC 8439 §2.3, with the 64-bit counter and stream of `rand_chacha`).
//!
//! A row of a weight matrix starts a block, so one vector holds one word of the same block of many rows: four
//! consecutive weights of each of a panel's outputs, which is the layout of a panel. Nothing is transposed.

use super::table::{Table, WEIGHT};
use super::{PANEL, QUAD};
use sphere_pow_core::exact::stream::StreamKey;

/// Bytes of a block.
const BLOCK: usize = 64;
/// "expand 32-byte k".
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// One keystream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    key: [u32; 8],
    stream: u64,
}

impl Stream {
    /// Stream number `stream` of `key`.
    pub(crate) fn new(key: &StreamKey, stream: u64) -> Self {
        let (words, _) = key.as_bytes().as_chunks::<4>();
        Self { key: core::array::from_fn(|i| u32::from_le_bytes(words[i])), stream }
    }
}

/// A vector of u32, or of four times as many bytes, little-endian.
pub(crate) trait Words: Copy {
    /// How many.
    const LANES: usize;
    /// All the same.
    fn splat(word: u32) -> Self;
    /// From `4 * LANES` bytes.
    fn load(bytes: &[u8]) -> Self;
    /// To `4 * LANES` bytes.
    fn store(self, bytes: &mut [u8]);
    /// Sums modulo 2^32.
    fn add(self, other: Self) -> Self;
    /// Exclusive or.
    fn xor(self, other: Self) -> Self;
    /// Rotation of each word to the left by 16, 12, 8 or 7.
    fn rotate<const N: i32>(self) -> Self;
    /// Each byte through the table.
    fn lookup(self, table: &Table) -> Self;
}

#[inline(always)]
fn quarter<W: Words>(s: &mut [W; 16], a: usize, b: usize, c: usize, d: usize) {
    s[a] = s[a].add(s[b]);
    s[d] = s[d].xor(s[a]).rotate::<16>();
    s[c] = s[c].add(s[d]);
    s[b] = s[b].xor(s[c]).rotate::<12>();
    s[a] = s[a].add(s[b]);
    s[d] = s[d].xor(s[a]).rotate::<8>();
    s[c] = s[c].add(s[d]);
    s[b] = s[b].xor(s[c]).rotate::<7>();
}

/// The words of one block for each of `LANES` counters.
#[inline(always)]
fn blocks<W: Words>(stream: Stream, counters: W) -> [W; 16] {
    let word = |i: usize| match i {
        0..4 => W::splat(CONSTANTS[i]),
        4..12 => W::splat(stream.key[i - 4]),
        12 => counters,
        13 => W::splat(0),
        14 => W::splat(stream.stream as u32),
        _ => W::splat((stream.stream >> 32) as u32),
    };
    let mut s = [counters; 16];
    for (i, s) in s.iter_mut().enumerate() {
        *s = word(i);
    }
    for _ in 0..10 {
        for i in 0..4 {
            quarter(&mut s, i, 4 + i, 8 + i, 12 + i);
        }
        for i in 0..4 {
            quarter(&mut s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
        }
    }
    for (i, s) in s.iter_mut().enumerate() {
        *s = s.add(word(i));
    }
    s
}

/// Makes the panel of outputs from `first` on of a tensor `[outputs, inputs]`, SPEC §II.5. Lanes beyond the
/// tensor's outputs hold weights of rows that it would have.
///
/// # Shapes
/// - `panel`: `[inputs / QUAD, PANEL, QUAD]` bytes of weight + bias. Overwritten.
///
/// # Panics
/// When `panel` is of another length.
#[inline(always)]
pub(crate) fn make_panel<W: Words>(stream: Stream, first: usize, inputs: usize, panel: &mut [u8]) {
    assert_eq!(panel.len(), inputs * PANEL, "a panel is [inputs, PANEL]");
    let per_row = inputs / BLOCK;
    for (block, panel) in panel.chunks_exact_mut(BLOCK * PANEL).enumerate() {
        for lane in (0..PANEL).step_by(W::LANES) {
            let mut counters = [[0; 4]; PANEL];
            for (i, counter) in counters[..W::LANES].iter_mut().enumerate() {
                // At most (65536 + 31) rows of 64 blocks, or 4096 of 256: below 2^23.
                *counter = (((first + lane + i) * per_row + block) as u32).to_le_bytes();
            }
            let counters = W::load(&counters.as_flattened()[..4 * W::LANES]);
            let words = blocks(stream, counters);
            for (word, panel) in words.iter().zip(panel.chunks_exact_mut(QUAD * PANEL)) {
                word.lookup(&WEIGHT).store(&mut panel[QUAD * lane..][..4 * W::LANES]);
            }
        }
    }
}
