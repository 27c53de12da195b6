// attention: SPEC §I.4. Twin: core/src/gonka/ops/attention.rs
// One workgroup per head and QUERIES queries of one nonce, which share the keys and values that it brings into workgroup memory,
// a tile at a time: scores, a softmax over each query's, then the weighted sum of values, a thread per pair of columns.
//   query  [nonces * queries, q_stride]   f16 pairs   in; query i sits at seq_len - queries + i
//   key    [nonces * seq_len, kv_stride]  f16 pairs   in
//   value  [nonces * seq_len, kv_stride]  f16 pairs   in
//   out    [nonces * queries, q_stride]   f16 pairs   out
// Dispatch: (heads, nonces * blocks, 1). Accuracy: bounded; exp is good to 3 + 2|x| ULP, the quotients to 2.5 ULP.

override WG: u32 = 64u;
// Queries of a workgroup, a power of two.
override QUERIES: u32 = 4u;
// Positions that workgroup memory holds: at least seq_len, a multiple of 4.
override MAX_SEQ: u32 = 1024u;
// Pairs of values in a tile of keys or values.
const TILE_PAIRS: u32 = 1088u;

struct Dims {
    seq_len: u32,
    queries: u32,
    // query heads to a key and value head
    group_heads: u32,
    // u32 words in a head, head_dim / 2: at most TILE_PAIRS / 4 - 1
    head_words: u32,
    q_words: u32,
    kv_words: u32,
    // of a nonce, QUERIES of its queries in each
    blocks: u32,
    first_block: u32,
    // sqrt(head_dim)
    root: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> query: array<u32>;
@group(0) @binding(2) var<storage, read> key: array<u32>;
@group(0) @binding(3) var<storage, read> value: array<u32>;
@group(0) @binding(4) var<storage, read_write> out: array<u32>;

override QUERY_WORDS: u32 = MAX_SEQ / 2u;
override SCORES: u32 = QUERIES * QUERY_WORDS;
// Threads that make the softmax of a query.
override SHARE: u32 = WG / QUERIES;

// f16 pairs of neighbouring positions: scores, then weights.
var<workgroup> scores: array<u32, SCORES>;
var<workgroup> tile: array<u32, TILE_PAIRS>;
var<workgroup> partial: array<f32, WG>;

// Rows of a tile lie an odd number of pairs apart, out of each other's banks.
fn tile_stride() -> u32 {
    return dims.head_words | 1u;
}

fn tile_keys() -> u32 {
    // More would leave a second round of items with few threads.
    return min(TILE_PAIRS / tile_stride() / 4u * 4u, WG);
}

// Fills the tile with rows from `first` on, which `keys` end; the last is repeated beyond.
fn bring(lane: u32, values: bool, first: u32, keys: u32, kv_at: u32) {
    var row = lane / dims.head_words;
    var column = lane % dims.head_words;
    while row < tile_keys() {
        let at = kv_at + min(first + row, keys - 1u) * dims.kv_words + column;
        let to = row * tile_stride() + column;
        if values {
            tile[to] = value[at];
        } else {
            tile[to] = key[at];
        }
        row += WG / dims.head_words;
        column += WG % dims.head_words;
        if column >= dims.head_words {
            column -= dims.head_words;
            row += 1u;
        }
    }
}

fn score(dot: vec2<f32>) -> u32 {
    return narrow(round_half(dot) / dims.root);
}

// The sum or the maximum of what the threads of a query have.
fn of_query(lane: u32, is_sum: bool, own: f32) -> f32 {
    workgroupBarrier();
    partial[lane] = own;
    for (var step = SHARE / 2u; step > 0u; step = step / 2u) {
        workgroupBarrier();
        if lane % SHARE < step {
            let other = partial[lane + step];
            partial[lane] = select(max(partial[lane], other), partial[lane] + other, is_sum);
        }
    }
    workgroupBarrier();
    return partial[lane / SHARE * SHARE];
}

@compute @workgroup_size(WG)
fn attention(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let nonce = (dims.first_block + group.y) / dims.blocks;
    let first_query = (dims.first_block + group.y) % dims.blocks * QUERIES;
    let queries = min(QUERIES, dims.queries - first_query);
    // Keys of the first query and, one more each, of the others.
    let first_keys = dims.seq_len - dims.queries + first_query + 1u;
    let keys = first_keys + queries - 1u;
    let q_at = (nonce * dims.queries + first_query) * dims.q_words + group.x * dims.head_words;
    let kv_at = nonce * dims.seq_len * dims.kv_words + group.x / dims.group_heads * dims.head_words;

    let half = tile_keys() / 2u;
    for (var first = 0u; first < keys; first += tile_keys()) {
        workgroupBarrier();
        bring(lane, false, first, keys, kv_at);
        workgroupBarrier();
        // A thread has two neighbouring keys of each half of the tile.
        for (var item = lane; item < queries * half / 2u; item += WG) {
            let q = item % queries;
            let t = item / queries * 2u;
            var low = vec2(0.0);
            var high = vec2(0.0);
            for (var i = 0u; i < dims.head_words; i += 1u) {
                let x = widen(query[q_at + q * dims.q_words + i]);
                let at = t * tile_stride() + i;
                let a = widen(tile[at]);
                let b = widen(tile[at + tile_stride()]);
                let c = widen(tile[at + half * tile_stride()]);
                let d = widen(tile[at + (half + 1u) * tile_stride()]);
                low += vec2(x.x * a.x + x.y * a.y, x.x * b.x + x.y * b.y);
                high += vec2(x.x * c.x + x.y * c.y, x.x * d.x + x.y * d.y);
            }
            let to = q * QUERY_WORDS + (first + t) / 2u;
            if first + t < keys {
                scores[to] = score(low);
            }
            if first + t + half < keys {
                scores[to + half / 2u] = score(high);
            }
        }
    }
    workgroupBarrier();

    let own = lane / SHARE;
    let own_at = own * QUERY_WORDS;
    let own_keys = select(0u, first_keys + own, own < queries);
    // Scores are finite, so the lowest f32 stands in for minus infinity.
    let lowest = -3.4e38;
    var largest = lowest;
    for (var t = 2u * (lane % SHARE); t < own_keys; t += 2u * SHARE) {
        let pair = widen(scores[own_at + t / 2u]);
        largest = max(largest, max(pair.x, select(lowest, pair.y, t + 1u < own_keys)));
    }
    largest = of_query(lane, false, largest);
    var sum = 0.0;
    for (var t = 2u * (lane % SHARE); t < own_keys; t += 2u * SHARE) {
        let e = exp(widen(scores[own_at + t / 2u]) - largest);
        sum += e.x + select(0.0, e.y, t + 1u < own_keys);
    }
    sum = of_query(lane, true, sum);
    for (var t = 2u * (lane % SHARE); t < own_keys; t += 2u * SHARE) {
        let e = exp(widen(scores[own_at + t / 2u]) - largest);
        scores[own_at + t / 2u] = narrow(e / sum);
    }

    for (var base = 0u; base < queries * dims.head_words; base += WG) {
        let q = (base + lane) / dims.head_words;
        let column = (base + lane) % dims.head_words;
        let q_keys = select(0u, first_keys + q, q < queries);
        var mixed = vec2(0.0);
        for (var first = 0u; first < keys; first += tile_keys()) {
            workgroupBarrier();
            bring(lane, true, first, keys, kv_at);
            workgroupBarrier();
            let end = min(q_keys, first + tile_keys());
            for (var t = first; t < end; t += 2u) {
                let weights = widen(scores[q * QUERY_WORDS + t / 2u]);
                let at = (t - first) * tile_stride() + column;
                mixed += weights.x * widen(tile[at]);
                if t + 1u < end {
                    mixed += weights.y * widen(tile[at + tile_stride()]);
                }
            }
        }
        if q < queries {
            out[q_at + q * dims.q_words + column] = narrow(mixed);
        }
    }
}
