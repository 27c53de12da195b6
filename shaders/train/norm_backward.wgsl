// norm_backward: SPEC §IV.5.2. Twin: core/src/train/ops/norm.rs, norm_backward
// The gradient by a row of the stream from that by its norm. One workgroup per row.
//   g           [rows, words] gradients, 4 to a vec2   in
//   exponents   [rows] i32                             in, those of g
//   y           [rows, words] i8, 4 to a u32           in, the norm's result
//   y_exponents [rows] i32                             in
//   kept        [rows] factor and exponent             in
//   out         [rows, words] gradients                out
//   out_exponents [rows] i32                           out
// Dispatch: (rows, 1, 1). Accuracy: exact. |sum| <= 16383 * 127 * 256 < 2^30; the mean's part is within 2^27, its product with the
// factor within 2^57.

struct Dims {
    // groups of four values in a row: dim / 4
    words: u32,
    log2_dim: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> g: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> exponents: array<i32>;
@group(0) @binding(3) var<storage, read> y: array<u32>;
@group(0) @binding(4) var<storage, read> y_exponents: array<i32>;
@group(0) @binding(5) var<storage, read> kept: array<vec2<i32>>;
@group(0) @binding(6) var<storage, read_write> out: array<vec2<u32>>;
@group(0) @binding(7) var<storage, read_write> out_exponents: array<i32>;

fn less_mean(at: u32, sum: i32, shift: i32) -> vec4<i32> {
    return join(g[at]) - rounded_wide(multiply(vec4(sum), unpack4xI8(y[at])), shift);
}

@compute @workgroup_size(WG)
fn norm_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.x;
    let at = row * dims.words;
    var part = 0;
    for (var i = lane; i < dims.words; i += WG) {
        part += dot(join(g[at + i]), unpack4xI8(y[at + i]));
    }
    let sum = bitcast<i32>(reduce_sum(lane, bitcast<u32>(part)));
    let shift = i32(dims.log2_dim) - 2 * y_exponents[row];
    var largest = 0u;
    for (var i = lane; i < dims.words; i += WG) {
        largest = max(largest, magnitude(less_mean(at + i, sum, shift)));
    }
    largest = reduce_max(lane, largest);
    let factor = kept[row].x;
    // The factor is the row's, so that the largest product is that of the largest difference.
    let s = length_of(multiply(vec4(bitcast<i32>(largest)), vec4(factor))) - 14;
    let limit = vec4(16383);
    for (var i = lane; i < dims.words; i += WG) {
        let d = rounded_wide(multiply(less_mean(at + i, sum, shift), vec4(factor)), s);
        out[at + i] = split(clamp(d, -limit, limit));
    }
    if lane == 0u {
        out_exponents[row] = select(exponents[row] - kept[row].y - 9 + s, NONE, largest == 0u);
    }
}
