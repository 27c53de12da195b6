// squared_relu_backward: SPEC §IV.5.4. Twin: core/src/train/ops/feed_forward.rs, squared_relu_backward
// The gradient by acc from that by a²: 2 a g. One workgroup per row.
//   g            [rows, words] gradients, 4 to a vec2   in
//   exponents    [rows] i32                             in, those of g
//   a            [rows, words] 14 bits, 4 to a vec2     in
//   a_exponents  [rows] i32                             in
//   out          [rows, words] gradients                out
//   out_exponents [rows] i32                            out
// Dispatch: (rows, 1, 1). Accuracy: exact. |a g| < 2^28.

struct Dims {
    // groups of four values in a row: hidden / 4
    words: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> g: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> exponents: array<i32>;
@group(0) @binding(3) var<storage, read> a: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read> a_exponents: array<i32>;
@group(0) @binding(5) var<storage, read_write> out: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> out_exponents: array<i32>;

@compute @workgroup_size(WG)
fn squared_relu_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.x;
    let at = row * dims.words;
    var largest = 0u;
    for (var i = lane; i < dims.words; i += WG) {
        largest = max(largest, magnitude(join(g[at + i]) * join(a[at + i])));
    }
    let length = bits(reduce_max(lane, largest));
    for (var i = lane; i < dims.words; i += WG) {
        out[at + i] = split(mantissas(join(g[at + i]) * join(a[at + i]), length - 14, 14u));
    }
    if lane == 0u {
        out_exponents[row] = select(exponents[row] + a_exponents[row] + length - 13, NONE, length == 0);
    }
}
