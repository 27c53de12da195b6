// cross_entropy: SPEC §IV.4.6. Twin: core/src/train/ops/softmax.rs, cross_entropy
// The gradient of a row's loss by its logits, and the loss in units of 2^-16 octaves. One workgroup per row.
//   exp2_table  [256] u32, 2^14 .. 2^13               in
//   acc         [rows, words] i32, 4 to a vec4        in, row r in units of 2^(exponents[r] + weights[weight])
//   exponents   [rows] i32                            in, those of the product's rows
//   weights     i32                                   in, exponents of the int8 copies
//   targets     [rows] u32                            in
//   g           [rows, words] gradients, 4 to a vec2  out
//   g_exponents [rows] i32                            out, -14
//   losses      i32                                   out, from losses_first
// Dispatch: (rows, 1, 1). Accuracy: exact. Logits differ by 2^24 at most, a sum of powers is at most 2^24.

struct Dims {
    // groups of four values in a row: vocab / 4
    words: u32,
    weight: u32,
    losses_first: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> exp2_table: array<u32>;
@group(0) @binding(2) var<storage, read> acc: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read> exponents: array<i32>;
@group(0) @binding(4) var<storage, read> weights: array<i32>;
@group(0) @binding(5) var<storage, read> targets: array<u32>;
@group(0) @binding(6) var<storage, read_write> g: array<vec2<u32>>;
@group(0) @binding(7) var<storage, read_write> g_exponents: array<i32>;
@group(0) @binding(8) var<storage, read_write> losses: array<i32>;

// log2 of x from 1 to 2^29, in units of 2^-16, cut.
fn log2_of(x: u32) -> i32 {
    let whole = u32(bits(x) - 1);
    var y = x << (30u - whole);
    var out = i32(whole << 16u);
    for (var bit = 0x8000; bit != 0; bit = bit >> 1u) {
        y = shifted(multiply(vec4(bitcast<i32>(y)), vec4(bitcast<i32>(y))), 30u).x;
        let is_above = y >= 0x80000000u;
        y = select(y, y >> 1u, is_above);
        out += select(0, bit, is_above);
    }
    return out;
}

@compute @workgroup_size(WG)
fn cross_entropy(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.x;
    let at = row * dims.words;
    var best = -0x7fffffff;
    for (var i = lane; i < dims.words; i += WG) {
        let x = acc[at + i];
        best = max(best, max(max(x.x, x.y), max(x.z, x.w)));
    }
    best = reduce_top(lane, best);
    let k = 6 - exponents[row] - weights[dims.weight];
    var part = 0;
    for (var i = lane; i < dims.words; i += WG) {
        part += dot(powers(octaves(vec4(best) - acc[at + i], k)), vec4(1));
    }
    let sum = reduce_sum(lane, u32(part));
    let inverse = (1 << 30u) / max(i32(sum), 1);
    let wanted = targets[row];
    for (var i = lane; i < dims.words; i += WG) {
        let shares = share(powers(octaves(vec4(best) - acc[at + i], k)), inverse);
        let is_target = vec4(4u * i, 4u * i + 1u, 4u * i + 2u, 4u * i + 3u) == vec4(wanted);
        let less = select(shares, max(shares - vec4(16384), vec4(-16383)), is_target);
        g[at + i] = split(less);
    }
    if lane == 0u {
        g_exponents[row] = -14;
        let below = octaves(vec4(best - acc[at + wanted / 4u][wanted % 4u]), k).x;
        losses[dims.losses_first + row] = below * 256 + log2_of(sum) - (14 << 16u);
    }
}
