//! Kernels in plain Rust, written so that compilers vectorise them.

use super::{Isa, PANEL, QUAD, Table, WEIGHT_BIAS, WIDE_BIAS, Words, check_tile};

/// What every target can run.
pub(crate) struct Portable;

/// Depth worked on at a time, widened to i16.
const DEPTH: usize = 256;

impl Isa for Portable {
    type Words = [u32; 4];

    #[inline(always)]
    fn tile<const R: usize, const WIDE: bool>(
        panel: &[u8],
        x: [&[i8]; R],
        _sums: [i32; R],
        out: &mut [[i32; PANEL]; R],
    ) {
        check_tile(panel, x);
        let bias = i16::from(if WIDE { WIDE_BIAS } else { WEIGHT_BIAS });
        *out = [[0; PANEL]; R];
        let (mut wide_x, mut weights) = ([[0_i16; DEPTH]; R], [0_i16; DEPTH]);
        for (part, panel) in panel.chunks(DEPTH * PANEL).enumerate() {
            let depth = panel.len() / PANEL;
            for (wide, x) in wide_x.iter_mut().zip(x) {
                for (wide, x) in wide.iter_mut().zip(&x[part * DEPTH..][..depth]) {
                    *wide = i16::from(*x);
                }
            }
            let (quads, _) = panel.as_chunks::<QUAD>();
            for n in 0..PANEL {
                let (weights, _) = weights.as_chunks_mut::<QUAD>();
                for (weights, quads) in weights.iter_mut().zip(quads[n..].iter().step_by(PANEL)) {
                    let [a, b, c, d] = *quads;
                    let wide = |byte: u8| i16::from(byte) - bias;
                    *weights = [wide(a), wide(b), wide(c), wide(d)];
                }
                for (out, x) in out.iter_mut().zip(&wide_x) {
                    out[n] += dot(&weights.as_flattened()[..depth], &x[..depth]);
                }
            }
        }
    }
}

/// At most 256 products within `127 * 127`: below 2^23. Wrapping, so that checks do not keep it from vectors.
#[inline(always)]
fn dot(a: &[i16], b: &[i16]) -> i32 {
    let products = a.iter().zip(b).map(|(a, b)| i32::from(*a).wrapping_mul(i32::from(*b)));
    products.fold(0, i32::wrapping_add)
}

/// Four lanes by name: closures over arrays are calls of their own where the compiler runs out of patience, by which a
/// nonce of `standard` took five times as long.
impl Words for [u32; 4] {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(word: u32) -> Self {
        [word; 4]
    }
    #[inline(always)]
    fn load(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks::<4>();
        let word = |i: usize| u32::from_le_bytes(words[i]);
        [word(0), word(1), word(2), word(3)]
    }
    #[inline(always)]
    fn store(self, bytes: &mut [u8]) {
        let [a, b, c, d] = self;
        let (words, _) = bytes.as_chunks_mut::<4>();
        words[0] = a.to_le_bytes();
        words[1] = b.to_le_bytes();
        words[2] = c.to_le_bytes();
        words[3] = d.to_le_bytes();
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let [a, b, c, d] = self;
        [
            a.wrapping_add(other[0]),
            b.wrapping_add(other[1]),
            c.wrapping_add(other[2]),
            d.wrapping_add(other[3]),
        ]
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        let [a, b, c, d] = self;
        [a ^ other[0], b ^ other[1], c ^ other[2], d ^ other[3]]
    }
    #[inline(always)]
    fn rotate<const N: i32>(self) -> Self {
        let ([a, b, c, d], n) = (self, N.cast_unsigned());
        [a.rotate_left(n), b.rotate_left(n), c.rotate_left(n), d.rotate_left(n)]
    }
    #[inline(always)]
    fn lookup(self, table: &Table) -> Self {
        let [a, b, c, d] = self;
        let each = |word: u32| {
            let [a, b, c, d] = word.to_le_bytes();
            let of = |byte: u8| table.plain[usize::from(byte)];
            u32::from_le_bytes([of(a), of(b), of(c), of(d)])
        };
        [each(a), each(b), each(c), each(d)]
    }
}
