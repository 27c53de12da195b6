// add_gradients: SPEC §IV.5.3. Twin: core/src/train/ops/stream.rs, add_gradients
// Two gradients of a row as one; the second's place takes the sum. One workgroup per row.
//   a            [rows, words] gradients, 4 to a vec2   in
//   a_exponents  [rows] i32                             in
//   sum          [rows, words] gradients                in and out
//   exponents    [rows] i32                             in, those of sum before
//   out_exponents [rows] i32                            out
// Dispatch: (rows, 1, 1). Accuracy: exact.

struct Dims {
    // groups of four values in a row: dim / 4
    words: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> a: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> a_exponents: array<i32>;
@group(0) @binding(3) var<storage, read> exponents: array<i32>;
@group(0) @binding(4) var<storage, read_write> sum: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read_write> out_exponents: array<i32>;

@compute @workgroup_size(WG)
fn add_gradients(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.x;
    let at = row * dims.words;
    let top = max(a_exponents[row], exponents[row]);
    // Zeros have the least exponent: they are shifted, and stay zeros.
    let shifts = vec2(top - a_exponents[row], top - exponents[row]);
    var largest = 0u;
    for (var i = lane; i < dims.words; i += WG) {
        let x = rounded(join(a[at + i]), shifts.x) + rounded(join(sum[at + i]), shifts.y);
        largest = max(largest, magnitude(x));
    }
    let length = bits(reduce_max(lane, largest));
    for (var i = lane; i < dims.words; i += WG) {
        let x = rounded(join(a[at + i]), shifts.x) + rounded(join(sum[at + i]), shifts.y);
        sum[at + i] = split(mantissas(x, length - 14, 14u));
    }
    if lane == 0u {
        out_exponents[row] = select(top + length - 14, NONE, length == 0);
    }
}
