// swiglu: SPEC §II.6.7. Twin: core/src/exact/ops/swiglu.rs
// out = clamp8((silu(gate) up + 8) >> 4); one thread per four values, four times.
//   silu  [256] u32, entries as two's complement   in
//   up    [words] i8, 4 to a u32                   in
//   gate  [words] i8, 4 to a u32                   in
//   out   [words] i8 or f16, 4 to an Operand       out
// Dispatch: (ceil(words / (4 WG)), 1, 1). Accuracy: exact. |silu up| <= 125 * 127.

override WG: u32 = 64u;

struct Dims {
    // first word of the dispatch and the end
    first: u32,
    end: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> silu: array<u32>;
@group(0) @binding(2) var<storage, read> up: array<u32>;
@group(0) @binding(3) var<storage, read> gate: array<u32>;
@group(0) @binding(4) var<storage, read_write> out: array<Operand>;

var<workgroup> table: array<i32, 256>;

@compute @workgroup_size(WG)
fn swiglu(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    for (var i = lane; i < 256u; i += WG) {
        table[i] = bitcast<i32>(silu[i]);
    }
    workgroupBarrier();
    let first = dims.first + group.x * 4u * WG + lane;
    let end = min(dims.end, first + 4u * WG);
    for (var i = first; i < end; i += WG) {
        let g = unpack4xI8(gate[i]) + vec4(128);
        let s = vec4(table[g.x], table[g.y], table[g.z], table[g.w]);
        out[i] = operand(clamp_int8(rounding_shift(s * unpack4xI8(up[i]), 4u)));
    }
}
