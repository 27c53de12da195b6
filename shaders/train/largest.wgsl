// largest: SPEC §IV.2. Twin: core/src/train/values.rs, largest
// The largest |x| of each block of 1024 values of the tensors. One workgroup per block.
//   values  [blocks, 256] i32, 4 to a vec4   in
//   out     [blocks] u32                     out
// Dispatch: (blocks, 1, 1). Accuracy: exact.

struct Dims {
    // vec4 of a block
    words: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> values: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(WG)
fn largest(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    var top = 0u;
    for (var i = lane; i < dims.words; i += WG) {
        top = max(top, magnitude(values[group.x * dims.words + i]));
    }
    top = reduce_max(lane, top);
    if lane == 0u {
        out[group.x] = top;
    }
}
