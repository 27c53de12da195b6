// squared_relu: SPEC §IV.4.4. Twin: core/src/train/ops/feed_forward.rs, squared_relu
// a = max(acc, 0) with 14 bits, and a² as int8. One workgroup per row.
//   acc          [rows, words] i32, 4 to a vec4         in, row r in units of 2^(exponents[r] + weights[weight])
//   exponents    [rows] i32                             in, those of the product's rows
//   weights      i32                                    in, exponents of the int8 copies
//   a            [rows, words] 14 bits, 4 to a vec2     out
//   out          [rows, words] i8, 4 to a u32           out
//   a_exponents, out_exponents [rows] i32               out
// Dispatch: (rows, 1, 1). Accuracy: exact. a² < 2^28.

struct Dims {
    // groups of four values in a row: hidden / 4
    words: u32,
    weight: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> acc: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> exponents: array<i32>;
@group(0) @binding(3) var<storage, read> weights: array<i32>;
@group(0) @binding(4) var<storage, read_write> a: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read_write> out: array<u32>;
@group(0) @binding(6) var<storage, read_write> a_exponents: array<i32>;
@group(0) @binding(7) var<storage, read_write> out_exponents: array<i32>;

fn positive(at: u32) -> vec4<i32> {
    return max(acc[at], vec4(0));
}

@compute @workgroup_size(WG)
fn squared_relu(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.x;
    let at = row * dims.words;
    var largest = 0u;
    for (var i = lane; i < dims.words; i += WG) {
        largest = max(largest, magnitude(positive(at + i)));
    }
    let length = bits(reduce_max(lane, largest));
    largest = 0u;
    for (var i = lane; i < dims.words; i += WG) {
        let x = mantissas(positive(at + i), length - 14, 14u);
        a[at + i] = split(x);
        largest = max(largest, magnitude(x * x));
    }
    let square_length = bits(reduce_max(lane, largest));
    for (var i = lane; i < dims.words; i += WG) {
        let x = mantissas(positive(at + i), length - 14, 14u);
        out[at + i] = pack4xI8(mantissas(x * x, square_length - 7, 7u));
    }
    if lane == 0u {
        let e = exponents[row] + weights[dims.weight] + length - 14;
        a_exponents[row] = select(e, 0, length == 0);
        out_exponents[row] = select(2 * e + square_length - 7, 0, length == 0);
    }
}
