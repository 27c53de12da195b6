// norm: SPEC §II.6.3 and §II.6.4. Twins: core/src/exact/ops/norm.rs, core/src/exact/ops/lanes.rs
// Each row scaled to root mean square 256, and its copy of 7 bits, as products read it: a round key added, turned by four values a position.
// One workgroup per row; threads stride over groups of four; tree sum (shared/sum.wgsl).
//   x      [rows, quads] i16, 4 to a vec2            in
//   keys   [nonces, key_stride] i8, 4 to a u32       in, |value| <= 46
//   out    [rows, quads] i16, 4 to a vec2            out, |value| <= 16368
//   lanes  [rows, quads] i8 or f16, 4 to an Operand  out, |value| <= 127
// Dispatch: (rows, 1, 1). Accuracy: exact. Sum of squares at most 4096 * 1023² < 2^32.

struct Dims {
    // groups of four values in a row: dim / 4
    quads: u32,
    // log2 of the square root of dim
    log2_root: u32,
    first_row: u32,
    // row r has position first_position + r % positions and is of nonce r / positions
    first_position: u32,
    positions: u32,
    // groups of four from one nonce's round keys to the next one's, and to the round's within them
    key_stride: u32,
    key_first: u32,
    // what the round key is multiplied by: 4, or 0 for none
    key_weight: i32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> keys: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> lanes: array<Operand>;

@compute @workgroup_size(WG)
fn norm(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = dims.first_row + group.x;
    let at = row * dims.quads;
    var squares = 0u;
    for (var i = lane; i < dims.quads; i += WG) {
        squares += squares_of(clamp_row(unpack_int16(x[at + i])));
    }
    let scale = scale_of(workgroup_sum(lane, squares), dims.log2_root);
    // positions <= dim / 4, so that the turn stays within the row.
    let turn = dims.quads - (dims.first_position + row % dims.positions);
    let key = row / dims.positions * dims.key_stride + dims.key_first;
    for (var i = lane; i < dims.quads; i += WG) {
        let y = scaled(clamp_row(unpack_int16(x[at + i])), scale);
        out[at + i] = pack_int16(y);
        let keyed = y + dims.key_weight * unpack4xI8(keys[key + i]);
        lanes[at + (i + turn) % dims.quads] = operand(clamp_int8(rounding_shift(keyed, 3u)));
    }
}
