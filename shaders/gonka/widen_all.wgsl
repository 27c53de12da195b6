// widen_all: SPEC §I.4 (storage). Twin: half::f16::to_f32
// Every f16 of x to the bits of its f32, by the path that NATIVE_UNPACK picks: the start-up test of a device.
//   x    [words]      f16 pairs       in
//   out  [words, 2]   bits of an f32  out
// Dispatch: (blocks of WG words, 1, 1). Accuracy: exact.

override WG: u32 = 64u;

struct Dims {
    words: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec2<u32>>;

@compute @workgroup_size(WG)
fn widen_all(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let word = group.x * WG + lane;
    if word < dims.words {
        out[word] = bitcast<vec2<u32>>(widen(x[word]));
    }
}
