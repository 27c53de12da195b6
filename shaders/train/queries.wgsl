// queries: SPEC §IV.4.3. Twin: core/src/train/ops/attention.rs, attention
// Queries of a row to int8 over all heads, and how long its keys and values are. One workgroup per row.
//   acc        [rows, 3 words] i32, 4 to a vec4   in, queries, keys, values; row r in units of 2^(exponents[r] + weights[weight])
//   exponents  [rows] i32                         in, those of the product's rows
//   weights    i32                                in, exponents of the int8 copies
//   qkv        [rows, 3 words] i8, 4 to a u32     out, the queries
//   query_exponents [rows] i32                    out
//   tops       [rows] for keys and values         out, length in bits plus exponent
// Dispatch: (rows, 1, 1). Accuracy: exact.

struct Dims {
    // groups of four values in a row of queries: dim / 4
    words: u32,
    weight: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> acc: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> exponents: array<i32>;
@group(0) @binding(3) var<storage, read> weights: array<i32>;
@group(0) @binding(4) var<storage, read_write> qkv: array<u32>;
@group(0) @binding(5) var<storage, read_write> query_exponents: array<i32>;
@group(0) @binding(6) var<storage, read_write> tops: array<vec2<i32>>;

@compute @workgroup_size(WG)
fn queries(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.x;
    let at = row * 3u * dims.words;
    var largest = vec3(0u);
    for (var i = lane; i < dims.words; i += WG) {
        let key = magnitude(acc[at + dims.words + i]);
        let value = magnitude(acc[at + 2u * dims.words + i]);
        largest = max(largest, vec3(magnitude(acc[at + i]), key, value));
    }
    let query_length = bits(reduce_max(lane, largest.x));
    let key_length = bits(reduce_max(lane, largest.y));
    let value_length = bits(reduce_max(lane, largest.z));
    for (var i = lane; i < dims.words; i += WG) {
        qkv[at + i] = pack4xI8(mantissas(acc[at + i], query_length - 7, 7u));
    }
    if lane == 0u {
        let e = exponents[row] + weights[dims.weight];
        query_exponents[row] = select(e + query_length - 7, 0, query_length == 0);
        let key = select(e + key_length, NONE, key_length == 0);
        tops[row] = vec2(key, select(e + value_length, NONE, value_length == 0));
    }
}
