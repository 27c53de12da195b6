// swiglu: SPEC §I.4. Twin: core/src/gonka/ops/elementwise.rs
// gate = f16(f16(silu(gate)) * up), one thread per word.
//   up    [rows, stride] f16 pairs   in
//   gate  [rows, stride] f16 pairs   in and out
// Dispatch: (blocks of WG words, rows, 1). Accuracy: bounded; exp is good to 3 + 2|x| ULP.

override WG: u32 = 64u;

struct Dims {
    // u32 words in a row: stride / 2
    words: u32,
    first_row: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> up: array<u32>;
@group(0) @binding(2) var<storage, read_write> gate: array<u32>;

@compute @workgroup_size(WG)
fn swiglu(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let word = group.x * WG + lane;
    if word >= dims.words {
        return;
    }
    let at = (dims.first_row + group.y) * dims.words + word;
    let x = widen(gate[at]);
    // Below -80 silu is zero in f16 anyway; the bound keeps exp finite, as WGSL promises nothing beyond.
    let silu = x / (1.0 + exp(min(-x, vec2(80.0))));
    gate[at] = narrow(round_half(silu) * widen(up[at]));
}
