// linear_dp4a_wide: SPEC §II.6.5. Twin: core/src/exact/ops/linear.rs
// linear_dp4a with 8 x 8 results per thread: half the reads of workgroup memory, four times the registers. A workgroup
// makes 8 WG_Y rows by 8 WG_X columns. A thread has rows 4 ty.. and 4 (WG_Y + ty).., columns likewise: `a` are the
// first rows and columns, `b` the first rows and second columns, `c` and `d` the second rows.
// Interface: shared/linear.wgsl; tiles: shared/tiles_dp4a.wgsl.
// Dispatch: (column tiles, row tiles, 1). Accuracy: exact.

@compute @workgroup_size(WG_X, WG_Y)
fn linear_dp4a_wide(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_row = dims.first_row + group.y * ROW_QUADS * 4u;
    let first_column = group.x * COLUMN_QUADS * 4u;
    let tx = lane % WG_X;
    let ty = lane / WG_X;
    var a0 = vec4(0);
    var a1 = vec4(0);
    var a2 = vec4(0);
    var a3 = vec4(0);
    var b0 = vec4(0);
    var b1 = vec4(0);
    var b2 = vec4(0);
    var b3 = vec4(0);
    var c0 = vec4(0);
    var c1 = vec4(0);
    var c2 = vec4(0);
    var c3 = vec4(0);
    var d0 = vec4(0);
    var d1 = vec4(0);
    var d2 = vec4(0);
    var d3 = vec4(0);
    for (var k0 = 0u; k0 < dims.k_vecs; k0 += K_VECS) {
        workgroupBarrier();
        load_tiles(lane, first_row, first_column, k0);
        workgroupBarrier();
        for (var k = 0u; k < K_VECS * 4u; k += 2u) {
            let px = x_tile[k * ROW_QUADS + ty];
            let py = x_tile[k * ROW_QUADS + WG_Y + ty];
            let pv = w_tile[k * COLUMN_QUADS + tx];
            let pw = w_tile[k * COLUMN_QUADS + WG_X + tx];
            a0 += dots(px.x, pv);
            a1 += dots(px.y, pv);
            a2 += dots(px.z, pv);
            a3 += dots(px.w, pv);
            b0 += dots(px.x, pw);
            b1 += dots(px.y, pw);
            b2 += dots(px.z, pw);
            b3 += dots(px.w, pw);
            c0 += dots(py.x, pv);
            c1 += dots(py.y, pv);
            c2 += dots(py.z, pv);
            c3 += dots(py.w, pv);
            d0 += dots(py.x, pw);
            d1 += dots(py.y, pw);
            d2 += dots(py.z, pw);
            d3 += dots(py.w, pw);
            let qx = x_tile[(k + 1u) * ROW_QUADS + ty];
            let qy = x_tile[(k + 1u) * ROW_QUADS + WG_Y + ty];
            let qv = w_tile[(k + 1u) * COLUMN_QUADS + tx];
            let qw = w_tile[(k + 1u) * COLUMN_QUADS + WG_X + tx];
            a0 += dots(qx.x, qv);
            a1 += dots(qx.y, qv);
            a2 += dots(qx.z, qv);
            a3 += dots(qx.w, qv);
            b0 += dots(qx.x, qw);
            b1 += dots(qx.y, qw);
            b2 += dots(qx.z, qw);
            b3 += dots(qx.w, qw);
            c0 += dots(qy.x, qv);
            c1 += dots(qy.y, qv);
            c2 += dots(qy.z, qv);
            c3 += dots(qy.w, qv);
            d0 += dots(qy.x, qw);
            d1 += dots(qy.y, qw);
            d2 += dots(qy.z, qw);
            d3 += dots(qy.w, qw);
        }
    }
    let row = first_row + 4u * ty;
    let column = first_column + 4u * tx;
    let row2 = row + 4u * WG_Y;
    let column2 = column + 4u * WG_X;
    leave(row, column, a0);
    leave(row + 1u, column, a1);
    leave(row + 2u, column, a2);
    leave(row + 3u, column, a3);
    leave(row, column2, b0);
    leave(row + 1u, column2, b1);
    leave(row + 2u, column2, b2);
    leave(row + 3u, column2, b3);
    leave(row2, column, c0);
    leave(row2 + 1u, column, c1);
    leave(row2 + 2u, column, c2);
    leave(row2 + 3u, column, c3);
    leave(row2, column2, d0);
    leave(row2 + 1u, column2, d1);
    leave(row2 + 2u, column2, d2);
    leave(row2 + 3u, column2, d3);
}
