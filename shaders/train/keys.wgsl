// keys: SPEC §IV.4.3. Twin: core/src/train/ops/attention.rs, attention
// Keys of a row to int8 with the exponent of all keys of its sequence, and values likewise. One workgroup per row.
//   acc        [rows, 3 words] i32, 4 to a vec4   in, queries, keys, values; row r in units of 2^(exponents[r] + weights[weight])
//   exponents  [rows] i32                         in, those of the product's rows
//   weights    i32                                in, exponents of the int8 copies
//   tops       [rows] for keys and values         in, length in bits plus exponent
//   qkv        [rows, 3 words] i8, 4 to a u32     out, keys and values
//   joined     [rows / context] exponents         out, of keys and values
// Dispatch: (rows, 1, 1). Accuracy: exact.

struct Dims {
    // groups of four values in a row of keys: dim / 4
    words: u32,
    weight: u32,
    context: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> acc: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> exponents: array<i32>;
@group(0) @binding(3) var<storage, read> weights: array<i32>;
@group(0) @binding(4) var<storage, read> tops: array<vec2<i32>>;
@group(0) @binding(5) var<storage, read_write> qkv: array<u32>;
@group(0) @binding(6) var<storage, read_write> joined: array<vec2<i32>>;

@compute @workgroup_size(WG)
fn keys(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.x;
    let sequence = row / dims.context;
    var top = vec2(NONE);
    for (var i = lane; i < dims.context; i += WG) {
        top = max(top, tops[sequence * dims.context + i]);
    }
    top = vec2(reduce_top(lane, top.x), reduce_top(lane, top.y));
    let e = select(top - vec2(7), vec2(0), top == vec2(NONE));
    let own = vec2(exponents[row] + weights[dims.weight]);
    let at = row * 3u * dims.words;
    for (var i = lane; i < dims.words; i += WG) {
        let key = at + dims.words + i;
        let value = key + dims.words;
        qkv[key] = pack4xI8(mantissas(acc[key], e.x - own.x, 7u));
        qkv[value] = pack4xI8(mantissas(acc[value], e.y - own.y, 7u));
    }
    if lane == 0u && row % dims.context == 0u {
        joined[sequence] = e;
    }
}
