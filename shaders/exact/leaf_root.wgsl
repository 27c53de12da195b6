// leaf_root: SPEC §II.12.2. Twin: core/src/exact/transcript/hash.rs, Keys::leaf
// The tree of BLAKE3 above the chunks of each nonce's state, level by level where they lie, an odd one out going up as it
// is. One thread a nonce (shared/blake3.wgsl): a tree of 64 chunks is 63 compressions.
//   chaining  [nonces, chunks, 8] u32, 4 to a vec4      in, 2 chunks at least; rubbish afterwards
//   leaves    [states, nonces, 8] u32, 4 to a vec4      out, from vec4 out_first
// Dispatch: (ceil(nonces / WG), 1, 1). Accuracy: exact.

override WG: u32 = 64u;

struct Dims {
    key: array<vec4<u32>, 2>,
    // of a state
    chunks: u32,
    nonces: u32,
    out_first: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> chaining: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> leaves: array<vec4<u32>>;

@compute @workgroup_size(WG)
fn leaf_root(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let nonce = group.x * WG + lane;
    if nonce >= dims.nonces {
        return;
    }
    let key = Words(dims.key[0], dims.key[1]);
    let at = 2u * nonce * dims.chunks;
    var width = dims.chunks;
    while width > 2u {
        for (var i = 0u; i < width / 2u; i += 1u) {
            let start = at + 4u * i;
            let both = Block(chaining[start], chaining[start + 1u], chaining[start + 2u], chaining[start + 3u]);
            let node = compress(key, both, 0u, KEYED_HASH | PARENT);
            chaining[at + 2u * i] = node.low;
            chaining[at + 2u * i + 1u] = node.high;
        }
        if width % 2u == 1u {
            chaining[at + width - 1u] = chaining[at + 2u * width - 2u];
            chaining[at + width] = chaining[at + 2u * width - 1u];
        }
        width = (width + 1u) / 2u;
    }
    let both = Block(chaining[at], chaining[at + 1u], chaining[at + 2u], chaining[at + 3u]);
    let root = compress(key, both, 0u, KEYED_HASH | PARENT | ROOT);
    let out = dims.out_first + 2u * nonce;
    leaves[out] = root.low;
    leaves[out + 1u] = root.high;
}
