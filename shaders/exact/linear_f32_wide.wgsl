// linear_f32_wide: SPEC §II.6.5. Twin: core/src/exact/ops/linear.rs
// linear_f32 with 8 x 8 results per thread: half the reads of workgroup memory, four times the registers. A workgroup
// makes 8 WG_Y rows by 8 WG_X columns. A thread has rows 4 ty.. and 4 (WG_Y + ty).., columns likewise: `a` are the
// first rows and columns, `b` the first rows and second columns, `c` and `d` the second rows.
// Interface: shared/linear.wgsl; tiles: shared/tiles_f32.wgsl.
// Dispatch: (column tiles, row tiles, 1). Accuracy: exact.

// vec4 of k whose sums f32 holds exactly: 2048 / 16.
const CHUNK_VECS: u32 = 128u;

@compute @workgroup_size(WG_X, WG_Y)
fn linear_f32_wide(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first_row = dims.first_row + group.y * ROW_QUADS * 4u;
    let first_column = group.x * COLUMN_QUADS * 4u;
    let tx = lane % WG_X;
    let ty = lane / WG_X;
    var total_a0 = vec4(0);
    var total_a1 = vec4(0);
    var total_a2 = vec4(0);
    var total_a3 = vec4(0);
    var total_b0 = vec4(0);
    var total_b1 = vec4(0);
    var total_b2 = vec4(0);
    var total_b3 = vec4(0);
    var total_c0 = vec4(0);
    var total_c1 = vec4(0);
    var total_c2 = vec4(0);
    var total_c3 = vec4(0);
    var total_d0 = vec4(0);
    var total_d1 = vec4(0);
    var total_d2 = vec4(0);
    var total_d3 = vec4(0);
    for (var chunk = 0u; chunk < dims.k_vecs; chunk += CHUNK_VECS) {
        let chunk_end = min(chunk + CHUNK_VECS, dims.k_vecs);
        var a0 = vec4(0.0);
        var a1 = vec4(0.0);
        var a2 = vec4(0.0);
        var a3 = vec4(0.0);
        var b0 = vec4(0.0);
        var b1 = vec4(0.0);
        var b2 = vec4(0.0);
        var b3 = vec4(0.0);
        var c0 = vec4(0.0);
        var c1 = vec4(0.0);
        var c2 = vec4(0.0);
        var c3 = vec4(0.0);
        var d0 = vec4(0.0);
        var d1 = vec4(0.0);
        var d2 = vec4(0.0);
        var d3 = vec4(0.0);
        for (var k0 = chunk; k0 < chunk_end; k0 += K_VECS) {
            workgroupBarrier();
            load_tiles(lane, first_row, first_column, k0);
            workgroupBarrier();
            for (var k = 0u; k < K_VECS * 16u; k += 2u) {
                let px = x_tile[k * ROW_QUADS + ty];
                let py = x_tile[k * ROW_QUADS + WG_Y + ty];
                let pv = w_tile[k * COLUMN_QUADS + tx];
                let pw = w_tile[k * COLUMN_QUADS + WG_X + tx];
                a0 += px.x * pv;
                a1 += px.y * pv;
                a2 += px.z * pv;
                a3 += px.w * pv;
                b0 += px.x * pw;
                b1 += px.y * pw;
                b2 += px.z * pw;
                b3 += px.w * pw;
                c0 += py.x * pv;
                c1 += py.y * pv;
                c2 += py.z * pv;
                c3 += py.w * pv;
                d0 += py.x * pw;
                d1 += py.y * pw;
                d2 += py.z * pw;
                d3 += py.w * pw;
                let qx = x_tile[(k + 1u) * ROW_QUADS + ty];
                let qy = x_tile[(k + 1u) * ROW_QUADS + WG_Y + ty];
                let qv = w_tile[(k + 1u) * COLUMN_QUADS + tx];
                let qw = w_tile[(k + 1u) * COLUMN_QUADS + WG_X + tx];
                a0 += qx.x * qv;
                a1 += qx.y * qv;
                a2 += qx.z * qv;
                a3 += qx.w * qv;
                b0 += qx.x * qw;
                b1 += qx.y * qw;
                b2 += qx.z * qw;
                b3 += qx.w * qw;
                c0 += qy.x * qv;
                c1 += qy.y * qv;
                c2 += qy.z * qv;
                c3 += qy.w * qv;
                d0 += qy.x * qw;
                d1 += qy.y * qw;
                d2 += qy.z * qw;
                d3 += qy.w * qw;
            }
        }
        total_a0 += vec4<i32>(a0);
        total_a1 += vec4<i32>(a1);
        total_a2 += vec4<i32>(a2);
        total_a3 += vec4<i32>(a3);
        total_b0 += vec4<i32>(b0);
        total_b1 += vec4<i32>(b1);
        total_b2 += vec4<i32>(b2);
        total_b3 += vec4<i32>(b3);
        total_c0 += vec4<i32>(c0);
        total_c1 += vec4<i32>(c1);
        total_c2 += vec4<i32>(c2);
        total_c3 += vec4<i32>(c3);
        total_d0 += vec4<i32>(d0);
        total_d1 += vec4<i32>(d1);
        total_d2 += vec4<i32>(d2);
        total_d3 += vec4<i32>(d3);
    }
    let row = first_row + 4u * ty;
    let column = first_column + 4u * tx;
    let row2 = row + 4u * WG_Y;
    let column2 = column + 4u * WG_X;
    leave(row, column, total_a0);
    leave(row + 1u, column, total_a1);
    leave(row + 2u, column, total_a2);
    leave(row + 3u, column, total_a3);
    leave(row, column2, total_b0);
    leave(row + 1u, column2, total_b1);
    leave(row + 2u, column2, total_b2);
    leave(row + 3u, column2, total_b3);
    leave(row2, column, total_c0);
    leave(row2 + 1u, column, total_c1);
    leave(row2 + 2u, column, total_c2);
    leave(row2 + 3u, column, total_c3);
    leave(row2, column2, total_d0);
    leave(row2 + 1u, column2, total_d1);
    leave(row2 + 2u, column2, total_d2);
    leave(row2 + 3u, column2, total_d3);
}
