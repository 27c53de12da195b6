// plan_step: SPEC §IV.6.1. Twin: core/src/train/ops/optimise.rs, Step
// The grid of each tensor's step. One workgroup per tensor.
//   tensors    [tensors] first block and count   in
//   gradients  [blocks] u32                      in, the largest |x| of each block of the gradient
//   firsts     [blocks] u32                      in, of the first moments
//   roots      [blocks] u32                      in, of the roots of the second ones
//   exponents  [tensors] i32                     in, those of the gradients
//   steps      [tensors] vec4                    in and out: the moments' exponent, their shift, the gradient's, whether one is not zero
// Dispatch: (tensors, 1, 1). Accuracy: exact.

struct Dims {
    // blocks of the largest tensor
    most: u32,
    // bits of the grid
    grid: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tensors: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> gradients: array<u32>;
@group(0) @binding(3) var<storage, read> firsts: array<u32>;
@group(0) @binding(4) var<storage, read> roots: array<u32>;
@group(0) @binding(5) var<storage, read> exponents: array<i32>;
@group(0) @binding(6) var<storage, read_write> steps: array<vec4<i32>>;

@compute @workgroup_size(WG)
fn plan_step(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let tensor = tensors[group.x];
    var top = vec2(0u);
    for (var i = lane; i < dims.most; i += WG) {
        if i < tensor.y {
            let at = tensor.x + i;
            top = max(top, vec2(max(firsts[at], roots[at]), gradients[at]));
        }
    }
    let moments = bits(reduce_max(lane, top.x));
    let gradient = bits(reduce_max(lane, top.y));
    if lane == 0u {
        let before = steps[group.x].x;
        let of_moments = select(moments + before, NONE, moments == 0);
        let length = max(of_moments, select(gradient + exponents[group.x], NONE, gradient == 0));
        let is_live = length != NONE;
        let e = select(0, length - i32(dims.grid), is_live);
        steps[group.x] = vec4(e, e - before, e - exponents[group.x], select(0, 1, is_live));
    }
}
