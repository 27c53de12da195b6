// rms_norm: SPEC §I.4. Twin: core/src/gonka/ops/rms_norm.rs
// One workgroup per row; threads stride over words; tree sum (shared/reduce.wgsl).
//   x       [rows, stride] f16 pairs   in
//   weight  [stride]       f16 pairs   in
//   out     [rows, stride] f16 pairs   out
// Dispatch: (rows, 1, 1). Accuracy: bounded; the sum's order is free and inverseSqrt is good to 2 ULP.
// Columns from dim to stride are zero in every input and stay zero.

struct Dims {
    dim: u32,
    // u32 words in a row: stride / 2
    words: u32,
    first_row: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> weight: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(WG)
fn rms_norm(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = (dims.first_row + group.x) * dims.words;
    var square = 0.0;
    for (var i = lane; i < dims.words; i += WG) {
        let v = widen(x[row + i]);
        square += v.x * v.x + v.y * v.y;
    }
    let scale = inverseSqrt(reduce_sum(lane, square) / f32(dims.dim) + dims.eps);
    for (var i = lane; i < dims.words; i += WG) {
        out[row + i] = narrow(round_half(widen(x[row + i]) * scale) * widen(weight[i]));
    }
}
