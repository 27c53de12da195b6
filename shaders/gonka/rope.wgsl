// rope: SPEC §I.4. Twin: core/src/gonka/ops/rope.rs
// One thread per pair (2i, 2i+1), which is one word.
//   table  [seq_len, pairs] (cos, sin) as an f16 pair   in
//   x      [rows, stride]   f16 pairs                   in and out
// Dispatch: (blocks of WG words, rows, 1). Accuracy: bounded; a product of two f16 is exact in f32.

override WG: u32 = 64u;

struct Dims {
    // u32 words in a row of x: stride / 2
    words: u32,
    // words that hold heads: width / 2
    used_words: u32,
    // words in a head: head_dim / 2
    pairs: u32,
    first_row: u32,
    // row r sits at position first_position + r % positions
    first_position: u32,
    positions: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> table: array<u32>;
@group(0) @binding(2) var<storage, read_write> x: array<u32>;

@compute @workgroup_size(WG)
fn rope(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let word = group.x * WG + lane;
    if word >= dims.used_words {
        return;
    }
    let row = dims.first_row + group.y;
    let position = dims.first_position + row % dims.positions;
    let turn = widen(table[position * dims.pairs + word % dims.pairs]);
    let at = row * dims.words + word;
    let v = widen(x[at]);
    x[at] = narrow(vec2(v.x * turn.x - v.y * turn.y, v.x * turn.y + v.y * turn.x));
}
