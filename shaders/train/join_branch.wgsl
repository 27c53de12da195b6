// join_branch: SPEC §IV.4.2. Twin: core/src/train/ops/stream.rs, add_branch
// A branch joins the stream: stream + acc 2^e, limited. One thread per four values.
//   acc        [rows, words] i32, 4 to a vec4   in, row r in units of 2^(exponents[r] + weights[weight])
//   exponents  [rows] i32                       in, those of the product's rows
//   weights    i32                              in, exponents of the int8 copies
//   stream     [rows, words] i32, 4 to a vec4   in and out, |value| <= 2^28
// Dispatch: (ceil(rows * words / WG), 1, 1). Accuracy: exact.

override WG: u32 = 64u;

struct Dims {
    // vec4 in a row: dim / 4
    words: u32,
    weight: u32,
    // rows * words
    end: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> acc: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> exponents: array<i32>;
@group(0) @binding(3) var<storage, read> weights: array<i32>;
@group(0) @binding(4) var<storage, read_write> stream: array<vec4<i32>>;

@compute @workgroup_size(WG)
fn join_branch(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = group.x * WG + lane;
    if i >= dims.end {
        return;
    }
    let s = -16 - exponents[i / dims.words] - weights[dims.weight];
    // What passes 2^29 to the left takes the stream past its limit, whatever it is.
    let most = vec4((1 << 29u) >> u32(clamp(-s, 0, 24)));
    let x = select(acc[i], clamp(acc[i], -most, most), s <= 0);
    let limit = vec4(1 << 28u);
    stream[i] = clamp(stream[i] + rounded(x, s), -limit, limit);
}
