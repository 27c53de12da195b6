// copy_int8: SPEC §IV.3. Twin: core/src/train/model.rs, Weight
// The int8 copies of all tensors. One workgroup per block of 1024 values.
//   theta      [blocks, 256] i32, 4 to a vec4   in, units of 2^-22
//   tops       [blocks] u32                     in, the largest |x| of each block
//   tensors    [blocks] vec4                    in, of the block's tensor: first block, count, number, 0
//   out        [blocks, 256] i8, 4 to a u32     out
//   exponents  [blocks] i32                     out, the tensor's
// Dispatch: (blocks, 1, 1). Accuracy: exact.

struct Dims {
    // blocks of the largest tensor
    most: u32,
    // vec4 of a block
    words: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> theta: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> tops: array<u32>;
@group(0) @binding(3) var<storage, read> tensors: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> out: array<u32>;
@group(0) @binding(5) var<storage, read_write> exponents: array<i32>;

@compute @workgroup_size(WG)
fn copy_int8(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let tensor = tensors[group.x];
    var top = 0u;
    for (var i = lane; i < dims.most; i += WG) {
        if i < tensor.y {
            top = max(top, tops[tensor.x + i]);
        }
    }
    let s = max(bits(reduce_max(lane, top)) - 7, 0);
    for (var i = lane; i < dims.words; i += WG) {
        let at = group.x * dims.words + i;
        out[at] = pack4xI8(mantissas(theta[at], s, 7u));
    }
    if lane == 0u {
        exponents[group.x] = s - 22;
    }
}
