// merge: SPEC §II.6.8. Twin: core/src/exact/ops/merge.rs
// out = half of normed + branch scaled to root mean square 256. One workgroup per row; threads stride over
// groups of four; tree sum (shared/sum.wgsl).
//   normed  [rows, quads] i16, 4 to a vec2   in, |value| <= 16368
//   branch  [rows, quads] i16, 4 to a vec2   in, saturated: norm clamps to ±1023 anyway
//   out     [rows, quads] i16, 4 to a vec2   out, |value| <= 24552
// Dispatch: (rows, 1, 1). Accuracy: exact.

struct Dims {
    // groups of four values in a row: dim / 4
    quads: u32,
    // log2 of the square root of dim
    log2_root: u32,
    first_row: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> normed: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> branch: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec2<u32>>;

@compute @workgroup_size(WG)
fn merge(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let at = (dims.first_row + group.x) * dims.quads;
    var squares = 0u;
    for (var i = lane; i < dims.quads; i += WG) {
        squares += squares_of(clamp_row(unpack_int16(branch[at + i])));
    }
    let scale = scale_of(workgroup_sum(lane, squares), dims.log2_root);
    for (var i = lane; i < dims.quads; i += WG) {
        let added = scaled(clamp_row(unpack_int16(branch[at + i])), scale);
        out[at + i] = pack_int16(rounding_shift(unpack_int16(normed[at + i]), 1u) + added);
    }
}
