// product: what product_dp4a and product_f32 share: SPEC §IV.3, §IV.5.1. Twin: core/src/train/executor.rs
// out = a bᵀ of batches of mantissas, 32 x 32 results a workgroup, 4 x 4 a thread. A side is [count, k] with 4 values of k to
// a word, or, where it is deep, [k, count] with 4 of its vectors to a word; its tiles are words of 4 values of k either way.
//   a       int8, or gradients (IS_WIDE), two words for each: 128 h + l       in
//   b       int8; one half of a gradient is int8 too, with b_step 2           in
//   shifts  i32, by which row k of a deep, wide a is shifted                  in
//   out     i32                                                               out
// |sum| <= 16383 * 127 * 1024 < 2^31; that of h alone is within 128 * 127 * 1024 < 2^24, so that f32 is exact, too.
// Vectors are stored whole: a store to one component may write the others back, which are other threads' work.
// After it goes a file that defines the types Element, Quad (4 of it) and Sums (4 results) with
//   WORD_ELEMENTS: elements of a word; store_a(at, h, l), store_b(at, words): a word of k of four vectors into the tiles;
//   multiply_add(Element, Quad, Sums) -> Sums; whole(Sums) -> vec4<i32>.

// Words of k in a tile.
const K_WORDS: u32 = 8u;
// Threads along each side; a tile is as many fours of rows by as many fours of columns.
const SIDE: u32 = 8u;

override WG: u32 = 64u;
override IS_WIDE: bool = false;
override A_IS_DEEP: bool = false;
override B_IS_DEEP: bool = false;

struct Dims {
    // values of k, at most 1024, and of each side
    k: u32,
    rows: u32,
    columns: u32,
    row_tiles: u32,
    // batch n is head n % heads of sequence n / heads
    heads: u32,
    // in words of int8: to the next vector (or k), head, sequence, and where the first begins
    a_row: u32,
    a_head: u32,
    a_sequence: u32,
    a_first: u32,
    b_row: u32,
    b_head: u32,
    b_sequence: u32,
    b_first: u32,
    // words of b for one of int8
    b_step: u32,
    // in values
    out_row: u32,
    out_column: u32,
    out_head: u32,
    out_sequence: u32,
    out_first: u32,
    // shifts between two heads and two sequences
    shift_head: u32,
    shift_sequence: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(3) var<storage, read> shifts: array<i32>;
@group(0) @binding(4) var<storage, read_write> out: array<i32>;

// Four words of four bytes with the bytes at one place as a word: from vectors to values of k, and back.
fn transposed(w: vec4<u32>) -> vec4<u32> {
    let even = 0x00ff00ffu;
    let xy = vec2((w.x & even) | ((w.y & even) << 8u), ((w.x >> 8u) & even) | (w.y & ~even));
    let zw = vec2((w.z & even) | ((w.w & even) << 8u), ((w.z >> 8u) & even) | (w.w & ~even));
    let low = (xy & vec2(0xffffu)) | (zw << vec2(16u));
    let high = (xy >> vec2(16u)) | (zw & vec2(0xffff0000u));
    return vec4(low.x, low.y, high.x, high.y);
}

// h and l of a word of k of four rows.
struct Halves {
    h: vec4<u32>,
    l: vec4<u32>,
}

fn a_row(first: u32, row: u32, word: u32) -> vec2<u32> {
    // A row past the end gives results that are not written.
    let at = first + min(row, dims.rows - 1u) * dims.a_row + word;
    if 4u * word >= dims.k {
        return vec2(0u);
    }
    if IS_WIDE {
        return vec2(a[2u * at], a[2u * at + 1u]);
    }
    return vec2(a[at], 0u);
}

// Row k of a deep side: four of its vectors, aligned.
fn a_deep(first: u32, quad: u32, k: u32, shift_first: u32) -> vec2<u32> {
    let at = first + k * dims.a_row + min(quad, (dims.rows - 1u) / 4u);
    if k >= dims.k {
        return vec2(0u);
    }
    return split(rounded(join(vec2(a[2u * at], a[2u * at + 1u])), shifts[shift_first + k]));
}

fn a_halves(first: u32, quad: u32, word: u32, shift_first: u32) -> Halves {
    if A_IS_DEEP {
        let p = a_deep(first, quad, 4u * word, shift_first);
        let q = a_deep(first, quad, 4u * word + 1u, shift_first);
        let r = a_deep(first, quad, 4u * word + 2u, shift_first);
        let s = a_deep(first, quad, 4u * word + 3u, shift_first);
        return Halves(transposed(vec4(p.x, q.x, r.x, s.x)), transposed(vec4(p.y, q.y, r.y, s.y)));
    }
    let p = a_row(first, 4u * quad, word);
    let q = a_row(first, 4u * quad + 1u, word);
    let r = a_row(first, 4u * quad + 2u, word);
    let s = a_row(first, 4u * quad + 3u, word);
    return Halves(vec4(p.x, q.x, r.x, s.x), vec4(p.y, q.y, r.y, s.y));
}

fn b_row(first: u32, column: u32, word: u32) -> u32 {
    let at = first + min(column, dims.columns - 1u) * dims.b_row + word;
    if 4u * word >= dims.k {
        return 0u;
    }
    return b[dims.b_first + at * dims.b_step];
}

fn b_deep(first: u32, quad: u32, k: u32) -> u32 {
    let at = first + k * dims.b_row + min(quad, (dims.columns - 1u) / 4u);
    if k >= dims.k {
        return 0u;
    }
    return b[dims.b_first + at * dims.b_step];
}

fn b_words(first: u32, quad: u32, word: u32) -> vec4<u32> {
    if B_IS_DEEP {
        let k = 4u * word;
        let p = b_deep(first, quad, k);
        let q = b_deep(first, quad, k + 1u);
        return transposed(vec4(p, q, b_deep(first, quad, k + 2u), b_deep(first, quad, k + 3u)));
    }
    let column = 4u * quad;
    let p = b_row(first, column, word);
    let q = b_row(first, column + 1u, word);
    return vec4(p, q, b_row(first, column + 2u, word), b_row(first, column + 3u, word));
}
