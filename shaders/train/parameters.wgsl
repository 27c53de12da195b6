// parameters: SPEC §IV.6.3, §IV.6.4. Twin: core/src/train/ops/optimise.rs, parameters
// The parameters of all tensors by their moments, and the largest of each block. One workgroup per block of 1024 values.
//   first      [blocks, 256] i32, 4 to a vec4    in, the first moments, |m| < 2^29
//   root       [blocks, 256] i32, 4 to a vec4    in, roots of the second ones, 0 <= s < 2^29
//   roots      [blocks] u32                      in, the largest root of each block
//   tensors    [blocks] vec4                    in, of the block's tensor: first block, count, number, 0
//   steps      [tensors] vec4                    in, by plan_step
//   theta      [blocks, 256] i32, 4 to a vec4    in and out, |x| <= 2^29
//   tops       [blocks] u32                      out
// Dispatch: (blocks, 1, 1). Accuracy: exact. |ratio rate| < 2^49, |theta decay| < 2^53.

struct Dims {
    // blocks of the largest tensor
    most: u32,
    // vec4 of a block
    words: u32,
    // in units of 2^-32
    rate: i32,
    decay: i32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> first: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> root: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read> roots: array<u32>;
@group(0) @binding(4) var<storage, read> tensors: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> steps: array<vec4<i32>>;
@group(0) @binding(6) var<storage, read_write> theta: array<vec4<i32>>;
@group(0) @binding(7) var<storage, read_write> tops: array<u32>;

// m 2^16 / d, cut towards zero, 2^20 in size at most; |m| < 2^29, 0 < d < 2^30.
fn ratio(m: vec4<i32>, d: vec4<u32>) -> vec4<i32> {
    let size = bitcast<vec4<u32>>(abs(m));
    let is_past = (size >> vec4(4u)) >= d;
    var quotient = size / d;
    var rest = size - quotient * d;
    for (var bit = 0u; bit < 16u; bit += 1u) {
        rest = rest << vec4(1u);
        let fits = rest >= d;
        rest -= select(vec4(0u), d, fits);
        quotient = (quotient << vec4(1u)) | select(vec4(0u), vec4(1u), fits);
    }
    let cut = bitcast<vec4<i32>>(select(quotient, vec4(1u << 20u), is_past));
    return select(cut, -cut, m < vec4(0));
}

@compute @workgroup_size(WG)
fn parameters(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let tensor = tensors[group.x];
    var top = 0u;
    for (var i = lane; i < dims.most; i += WG) {
        if i < tensor.y {
            top = max(top, roots[tensor.x + i]);
        }
    }
    let least = vec4((reduce_max(lane, top) >> 20u) + 1u);
    let rate = vec4(dims.rate * steps[tensor.z].w);
    let limit = vec4(1 << 29u);
    var largest = 0u;
    for (var i = lane; i < dims.words; i += WG) {
        let at = group.x * dims.words + i;
        let by = ratio(first[at], bitcast<vec4<u32>>(root[at]) + least);
        let moved = rounded_wide(multiply(by, rate), 26);
        let decayed = rounded_wide(multiply(theta[at], vec4(dims.decay)), 32);
        let x = clamp(theta[at] - moved - decayed, -limit, limit);
        theta[at] = x;
        largest = max(largest, magnitude(x));
    }
    largest = reduce_max(lane, largest);
    if lane == 0u {
        tops[group.x] = largest;
    }
}
