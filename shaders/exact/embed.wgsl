// embed: SPEC §II.6.2. Twin: core/src/exact/ops/embed.rs
// out = 16 x; one thread per four values.
//   x    [words] i8, 4 to a u32      in
//   out  [words] i16, 4 to a vec2    out, |value| <= 736
// Dispatch: (ceil(words / WG), 1, 1). Accuracy: exact.

override WG: u32 = 64u;

struct Dims {
    // first word of the dispatch and the end
    first: u32,
    end: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<vec2<u32>>;

@compute @workgroup_size(WG)
fn embed(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let i = dims.first + group.x * WG + lane;
    if i < dims.end {
        out[i] = pack_int16(16 * unpack4xI8(x[i]));
    }
}
