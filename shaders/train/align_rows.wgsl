// align_rows: SPEC §IV.2. Twin: core/src/train/values.rs, top_exponent
// The largest exponent of a group's rows that are not zero, and by how much each row is to be shifted. One workgroup per group.
//   a       [groups, rows] i32           in, exponents; NONE of rows of zeros
//   b       [groups / heads, rows] i32   in, exponents that are added; not read where uses_b is 0
//   tops    i32                          out, from tops_first; 0 where all rows are zero
//   shifts  [groups, rows] i32           out
// Dispatch: (groups, 1, 1). Accuracy: exact.

struct Dims {
    rows: u32,
    heads: u32,
    uses_b: u32,
    tops_first: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> a: array<i32>;
@group(0) @binding(2) var<storage, read> b: array<i32>;
@group(0) @binding(3) var<storage, read_write> tops: array<i32>;
@group(0) @binding(4) var<storage, read_write> shifts: array<i32>;

fn unit(group: u32, row: u32) -> i32 {
    var e = a[group * dims.rows + row];
    if dims.uses_b != 0u && e != NONE {
        e += b[group / dims.heads * dims.rows + row];
    }
    return e;
}

@compute @workgroup_size(WG)
fn align_rows(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    var top = NONE;
    for (var row = lane; row < dims.rows; row += WG) {
        top = max(top, unit(group.x, row));
    }
    top = reduce_top(lane, top);
    for (var row = lane; row < dims.rows; row += WG) {
        shifts[group.x * dims.rows + row] = top - unit(group.x, row);
    }
    if lane == 0u {
        tops[dims.tops_first + group.x] = select(top, 0, top == NONE);
    }
}
