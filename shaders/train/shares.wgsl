// shares: SPEC §IV.4.3, §IV.4.5. Twin: core/src/train/ops/softmax.rs, shares
// Shares of a query among the positions up to its own, 0 for those after it. One workgroup per head and query.
//   exp2_table  [256] u32, 2^14 .. 2^13                        in
//   scores      [sequences, heads, context, words] i32, 4 to a vec4   in
//   exponents   [sequences, context] i32                       in, of queries
//   joined      [sequences] exponents                          in, of keys and values
//   out         [sequences, heads, context, words] 14 bits, 4 to a vec2   out, units of 2^-14
// Dispatch: (sequences * heads * context, 1, 1). Accuracy: exact. Scores are within 127² * 256 < 2^22.

struct Dims {
    context: u32,
    // groups of four positions: ceil(context / 4)
    words: u32,
    heads: u32,
    // 6 and half of log2 of a head's width, rounded up
    shift: i32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> exp2_table: array<u32>;
@group(0) @binding(2) var<storage, read> scores: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read> exponents: array<i32>;
@group(0) @binding(4) var<storage, read> joined: array<vec2<i32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec2<u32>>;

// Which of the four positions from 4 i on are not after t.
fn is_seen(i: u32, t: u32) -> vec4<bool> {
    return vec4(4u * i, 4u * i + 1u, 4u * i + 2u, 4u * i + 3u) <= vec4(t);
}

@compute @workgroup_size(WG)
fn shares(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let at = group.x * dims.words;
    let t = group.x % dims.context;
    let sequence = group.x / dims.context / dims.heads;
    var best = -0x7fffffff;
    for (var i = lane; 4u * i <= t; i += WG) {
        let x = select(vec4(-0x7fffffff), scores[at + i], is_seen(i, t));
        best = max(best, max(max(x.x, x.y), max(x.z, x.w)));
    }
    best = reduce_top(lane, best);
    let k = dims.shift - exponents[sequence * dims.context + t] - joined[sequence].x;
    var part = 0;
    for (var i = lane; 4u * i <= t; i += WG) {
        let x = powers(octaves(max(vec4(best) - scores[at + i], vec4(0)), k));
        part += dot(select(vec4(0), x, is_seen(i, t)), vec4(1));
    }
    let inverse = (1 << 30u) / max(i32(reduce_sum(lane, u32(part))), 1);
    for (var i = lane; i < dims.words; i += WG) {
        let x = powers(octaves(max(vec4(best) - scores[at + i], vec4(0)), k));
        out[at + i] = split(select(vec4(0), share(x, inverse), is_seen(i, t)));
    }
}
