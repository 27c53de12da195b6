// quantise: SPEC §IV.2. Twin: core/src/train/values.rs, quantise
// A row to mantissas with one exponent, int8 (BITS 7) or gradients (BITS 14). One workgroup per row.
//   acc            [rows, words] i32, 4 to a vec4      in, row r in units of 2^e, e as below
//   exponents      i32                                 in
//   weights        i32                                 in, exponents of the int8 copies
//   out            [rows, words] i8, 4 to a u32, or gradients, 4 to two   out
//   out_exponents  [rows] i32                          out
// Dispatch: (rows, 1, 1). Accuracy: exact.

override BITS: u32 = 14u;

struct Dims {
    // groups of four values in a row
    words: u32,
    // e = exponents[first + r / rows_of * step] + uses_weight weights[weight] + plus
    first: u32,
    rows_of: u32,
    step: u32,
    weight: u32,
    uses_weight: i32,
    plus: i32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> acc: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> exponents: array<i32>;
@group(0) @binding(3) var<storage, read> weights: array<i32>;
@group(0) @binding(4) var<storage, read_write> out: array<u32>;
@group(0) @binding(5) var<storage, read_write> out_exponents: array<i32>;

@compute @workgroup_size(WG)
fn quantise(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.x;
    let at = row * dims.words;
    var largest = 0u;
    for (var i = lane; i < dims.words; i += WG) {
        largest = max(largest, magnitude(acc[at + i]));
    }
    let length = bits(reduce_max(lane, largest));
    let s = length - i32(BITS);
    for (var i = lane; i < dims.words; i += WG) {
        let x = mantissas(acc[at + i], s, BITS);
        if BITS == 14u {
            let words = split(x);
            out[2u * (at + i)] = words.x;
            out[2u * (at + i) + 1u] = words.y;
        } else {
            out[at + i] = pack4xI8(x);
        }
    }
    if lane == 0u {
        let e = exponents[dims.first + row / dims.rows_of * dims.step] + dims.plus;
        let with_weight = e + dims.uses_weight * weights[dims.weight] + s;
        out_exponents[row] = select(with_weight, select(0, NONE, BITS == 14u), length == 0);
    }
}
