// join_qkv: SPEC §IV.5.5. Twin: core/src/train/ops/attention.rs, attention_backward
// The gradient of a row by its queries, keys and values, parts of 3 heads with exponents of their own, as one. One workgroup per row.
//   sums      [4, rows, words] i32, 4 to a vec4     in, of queries, keys, and values by the shares' upper and lower 7 bits
//   exponents [sequences, heads, context] i32       in, those of the gradient by scores
//   tops      [sequences, heads], then [sequences]  in, exponents of the sums of keys and of values
//   joined    [sequences] exponents                 in, of keys and values
//   out       [rows, 3 words] gradients, 4 to a vec2   out
//   out_exponents [rows] i32                        out
// Dispatch: (rows, 1, 1). Accuracy: exact. |values| < 2^7 2^31 + 2^31.

struct Dims {
    context: u32,
    heads: u32,
    rows: u32,
    // groups of four values in a row and in a head's part of it: dim / 4, head_dim / 4
    words: u32,
    head_words: u32,
    // half of log2 of a head's width, rounded up
    scale: i32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> sums: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read> exponents: array<i32>;
@group(0) @binding(3) var<storage, read> tops: array<i32>;
@group(0) @binding(4) var<storage, read> joined: array<vec2<i32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> out_exponents: array<i32>;

fn value(row: u32, i: u32) -> Wide {
    let part = i / dims.words;
    let plane = dims.rows * dims.words;
    let at = row * dims.words + i % dims.words;
    let x = widened(sums[part * plane + at]);
    if part < 2u {
        return x;
    }
    let low = widened(sums[3u * plane + at]);
    // 2^7 of the upper part, whose sign fills its higher word.
    return add(Wide(x.low << vec4(7u), (x.high << vec4(7u)) | (x.low >> vec4(25u))), low);
}

fn exponent(row: u32, i: u32) -> i32 {
    let sequence = row / dims.context;
    let head = sequence * dims.heads + i % dims.words / dims.head_words;
    let query = exponents[head * dims.context + row % dims.context] + joined[sequence].x - dims.scale;
    let key = tops[head] - dims.scale;
    let sequences = dims.rows / dims.context;
    let mixed = tops[sequences * dims.heads + sequence] - 14;
    return select(select(mixed, key, i < 2u * dims.words), query, i < dims.words);
}

@compute @workgroup_size(WG)
fn join_qkv(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.x;
    var top = NONE;
    for (var i = lane; i < 3u * dims.words; i += WG) {
        let length = length_of(value(row, i));
        top = max(top, select(length + exponent(row, i), NONE, length == 0));
    }
    top = reduce_top(lane, top);
    let limit = vec4(16383);
    for (var i = lane; i < 3u * dims.words; i += WG) {
        let x = rounded_wide(value(row, i), top - 14 - exponent(row, i));
        out[row * 3u * dims.words + i] = split(clamp(x, -limit, limit));
    }
    if lane == 0u {
        out_exponents[row] = select(top - 14, NONE, top == NONE);
    }
}
