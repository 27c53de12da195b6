// narrow_all: SPEC §I.4 (rounding). Twin: half::f16::from_f32
// Every f32 of x, given by its bits, to f16: the start-up test of a device.
//   x    [words, 2]   bits of an f32  in
//   out  [words]      f16 pairs       out
// Dispatch: (blocks of WG words, 1, 1). Accuracy: exact, round to nearest even.

override WG: u32 = 64u;

struct Dims {
    words: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;

@compute @workgroup_size(WG)
fn narrow_all(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let word = group.x * WG + lane;
    if word < dims.words {
        out[word] = narrow(bitcast<vec2<f32>>(x[word]));
    }
}
