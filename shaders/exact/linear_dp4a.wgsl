// linear_dp4a: SPEC §II.6.5. Twin: core/src/exact/ops/linear.rs
// x weightᵀ by packed dot products. One workgroup per tile of 4 WG_Y rows by 4 WG_X columns, 4 x 4 of them per
// thread.
// Interface: shared/linear.wgsl; tiles: shared/tiles_dp4a.wgsl.
// Dispatch: (column tiles, row tiles, 1). Accuracy: exact.

@compute @workgroup_size(WG_X, WG_Y)
fn linear_dp4a(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_row = dims.first_row + group.y * ROW_QUADS * 4u;
    let first_column = group.x * COLUMN_QUADS * 4u;
    let tx = lane % WG_X;
    let ty = lane / WG_X;
    var a0 = vec4(0);
    var a1 = vec4(0);
    var a2 = vec4(0);
    var a3 = vec4(0);
    for (var k0 = 0u; k0 < dims.k_vecs; k0 += K_VECS) {
        workgroupBarrier();
        load_tiles(lane, first_row, first_column, k0);
        workgroupBarrier();
        for (var k = 0u; k < K_VECS * 4u; k += 4u) {
            let px = x_tile[k * ROW_QUADS + ty];
            let pv = w_tile[k * COLUMN_QUADS + tx];
            a0 += dots(px.x, pv);
            a1 += dots(px.y, pv);
            a2 += dots(px.z, pv);
            a3 += dots(px.w, pv);
            let qx = x_tile[(k + 1u) * ROW_QUADS + ty];
            let qv = w_tile[(k + 1u) * COLUMN_QUADS + tx];
            a0 += dots(qx.x, qv);
            a1 += dots(qx.y, qv);
            a2 += dots(qx.z, qv);
            a3 += dots(qx.w, qv);
            let rx = x_tile[(k + 2u) * ROW_QUADS + ty];
            let rv = w_tile[(k + 2u) * COLUMN_QUADS + tx];
            a0 += dots(rx.x, rv);
            a1 += dots(rx.y, rv);
            a2 += dots(rx.z, rv);
            a3 += dots(rx.w, rv);
            let sx = x_tile[(k + 3u) * ROW_QUADS + ty];
            let sv = w_tile[(k + 3u) * COLUMN_QUADS + tx];
            a0 += dots(sx.x, sv);
            a1 += dots(sx.y, sv);
            a2 += dots(sx.z, sv);
            a3 += dots(sx.w, sv);
        }
    }
    let row = first_row + 4u * ty;
    let column = first_column + 4u * tx;
    leave(row, column, a0);
    leave(row + 1u, column, a1);
    leave(row + 2u, column, a2);
    leave(row + 3u, column, a3);
}
