// attention: SPEC §I.4. Twin: core/src/gonka/ops/attention.rs
// One workgroup per query row and head: scores into workgroup memory, softmax there, then the weighted sum of
// values, a thread per pair of columns.
//   query  [nonces * queries, q_stride]   f16 pairs   in; query i sits at seq_len - queries + i
//   key    [nonces * seq_len, kv_stride]  f16 pairs   in
//   value  [nonces * seq_len, kv_stride]  f16 pairs   in
//   out    [nonces * queries, q_stride]   f16 pairs   out
// Dispatch: (heads, rows, 1). Accuracy: bounded; exp is good to 3 + 2|x| ULP, the quotients to 2.5 ULP.

// Positions that workgroup memory holds: at least seq_len.
override MAX_SEQ: u32 = 1024u;

struct Dims {
    seq_len: u32,
    queries: u32,
    // query heads to a key and value head
    group_heads: u32,
    // u32 words in a head: head_dim / 2
    head_words: u32,
    q_words: u32,
    kv_words: u32,
    first_row: u32,
    // sqrt(head_dim)
    root: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> query: array<u32>;
@group(0) @binding(2) var<storage, read> key: array<u32>;
@group(0) @binding(3) var<storage, read> value: array<u32>;
@group(0) @binding(4) var<storage, read_write> out: array<u32>;

var<workgroup> scores: array<f32, MAX_SEQ>;

@compute @workgroup_size(WG)
fn attention(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let head = group.x;
    let row = dims.first_row + group.y;
    let keys = dims.seq_len - dims.queries + row % dims.queries + 1u;
    let q_at = row * dims.q_words + head * dims.head_words;
    let kv_at = row / dims.queries * dims.seq_len * dims.kv_words + head / dims.group_heads * dims.head_words;

    // Scores are finite, so the lowest f32 stands in for minus infinity.
    var largest = -3.4e38;
    for (var t = lane; t < keys; t += WG) {
        var dot = 0.0;
        let k_at = kv_at + t * dims.kv_words;
        for (var i = 0u; i < dims.head_words; i += 1u) {
            let q = widen(query[q_at + i]);
            let k = widen(key[k_at + i]);
            dot += q.x * k.x + q.y * k.y;
        }
        let score = round_half(vec2(round_half(vec2(dot, 0.0)).x / dims.root, 0.0)).x;
        scores[t] = score;
        largest = max(largest, score);
    }
    largest = reduce_max(lane, largest);

    var sum = 0.0;
    for (var t = lane; t < keys; t += WG) {
        let e = exp(scores[t] - largest);
        scores[t] = e;
        sum += e;
    }
    sum = reduce_sum(lane, sum);
    for (var t = lane; t < keys; t += WG) {
        scores[t] = round_half(vec2(scores[t] / sum, 0.0)).x;
    }
    workgroupBarrier();

    for (var i = lane; i < dims.head_words; i += WG) {
        var mixed = vec2(0.0);
        for (var t = 0u; t < keys; t += 1u) {
            mixed += scores[t] * widen(value[kv_at + t * dims.kv_words + i]);
        }
        out[q_at + i] = narrow(mixed);
    }
}
