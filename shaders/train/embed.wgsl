// embed: SPEC §IV.4. Twin: core/src/train/ops/stream.rs, embed
// A token's row of the stream: symbol and position, from units of 2^-22 to 2^-16. One thread per four values.
//   tokens  [rows] u32                              in
//   theta   parameters, 4 to a vec4                 in, [vocab, words] from symbols_first, [context, words] from positions_first
//   out     [rows, words] i32, 4 to a vec4          out
// Dispatch: (ceil(rows * words / WG), 1, 1). Accuracy: exact. |parameter| <= 2^29.

override WG: u32 = 64u;

struct Dims {
    // vec4 in a row: dim / 4
    words: u32,
    context: u32,
    symbols_first: u32,
    positions_first: u32,
    // rows * words
    end: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read> theta: array<vec4<i32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<i32>>;

@compute @workgroup_size(WG)
fn embed(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = group.x * WG + lane;
    if i >= dims.end {
        return;
    }
    let row = i / dims.words;
    let word = i % dims.words;
    let symbol = theta[dims.symbols_first + tokens[row] * dims.words + word];
    let position = theta[dims.positions_first + row % dims.context * dims.words + word];
    let limit = vec4(1 << 28u);
    out[i] = clamp(rounded(symbol + position, 6), -limit, limit);
}
