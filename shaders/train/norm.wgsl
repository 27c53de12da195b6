// norm: SPEC §IV.4.1. Twin: core/src/train/ops/norm.rs, norm
// A row of the stream over its root mean square. One workgroup per row; threads stride over groups of four.
//   x          [rows, words] i32, 4 to a vec4   in, |value| <= 2^28
//   out        [rows, words] i8, 4 to a u32     out
//   exponents  [rows] i32                       out
//   kept       [rows] factor and exponent       out
// Dispatch: (rows, 1, 1). Accuracy: exact. Squares sum up to 2047² * 256 < 2^31; |a| <= root, so that |a factor| <= 2^29.

struct Dims {
    // vec4 in a row: dim / 4
    words: u32,
    // floor(sqrt(dim 2^50))
    root: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;
@group(0) @binding(3) var<storage, read_write> exponents: array<i32>;
@group(0) @binding(4) var<storage, read_write> kept: array<vec2<i32>>;

// Bit by bit from the top.
fn isqrt(n: u32) -> u32 {
    var rest = n;
    var root = 0u;
    for (var bit = 0x40000000u; bit != 0u; bit = bit >> 2u) {
        let trial = root + bit;
        let fits = rest >= trial;
        rest -= select(0u, trial, fits);
        root = (root >> 1u) + select(0u, bit, fits);
    }
    return root;
}

@compute @workgroup_size(WG)
fn norm(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let at = group.x * dims.words;
    var largest = 0u;
    for (var i = lane; i < dims.words; i += WG) {
        largest = max(largest, magnitude(x[at + i]));
    }
    let s = bits(reduce_max(lane, largest)) - 11;
    var squares = 0u;
    for (var i = lane; i < dims.words; i += WG) {
        let a = mantissas(x[at + i], s, 11u);
        squares += u32(dot(a, a));
    }
    let factor = i32(dims.root / max(isqrt(reduce_sum(lane, squares)), 1u));
    largest = 0u;
    for (var i = lane; i < dims.words; i += WG) {
        largest = max(largest, magnitude(rounded(mantissas(x[at + i], s, 11u) * factor, 15)));
    }
    let length = bits(reduce_max(lane, largest));
    for (var i = lane; i < dims.words; i += WG) {
        let v = rounded(mantissas(x[at + i], s, 11u) * factor, 15);
        out[at + i] = pack4xI8(mantissas(v, length - 7, 7u));
    }
    if lane == 0u {
        exponents[group.x] = select(length - 17, 0, length == 0);
        kept[group.x] = vec2(factor, select(s, 0, s == -11));
    }
}
