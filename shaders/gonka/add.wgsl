// add: SPEC §I.4. Twin: core/src/gonka/ops/elementwise.rs
// x = f16(x + y), one thread per word.
//   y  [rows, stride] f16 pairs   in
//   x  [rows, stride] f16 pairs   in and out
// Dispatch: (blocks of WG words, rows, 1). Accuracy: one f32 addition, then round to nearest even.

override WG: u32 = 64u;

struct Dims {
    // u32 words in a row: stride / 2
    words: u32,
    first_row: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> y: array<u32>;
@group(0) @binding(2) var<storage, read_write> x: array<u32>;

@compute @workgroup_size(WG)
fn add(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let word = group.x * WG + lane;
    if word >= dims.words {
        return;
    }
    let at = (dims.first_row + group.y) * dims.words + word;
    x[at] = narrow(widen(x[at]) + widen(y[at]));
}
