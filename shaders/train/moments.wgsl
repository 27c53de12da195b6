// moments: SPEC §IV.6.2. Twin: core/src/train/ops/optimise.rs, moments
// The moments of all tensors, and the largest of each block. One workgroup per block of 1024 values.
//   gradient   [blocks, 256] i32, 4 to a vec4    in
//   tensors    [blocks] vec4                     in, of the block's tensor: first block, count, number, 0
//   steps      [tensors] vec4                    in, by plan_step
//   first      [blocks, 256] i32, 4 to a vec4    in and out, the first moments, |m| < 2^29
//   root       [blocks, 256] i32, 4 to a vec4    in and out, roots of the second ones, 0 <= s < 2^29
//   firsts     [blocks] u32                      out
//   roots      [blocks] u32                      out
// Dispatch: (blocks, 1, 1). Accuracy: exact. Squares are within 2^58.

struct Dims {
    // vec4 of a block
    words: u32,
    // bits of the grid
    grid: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> gradient: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> tensors: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> steps: array<vec4<i32>>;
@group(0) @binding(4) var<storage, read_write> first: array<vec4<i32>>;
@group(0) @binding(5) var<storage, read_write> root: array<vec4<i32>>;
@group(0) @binding(6) var<storage, read_write> firsts: array<u32>;
@group(0) @binding(7) var<storage, read_write> roots: array<u32>;

// On a grid that is 2^s of the value's; what passes the grid's bits to the left is its limit.
fn on_grid(x: vec4<i32>, s: i32) -> vec4<i32> {
    let limit = i32((1u << dims.grid) - 1u);
    let left = u32(clamp(-s, 0, i32(dims.grid)));
    // Zero stays zero, and a value past `most` becomes the limit.
    let most = vec4(limit >> left);
    let shifted = select(x << vec4(left), sign(x) * limit, abs(x) > most);
    return clamp(select(shifted, rounded(x, s), s > 0), vec4(-limit), vec4(limit));
}

// floor(sqrt(x)), 0 <= x < 2^58: two bits of x and one of the root at a time. The rest is at most twice the root.
fn isqrt_wide(x: Wide) -> vec4<u32> {
    var rest = vec4(0u);
    var root = vec4(0u);
    for (var place = 56; place >= 0; place -= 2) {
        let word = select(x.low, x.high, place >= 32);
        rest = (rest << vec4(2u)) | ((word >> vec4(u32(place) & 31u)) & vec4(3u));
        let trial = (root << vec4(2u)) | vec4(1u);
        let fits = rest >= trial;
        rest -= select(vec4(0u), trial, fits);
        root = (root << vec4(1u)) | select(vec4(0u), vec4(1u), fits);
    }
    return root;
}

@compute @workgroup_size(WG)
fn moments(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let step = steps[tensors[group.x].z];
    var largest = vec2(0u);
    for (var i = lane; i < dims.words; i += WG) {
        let at = group.x * dims.words + i;
        let g = on_grid(gradient[at], step.z);
        let m = on_grid(first[at], step.y);
        let s = on_grid(root[at], step.y);
        let next = m + rounded(g - m, 3);
        let square = multiply(s, s);
        let less = subtract(multiply(g, g), square);
        let high = bitcast<vec4<i32>>(less.high) >> vec4(6u);
        let sixtyfourth = Wide((less.low >> vec4(6u)) | (less.high << vec4(26u)), bitcast<vec4<u32>>(high));
        let grown = bitcast<vec4<i32>>(isqrt_wide(add(square, sixtyfourth)));
        first[at] = next;
        root[at] = grown;
        largest = max(largest, vec2(magnitude(next), magnitude(grown)));
    }
    let top_first = reduce_max(lane, largest.x);
    let top_root = reduce_max(lane, largest.y);
    if lane == 0u {
        firsts[group.x] = top_first;
        roots[group.x] = top_root;
    }
}
