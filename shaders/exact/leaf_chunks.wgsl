// leaf_chunks: SPEC §II.12.2. Twin: core/src/exact/transcript/hash.rs, Keys::leaf
// The chunks of BLAKE3 of each nonce's state, its bytes as they lie; a state of one chunk is hashed whole. One thread a
// chunk (shared/blake3.wgsl).
//   states    [nonces, state_vecs] i16, 8 to a vec4     in, rows of whole blocks of 64 bytes
//   chaining  [nonces, chunks, 8] u32, 4 to a vec4      out, from vec4 out_first
// Dispatch: (ceil(chunks of all / WG), 1, 1). Accuracy: exact.

override WG: u32 = 64u;

struct Dims {
    key: array<vec4<u32>, 2>,
    // 16 bytes each
    state_vecs: u32,
    // of a state
    chunks: u32,
    // first chunk of the dispatch and the end, counted over all nonces
    first: u32,
    end: u32,
    out_first: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> states: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> chaining: array<vec4<u32>>;

@compute @workgroup_size(WG)
fn leaf_chunks(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let number = dims.first + group.x * WG + lane;
    if number >= dims.end {
        return;
    }
    let chunk = number % dims.chunks;
    // A chunk is 16 blocks of 4 vec4; the last one may be shorter.
    let start = 64u * chunk;
    let vecs = min(64u, dims.state_vecs - start);
    let at = number / dims.chunks * dims.state_vecs + start;
    let last = CHUNK_END | select(0u, ROOT, dims.chunks == 1u);
    var value = Words(dims.key[0], dims.key[1]);
    for (var i = 0u; i < vecs; i += 4u) {
        let block = Block(states[at + i], states[at + i + 1u], states[at + i + 2u], states[at + i + 3u]);
        let ends = select(0u, CHUNK_START, i == 0u) | select(0u, last, i + 4u >= vecs);
        value = compress(value, block, chunk, KEYED_HASH | ends);
    }
    let out = dims.out_first + 2u * number;
    chaining[out] = value.low;
    chaining[out + 1u] = value.high;
}
