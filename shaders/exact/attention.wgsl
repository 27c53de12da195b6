// attention: SPEC §II.6.6. Twin: core/src/exact/ops/attention.rs
// One workgroup per head and block of queries of one nonce; scores, then powers, then weights stay in workgroup
// memory.
//   exp2   [256] u32, 2^14 .. 2^13          in
//   query  [nonces * queries, row_vecs] i8, 16 to a vec4   in
//   key    [nonces * tokens, row_vecs] i8, 16 to a vec4    in
//   value  [nonces * tokens, 4 row_vecs] i8, 4 to a u32    in
//   out    [nonces * queries, 4 row_vecs] i8 or f16, 4 to an Operand   out
// Dispatch: (heads, nonces * blocks, 1). Accuracy: exact.
// |score| <= 127² * 64 < 2^20; sum of powers <= 1024 * 2^14 = 2^24; power times inverse <= 127 * 2^23 < 2^30;
// |weighted sum| <= 254 * 127.

override WG: u32 = 64u;

struct Dims {
    tokens: u32,
    queries: u32,
    // vec4 in a row and in a head's part of it: dim / 16 and head_dim / 16
    row_vecs: u32,
    head_vecs: u32,
    // log2 of the square root of head_dim
    log2_root: u32,
    // queries in a block, block_queries * tokens <= 2048 and block_queries <= 64, and blocks of a nonce
    block_queries: u32,
    blocks: u32,
    first_block: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> exp2_table: array<u32>;
@group(0) @binding(2) var<storage, read> query: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> key: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> value: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<Operand>;

var<workgroup> shares: array<i32, 2048>;
// per query: the best score, then the inverse of the sum of powers
var<workgroup> of_query: array<i32, 64>;
var<workgroup> table: array<i32, 256>;

@compute @workgroup_size(WG)
fn attention(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let tokens = dims.tokens;
    let nonce = (dims.first_block + group.y) / dims.blocks;
    let first_query = (dims.first_block + group.y) % dims.blocks * dims.block_queries;
    let queries = min(dims.block_queries, dims.queries - first_query);
    let query_row = nonce * dims.queries + first_query;
    let head = group.x * dims.head_vecs;
    for (var i = lane; i < 256u; i += WG) {
        table[i] = bitcast<i32>(exp2_table[i]);
    }
    for (var i = lane; i < queries * tokens; i += WG) {
        let q_at = (query_row + i / tokens) * dims.row_vecs + head;
        let k_at = (nonce * tokens + i % tokens) * dims.row_vecs + head;
        var score = 0;
        for (var v = 0u; v < dims.head_vecs; v += 1u) {
            let q = query[q_at + v];
            let k = key[k_at + v];
            score += dot4I8Packed(q.x, k.x) + dot4I8Packed(q.y, k.y);
            score += dot4I8Packed(q.z, k.z) + dot4I8Packed(q.w, k.w);
        }
        shares[i] = score;
    }
    workgroupBarrier();
    for (var q = lane; q < queries; q += WG) {
        var best = shares[q * tokens];
        for (var t = 1u; t < tokens; t += 1u) {
            best = max(best, shares[q * tokens + t]);
        }
        of_query[q] = best;
    }
    workgroupBarrier();
    for (var i = lane; i < queries * tokens; i += WG) {
        let octaves = bitcast<u32>((of_query[i / tokens] - shares[i]) >> dims.log2_root);
        shares[i] = table[octaves & 255u] >> min(octaves >> 8u, 15u);
    }
    workgroupBarrier();
    for (var q = lane; q < queries; q += WG) {
        var sum = 0;
        for (var t = 0u; t < tokens; t += 1u) {
            sum += shares[q * tokens + t];
        }
        // 127 * 2^23
        of_query[q] = 0x3f800000 / max(sum, 1);
    }
    workgroupBarrier();
    for (var i = lane; i < queries * tokens; i += WG) {
        // At most 127: a power is at most the sum.
        shares[i] = (shares[i] * of_query[i / tokens] + 0x400000) >> 23u;
    }
    workgroupBarrier();
    let head_words = 4u * dims.head_vecs;
    let row_words = 4u * dims.row_vecs;
    for (var i = lane; i < queries * head_words; i += WG) {
        let q = i / head_words;
        let word = 4u * head + i % head_words;
        var at = nonce * tokens * row_words + word;
        var sums = vec4(0);
        for (var t = 0u; t < tokens; t += 1u) {
            sums += shares[q * tokens + t] * unpack4xI8(value[at]);
            at += row_words;
        }
        out[(query_row + q) * row_words + word] = operand(clamp_int8(rounding_shift(sums, 7u)));
    }
}
