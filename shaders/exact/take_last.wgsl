// take_last: SPEC §II.7. Twin: core/src/exact/forward.rs, Op::TakeLast
// Copies the last position's row of every nonce; one thread per word.
//   x    [nonces * tokens, words] u32   in
//   out  [nonces, words]          u32   out
// Dispatch: (ceil(words / WG), nonces, 1). Accuracy: exact.

override WG: u32 = 64u;

struct Dims {
    tokens: u32,
    // u32 words in a row
    words: u32,
    first_nonce: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(WG)
fn take_last(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = group.x * WG + lane;
    let nonce = dims.first_nonce + group.y;
    if i < dims.words {
        out[nonce * dims.words + i] = x[(nonce * dims.tokens + dims.tokens - 1u) * dims.words + i];
    }
}
