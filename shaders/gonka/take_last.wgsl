// take_last: SPEC §I.4. Twin: TakeLast in core/src/gonka/forward.rs
// Row n of out is row (n + 1) seq_len - 1 of x, one thread per word.
//   x    [nonces * seq_len, stride] f16 pairs   in
//   out  [nonces, stride]           f16 pairs   out
// Dispatch: (blocks of WG words, nonces, 1). Accuracy: exact.

override WG: u32 = 64u;

struct Dims {
    // u32 words in a row: stride / 2
    words: u32,
    seq_len: u32,
    first_row: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(WG)
fn take_last(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let word = group.x * WG + lane;
    if word >= dims.words {
        return;
    }
    let row = dims.first_row + group.y;
    out[row * dims.words + word] = x[((row + 1u) * dims.seq_len - 1u) * dims.words + word];
}
