// embed_backward: SPEC §IV.5.6. Twin: core/src/train/model.rs, backward
// The gradients of symbols and of positions: sums over their rows. One workgroup per symbol, then one per position.
//   tokens   [rows] u32                              in
//   g        [rows, words] gradients, 4 to a vec2    in
//   shifts   [rows] i32                              in, by align_rows
//   out      gradients, i32, 4 to a vec4             out, [vocab, words] from symbols_first, [context, words] from positions_first
// Dispatch: (vocab + context, 1, 1). Accuracy: exact. 1024 values below 2^14 at most.

override WG: u32 = 64u;

struct Dims {
    rows: u32,
    // groups of four values in a row: dim / 4
    words: u32,
    context: u32,
    vocab: u32,
    symbols_first: u32,
    positions_first: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read> g: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> shifts: array<i32>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<i32>>;

@compute @workgroup_size(WG)
fn embed_backward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    // dim is at most 256: a thread has one word.
    if lane >= dims.words {
        return;
    }
    var sum = vec4(0);
    if group.x < dims.vocab {
        for (var row = 0u; row < dims.rows; row += 1u) {
            if tokens[row] == group.x {
                sum += rounded(join(g[row * dims.words + lane]), shifts[row]);
            }
        }
        out[dims.symbols_first + group.x * dims.words + lane] = sum;
    } else {
        let position = group.x - dims.vocab;
        for (var row = position; row < dims.rows; row += dims.context) {
            sum += rounded(join(g[row * dims.words + lane]), shifts[row]);
        }
        out[dims.positions_first + position * dims.words + lane] = sum;
    }
}
