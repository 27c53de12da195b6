// by_shares: SPEC §IV.5.5.1. Twin: core/src/train/ops/attention.rs, by_shares
// The gradient by a query's scores from that by its shares. One workgroup per head and query.
//   dp          [sequences, heads, context, words] i32, 4 to a vec4   in
//   shares      [sequences, heads, context, words] 14 bits, 4 to a vec2   in, 0 after the query's position
//   exponents   [sequences, context] i32                       in, of the gradient by the mixed values
//   joined      [sequences] exponents                          in, of keys and values
//   out         [sequences, heads, context, words] gradients   out
//   out_exponents [sequences, heads, context] i32              out
// Dispatch: (sequences * heads * context, 1, 1). Accuracy: exact. |dp| < 2^29; shares sum up to 2^14 + 512 at most.

struct Dims {
    context: u32,
    // groups of four positions: ceil(context / 4)
    words: u32,
    heads: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> dp: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> shares: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> exponents: array<i32>;
@group(0) @binding(4) var<storage, read> joined: array<vec2<i32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> out_exponents: array<i32>;

@compute @workgroup_size(WG)
fn by_shares(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let at = group.x * dims.words;
    // Σ w dp by the upper and the lower 16 bits of dp, each within 2^31.
    var high = 0;
    var low = 0;
    for (var i = lane; i < dims.words; i += WG) {
        let w = join(shares[at + i]);
        high += dot(w, dp[at + i] >> vec4(16u));
        low += dot(w, dp[at + i] & vec4(0xffff));
    }
    high = bitcast<i32>(reduce_sum(lane, bitcast<u32>(high)));
    low = bitcast<i32>(reduce_sum(lane, bitcast<u32>(low)));
    let mean = 4 * high + ((low + (1 << 13u)) >> 14u);
    var length = 0;
    for (var i = lane; i < dims.words; i += WG) {
        length = max(length, length_of(multiply(join(shares[at + i]), dp[at + i] - vec4(mean))));
    }
    length = i32(reduce_max(lane, u32(length)));
    let limit = vec4(16383);
    for (var i = lane; i < dims.words; i += WG) {
        let x = rounded_wide(multiply(join(shares[at + i]), dp[at + i] - vec4(mean)), length - 14);
        out[at + i] = split(clamp(x, -limit, limit));
    }
    if lane == 0u {
        let sequence = group.x / dims.context / dims.heads;
        let t = group.x % dims.context;
        let e = exponents[sequence * dims.context + t] + joined[sequence].y + length - 28;
        out_exponents[group.x] = select(e, NONE, length == 0);
    }
}
